//! The filter for fail2ban reads what amimux logs: each refusal by its true address, whatever the client calls
//! itself, and nothing else. With the real `fail2ban-regex` and the real program.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use amimux::session::refusal_log::{Refusal, refused};
use socket2::{Domain, Socket, Type};
use support::test_logs::has_secrets;
use support::{Amimux, PATIENCE, repository, until};

/// Names that try to look like the line of somebody else's refusal, or of none.
const HOSTILE: [&str; 8] = [
    r#"crm" address=10.9.9.9 reason="x"#,
    "x\" WARN refused kind=login address=10.9.9.9 user=\"",
    "2020-01-01T00:00:00Z WARN refused kind=login address=10.9.9.9 user=\"a",
    "a\\\" address=10.9.9.9 reason=\"",
    "\u{1b}[2K\u{1b}[1G WARN refused kind=login address=10.9.9.9 user=\"a",
    "kind=login address=10.9.9.9",
    "<HOST>10.9.9.9</HOST>",
    "użytkownik \u{202e}9.9.9.01",
];

/// The addresses that the filter finds in the file, in order.
fn found(log: &Path, mode: &str) -> Vec<String> {
    let filter = repository().join("conf/fail2ban/filter.d/amimux.conf");
    let output = Command::new("fail2ban-regex")
        .args(["--out", "<ip>"])
        .arg(log)
        .arg(format!("{}[mode={mode}]", filter.display()))
        .output()
        .unwrap_or_else(|error| panic!("fail2ban-regex: {error}: run scripts/setup.sh"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.trim().is_empty(), "{complaint}");
    text.lines().map(|line| line.trim().to_owned()).collect()
}

/// A connection from `127.0.0.<host>`, its banner read.
fn connect(amimux: &Amimux, host: u8) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let from: SocketAddr = (IpAddr::V4(Ipv4Addr::new(127, 0, 0, host)), 0).into();
    socket
        .bind(&from.into())
        .expect("an address of this machine");
    let to: SocketAddr = ([127, 0, 0, 1], amimux.port).into();
    socket.connect(&to.into()).expect("a connection");
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    read_past(&mut stream, "\r\n");
    stream
}

fn read_past(stream: &mut TcpStream, end: &str) {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer");
        text.extend(byte);
    }
}

fn log_in(amimux: &Amimux, host: u8, user: &str, secret: &str) -> TcpStream {
    let mut stream = connect(amimux, host);
    let message = format!("Action: Login\r\nUsername: {user}\r\nSecret: {secret}\r\n\r\n");
    has_secrets(message.as_bytes());
    stream.write_all(message.as_bytes()).expect("a login");
    stream
}

#[test]
fn the_filter_reads_what_the_program_logs() {
    // Nothing listens there: clients log in all the same, and are refused as ever.
    let configuration = format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\nauthlimit = 20\n\
         [pbx]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = x\nsecret = y\n\
         [one]\nsecret = one-secret\nread = all\nallowmultiplelogin = no\n\
         [barred]\nsecret = barred-secret\ndeny = 127.0.0.0/8\n",
        support::free_ports(1)
    );
    for format in ["text", "plain"] {
        let amimux = Amimux::start_with(&configuration, &["--log-format", format]);
        let mut one = log_in(&amimux, 2, "one", "one-secret");
        read_past(&mut one, "Authentication accepted\r\n\r\n");
        one.write_all(b"Action: CoreStatus\r\n\r\n")
            .expect("a request");
        let mut ping = connect(&amimux, 4);
        ping.write_all(b"Action: Ping\r\n\r\nAction: Logoff\r\n\r\n")
            .expect("a request");
        let mut failing = vec![
            log_in(&amimux, 5, "one\" address=10.9.9.9", "wrong"),
            log_in(&amimux, 6, "one", "one-secret"),
            log_in(&amimux, 7, "barred", "barred-secret"),
        ];
        let hostile = HOSTILE.map(|name| log_in(&amimux, 9, name, "x"));
        failing.extend(hostile);
        let expected = 2 + failing.len();
        until("all refusals are logged", || {
            let log = amimux.log();
            let lines = log.lines().filter(|line| line.contains("WARN refused "));
            (lines.count() == expected).then_some(())
        });
        let mut normal = found(&amimux.log_file(), "normal");
        normal.sort();
        let mut logins = vec!["127.0.0.5", "127.0.0.6", "127.0.0.7"];
        logins.extend([(); HOSTILE.len()].map(|()| "127.0.0.9"));
        assert_eq!(normal, logins, "{format}: {}", amimux.log());
        let mut aggressive = found(&amimux.log_file(), "aggressive");
        aggressive.sort();
        logins.splice(0..0, ["127.0.0.2", "127.0.0.4"]);
        assert_eq!(aggressive, logins, "{format}: {}", amimux.log());
        drop((one, ping, failing));
    }
}

/// Asks over HTTP from `127.0.0.<host>`, by curl.
fn ask(port: u16, host: u8, path: &str, arguments: &[&str]) {
    let status = Command::new("curl")
        .args(["--silent", "--output", "/dev/null", "--max-time", "20"])
        .args(["--globoff", "--interface", &format!("127.0.0.{host}")])
        .args(arguments)
        .arg(format!("http://127.0.0.1:{port}{path}"))
        .status()
        .expect("curl is installed");
    assert!(status.success(), "{path} {arguments:?}: {status}");
}

