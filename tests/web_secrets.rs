//! No secret that was used over HTTP or HTTPS stands in the log, however much is logged, in whatever form it travelled.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::test_logs::{forms, is_secret};
use support::{Amimux, Authority, Simulated, free_ports, until};

/// Secrets that look different in each form that they travel in.
const SECRETS: [&str; 5] = [
    "right >secret?/1",
    "wrong >secret?/2",
    "token-0123456789-right",
    "token-0123456789-wrong",
    "hashed >secret?/3",
];

fn hash_of(secret: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_amimux"))
        .args(["hash-secret", "--memory-kib", "64", "--passes", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("amimux can be run");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(secret.as_bytes()).expect("a secret");
    drop(input);
    let output = child.wait_with_output().expect("a hash");
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

/// Asks in every way there is; what came back.
fn use_secrets(base: &str, authority: &str) -> Vec<String> {
    let ask = |path: &str, arguments: &[&str]| {
        let output = Command::new("curl")
            .args(["--silent", "--include", "--max-time", "20", "--globoff"])
            .args(["--cacert", authority])
            .args(arguments)
            .arg(format!("{base}{path}"))
            .output()
            .expect("curl is installed");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let [right, wrong, token, no_token, hashed] = SECRETS;
    let json = ["-H", "Content-Type: application/json", "-d"];
    let ping = [&json[..], &[r#"{"Action":"Ping"}"#]].concat();
    let mut answers = Vec::new();
    for (user, secret) in [("alice", right), ("alice", wrong), ("hashed", hashed)] {
        let name = format!("username={user}");
        let value = format!("secret={secret}");
        let form = [
            "--data-urlencode",
            "action=login",
            "--data-urlencode",
            &name,
            "--data-urlencode",
            &value,
        ];
        answers.push(ask("/rawman", &[&form[..], &["--get"]].concat()));
        answers.push(ask("/mxml", &form));
        // Names that nobody reads, values that are refused, and a secret where none belongs.
        answers.push(ask(
            "/rawman",
            &[&form[..], &["--get", "--data-urlencode", "x=\r\n"]].concat(),
        ));
        answers.push(ask("/events", &[&form[..], &["--get"]].concat()));
        let credentials = format!("{user}:{secret}");
        answers.push(ask("/action", &[&["-u", &credentials][..], &ping].concat()));
        answers.push(ask(
            "/arawman?action=ping",
            &["--digest", "-u", &credentials],
        ));
        answers.push(ask("/arawman?action=ping", &["-u", &credentials]));
        let login = format!(r#"{{"username":"{user}","secret":"{secret}"}}"#);
        answers.push(ask("/login", &[&json[..], &[&login]].concat()));
        let broken = format!(r#"{{"username":"{user}","secret":"{secret}\r\n"}}"#);
        answers.push(ask("/login", &[&json[..], &[&broken]].concat()));
        let unasked = format!(r#"{{"Action":"Login","Username":"{user}","Secret":"{secret}"}}"#);
        answers.push(ask(
            "/action",
            &[&["-u", &credentials][..], &json, &[&unasked]].concat(),
        ));
    }
    for token in [token, no_token] {
        let bearer = format!("Authorization: Bearer {token}");
        answers.push(ask("/action", &[&["-H", &bearer][..], &ping].concat()));
        let elsewhere = format!("Cookie: mansession_id=\"{token}\"");
        answers.push(ask("/rawman?action=ping", &["-H", &elsewhere]));
    }
    answers
}

/// The tokens and cookies that were given.
fn given(answers: &[String]) -> Vec<String> {
    let after = |answer: &str, begin: &str| {
        let rest = answer.split_once(begin)?.1;
        Some(rest.split('"').next().unwrap_or_default().to_owned())
    };
    answers
        .iter()
        .flat_map(|answer| {
            [
                after(answer, "\"token\":\""),
                after(answer, "mansession_id=\""),
                after(answer, " nonce=\""),
            ]
        })
        .flatten()
        .collect()
}

#[test]
fn secrets_stay_out_of_the_log() {
    let asterisk = Simulated::start();
    let authority = Authority::new("amimux tests");
    let server = authority.issue(&["localhost"]);
    let port = free_ports(2);
    let [right, _, token, _, hashed] = SECRETS;
    let configuration = format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\nwebenabled = yes\nfailedlogins = 0\n\
         [one]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = upstream-secret\n\
         [alice]\nsecret = {right}\nread = all\nwrite = all\nwebtoken = {token}\naudit = all\n\
         [hashed]\nread = all\nwrite = all\n{}\n\
         [http]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {port}\n\
         tlsenable = yes\ntlsbindaddr = 127.0.0.1:{}\ntlscertfile = {}\n",
        asterisk.port,
        hash_of(hashed),
        port + 1,
        server.file.display()
    );
    let amimux = Amimux::start_with(&configuration, &["--log", "trace"]);
    until("amimux is connected", || {
        amimux.log().contains("Asterisk is connected").then_some(())
    });
    let file = authority.file();
    let file = file.to_str().expect("a path");
    let mut answers = use_secrets(&format!("http://127.0.0.1:{port}"), file);
    answers.extend(use_secrets(
        &format!("https://localhost:{}", port + 1),
        file,
    ));
    let count = |text: &str| {
        answers
            .iter()
            .filter(|answer| answer.contains(text))
            .count()
    };
    assert!(count("Authentication accepted") >= 8, "{answers:#?}");
    assert!(
        count("\"token\"") >= 4 && count("\"Ping\":\"Pong\"") >= 6,
        "{answers:#?}"
    );
    let log = amimux.log();
    assert!(
        log.contains("kind=login") && log.contains("audit "),
        "{log}"
    );
    for secret in SECRETS {
        is_secret(secret);
        for form in forms(secret) {
            assert!(!log.contains(&form), "{secret} as {form}: {log}");
        }
    }
    for secret in given(&answers) {
        is_secret(&secret);
        assert!(!log.contains(&secret), "{secret}: {log}");
    }
    // That the forms are right is shown by one who writes them down.
    let credentials = STANDARD.encode(format!("alice:{right}"));
    assert!(forms(right).iter().any(|form| credentials.contains(form)));
}
