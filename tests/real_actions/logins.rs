//! Before, during and instead of a login.

use crate::case::{Case, Compare, End};
use crate::requests::{action, login, ping};
use std::time::Duration;

/// Before, during and instead of a login.
pub(crate) fn cases() -> Vec<Case> {
    let cases = [accepted(), refused(), with_challenge(), without_login()];
    cases
        .into_iter()
        .flatten()
        .map(|case| case.user(""))
        .collect()
}

/// What takes a second, and ends the connection.
fn refusal(name: &str, send: impl Into<Vec<u8>>) -> Case {
    Case {
        least: Duration::from_millis(950),
        ..Case::new(name, send).end(End::Closed)
    }
}

fn accepted() -> Vec<Case> {
    let ok = |rest: &str| login("app1", "app1-secret", rest);
    vec![
        Case::new("login", ok(""))
            .end(End::After("Event: FullyBooted"))
            .compare(Compare::Only(&["ActionID: ", "Event: FullyBooted"])),
        Case::new("login, events off", ok("Events: off\r\n")),
        Case::new("login, class call only", ok("Events: call,user\r\n")),
        Case::new("login, class system", ok("Events: system\r\n"))
            .end(End::After("Event: FullyBooted")),
        Case::new("login, events nonsense", ok("Events: nonsense\r\n")),
        Case::new(
            "login without ActionID",
            "Action: Login\r\nUsername: app1\r\nSecret: app1-secret\r\nEvents: off\r\n\r\n",
        ),
        Case::new(
            "login, name in capitals",
            login("APP1", "app1-secret", "Events: off\r\n"),
        ),
        Case::new(
            "login and actions in one packet",
            ok("Events: off\r\n") + &ping("P1") + &ping("P2"),
        ),
        Case::new(
            "login twice",
            ok("Events: off\r\n") + &login("callonly", "wrong-words", ""),
        ),
        Case::new(
            "login, then logoff",
            ok("Events: off\r\n") + &action("Logoff", ""),
        )
        .end(End::Closed),
        Case::new(
            "login by ACL",
            login("aclok", "aclok-secret", "Events: off\r\n"),
        ),
    ]
}

fn refused() -> Vec<Case> {
    vec![
        refusal("wrong secret", login("app1", "wrong-words", "")),
        refusal(
            "wrong secret, pipelined actions",
            login("app1", "wrong-words", "") + &ping("P1"),
        ),
        refusal("unknown user", login("nobody", "wrong-words", "")),
        refusal("no user name", "Action: Login\r\nActionID: L1\r\n\r\n"),
        refusal("denied by ACL", login("acldenied", "acldenied-secret", "")),
    ]
}

fn with_challenge() -> Vec<Case> {
    let challenge = "Action: Challenge\r\nActionID: C1\r\nAuthType: MD5\r\n\r\n";
    vec![
        Case {
            key: Some("app1-secret"),
            ..Case::new("MD5 login", challenge)
        },
        Case {
            key: Some("wrong-words"),
            ..refusal("MD5 login, wrong key", challenge)
        },
        Case::new(
            "challenge, type in lower case",
            challenge.replace("MD5", "md5"),
        ),
        Case::new(
            "challenge, unknown type",
            challenge.replace("MD5", "SHA256"),
        ),
        Case::new("challenge without a type", action("Challenge", "")),
    ]
}

fn without_login() -> Vec<Case> {
    vec![
        Case::new("ping before login", ping("early")),
        Case::new("unknown action before login", action("NoSuchAction", "")),
        Case::new("no action before login", "ActionID: early\r\nX: y\r\n\r\n"),
        Case::new("blank line before login", "\r\n"),
        Case::new("HTTP request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        Case::new("logoff before login", action("Logoff", "")).end(End::Closed),
    ]
}
