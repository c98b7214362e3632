//! Who may come in, over real sockets: the access control list of [general], and balancers that name their
//! clients by the PROXY protocol.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};
use support::{Amimux, Simulated, until};

/// An amimux before this Asterisk. Its user alice may log in from 192.0.2.7 and 127.0.0.1, bob from 2001:db8::7.
fn before(asterisk: &Simulated, general: &str) -> Amimux {
    let amimux = Amimux::start(&format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\n{general}\n\
         [one]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = upstream-secret\n\
         [alice]\nsecret = alice-secret\nread = security\ndeny = 0.0.0.0/0,::/0\npermit = 192.0.2.7,127.0.0.1\n\
         [bob]\nsecret = bob-secret\ndeny = 0.0.0.0/0,::/0\npermit = 2001:db8::7\n",
        asterisk.port
    ));
    until("amimux is connected", || {
        amimux.log().contains("Asterisk is connected").then_some(())
    });
    amimux
}

const BANNER: &str = "Asterisk Call Manager/11.0.0\r\n";
const ACCEPTED: &str = "Response: Success\r\nMessage: Authentication accepted\r\n\r\n";
const GOODBYE: &str = "Response: Goodbye\r\nMessage: Thanks for all the fish.\r\n\r\n";
const FAILED: &str = "Response: Error\r\nMessage: Authentication failed\r\n\r\n";

/// A login without events and a logoff: the answers end by themselves.
fn visit(user: &str) -> Vec<u8> {
    format!(
        "Action: Login\r\nUsername: {user}\r\nSecret: {user}-secret\r\nEvents: off\r\n\r\nAction: Logoff\r\n\r\n"
    )
    .into_bytes()
}

/// A connection from `127.0.0.<host>`.
fn connect(host: u8, amimux: &Amimux) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let from = SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 0));
    socket.bind(&from.into()).expect("an address of loopback");
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, amimux.port));
    socket.connect(&to.into()).expect("a connection");
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true).expect("no delay");
    stream
        .set_read_timeout(Some(support::PATIENCE))
        .expect("a deadline");
    stream
}

/// Everything up to the end of the connection. One that is closed with input unread is reset.
fn read_to_end(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    if let Err(error) = stream.read_to_end(&mut all) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    String::from_utf8(all).expect("text")
}

/// What a client is sent that sends these pieces.
fn talk<'a>(host: u8, amimux: &Amimux, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut stream = connect(host, amimux);
    for piece in pieces {
        stream
            .write_all(piece)
            .expect("a connection that takes bytes");
    }
    read_to_end(&mut stream)
}

fn accepted() -> String {
    format!("{BANNER}{ACCEPTED}{GOODBYE}")
}

/// The lines of the log about connections closed at once, from their address on.
fn refused_connections(amimux: &Amimux) -> Vec<String> {
    let log = amimux.log();
    let lines = log
        .lines()
        .filter_map(|line| line.split_once("kind=connection "));
    lines.map(|(_, rest)| rest.to_owned()).collect()
}

/// A header of version 2 that names a client.
fn binary(source: SocketAddr) -> Vec<u8> {
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21".to_vec();
    match source.ip() {
        IpAddr::V4(address) => {
            header.extend([0x11, 0, 12]);
            header.extend(address.octets());
            header.extend([127, 0, 0, 1]);
        }
        IpAddr::V6(address) => {
            header.extend([0x21, 0, 36]);
            header.extend(address.octets());
            header.extend([0; 16]);
        }
    }
    header.extend(source.port().to_be_bytes());
    header.extend(5038_u16.to_be_bytes());
    header
}

const DENIED: &str = r#"reason="the address is denied by the access control list of [general]""#;

#[test]
fn who_is_denied_is_closed_without_a_word_and_takes_no_place() {
    let asterisk = Simulated::start();
    let general = "deny = 0.0.0.0/0,::/0\npermit = 127.0.0.1,127.0.0.3\nauthlimit = 1\n";
    let amimux = before(&asterisk, general);
    let begin = refused_connections(&amimux).len();
    for count in 1..=3 {
        assert_eq!(read_to_end(&mut connect(2, &amimux)), "");
        let expected = vec![format!("address=127.0.0.2 {DENIED}"); count];
        assert_eq!(refused_connections(&amimux)[begin..], expected);
    }
    // The one place is taken, and then those that are denied are so for that reason.
    let mut idle = until("a place", || {
        let mut idle = connect(1, &amimux);
        let mut banner = [0; BANNER.len()];
        idle.read_exact(&mut banner).is_ok().then_some(idle)
    });
    let earlier = refused_connections(&amimux).len();
    assert_eq!(read_to_end(&mut connect(2, &amimux)), "");
    assert_eq!(read_to_end(&mut connect(3, &amimux)), "");
    let last = refused_connections(&amimux).split_off(earlier);
    let full = r#"address=127.0.0.3 reason="authlimit reached""#;
    assert_eq!(last, [&format!("address=127.0.0.2 {DENIED}"), full]);
    idle.write_all(&visit("alice")).expect("a login");
    assert_eq!(read_to_end(&mut idle), format!("{ACCEPTED}{GOODBYE}"));
}

