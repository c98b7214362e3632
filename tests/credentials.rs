//! Secrets that the configuration does not hold itself: hashes made by `amimux hash-secret`, files, and the
//! credentials that systemd hands over. Through the program itself, in front of a simulated Asterisk.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::test_logs::{self, has_secrets, is_secret};
use support::{AmiClient, Amimux, Simulated, until};

/// What `amimux hash-secret` does with that input.
fn hash_secret(input: &[u8], arguments: &[&str]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_amimux"))
        .arg("hash-secret")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("amimux can be run");
    let written = child.stdin.take().expect("its input").write_all(input);
    let output = child.wait_with_output().expect("its output");
    // An argument that is refused ends it before it reads.
    assert!(written.is_ok() || output.status.code() == Some(64));
    is_secret(String::from_utf8_lossy(input).trim_end());
    test_logs::said(&output.stderr);
    output
}

/// The line for a user's section: a cheap hash of that secret.
fn line(secret: &str) -> String {
    line_with(secret, &["--memory-kib", "64", "--passes", "1"])
}

fn line_with(secret: &str, arguments: &[&str]) -> String {
    let output = hash_secret(format!("{secret}\n").as_bytes(), arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && error.is_empty(), "{error}");
    String::from_utf8(output.stdout).expect("text")
}

/// A configuration with this upstream secret and these users.
fn configuration(asterisk: &Simulated, upstream_secret: &str, users: &str) -> String {
    format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\n[one]\ntype = upstream\nhost = 127.0.0.1\nport = {}\n\
         username = upstream\n{upstream_secret}\nreconnectmin = 100ms\n{users}\n",
        asterisk.port
    )
}

fn start(asterisk: &Simulated, users: &str) -> Amimux {
    start_in(asterisk, "secret = upstream-secret", users, &[])
}

fn start_in(
    asterisk: &Simulated,
    upstream_secret: &str,
    users: &str,
    variables: &[(&str, &Path)],
) -> Amimux {
    let text = configuration(asterisk, upstream_secret, users);
    let amimux = Amimux::start_in(&text, &["--log", "amimux=trace,info"], variables);
    until("amimux is connected", || {
        amimux.log().contains("Asterisk is connected").then_some(())
    });
    amimux
}

/// Everything that comes after a login with these headers, and how long it took to come.
fn failed_login(amimux: &Amimux, headers: &[(&str, &str)]) -> (Vec<u8>, Duration) {
    let mut client = AmiClient::connect(amimux.port).expect("a connection");
    let begin = Instant::now();
    client.action(&[&[("Action", "Login"), ("ActionID", "a")], headers].concat());
    (client.read_to_end(), begin.elapsed())
}

fn private_file(path: &Path, content: &str) {
    has_secrets(content.as_bytes());
    if !content.contains('[') {
        is_secret(content.trim_end());
    }
    fs::write(path, content).expect("a file");
    fs::set_permissions(path, Permissions::from_mode(0o600)).expect("permissions");
}

