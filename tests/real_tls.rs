//! TLS with a real Asterisk: it is believed by authority or fingerprint, or told why not and what to do; what is sent to
//! it never stalls, however long; and an application's own library speaks TLS with amimux.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod support;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use support::{
    AmiClient, Amimux, Asterisk, Authority, Library, Program, USERS, find, free_ports, until,
};

/// An upstream section, and a user `of-NAME` for it.
fn upstream(name: &str, port: u16, tls: &str) -> String {
    format!(
        "[{name}]\ntype = upstream\nhost = 127.0.0.1\nport = {port}\nusername = upstream\nsecret = upstream-secret\n\
         window = 64\nreconnectmin = 200ms\nreconnectmax = 400ms\n{tls}\n\
         [of-{name}]\nupstream = {name}\nsecret = of-{name}-secret\nread = all\nwrite = all\nmaxinflight = 64\n\n"
    )
}

/// Waits until the log tells something of that upstream, and returns the line.
fn line_of(amimux: &Amimux, upstream: &str, what: &str) -> String {
    let name = format!("upstream=\"{upstream}\"");
    until(&format!("{upstream}: {what}"), || {
        let log = amimux.log();
        let mut lines = log.lines().filter(|line| line.contains(&name));
        lines.find(|line| line.contains(what)).map(str::to_owned)
    })
}

fn user_event(number: usize, lines: usize, length: usize) -> String {
    let mut action = format!("Action: UserEvent\r\nActionID: e{number}\r\nUserEvent: Large\r\n");
    for line in 0..lines {
        let fill = "x".repeat(length);
        let _ = write!(action, "Line{line}: {fill}\r\n");
    }
    action.push_str("\r\n");
    action
}

/// Sends what would stall, were it in records as large as they may be. Each must be answered soon.
fn exercise(client: &mut AmiClient) {
    let soon = |begin: Instant| assert!(begin.elapsed() < Duration::from_secs(5), "{begin:?}");
    let begin = Instant::now();
    let pipelined: String = (0..60)
        .map(|number| {
            format!("Action: Getvar\r\nActionID: p{number}\r\nVariable: GREETING\r\n\r\n")
        })
        .collect();
    client.send(pipelined.as_bytes());
    for number in 0..60 {
        let answer = client.read_until(&format!("ActionID: p{number}\r\n"));
        assert!(find(&answer, b"Value: hello world\r\n").is_some());
    }
    soon(begin);
    // One message of 1,025 bytes, and about it; of 3,000; and many at once.
    let begin = Instant::now();
    for length in 930..960 {
        client.send(user_event(length, 1, length).as_bytes());
        client.read_until(&format!("ActionID: e{length}\r\n"));
    }
    client.send(user_event(0, 4, 740).as_bytes());
    let event = client.read_until("\r\nLine3: ");
    assert!(event.len() >= 2960, "{}", event.len());
    let many: String = (0..50).map(|number| user_event(number, 3, 650)).collect();
    client.send(many.as_bytes());
    client.read_until("ActionID: e49\r\n");
    soon(begin);
}

/// What is logged of each Asterisk that is not believed, whose certificate has that fingerprint.
fn check_refusals(amimux: &Amimux, pin: &str) {
    for (upstream, expected) in [
        ("stranger", format!("Asterisk's certificate: nobody who is trusted has issued it; name the authority with tlscafile, or if this is the right certificate write tlsfingerprint = {pin}")),
        ("misnamed", format!("Asterisk's certificate: it is for localhost, pbx.example, not for 127.0.0.1; write tlsservername = and a name that it has, or tlsfingerprint = {pin}")),
        ("mispinned", format!("Asterisk's certificate is not the one that is pinned; if this is the right certificate write tlsfingerprint = {pin}")),
        ("plain", "what Asterisk sends is not TLS: is that the port of tlsbindaddr in Asterisk's manager.conf, with tlsenable = yes?".to_owned()),
    ] {
        let line = line_of(amimux, upstream, "Asterisk is away");
        assert!(line.contains(&expected), "{upstream}: {line}");
    }
}

