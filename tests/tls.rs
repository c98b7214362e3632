//! TLS with applications, with a simulated Asterisk behind: what `openssl s_client` and others see, the wrong kind of
//! client, handshakes that stall, many clients under load, slow ones, certificates exchanged while amimux runs, and logins
//! by certificate.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::{
    AmiClient, Amimux, Authority, Identity, PATIENCE, Simulated, find, free_ports, until,
};

const ALICE: &str = "[alice]\nsecret = alice-secret\nread = all\nwrite = all\n";

/// An amimux with TLS before a simulated Asterisk.
struct Setting {
    asterisk: Simulated,
    amimux: Amimux,
    tls_port: u16,
}

fn start(identity: &Identity, general: &str, users: &str) -> Setting {
    let asterisk = Simulated::start();
    let tls_port = free_ports(1);
    let amimux = Amimux::start(&format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\n\
         tlsenable = yes\ntlsbindaddr = 127.0.0.1:{tls_port}\ntlscertfile = {}\n{general}\n\
         [one]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = upstream-secret\n\n{users}",
        identity.file.display(),
        asterisk.port,
    ));
    until("amimux is connected", || {
        amimux.log().contains("Asterisk is connected").then_some(())
    });
    Setting {
        asterisk,
        amimux,
        tls_port,
    }
}

