//! Security events over real sockets: what happens before a login is told to those who may know, at the right
//! Asterisk; and amimux's own login at Asterisk is told to nobody.
#![allow(
    clippy::expect_used,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use support::{AmiClient, Amimux, Simulated, until};

/// An amimux before these simulated Asterisks, called `one` and `two`, connected to all.
fn before(asterisks: &[&Simulated], users: &str) -> Amimux {
    let mut text = "[general]\nbindaddr = 127.0.0.1\nport = {port}\n".to_owned();
    for (asterisk, name) in asterisks.iter().zip(["one", "two"]) {
        text.push_str(&format!(
            "[{name}]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\n\
             secret = upstream-secret\nreconnectmin = 100ms\nreconnectmax = 200ms\n",
            asterisk.port
        ));
    }
    let amimux = Amimux::start(&format!("{text}{users}"));
    until("amimux is connected", || {
        (amimux.log().matches("Asterisk is connected").count() == asterisks.len()).then_some(())
    });
    amimux
}

fn answer(client: &mut AmiClient) -> String {
    String::from_utf8(client.read_message().expect("an answer")).expect("text")
}

/// The names of the security events that came, each with its account and address.
fn security(client: &mut AmiClient, count: usize) -> Vec<String> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let event = answer(client);
        let value = |name: &str| {
            let line = event.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_default().to_owned()
        };
        let remote = value("RemoteAddress: ");
        assert!(remote.starts_with("IPV4/TCP/127.0.0.1/"), "{event}");
        assert!(value("LocalAddress: ").starts_with("IPV4/TCP/127.0.0.1/"));
        assert!(value("SessionID: ").starts_with("0x"), "{event}");
        seen.push(format!("{} {}", value("Event: "), value("AccountID: ")));
    }
    seen
}

#[test]
fn who_reads_security_is_told_of_logins_at_the_right_asterisk() {
    let (first, second) = (Simulated::start(), Simulated::start());
    let users = "[one-watches]\nsecret = one-watches-secret\nread = security\nupstream = one\n\
                 [two-watches]\nsecret = two-watches-secret\nread = security\nupstream = two\n\
                 [alice]\nsecret = ALICE-secret\nupstream = one\nallowmultiplelogin = no\n\
                 [bob]\nsecret = bob-secret\nupstream = two\ndeny = 127.0.0.0/8\n";
    let amimux = before(&[&first, &second], users);
    let mut one = AmiClient::session(amimux.port, "one-watches", "on");
    assert_eq!(security(&mut one, 1), ["SuccessfulAuth one-watches"]);
    let mut two = AmiClient::session(amimux.port, "two-watches", "on");
    assert_eq!(security(&mut two, 1), ["SuccessfulAuth two-watches"]);
    let _alice = AmiClient::session(amimux.port, "ALICE", "off");
    assert_eq!(security(&mut one, 1), ["SuccessfulAuth ALICE"]);
    let attempt = |message: &str| {
        let mut client = AmiClient::connect(amimux.port).expect("a connection");
        client.send(message.as_bytes());
        answer(&mut client)
    };
    let login = |user: &str| format!("Action: Login\r\nUsername: {user}\r\nSecret: x\r\n\r\n");
    for (message, at_one, at_two) in [
        (login("Alice"), Some("SessionLimit "), None),
        (
            login("nobody"),
            Some("InvalidAccountID nobody"),
            Some("InvalidAccountID nobody"),
        ),
        (login("bob"), None, Some("FailedACL bob")),
        (
            login("one-watches"),
            Some("InvalidPassword one-watches"),
            None,
        ),
        (
            "Action: Ping\r\n\r\n".to_owned(),
            Some("RequestNotAllowed "),
            Some("RequestNotAllowed "),
        ),
        (
            "\r\n".to_owned(),
            Some("RequestBadFormat "),
            Some("RequestBadFormat "),
        ),
    ] {
        let refused = attempt(&message);
        assert!(refused.starts_with("Response: Error\r\n"), "{refused}");
        for (watcher, expected) in [(&mut one, at_one), (&mut two, at_two)] {
            if let Some(expected) = expected {
                assert_eq!(security(watcher, 1), [expected], "{message}");
            }
        }
    }
    let mut client = AmiClient::connect(amimux.port).expect("a connection");
    client.action(&[("Action", "Challenge"), ("AuthType", "MD5")]);
    let challenge = answer(&mut client);
    client.action(&[
        ("Action", "Login"),
        ("AuthType", "MD5"),
        ("Username", "two-watches"),
        ("Key", "00ff"),
    ]);
    let event = answer(&mut two);
    assert!(
        event.starts_with("Event: ChallengeResponseFailed\r\n"),
        "{event}"
    );
    let digits = challenge.trim_end().rsplit(' ').next().expect("digits");
    let particulars = format!("\r\nChallenge: {digits}\r\nResponse: 00ff\r\nSessionTV: ");
    assert!(event.contains(&particulars), "{event}");
    assert!(!event.contains("ExpectedResponse"), "{event}");
}

#[test]
fn amimuxs_own_login_at_asterisk_is_shown_to_nobody_and_others_of_its_name_are() {
    let asterisk = Simulated::start();
    let watcher = "[watcher]\nsecret = watcher-secret\nread = security\n";
    let amimux = before(&[&asterisk], watcher);
    let mut client = AmiClient::session(amimux.port, "watcher", "on");
    assert_eq!(security(&mut client, 1), ["SuccessfulAuth watcher"]);
    for id in asterisk.connections() {
        asterisk.pbx.with(|pbx, _| pbx.kick(id));
    }
    until("amimux is connected again", || {
        (amimux.log().matches("Asterisk is connected").count() == 2).then_some(())
    });
    // Somebody goes past amimux, with the name that amimux has there.
    let _other = AmiClient::session(asterisk.port, "upstream", "off");
    assert_eq!(security(&mut client, 1), ["SuccessfulAuth upstream"]);
}