#[test]
fn a_printed_line_lets_its_user_log_in_and_nobody_else() {
    let printed = line("alice-secret");
    assert!(
        printed.starts_with("secrethash = $argon2id$v=19$m=64,t=1,p=1$") && printed.ends_with('\n'),
        "{printed}"
    );
    assert_eq!(printed.lines().count(), 1);
    assert_ne!(printed, line("alice-secret"), "a salt of its own");
    let asterisk = Simulated::start();
    let users = format!(
        "[alice]\n{printed}read = all\nwrite = all\n[form]\nsecret = form-secret\nauthtype = md5\n"
    );
    let amimux = start(&asterisk, &users);
    let mut client = AmiClient::connect(amimux.port).expect("a connection");
    // What is sent behind the login, at once and during the check, is heard after it.
    client.send(b"Action: Login\r\nUsername: ALICE\r\nSecret: alice-secret\r\nEvents: off\r\n\r\nAction: Ping\r\nActionID: 1\r\n\r\nAction: Ping\r\nAc");
    client.send(b"tionID: 2\r\n\r\n");
    let begin = Instant::now();
    let answers = client.read_until("ActionID: 2\r\n");
    assert!(begin.elapsed() < Duration::from_secs(20));
    let answers = String::from_utf8(answers).expect("text");
    assert!(
        answers.starts_with("Response: Success\r\nMessage: Authentication accepted\r\n\r\nResponse: Success\r\nActionID: 1\r\nPing: Pong\r\n"),
        "{answers:?}"
    );

    let (unknown, _) = failed_login(&amimux, &[("Username", "nobody"), ("Secret", "x")]);
    assert_eq!(
        unknown,
        b"Response: Error\r\nActionID: a\r\nMessage: Authentication failed\r\n\r\n"
    );
    for headers in [
        &[("Username", "alice"), ("Secret", "wrong-secret")][..],
        &[("Username", "alice"), ("Secret", "")],
        &[("Username", "alice")],
        &[("Username", "alice"), ("AuthType", "MD5"), ("Key", "0")],
        &[("Username", "form"), ("Secret", "form-secret")],
    ] {
        let (bytes, took) = failed_login(&amimux, headers);
        assert_eq!(bytes, unknown, "{headers:?}");
        assert!(took >= Duration::from_secs(1), "{headers:?}: {took:?}");
    }
    let log = amimux.log();
    for reason in [
        "there is no such user",
        "the secret is wrong",
        "AuthType: MD5 needs the secret itself, of which only a hash is configured",
        "the user's authtype forbids a login with the secret itself",
    ] {
        assert!(log.contains(reason), "{reason}: {log}");
    }
    let arguments = fs::read(format!("/proc/{}/cmdline", amimux.pid())).expect("its arguments");
    let shown = log + &String::from_utf8_lossy(&arguments);
    assert!(
        !shown.contains("-secret") && !shown.contains("$argon2"),
        "{shown}"
    );
}

/// The lower-case hexadecimal MD5 that a client makes of challenge and secret.
fn key(challenge: &str, secret: &str) -> String {
    use md5::{Digest, Md5};
    Md5::digest(format!("{challenge}{secret}"))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn a_right_key_is_no_use_for_a_hash_but_for_a_secret_from_a_file() {
    let asterisk = Simulated::start();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("bob");
    private_file(&file, "bob-secret\n");
    let users = format!(
        "[alice]\n{}[bob]\nsecretfile = {}\nauthtype = md5\n",
        line("alice-secret"),
        file.display()
    );
    let amimux = start(&asterisk, &users);
    for (user, expected) in [
        ("alice", "Authentication failed"),
        ("bob", "Authentication accepted"),
    ] {
        let mut client = AmiClient::connect(amimux.port).expect("a connection");
        client.action(&[("Action", "Challenge"), ("AuthType", "MD5")]);
        let answer = client.read_message().expect("a challenge");
        let answer = String::from_utf8(answer).expect("text");
        let (_, digits) = answer.split_once("Challenge: ").expect("digits");
        let key = key(digits.trim(), &format!("{user}-secret"));
        client.action(&[
            ("Action", "Login"),
            ("Username", user),
            ("AuthType", "MD5"),
            ("Key", &key),
        ]);
        let answer = client.read_message().expect("an answer");
        let answer = String::from_utf8(answer).expect("text");
        assert!(answer.contains(expected), "{user}: {answer}");
    }
}

#[test]
fn secrets_come_from_the_directory_that_systemd_hands_over() {
    let asterisk = Simulated::start();
    let folder = tempfile::tempdir().expect("a folder");
    private_file(&folder.path().join("pbx"), "upstream-secret\n");
    private_file(&folder.path().join("bob"), "bob-secret\r\n");
    let users = "[bob]\nsecretfile = %d/bob\nread = all\n";
    let amimux = start_in(
        &asterisk,
        "secretfile = %d/pbx",
        users,
        &[("CREDENTIALS_DIRECTORY", folder.path())],
    );
    AmiClient::session(amimux.port, "bob", "off");
    assert!(!amimux.log().contains("-secret"), "{}", amimux.log());

    let text = configuration(&asterisk, "secretfile = %d/pbx", users).replace("{port}", "5039");
    let path = folder.path().join("amimux.conf");
    private_file(&path, &text);
    for (directory, code, said) in [
        (Some(folder.path()), 0, "usable: 1 upstream, 1 user"),
        (None, 78, "LoadCredential="),
        (Some(Path::new("")), 78, "LoadCredential="),
        (Some(Path::new("/nonexistent")), 78, "cannot be read"),
    ] {
        let mut check = Command::new(env!("CARGO_BIN_EXE_amimux"));
        check.arg("check").arg("--config").arg(&path);
        check.env_remove("CREDENTIALS_DIRECTORY");
        check.envs(directory.map(|directory| ("CREDENTIALS_DIRECTORY", directory)));
        let output = check.output().expect("amimux can be run");
        let text = [output.stdout, output.stderr].concat();
        test_logs::said(&text);
        let text = String::from_utf8_lossy(&text);
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains(said) && !text.contains("-secret"), "{text}");
    }
}