/// What `openssl s_client` prints when it sends that; it ends when the server closes.
fn s_client(port: u16, authority: &Authority, arguments: &[&str], input: &str) -> Output {
    let mut run = Command::new("openssl");
    run.args(["s_client", "-connect", &format!("127.0.0.1:{port}")])
        .args([
            "-servername",
            "localhost",
            "-verify_return_error",
            "-CAfile",
        ])
        .arg(authority.file())
        .args(["-quiet", "-ign_eof"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = run.spawn().expect("openssl can be run");
    let mut stdin = process.stdin.take().expect("its input");
    // One that has failed already takes nothing.
    let _ = stdin.write_all(input.as_bytes());
    let output = process.wait_with_output().expect("its output");
    drop(stdin);
    output
}

const LOGIN_AND_LOGOFF: &str = "Action: Login\r\nUsername: alice\r\nSecret: alice-secret\r\nEvents: off\r\n\r\n\
                                Action: Ping\r\n\r\nAction: Logoff\r\n\r\n";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn wait_for_log(amimux: &Amimux, what: &str) {
    until(&format!("the log says {what:?}"), || {
        amimux.log().contains(what).then_some(())
    });
}

#[test]
fn openssl_speaks_with_it() {
    let authority = Authority::new("tests");
    let identity = authority.issue(&["localhost"]);
    let setting = start(&identity, "tlscipher = ECDHE+AES256:!CHACHA20\n", ALICE);
    let port = setting.tls_port;
    for arguments in [
        &[][..],
        &["-tls1_3"],
        &["-tls1_2"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"],
    ] {
        let output = s_client(port, &authority, arguments, LOGIN_AND_LOGOFF);
        let said = text(&output.stdout);
        assert!(
            said.starts_with("Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nMessage: Authentication accepted\r\n")
                && said.contains("\r\nPing: Pong\r\n")
                && said.ends_with("Message: Thanks for all the fish.\r\n\r\n"),
            "{arguments:?}: {said:?} {}",
            text(&output.stderr)
        );
        assert!(output.status.success(), "{arguments:?}");
    }
    for (arguments, reason) in [
        (
            &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"][..],
            "the client offers no cipher suite that is allowed (tlscipher)",
        ),
        (
            &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
            "the client offers no version of TLS that is spoken here",
        ),
    ] {
        let output = s_client(port, &authority, arguments, LOGIN_AND_LOGOFF);
        assert!(!output.status.success(), "{arguments:?}");
        wait_for_log(
            &setting.amimux,
            &format!("kind=connection address=127.0.0.1 reason=\"TLS handshake failed: {reason}"),
        );
    }
    let chain = s_client(
        port,
        &authority,
        &["-showcerts", "-quiet", "-brief"],
        LOGIN_AND_LOGOFF,
    );
    let others = Authority::new("others");
    let refused = s_client(port, &others, &[], LOGIN_AND_LOGOFF);
    assert!(!refused.status.success() && refused.stdout.is_empty());
    assert!(chain.status.success(), "{}", text(&chain.stderr));
    wait_for_log(
        &setting.amimux,
        "TLS handshake failed: the client does not trust the certificate of amimux (UnknownCA)",
    );
}

#[test]
fn the_whole_chain_is_shown() {
    let authority = Authority::new("tests");
    let setting = start(&authority.issue(&["localhost"]), "", ALICE);
    let mut run = Command::new("openssl");
    run.args(["s_client", "-showcerts", "-connect"])
        .arg(format!("127.0.0.1:{}", setting.tls_port))
        .stdin(Stdio::null());
    let output = run.output().expect("openssl can be run");
    let certificates = text(&output.stdout)
        .matches("-----BEGIN CERTIFICATE-----")
        .count();
    assert_eq!(certificates, 2, "{}", text(&output.stdout));
}

/// Everything that comes up to the end, which must be an end and no reset.
fn all_that_comes(mut stream: TcpStream) -> Vec<u8> {
    stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("an end in good order");
    all
}

#[test]
fn the_wrong_kind_of_client_is_told_of_on_either_port() {
    let authority = Authority::new("tests");
    let setting = start(&authority.issue(&["localhost"]), "", ALICE);
    let (plain, encrypted) = (setting.amimux.port, setting.tls_port);

    let mut stream = TcpStream::connect(("127.0.0.1", encrypted)).expect("a connection");
    stream
        .write_all(LOGIN_AND_LOGOFF.as_bytes())
        .expect("plain text");
    assert_eq!(text(&all_that_comes(stream)), "", "not a byte");
    wait_for_log(
        &setting.amimux,
        "kind=connection address=127.0.0.1 reason=\"plain text on the port for TLS\"",
    );

    let failed = AmiClient::encrypted(plain, &authority.client());
    assert!(failed.is_err());
    wait_for_log(
        &setting.amimux,
        &format!(
            "reason=\"a TLS handshake on the port for plain connections: TLS is spoken at 127.0.0.1:{encrypted} (tlsbindaddr)\""
        ),
    );

    // In pieces, and garbage that begins like a handshake.
    for (port, bytes, banner) in [
        (
            plain,
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
            true,
        ),
        (encrypted, b"\x16\x03\x01\x00\x05hello", false),
        (
            encrypted,
            b"\x16 then nothing of sense, but more of it",
            false,
        ),
        (encrypted, b"G", false),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        for byte in bytes {
            // The last ones may come too late to be wanted.
            let _ = stream.write_all(&[*byte]);
        }
        let came = all_that_comes(stream);
        assert_eq!(came.starts_with(b"Asterisk Call Manager/"), banner);
        assert!(find(&came, b"Response").is_none());
    }
    // Those who only look whether anybody listens leave no line.
    drop(TcpStream::connect(("127.0.0.1", encrypted)).expect("a connection"));
    AmiClient::session(plain, "alice", "off");
    let mut client = AmiClient::encrypted(encrypted, &authority.client()).expect("a connection");
    client.log_in("alice", "off");
    let lines = setting.amimux.log().matches("kind=connection").count();
    assert_eq!(lines, 6, "{}", setting.amimux.log());
}

#[test]
fn handshakes_that_stall_delay_nobody_and_end_at_authtimeout() {
    let authority = Authority::new("tests");
    let setting = start(&authority.issue(&["localhost"]), "authtimeout = 3\n", ALICE);
    let begin = Instant::now();
    let stalled: Vec<_> = (0..40)
        .map(|number| {
            let stream = TcpStream::connect(("127.0.0.1", setting.tls_port)).expect("a connection");
            if number % 2 == 0 {
                (&stream)
                    .write_all(b"\x16\x03\x01\x02\x00\x01")
                    .expect("a beginning");
            }
            stream
        })
        .collect();
    let entered = Instant::now();
    for tls in [false, true] {
        let mut client = match tls {
            true => AmiClient::encrypted(setting.tls_port, &authority.client()),
            false => AmiClient::connect(setting.amimux.port),
        }
        .expect("a connection");
        client.log_in("alice", "off");
    }
    assert!(
        entered.elapsed() < Duration::from_secs(1),
        "{:?}",
        entered.elapsed()
    );
    for mut stream in stalled {
        stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        let ended = stream.read(&mut [0; 16]);
        assert!(
            matches!(ended, Ok(0))
                || ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
        );
    }
    let took = begin.elapsed();
    assert!(
        took >= Duration::from_secs(3) && took < Duration::from_secs(6),
        "{took:?}"
    );
    let reason = "reason=\"no TLS handshake was made within authtimeout\"";
    until("40 lines", || {
        (setting.amimux.log().matches(reason).count() == 40).then_some(())
    });
}

/// Has Asterisk send that many events with a number and some `size` bytes of more text.
fn send_events(setting: &Setting, count: usize, size: usize) {
    let mut sender = AmiClient::session(setting.amimux.port, "alice", "off");
    let line = "x".repeat(size.min(900));
    let fill = format!("Fill: {line}\r\n").repeat(size.div_ceil(900));
    let mut sent = 0;
    while sent < count {
        let batch = (count - sent).min(50);
        let actions: String = (sent..sent + batch)
            .map(|number| {
                format!(
                    "Action: UserEvent\r\nActionID: {number}\r\nUserEvent: Numbered\r\nNumber: {number}\r\n{fill}\r\n"
                )
            })
            .collect();
        sender.send(actions.as_bytes());
        sent += batch;
        sender.read_until(&format!("ActionID: {}\r\n", sent - 1));
    }
}

/// Reads events of [`send_events`] up to the last; each must come, in order.
fn read_events(client: &mut AmiClient, count: usize) {
    for number in 0..count {
        let event = client.read_until("Event: UserEvent\r\n");
        let expected = format!("\r\nNumber: {number}\r\n");
        assert!(
            find(&event, expected.as_bytes()).is_some(),
            "{number} expected: {}",
            event.escape_ascii()
        );
    }
}

#[test]
fn two_hundred_clients_get_every_event_in_order() {
    const CLIENTS: usize = 200;
    const EVENTS: usize = 1000;
    let authority = Authority::new("tests");
    let setting = start(&authority.issue(&["localhost"]), "authlimit = 500\n", ALICE);
    let config = authority.client();
    let mut clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            // Two views, so that the sweep has more than one.
            let events = if number % 2 == 0 { "on" } else { "user" };
            let mut client = AmiClient::encrypted(setting.tls_port, &config).expect("a connection");
            client.log_in("alice", events);
            client
        })
        .collect();
    std::thread::scope(|scope| {
        for part in clients.chunks_mut(CLIENTS / 4) {
            scope.spawn(move || {
                for client in part {
                    read_events(client, EVENTS);
                }
            });
        }
        send_events(&setting, EVENTS, 100);
    });
    // What they ask is answered where it belongs.
    for client in &mut clients {
        client.action(&[("Action", "Ping"), ("ActionID", "last")]);
        client.read_until("ActionID: last\r\n");
    }
}

#[test]
fn a_slow_reader_gets_everything_and_delays_nobody() {
    const EVENTS: usize = 3000;
    let authority = Authority::new("tests");
    let setting = start(&authority.issue(&["localhost"]), "retention = 32M\n", ALICE);
    let config = authority.client();
    let session = || {
        let mut client = AmiClient::encrypted(setting.tls_port, &config).expect("a connection");
        client.log_in("alice", "user");
        client
    };
    let (mut slow, mut quick) = (session(), session());
    // It asks as well, and its answers belong behind the events.
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_events(&mut quick, EVENTS));
        send_events(&setting, EVENTS, 3000);
        reader.join().expect("the quick one has all");
    });
    slow.action(&[("Action", "Ping"), ("ActionID", "behind")]);
    let begin = Instant::now();
    read_events(&mut slow, EVENTS);
    slow.read_until("ActionID: behind\r\n");
    assert!(begin.elapsed() < PATIENCE);
    // The last words of one that is far behind come before the end.
    let mut leaving = session();
    send_events(&setting, 500, 3000);
    leaving.action(&[("Action", "Logoff")]);
    let all = leaving.read_to_end();
    assert_eq!(text(&all).matches("Event: UserEvent\r\n").count(), 500);
    assert!(all.ends_with(b"Message: Thanks for all the fish.\r\n\r\n"));
}

