//! Logins, access lists by the client's address, and class lists as they may be written.

use std::net::Ipv4Addr;

use md5::{Digest, Md5};

use crate::support::{AmiClient, Amimux, Asterisk, normal};

/// Lines about addresses, and where the user that has them tries to log in from.
const ADDRESS_LINES: &[&str] = &[
    "",
    "permit = 127.0.0.2",
    "deny = 127.0.0.2",
    "deny = 0.0.0.0/0\npermit = 127.0.0.2",
    "permit = 127.0.0.2\ndeny = 0.0.0.0/0",
    "deny = 0.0.0.0/0.0.0.0\npermit = 127.0.0.0/255.255.255.254",
    "deny = 127.0.0.0/8\npermit = 127.0.0.2/31\ndeny = 127.0.0.3",
    "deny = 0.0.0.0/0\npermit = 127.0.0.1,127.0.0.3",
    "deny = 127.0.0.0/8,!127.0.0.3",
    "permit = !127.0.0.1",
    "deny = 0.0.0.0/0\npermit = !127.0.0.2,127.0.0.0/8",
    "deny = ::/0",
    "deny = 0.0.0.0/0\npermit = 127.0.0.0/255.0.255.0",
    "deny = 127.0.0.1/0",
];

/// Class lists that both accept.
const CLASS_LISTS: &[&str] = &[
    "call",
    "call,agent",
    "all",
    "none",
    "agent,call,agent",
    "call, agent",
    "call ,agent",
    "all,call",
    "system,all",
];

/// The users of this file, as both programs read them. Secrets are not all their names' here.
pub(crate) fn sections() -> String {
    let mut text = String::new();
    for (number, lines) in ADDRESS_LINES.iter().enumerate() {
        text += &format!(
            "\n[from-{number}]\nsecret = from-{number}-secret\nread =\nwrite =\n{lines}\n"
        );
    }
    for (number, list) in CLASS_LISTS.iter().enumerate() {
        text += &format!(
            "\n[list-{number}]\nsecret = list-{number}-secret\nread = {list}\nwrite = {list}\n"
        );
    }
    text + "\n[Mixed]\nsecret = Mixed Secret \\; with blanks\nread =\nwrite =\n\
            \n[unset]\nread =\nwrite =\n\n[empty]\nsecret =\nread =\nwrite =\n\
            \n[once]\nsecret = once-secret\nread =\nwrite =\nallowmultiplelogin = no\n"
}

/// What only amimux's configuration needs to say the same.
pub(crate) const ONLY_HERE: &str = "\n[empty](+)\nallowemptysecret = yes\n";

/// Compares all of it.
pub(crate) fn compare(
    asterisk: &Asterisk,
    faithful: &Amimux,
    safe: &Amimux,
    faults: &mut Vec<String>,
) {
    let mut check = |what: String, ask: &(dyn Fn(u16) -> String + Sync)| {
        // Failed logins take a second each: the three at once.
        let (direct, same, stricter) = std::thread::scope(|scope| {
            let [direct, same, stricter] = [asterisk.ami_port, faithful.port, safe.port]
                .map(|port| scope.spawn(move || ask(port)));
            let join = |thread: std::thread::ScopedJoinHandle<'_, String>| {
                thread.join().expect("an answer")
            };
            (join(direct), join(same), join(stricter))
        });
        for (guards, through) in [("asterisk", same), ("safe", stricter)] {
            if through != direct {
                faults.push(format!(
                    "{what}, guards = {guards}\n--- Asterisk ---\n{direct}--- amimux ---\n{through}"
                ));
            }
        }
        direct
    };
    let mut outcomes = Vec::new();
    for (number, lines) in ADDRESS_LINES.iter().enumerate() {
        for last in 1..=4 {
            let name = format!("from-{number}");
            let login = format!(
                "Action: Login\r\nUsername: {name}\r\nSecret: {name}-secret\r\nEvents: off\r\n\r\n"
            );
            let what = format!("a login from 127.0.0.{last} with {lines:?}");
            outcomes.push(check(what, &|port| {
                logged_in(port, Ipv4Addr::new(127, 0, 0, last), &login)
            }));
        }
    }
    let allowed = outcomes
        .iter()
        .filter(|outcome| outcome.contains("accepted"))
        .count();
    assert!(
        (10..outcomes.len() - 10).contains(&allowed),
        "{allowed} of {} logins",
        outcomes.len()
    );
    for login in logins() {
        check(format!("{login:?}"), &|port| {
            logged_in(port, Ipv4Addr::LOCALHOST, &login)
        });
    }
    for (user, key) in [
        ("Mixed", "Mixed Secret ; with blanks"),
        ("mixed", "Mixed Secret ; with blanks"),
        ("Mixed", "other"),
        ("unset", ""),
        ("empty", ""),
        ("nobody", "x"),
    ] {
        check(format!("MD5 as {user}"), &|port| with_key(port, user, key));
    }
    for (number, list) in CLASS_LISTS.iter().enumerate() {
        let user = format!("list-{number}");
        check(format!("classes {list:?}"), &|port| rights(port, &user));
    }
    check("a second login".to_owned(), &second_login);
}