#[test]
fn asterisk_is_believed_or_told_why_not() {
    let (authority, others) = (Authority::new("pbx"), Authority::new("others"));
    let identity = authority.issue(&["localhost", "pbx.example"]);
    let mut asterisk = Asterisk::start_certified("", Some(&identity.file));
    let (pin, tls_port) = (&identity.fingerprint, asterisk.tls_port());
    let by = |authority: &Authority, more: &str| {
        let file = authority.file();
        format!("tls = yes\ntlscafile = {}\n{more}", file.display())
    };
    let pinned = format!("tls = yes\ntlsfingerprint = {pin}\n");
    let foreign = format!(
        "tls = yes\ntlsfingerprint = {}\n",
        others.issue(&["localhost"]).fingerprint
    );
    let named = "tlsservername = localhost\n";
    let mut text = "[general]\nbindaddr = 127.0.0.1\nport = {port}\n\n".to_owned();
    for (name, port, tls) in [
        ("known", tls_port, by(&authority, named).as_str()),
        ("pinned", tls_port, pinned.as_str()),
        ("anybody", tls_port, "tls = yes\ntlsverify = no\n"),
        ("stranger", tls_port, by(&others, named).as_str()),
        ("misnamed", tls_port, by(&authority, "").as_str()),
        ("mispinned", tls_port, foreign.as_str()),
        ("plain", asterisk.ami_port, pinned.as_str()),
    ] {
        text.push_str(&upstream(name, port, tls));
    }
    let amimux = Amimux::start(&text);
    check_refusals(&amimux, pin);
    for upstream in ["known", "pinned", "anybody"] {
        line_of(&amimux, upstream, "Asterisk is connected");
        let mut client = AmiClient::session(amimux.port, &format!("of-{upstream}"), "user");
        exercise(&mut client);
    }
    line_of(
        &amimux,
        "anybody",
        "tlsverify = no: whoever is between amimux and Asterisk can read and change everything",
    );

    let expired = authority.issue_expired(&["localhost"]);
    asterisk.stop();
    asterisk.set_certificate(Some(&expired.file));
    asterisk.start_again();
    line_of(
        &amimux,
        "known",
        &format!(
            "Asterisk's certificate: it has expired; renew it there, or write tlsfingerprint = {}",
            expired.fingerprint
        ),
    );
}

/// The log says of a certificate that openssl made in one line why it cannot be verified, and how to pin it; that works.
#[test]
fn what_openssl_makes_can_be_pinned() {
    let asterisk = Asterisk::start();
    let before = |tls: &str| {
        Amimux::start(&format!(
            "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\n\n{}",
            upstream("pbx", asterisk.tls_port(), tls)
        ))
    };
    let file = asterisk.own_certificate();
    let amimux = before(&format!("tls = yes\ntlscafile = {}\n", file.display()));
    let line = line_of(&amimux, "pbx", "Asterisk is away");
    let told = "Asterisk's certificate: it is an authority's, not a server's (openssl req -x509 makes such); \
                if this is the right certificate write tlsfingerprint = ";
    let (_, shown) = line.split_once(told).unwrap_or_else(|| panic!("{line}"));
    let fingerprint: String = shown.chars().take(32 * 3 - 1).collect();
    let amimux = before(&format!("tls = yes\ntlsfingerprint = {fingerprint}\n"));
    line_of(&amimux, "pbx", "Asterisk is connected");
    exercise(&mut AmiClient::session(amimux.port, "of-pbx", "user"));
}

#[test]
fn an_application_sees_over_tls_what_it_sees_without() {
    let authority = Authority::new("tests");
    let identity = authority.issue(&["localhost"]);
    let asterisk = Asterisk::start_certified("", Some(&identity.file));
    let secret = "app1-secret";
    let library = Library::Panoramisk;
    let alone = Program::start(library, asterisk.ami_port, "app1", secret, "alone", &[]);
    let expected = alone
        .finish()
        .expect("the library works on Asterisk itself");
    let tls_port = free_ports(1);
    let (file, ca) = (identity.file.display(), authority.file());
    let amimux = Amimux::start(&format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\nguards = asterisk\n\
         tlsenable = yes\ntlsbindaddr = 127.0.0.1:{tls_port}\ntlscertfile = {file}\n\n{}\n{USERS}",
        upstream(
            "asterisk",
            asterisk.tls_port(),
            &format!(
                "tls = yes\ntlscafile = {}\ntlsservername = localhost\n",
                ca.display()
            )
        )
        .replace("[of-asterisk]\nupstream = asterisk\n", "[of-asterisk]\n"),
    ));
    line_of(&amimux, "asterisk", "Asterisk is connected");
    let ca = ca.display().to_string();
    let options = ["--tls", ca.as_str()];
    let programs: Vec<_> = ["one", "two", "three"]
        .map(|name| Program::start(library, tls_port, "app1", secret, name, &options))
        .into();
    for program in programs {
        assert_eq!(
            program.finish().expect("the library works over TLS"),
            expected
        );
    }
}