#[test]
fn a_large_list_comes_whole() {
    let authority = Authority::new("tests");
    let setting = start(&authority.issue(&["localhost"]), "", ALICE);
    let mut client =
        AmiClient::encrypted(setting.tls_port, &authority.client()).expect("a connection");
    client.log_in("alice", "off");
    let mut plain = AmiClient::session(setting.amimux.port, "alice", "off");
    let ask = |client: &mut AmiClient, number: usize| {
        client.action(&[
            ("Action", "ListCommands"),
            ("ActionID", &number.to_string()),
        ]);
        client.read_until(&format!("ActionID: {number}\r\n"))
    };
    let expected = ask(&mut plain, 0);
    for number in 0..200 {
        client.action(&[
            ("Action", "ListCommands"),
            ("ActionID", &number.to_string()),
        ]);
    }
    for number in 0..200 {
        let answer = client.read_until(&format!("ActionID: {number}\r\n"));
        let shown = text(&answer).replace(&format!("ActionID: {number}\r\n"), "ActionID: 0\r\n");
        assert_eq!(shown, text(&expected));
    }
}

fn hang_up(amimux: &Amimux) {
    let pid = amimux.pid().to_string();
    let status = Command::new("kill").args(["-HUP", &pid]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill works");
}

fn copy(from: &Path, to: &Path) {
    let content = std::fs::read(from).expect("a certificate");
    std::fs::write(to, content).expect("another certificate");
}

#[test]
fn certificates_are_exchanged_while_clients_stay() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let identity = old.issue(&["localhost"]);
    let setting = start(&identity, "", ALICE);
    let (port, amimux) = (setting.tls_port, &setting.amimux);
    let mut stays = AmiClient::encrypted(port, &old.client()).expect("a connection");
    stays.log_in("alice", "user");
    let is_new = || {
        let trusts =
            |authority: &Authority| AmiClient::encrypted(port, &authority.client()).is_ok();
        let (by_old, by_new) = (trusts(&old), trusts(&new));
        assert_ne!(by_old, by_new, "one of them");
        by_new
    };
    assert!(!is_new());

    let before = identity.file.with_extension("before");
    copy(&identity.file, &before);
    std::fs::write(&identity.file, "no certificate").expect("a broken file");
    hang_up(amimux);
    wait_for_log(
        amimux,
        "the configuration has errors: everything stays as it was",
    );
    assert!(amimux.log().contains("'tlscertfile'") || amimux.log().contains("tlscertfile"));
    assert!(!is_new());

    copy(&new.issue(&["localhost"]).file, &identity.file);
    hang_up(amimux);
    wait_for_log(amimux, "configuration reloaded");
    assert!(is_new());
    assert!(!amimux.log().contains("after a restart"));
    send_events(&setting, 10, 10);
    read_events(&mut stays, 10);

    let file = amimux.configuration_file();
    let content = std::fs::read_to_string(&file).expect("the configuration");
    std::fs::write(&file, format!("{content}\n[bob]\nsecret = bob-secret\n"))
        .expect("one user more");
    hang_up(amimux);
    wait_for_log(amimux, "user bob: added");
    assert!(is_new());
}