#[test]
fn hashing_delays_nobody_else_and_takes_two_threads_at_most() {
    let asterisk = Simulated::start();
    // Slow enough to be noticed.
    let slow = line_with("alice-secret", &["--memory-kib", "16384", "--passes", "4"]);
    let users = format!("[alice]\n{slow}[bob]\nsecret = bob-secret\n");
    let amimux = start(&asterisk, &users);
    let threads = || {
        let tasks = format!("/proc/{}/task", amimux.pid());
        fs::read_dir(tasks).expect("its threads").count()
    };
    let before = threads();
    let mut waiting: Vec<_> = (0..6)
        .map(|_| {
            let mut client = AmiClient::connect(amimux.port).expect("a connection");
            client.action(&[
                ("Action", "Login"),
                ("Username", "alice"),
                ("Secret", "alice-secret"),
                ("Events", "off"),
            ]);
            client
        })
        .collect();
    let last = waiting.pop().expect("the last");
    let last = std::thread::spawn(move || {
        let mut last = last;
        let answer = last.read_message().expect("an answer");
        assert!(answer.ends_with(b"Authentication accepted\r\n\r\n"));
        Instant::now()
    });
    AmiClient::session(amimux.port, "bob", "off");
    let bob = Instant::now();
    for mut client in waiting {
        let answer = client.read_message().expect("an answer");
        assert!(answer.ends_with(b"Authentication accepted\r\n\r\n"));
    }
    assert!(bob < last.join().expect("the last login"));
    // One more may have begun while another had not quite ended.
    let further = threads() - before;
    assert!((1..=3).contains(&further), "{further} further threads");
}

#[test]
fn what_hash_secret_takes_and_refuses() {
    for (input, arguments, code, said) in [
        (
            &b"hunter2\n"[..],
            &[][..],
            0,
            "secrethash = $argon2id$v=19$m=19456,t=2,p=1$",
        ),
        (
            b"hunter2",
            &["--memory-kib=8", "--passes=3"],
            0,
            "$m=8,t=3,p=1$",
        ),
        (b"hunter2\r\n", &["--memory-kib", "8"], 0, "$m=8,t=2,p=1$"),
        (b"", &[], 1, "the secret is empty"),
        (b"\n", &[], 1, "the secret is empty"),
        (
            b"hunter2\nhunter2\n",
            &[],
            1,
            "the secret is more than one line",
        ),
        (b"hunter2\0\n", &[], 1, "it holds a NUL"),
        (&[b'h'; 5000], &[], 1, "longer than 4096 bytes"),
        (b"", &["hunter3"], 64, "unexpected argument"),
        (b"hunter2", &["--memory-kib", "7"], 64, "8..=262144"),
        (b"hunter2", &["--memory-kib", "262145"], 64, "8..=262144"),
        (b"hunter2", &["--passes", "0"], 64, "1..=16"),
        (b"hunter2", &["--passes", "17"], 64, "1..=16"),
    ] {
        let output = hash_secret(input, arguments);
        let text = [output.stdout, output.stderr].concat();
        test_logs::said(&text);
        let text = String::from_utf8_lossy(&text);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(said), "{arguments:?}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
    let help = Command::new(env!("CARGO_BIN_EXE_amimux"))
        .args(["hash-secret", "--help"])
        .output()
        .expect("amimux can be run");
    let help = String::from_utf8_lossy(&help.stdout);
    assert!(
        help.contains("secrethash = $argon2id$") && help.contains("< crm.secret"),
        "{help}"
    );
}