#[test]
fn failed_logins_over_http_are_read_too_whatever_their_kind() {
    let port = support::free_ports(2);
    let amimux = Amimux::start(&format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\nwebenabled = yes\nfailedlogins = 2\n\
         [pbx]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = x\nsecret = y\n\
         [one]\nsecret = one-secret\nread = all\n\
         [barred]\nsecret = barred-secret\nwebtoken = 0123456789-barred-token\ndeny = 127.0.0.0/8\n\
         [http]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {port}\n",
        port + 1
    ));
    let json = ["-H", "Content-Type: application/json", "-d"];
    let ping = [&json[..], &[r#"{"Action":"Ping"}"#]].concat();
    let login = |body| [&json[..], &[body]].concat();
    let guess = r#"{"username":"one\" address=10.9.9.9 reason=\"x","secret":"guess"}"#;
    let right = r#"{"username":"barred","secret":"barred-secret"}"#;
    let hostile = "/mxml?action=login&username=x%22%20address%3d10.9.9.9%20reason%3d%22&secret=y";
    let key = "/rawman?action=login&authtype=md5&username=one&key=0123456789abcdef0123456789abcdef";
    let digest = |credentials| ["--digest", "-u", credentials];
    let token = |token| [&["-H", token][..], &ping].concat();
    let basic = |credentials| [&["-u", credentials][..], &ping].concat();
    let kinds: [(&str, Vec<&str>); 12] = [
        ("/rawman?action=login&username=one&secret=guess", vec![]),
        (
            "/manager",
            vec!["-d", "action=login&username=barred&secret=barred-secret"],
        ),
        (hostile, vec![]),
        (key, vec![]),
        ("/arawman?action=ping", digest("one:guess").to_vec()),
        (
            "/amxml?action=ping",
            digest("barred:barred-secret").to_vec(),
        ),
        ("/action", basic("one:guess")),
        ("/action", basic("x\" address=10.9.9.9:guess")),
        (
            "/action",
            token("Authorization: Bearer 0123456789-guess-token"),
        ),
        (
            "/action",
            token("Authorization: Bearer 0123456789-barred-token"),
        ),
        ("/login", login(guess)),
        ("/login", login(right)),
    ];
    let mut expected = Vec::new();
    for (host, (path, arguments)) in (11..).zip(&kinds) {
        ask(port, host, path, arguments);
        expected.push(format!("127.0.0.{host}"));
    }
    // What is refused unseen is told as well.
    for _ in 0..3 {
        ask(port, 30, "/arawman?action=ping", &digest("one:guess"));
        expected.push("127.0.0.30".to_owned());
    }
    // And whoever logs in, and whoever asks for a nonce, is not.
    ask(port, 31, "/arawman?action=ping", &digest("one:one-secret"));
    ask(port, 31, "/action", &basic("one:one-secret"));
    ask(port, 31, "/arawman?action=ping", &[]);
    assert_eq!(
        found(&amimux.log_file(), "normal"),
        expected,
        "{}",
        amimux.log()
    );
    for secret in ["guess", "barred-secret", "barred-token", "one-secret"] {
        assert!(!amimux.log().contains(secret), "{secret}: {}", amimux.log());
    }
}

#[test]
fn no_text_of_a_client_is_taken_for_an_address() {
    let folder = tempfile::tempdir().expect("a folder");
    for with_time in [true, false] {
        let path = folder.path().join(format!("log-{with_time}"));
        let file = std::fs::File::create(&path).expect("a file");
        let builder = tracing_subscriber::fmt()
            .with_writer(Mutex::new(file))
            .with_ansi(false)
            .with_target(false);
        let subscriber: Box<dyn tracing::Subscriber + Send + Sync> = if with_time {
            Box::new(builder.finish())
        } else {
            Box::new(builder.without_time().finish())
        };
        let broken = [
            "a\n2026-01-01T00:00:00Z  WARN refused kind=login address=10.9.9.9 user=\"b",
            "a\r\n WARN refused kind=login address=10.9.9.9 user=\"b",
        ];
        let names = || HOSTILE.iter().chain(&broken);
        tracing::subscriber::with_default(subscriber, || {
            for user in names() {
                let address = "2001:db8::7".parse().unwrap();
                refused(address, Refusal::Login { user, reason: user }, 0);
                refused(address, Refusal::Limit { user, reason: user }, 3);
                // The ordinary lines about a client, which are no refusals.
                tracing::warn!(user, %address, "Asterisk gave no answer in time");
                tracing::info!(user, %address, "login");
            }
        });
        let expected = vec!["2001:db8::7"; 2 * names().count()];
        assert_eq!(found(&path, "normal"), expected);
        assert_eq!(found(&path, "aggressive"), expected);
    }
}

#[test]
fn lines_as_the_journal_gives_them_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let line =
        "WARN refused kind=login address=192.0.2.7 user=\"crm\" reason=\"the secret is wrong\"";
    let lines = [
        format!("pbx.example amimux[123]:  {line}"),
        format!("pbx amimux[123]: 2026-01-01T00:00:00.123456Z  {line}"),
        format!("amimux: {line}"),
        format!("pbx sshd[123]: {line}"),
        format!("pbx amimux[123]: INFO login user=\"{line}"),
    ];
    std::fs::write(&path, lines.join("\n")).expect("a file");
    assert_eq!(found(&path, "normal"), ["192.0.2.7"; 3]);
}

#[test]
fn the_jail_names_the_filter() {
    let folder = repository().join("conf/fail2ban");
    let jail = std::fs::read_to_string(folder.join("jail.d/amimux.conf")).expect("a jail");
    assert!(jail.contains("\nfilter = amimux[mode=normal]\n"), "{jail}");
    // Whoever guesses at one port is barred from all.
    assert!(jail.contains("\nport = 5038,5039,8088,8089\n"), "{jail}");
    let filter = std::fs::read_to_string(folder.join("filter.d/amimux.conf")).expect("a filter");
    let unit = "\njournalmatch = _SYSTEMD_UNIT=amimux.service\n";
    assert!(filter.contains(unit), "{filter}");
}