#[test]
fn the_client_that_a_balancer_names_is_the_client() {
    let asterisk = Simulated::start();
    let amimux = before(&asterisk, "proxyfrom = 127.0.0.2\n");
    let text = |named: &str| format!("PROXY TCP4 {named} 127.0.0.1 4660 5038\r\n").into_bytes();
    let v4 = |named: [u8; 4]| binary(SocketAddr::from((named, 4660)));
    let v6 = |named: &str| {
        let named = named.parse::<IpAddr>().expect("an address");
        binary(SocketAddr::new(named, 4660))
    };
    let v6_text = b"PROXY TCP6 2001:db8::7 2001:db8::1 4660 5038\r\n".to_vec();
    for (header, user) in [
        (text("192.0.2.7"), "alice"),
        (v4([192, 0, 2, 7]), "alice"),
        (v6("::ffff:192.0.2.7"), "alice"),
        (v6("2001:db8::7"), "bob"),
        (v6_text, "bob"),
    ] {
        let shown = header.escape_ascii().to_string();
        let visit = visit(user);
        let whole = [&header[..], &visit].concat();
        let cases = [
            ("in one piece", vec![&whole[..]]),
            ("in single bytes", whole.chunks(1).collect()),
            ("the header alone first", vec![&header, &visit]),
        ];
        for (how, pieces) in cases {
            assert_eq!(talk(2, &amimux, pieces), accepted(), "{shown} {how}");
        }
    }
    for (header, address) in [
        (text("192.0.2.8"), "192.0.2.8"),
        (v4([192, 0, 2, 9]), "192.0.2.9"),
        (v6("2001:db8::8"), "2001:db8::8"),
    ] {
        let answer = talk(2, &amimux, [&header[..], &visit("alice")]);
        assert_eq!(answer, format!("{BANNER}{FAILED}"), "{address}");
        let line = format!(" refused kind=login address={address} user=\"alice\" ");
        assert!(amimux.log().contains(&line), "{line}");
    }
    assert_eq!(refused_connections(&amimux), [""; 0]);
    assert!(
        !amimux.log().contains("127.0.0.2"),
        "the balancer is nobody"
    );
}

#[test]
fn security_events_tell_the_named_address_and_port() {
    let asterisk = Simulated::start();
    let amimux = before(&asterisk, "proxyfrom = 127.0.0.2\n");
    let login = "PROXY TCP4 192.0.2.7 198.51.100.1 4660 5038\r\n\
                 Action: Login\r\nUsername: alice\r\nSecret: alice-secret\r\n\r\n";
    let mut stream = connect(2, &amimux);
    stream.write_all(login.as_bytes()).expect("a login");
    let mut all = String::new();
    until("the event", || {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).expect("more");
        all.push_str(&String::from_utf8_lossy(&bytes[..count]));
        all.contains("RemoteAddress: ").then_some(())
    });
    assert!(
        all.contains("RemoteAddress: IPV4/TCP/192.0.2.7/4660\r\n"),
        "{all}"
    );
    let local = format!("LocalAddress: IPV4/TCP/127.0.0.1/{}\r\n", amimux.port);
    assert!(all.contains(&local), "{all}");
}

#[test]
fn the_access_list_is_about_the_named_client() {
    let asterisk = Simulated::start();
    let general = "proxyfrom = 127.0.0.2,127.0.0.3\ndeny = 0.0.0.0/0,::/0\n\
                   permit = 192.0.2.0/24,127.0.0.1,127.0.0.3\n";
    let amimux = before(&asterisk, general);
    let header = |named: &str| format!("PROXY TCP4 {named} 127.0.0.1 4660 5038\r\n");
    let login = visit("alice");
    let named = |host, header: &str| talk(host, &amimux, [header.as_bytes(), &login]);
    assert_eq!(named(2, &header("192.0.2.7")), accepted());
    assert_eq!(named(2, &header("198.51.100.7")), "");
    // A balancer that names nobody stands for itself.
    assert_eq!(named(2, "PROXY UNKNOWN\r\n"), "");
    assert_eq!(named(3, "PROXY UNKNOWN\r\n"), format!("{BANNER}{FAILED}"));
    let local = "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    assert_eq!(named(3, local), format!("{BANNER}{FAILED}"));
    let denied = ["198.51.100.7", "127.0.0.2"].map(|from| format!("address={from} {DENIED}"));
    assert_eq!(refused_connections(&amimux), denied);
    let log = amimux.log();
    assert_eq!(
        log.matches("kind=login address=127.0.0.3 ").count(),
        2,
        "{log}"
    );
}

