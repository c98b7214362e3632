//! Every action of Asterisk's own list, for every user.

use crate::differences::Differences;
use crate::exchange::{Asked, error, run};
use crate::support::{AmiClient, Amimux, Asterisk};
use crate::users::User;

/// What is not sent, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "Logoff",
        "ends the session; compared with the logins elsewhere",
    ),
    (
        "WaitEvent",
        "takes its time and shows events; compared elsewhere",
    ),
    (
        "Challenge",
        "its digits are another session's; compared with the logins",
    ),
];

/// Arguments for actions that would do something without any, or take long.
const ARGUMENTS: &[(&str, &str)] = &[
    ("Reload", "Module: no-such-module\r\n"),
    (
        "ModuleLoad",
        "LoadType: reload\r\nModule: no-such-module\r\n",
    ),
    ("ModuleCheck", "Module: no-such-module\r\n"),
    ("QueueReload", "Queue: no-such-queue\r\n"),
    ("QueueReset", "Queue: no-such-queue\r\n"),
    ("UserEvent", "UserEvent: Decided\r\n"),
    ("ShowDialPlan", "Context: default\r\n"),
    ("DBPut", "Family: decided\r\nKey: k\r\nVal: v\r\n"),
    ("DBGetTree", "Family: no-such-family\r\n"),
    ("DBDelTree", "Family: no-such-family\r\n"),
    ("Events", "EventMask: off\r\n"),
    ("Command", "Command: core show license\r\n"),
];

/// The requests: one for each action that Asterisk lists for a user with every right.
pub(crate) fn requests(asterisk: &Asterisk) -> Vec<Asked> {
    let mut client = AmiClient::session(asterisk.ami_port, "second", "off");
    client.action(&[("Action", "ListCommands"), ("ActionID", "list")]);
    let answer = client.read_until("ActionID: list\r\n");
    let text = String::from_utf8(answer).expect("a list");
    let names = text
        .lines()
        .filter(|line| line.contains("  (Priv: "))
        .filter_map(|line| line.split(':').next())
        .filter(|name| !LEFT_OUT.iter().any(|(left, _)| left == name));
    let mut asked: Vec<_> = names
        .map(|name| {
            let arguments = ARGUMENTS.iter().find(|(action, _)| *action == name);
            Asked::new(name, arguments.map_or("", |(_, headers)| headers))
        })
        .collect();
    assert!(asked.len() > 90, "{} actions", asked.len());
    // What no Asterisk has, and how a name may be written.
    for name in [
        "NoSuchAction",
        "originate",
        "HANGUP",
        "Ping ",
        "GetVar",
        "listcommands",
    ] {
        asked.push(Asked::new(name, ""));
    }
    asked
}

/// Sends all requests as that user everywhere, and compares.
pub(crate) fn compare(
    asterisk: &Asterisk,
    faithful: &Amimux,
    safe: &Amimux,
    user: &User,
    differences: &mut Differences,
    faults: &mut Vec<String>,
) {
    let asked = requests(asterisk);
    compare_all(&asked, asterisk, faithful, safe, user, differences, faults);
}

pub(crate) fn compare_all(
    asked: &[Asked],
    asterisk: &Asterisk,
    faithful: &Amimux,
    safe: &Amimux,
    user: &User,
    differences: &mut Differences,
    faults: &mut Vec<String>,
) {
    let direct = run(asterisk.ami_port, &user.name, asked);
    let same = run(faithful.port, &user.name, asked);
    let stricter = run(safe.port, &user.name, asked);
    for (asked, ((direct, same), stricter)) in
        asked.iter().zip(direct.iter().zip(&same).zip(&stricter))
    {
        let who = format!("{} as {}", asked.shown(), user.name);
        if direct != same {
            faults.push(format!(
                "{who}, guards = asterisk\n--- Asterisk ---\n{direct}--- amimux ---\n{same}"
            ));
        }
        if direct == stricter {
            continue;
        }
        let meant =
            error(stricter).is_some_and(|message| differences.meant(&asked.shown(), message));
        if !meant {
            faults.push(format!(
                "{who}, guards = safe\n--- Asterisk ---\n{direct}--- amimux ---\n{stricter}"
            ));
        }
    }
}