fn logins() -> Vec<String> {
    let login = |rest: &str| format!("Action: Login\r\nActionID: 7\r\n{rest}\r\n");
    let secret = "Mixed Secret ; with blanks";
    vec![
        login(&format!("Username: Mixed\r\nSecret: {secret}\r\nEvents: off\r\n")),
        login(&format!("Username: mIXED\r\nSecret: {secret}\r\nEvents: off\r\n")),
        login(&format!("username: Mixed\r\nsecret:\t{secret}\r\nEvents: off\r\n")),
        login(&format!("Username: Mixed\r\nSecret: {secret} \r\n")),
        login(&format!("Username: Mixed \r\nSecret: {secret}\r\n")),
        login(&format!("Username: Mixed\r\nSecret: {}\r\n", secret.to_lowercase())),
        login(&format!("Username: Mixed\r\nSecret: x\r\nSecret: {secret}\r\n")),
        login(&format!("Username: Mixed\r\nAuthType: plain\r\nSecret: {secret}\r\nEvents: off\r\n")),
        login(&format!("Username: Mixed\r\nAuthType: MD5\r\nSecret: {secret}\r\n")),
        login("Username: Mixed\r\n"),
        login(&format!("Secret: {secret}\r\n")),
        login("Username: nobody\r\nSecret: x\r\n"),
        login("Username: unset\r\nSecret:\r\n"),
        login("Username: unset\r\n"),
        login("Username: empty\r\nEvents: off\r\n"),
        login("Username: empty\r\nSecret:\r\nEvents: off\r\n"),
        login("Username: empty\r\nSecret: x\r\n"),
        login(""),
        "Action: Ping\r\nActionID: 1\r\n\r\nAction: Nonsense\r\n\r\nAction: Logoff\r\nActionID: 2\r\n\r\n".to_owned(),
        "Action: Challenge\r\n\r\nAction: Challenge\r\nAuthType: sha\r\n\r\nAction: Logoff\r\n\r\n".to_owned(),
    ]
}

/// What is answered to a login from that address; with a Ping behind one that succeeds.
fn logged_in(port: u16, from: Ipv4Addr, login: &str) -> String {
    let mut client = AmiClient::connect_from(port, from).expect("a banner");
    client.send(login.as_bytes());
    client.send(b"Action: Logoff\r\nActionID: bye\r\n\r\n");
    normal(&client.read_to_end())
}

fn with_key(port: u16, user: &str, secret: &str) -> String {
    let mut client = AmiClient::connect(port).expect("a banner");
    client.send(b"Action: Challenge\r\nAuthType: MD5\r\n\r\n");
    let answer = String::from_utf8(client.read_until("Challenge: ")).expect("text");
    let digits = answer
        .split("Challenge: ")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next())
        .expect("digits");
    let key: String = Md5::digest(format!("{digits}{secret}"))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    client.send(format!("Action: Login\r\nAuthType: md5\r\nUsername: {user}\r\nKey: {key}\r\nEvents: off\r\n\r\nAction: Logoff\r\n\r\n").as_bytes());
    normal(&client.read_to_end())
}

/// What a user may run, and how `Events` answers it.
fn rights(port: u16, user: &str) -> String {
    let mut client = AmiClient::session(port, user, "off");
    client.send(b"Action: ListCommands\r\n\r\n");
    for mask in [
        "call",
        "agent",
        "call,agent",
        "all",
        "on",
        "off",
        "3",
        "x",
        "",
    ] {
        client.send(format!("Action: Events\r\nEventMask: {mask}\r\n\r\n").as_bytes());
    }
    client.send(b"Action: Events\r\nEventMask: off\r\n\r\nAction: Logoff\r\n\r\n");
    let text = normal(&client.read_to_end());
    // Events that come while the mask is open are compared elsewhere.
    let messages = text
        .split("\n\\r\\n\n")
        .filter(|message| !message.starts_with("Event: "));
    messages.collect::<Vec<_>>().join("\n")
}

fn second_login(port: u16) -> String {
    let _first = AmiClient::session(port, "once", "off");
    logged_in(
        port,
        Ipv4Addr::LOCALHOST,
        "Action: Login\r\nUsername: ONCE\r\nSecret: wrong\r\n\r\n",
    )
}