const CERTIFIED: &str = "[crm]\ntlsclientname = crm.example\nread = all\nwrite = all\n\
                         [both]\ntlsclientname = crm.example\nsecret = both-secret\nread = security\n";

/// The answer to a login, and how long it took.
fn log_in(client: &mut AmiClient, user: &str, secret: Option<&str>) -> (bool, Duration) {
    let begin = Instant::now();
    let mut headers = vec![("Action", "Login"), ("Username", user), ("Events", "off")];
    headers.extend(secret.map(|secret| ("Secret", secret)));
    client.action(&headers);
    let answer = text(&client.read_message().expect("an answer"));
    let accepted = answer == "Response: Success\r\nMessage: Authentication accepted\r\n\r\n";
    let failed = answer == "Response: Error\r\nMessage: Authentication failed\r\n\r\n";
    assert!(accepted || failed, "{answer:?}");
    (accepted, begin.elapsed())
}

#[test]
fn a_certificate_is_a_login() {
    let (authority, clients) = (Authority::new("servers"), Authority::new("clients"));
    let server = authority.issue(&["localhost"]);
    let asks = |how: &str| {
        format!(
            "tlsclientcert = {how}\ntlscafile = {}\n",
            clients.file().display()
        )
    };
    let setting = start(&server, &asks("optional"), &format!("{ALICE}{CERTIFIED}"));
    let shows = |names: &[&str]| authority.client_with(&clients.issue(names));
    let nothing = authority.client();
    let (right, wrong) = (shows(&["CRM.example", "other"]), shows(&["erp.example"]));
    for (config, user, secret, expected) in [
        (&right, "crm", None, true),
        (&right, "CRM", Some("anything"), true),
        (&wrong, "crm", None, false),
        (&wrong, "crm", Some(""), false),
        (&nothing, "crm", None, false),
        (&right, "both", Some("both-secret"), true),
        (&right, "both", Some("wrong"), false),
        (&right, "both", None, false),
        (&nothing, "both", Some("both-secret"), false),
        (&wrong, "alice", Some("alice-secret"), true),
        (&right, "alice", None, false),
    ] {
        let mut client = AmiClient::encrypted(setting.tls_port, config).expect("a connection");
        let (accepted, took) = log_in(&mut client, user, secret);
        assert_eq!(accepted, expected, "{user} {secret:?}");
        assert!(accepted || took >= Duration::from_secs(1), "{took:?}");
    }
    let mut plain = AmiClient::connect(setting.amimux.port).expect("a connection");
    assert!(!log_in(&mut plain, "crm", None).0);
    let log = setting.amimux.log();
    for reason in [
        "user=\"crm\" reason=\"the client's certificate does not have the name in the user's tlsclientname\"",
        "user=\"crm\" reason=\"the user's tlsclientname asks for a TLS client certificate, and there is none\"",
        "user=\"both\" reason=\"the secret is wrong\"",
    ] {
        assert!(log.contains(reason), "{reason}: {log}");
    }
    // A certificate by anybody else ends the handshake: TLS 1.3 says so after the client is done.
    let foreign = authority.client_with(&authority.issue(&["crm.example"]));
    assert!(AmiClient::encrypted(setting.tls_port, &foreign).is_err());
    wait_for_log(
        &setting.amimux,
        "TLS handshake failed: the client's certificate was issued by nobody in tlscafile",
    );

    let strict = start(&server, &asks("require"), CERTIFIED);
    assert!(AmiClient::encrypted(strict.tls_port, &nothing).is_err());
    wait_for_log(
        &strict.amimux,
        "TLS handshake failed: the client shows no certificate, and tlsclientcert = require",
    );
    let mut client = AmiClient::encrypted(strict.tls_port, &right).expect("a connection");
    assert!(log_in(&mut client, "crm", None).0);
}

