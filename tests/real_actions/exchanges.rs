//! Exchanges of more than one action, and those that take their time.

use crate::case::{Case, Compare, End};
use crate::requests::{action, ping};
use std::time::Duration;

/// Exchanges of more than one action, and those that take their time.
pub(crate) fn cases() -> Vec<Case> {
    let cases = [stores(), user_events(), orders(), originates()];
    cases.into_iter().flatten().collect()
}

/// What is stored and read again.
fn stores() -> Vec<Case> {
    let database = ["DBPut", "DBGet", "DBGetTree", "DBDel", "DBDel", "DBGet"]
        .map(|name| action(name, "Family: fam\r\nKey: k\r\nVal: a: value\r\n"));
    let queue = [
        "QueueAdd",
        "QueuePause",
        "QueuePenalty",
        "QueueStatus",
        "QueueRemove",
        "QueueRemove",
    ]
    .map(|name| {
        action(
            name,
            "Queue: empty\r\nInterface: Local/9@agents\r\nPaused: true\r\nPenalty: 3\r\n",
        )
    });
    vec![
        Case::new("database", database.concat()),
        Case::new("queue member", queue.concat()),
        Case::new(
            "set and get",
            action("Setvar", "Variable: G\r\nValue:  x y \r\n")
                + &action("Getvar", "Variable: G\r\n"),
        ),
    ]
}

fn user_events() -> Vec<Case> {
    let user_event = "Action: UserEvent\r\nActionID: ue 1\r\nUserEvent: Foo\r\nA: b \r\nMany: 1\r\nMany: 2\r\n\r\n";
    let forged = "Action: UserEvent\r\nactionid: u2\r\nUserEvent: Foo\r\nEvent: Hangup\r\nPrivilege: call,all\r\nResponse: Success\r\n\r\n";
    vec![
        Case::new("user event", user_event)
            .events("user")
            .end(End::After("Event: UserEvent")),
        Case::new("user event, forged headers", forged)
            .events("user")
            .end(End::After("Event: UserEvent")),
        Case::new(
            "user event after a mask",
            action("Events", "EventMask: user\r\n") + user_event,
        )
        .end(End::After("Event: UserEvent")),
        Case::new(
            "user event after no mask",
            action("Events", "EventMask: off\r\n") + user_event,
        )
        .events("user"),
        // The event of the last one comes to whoever asks for its class next.
        Case::new("user event of another class", user_event).events("call"),
    ]
}

fn originates() -> Vec<Case> {
    let originate = |number: u16, rest: &str| {
        action(
            "Originate",
            &format!(
                "Channel: Local/{number}@ami-test\r\nApplication: Wait\r\nData: 1\r\nTimeout: 2000\r\n{rest}"
            ),
        )
    };
    let outcome = |name: &str, id: &str, extension: u16, text: &'static str, only| {
        let send = originate(extension, "Async: yes\r\n").replace("id of Originate", id);
        Case::new(name, send)
            .events("call")
            .end(End::After(text))
            .compare(Compare::Only(only))
    };
    let late = Duration::from_millis(1900);
    vec![
        outcome(
            "originate async, its outcome",
            "good",
            100,
            "Event: OriginateResponse\r\nPrivilege: call,all\r\nActionID: good\r\n",
            &["ActionID: good"],
        ),
        outcome(
            "originate async, busy",
            "busy",
            103,
            "Event: OriginateResponse\r\nPrivilege: call,all\r\nActionID: busy\r\n",
            &["ActionID: busy"],
        ),
        Case::new("originate", originate(100, "")).end(End::After("ActionID: id of Originate")),
        Case::new("originate busy", originate(103, ""))
            .end(End::After("ActionID: id of Originate")),
        Case {
            least: late,
            ..Case::new("originate unanswered", originate(105, ""))
                .end(End::After("ActionID: id of Originate"))
        },
        Case::new("originate, then ping", originate(105, "") + &ping("behind"))
            .end(End::After("ActionID: id of Originate"))
            .compare(Compare::AnyOrder),
        Case::new("originate async", originate(100, "Async: true\r\n")),
        Case::new(
            "originate, no channel",
            action("Originate", "Application: Wait\r\n"),
        ),
        Case::new(
            "originate, bad channel",
            action("Originate", "Channel: nonsense\r\nApplication: Wait\r\n"),
        ),
    ]
}

/// Many actions at once, and how a connection ends.
fn orders() -> Vec<Case> {
    vec![
        // How long it takes is not compared: any event ends it, even one that is not sent.
        Case::new("WaitEvent", action("WaitEvent", "Timeout: 2\r\n"))
            .end(End::After("Event: WaitEventComplete")),
        Case::new(
            "mixed pipeline",
            [
                "QueueStatus",
                "Ping",
                "BridgeTechnologyList",
                "NoSuch",
                "ListCommands",
            ]
            .map(|name| action(name, ""))
            .concat(),
        ),
        Case::new(
            "fifty pings",
            (0..50)
                .map(|number| ping(&number.to_string()))
                .collect::<String>(),
        ),
        Case::new("logoff, then ping", action("Logoff", "") + &ping("after")).end(End::Closed),
        Case {
            half_close: true,
            ..Case::new(
                "half close",
                ping("1") + &action("QueueStatus", "") + &ping("2"),
            )
            .end(End::Closed)
        },
        Case {
            bytewise: true,
            ..Case::new(
                "byte by byte",
                ping("slow") + &action("Getvar", "Variable: GREETING\r\n"),
            )
        },
    ]
}