#[test]
fn a_balancer_without_a_header_is_closed_without_a_word() {
    let asterisk = Simulated::start();
    // Room for the connections that are just ending.
    let general = "proxyfrom = 127.0.0.2\nauthtimeout = 2\nauthlimit = 5\n";
    let amimux = before(&asterisk, general);
    let begin = refused_connections(&amimux).len();
    // Nothing at all is a look whether anybody listens.
    drop(connect(2, &amimux));
    for bytes in [
        &visit("alice")[..],
        b"\r\n\r\nAction: Login\r\n",
        b"PROXY TCP4 192.0.2.7 127.0.0.1 4660\r\n",
        b"PROXY TCP4 localhost 127.0.0.1 4660 5038\r\n",
        &[b'P'; 5000],
        &[&b"PROXY UNKNOWN "[..], &[b'x'; 5000]].concat(),
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
    ] {
        let answer = talk(2, &amimux, [bytes]);
        assert_eq!(answer, "", "{}", bytes.escape_ascii());
    }
    let line = |reason| format!("address=127.0.0.2 reason=\"{reason}\"");
    let malformed = line("the connection does not begin with a PROXY header");
    let lines = refused_connections(&amimux).split_off(begin);
    assert_eq!(lines, vec![malformed; 8]);
    let mut half = connect(2, &amimux);
    half.write_all(b"PROXY TCP4 192").expect("a beginning");
    half.shutdown(std::net::Shutdown::Write).expect("an end");
    assert_eq!(read_to_end(&mut half), "");
    let late = line("no PROXY header came within authtimeout");
    let mut waiting = [(); 5].map(|()| connect(2, &amimux));
    waiting[0]
        .write_all(b"PROXY TCP4 192")
        .expect("a beginning");
    // They take the places of those that log in, but not for long.
    let answer = talk(1, &amimux, [&visit("alice")[..]]);
    assert_eq!(answer, format!("{BANNER}{ACCEPTED}{GOODBYE}"));
    for stream in &mut waiting {
        assert_eq!(read_to_end(stream), "");
    }
    let ended = line("the connection ended within the PROXY header");
    let full = line("authlimit reached, a later one took its place");
    let lines = refused_connections(&amimux).split_off(begin + 8);
    let last = [&ended, &full, &late, &late, &late, &late];
    assert_eq!(lines.iter().collect::<Vec<_>>(), last);
}

#[test]
fn nobody_else_is_believed() {
    let asterisk = Simulated::start();
    let amimux = before(&asterisk, "proxyfrom = 127.0.0.2\n");
    for named in ["192.0.2.7", "192.0.2.8"] {
        let header = format!("PROXY TCP4 {named} 127.0.0.1 4660 5038\r\n\r\n");
        let answer = talk(1, &amimux, [header.as_bytes(), &visit("alice")]);
        assert_eq!(
            answer,
            format!(
                "{BANNER}Response: Error\r\nMessage: Missing action in request\r\n\r\n{ACCEPTED}{GOODBYE}"
            )
        );
        let answer = talk(3, &amimux, [header.as_bytes(), &visit("alice")]);
        assert!(answer.ends_with(FAILED), "{answer}");
    }
    let log = amimux.log();
    assert!(!log.contains("192.0.2."), "{log}");
    assert_eq!(
        log.matches("kind=login address=127.0.0.3 ").count(),
        2,
        "{log}"
    );
    assert_eq!(
        log.matches("kind=early address=127.0.0.1 ").count(),
        2,
        "{log}"
    );
}

#[test]
fn guessing_is_slow_over_however_many_connections() {
    let asterisk = Simulated::start();
    let amimux = before(&asterisk, "failedlogins = 4\nfailedloginperiod = 3600");
    let wrong = b"Action: Login\r\nUsername: alice\r\nSecret: guess\r\n\r\n";
    let begin = std::time::Instant::now();
    // Ten guesses at a time, from one address: four are looked at, all get the same answer.
    std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..10)
            .map(|_| scope.spawn(|| talk(1, &amimux, [&wrong[..]])))
            .collect();
        for guess in guesses {
            assert_eq!(guess.join().expect("a guess"), format!("{BANNER}{FAILED}"));
        }
    });
    assert!(begin.elapsed() >= std::time::Duration::from_secs(1));
    let count = |text: &str| amimux.log().matches(text).count();
    assert_eq!(
        count("kind=login address=127.0.0.1 user=\"alice\" reason=\"the secret is wrong\""),
        4
    );
    assert_eq!(
        count(
            "kind=limit address=127.0.0.1 user=\"alice\" reason=\"too many failed logins from this address\""
        ),
        6
    );
    // Even the right secret is not looked at now, but another address is not concerned.
    assert_eq!(
        talk(1, &amimux, [&*visit("alice")]),
        format!("{BANNER}{FAILED}")
    );
    let other = b"Action: Login\r\nUsername: nobody\r\nSecret: x\r\n\r\n";
    assert_eq!(talk(2, &amimux, [&other[..]]), format!("{BANNER}{FAILED}"));
    assert_eq!(count("kind=login address=127.0.0.2 user=\"nobody\""), 1);
}