#[test]
fn a_balancer_names_its_clients_before_the_handshake() {
    let authority = Authority::new("tests");
    let watcher = "[watcher]\nsecret = watcher-secret\nread = security\n";
    let setting = start(
        &authority.issue(&["localhost"]),
        "proxyfrom = 127.0.0.2/32\n",
        &format!("{ALICE}deny = 0.0.0.0/0\npermit = 192.0.2.7/32\n{watcher}"),
    );
    let config = authority.client();
    let connect = |header: &str| {
        let balancer = Ipv4Addr::new(127, 0, 0, 2);
        AmiClient::over_proxy(setting.tls_port, &config, balancer, header)
    };
    let mut watcher = AmiClient::session(setting.amimux.port, "watcher", "on");
    let mut client = connect("PROXY TCP4 192.0.2.7 127.0.0.1 40000 5039\r\n").expect("a login");
    client.log_in("alice", "off");
    let event = text(&watcher.read_until("AccountID: alice\r\n"));
    assert!(
        event.contains("\r\nRemoteAddress: IPV4/TLS/192.0.2.7/40000\r\n")
            && event.contains("\r\nLocalAddress: IPV4/TLS/127.0.0.1/"),
        "{event}"
    );
    assert!(connect("").is_err(), "no header, no handshake");
    wait_for_log(&setting.amimux, "does not begin with a PROXY header");
    drop(setting.asterisk);
}
