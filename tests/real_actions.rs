//! Byte for byte, amimux answers as Asterisk does: logins, actions, refusals, lists and odd
//! input, each sent once to Asterisk and once through amimux. Where amimux means to differ,
//! the reason stands with the case.

mod support;

use md5::{Digest, Md5};
use std::time::{Duration, Instant};
use support::{AmiClient, Amimux, Asterisk, normal};

/// When an exchange is over.
enum End {
    /// A Ping sent behind it is answered.
    Answered,
    /// The message with this text has come, and a Ping sent behind that is answered.
    After(&'static str),
    /// The server has closed.
    Closed,
}

/// How what Asterisk sends has to compare with what amimux sends.
enum Compare {
    /// The same bytes.
    Bytes,
    /// The same messages; only a synchronous Originate is answered out of turn.
    AnyOrder,
    /// Responses and events of this name; others come from threads of their own.
    Only(&'static str),
    /// Not the same, for this reason; the second is what amimux answers, the start of each line.
    Differs(&'static str, &'static [&'static str]),
}

/// One exchange on a connection of its own.
struct Case {
    name: String,
    /// Who logs in first, with which `Events:`; nobody when empty.
    user: &'static str,
    events: &'static str,
    send: Vec<u8>,
    /// Log in with an MD5 key made with this secret after `send`, which asks for a challenge.
    key: Option<&'static str>,
    bytewise: bool,
    half_close: bool,
    least: Duration,
    end: End,
    compare: Compare,
}

impl Case {
    fn new(name: impl Into<String>, send: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            user: "app1",
            events: "off",
            send: send.into(),
            key: None,
            bytewise: false,
            half_close: false,
            least: Duration::ZERO,
            end: End::Answered,
            compare: Compare::Bytes,
        }
    }

    fn user(self, user: &'static str) -> Self {
        Self { user, ..self }
    }

    fn events(self, events: &'static str) -> Self {
        Self { events, ..self }
    }

    fn end(self, end: End) -> Self {
        Self { end, ..self }
    }

    fn compare(self, compare: Compare) -> Self {
        Self { compare, ..self }
    }

    /// Everything that comes in answer at that port.
    fn run(&self, port: u16) -> Vec<u8> {
        let begin = Instant::now();
        let mut client = match self.user {
            "" => AmiClient::connect(port).expect("a banner"),
            user => AmiClient::session(port, user, self.events),
        };
        let mut answer = Vec::new();
        if !self.user.is_empty() {
            // What follows a login (FullyBooted, say) is over before the case begins.
            client.action(&[("Action", "Ping"), ("ActionID", "begin")]);
            client.read_until("ActionID: begin\r\n");
        }
        match self.bytewise {
            true => self.send.iter().for_each(|byte| client.send(&[*byte])),
            false => client.send(&self.send),
        }
        if let Some(secret) = self.key {
            answer.extend(client.read_until("Challenge: "));
            client.send(&login_with_key(&answer, secret));
        }
        if self.half_close {
            client.half_close();
        }
        match self.end {
            End::Closed => answer.extend(client.read_to_end()),
            End::Answered | End::After(_) => {
                if let End::After(text) = self.end {
                    answer.extend(client.read_until(text));
                }
                client.action(&[("Action", "Ping"), ("ActionID", "the-end")]);
                answer.extend(client.read_until("ActionID: the-end\r\n"));
            }
        }
        let took = begin.elapsed();
        assert!(
            took >= self.least,
            "{}: took {took:?} at port {port}, not {:?}",
            self.name,
            self.least
        );
        answer
    }

    /// [`Case::run`], or why that did not come to its end.
    fn attempt(&self, port: u16) -> Result<Vec<u8>, String> {
        std::panic::catch_unwind(|| self.run(port)).map_err(|panic| {
            let text = panic
                .downcast_ref::<String>()
                .map_or("it panicked", String::as_str);
            format!("{} at port {port}: {text}", self.name)
        })
    }

    /// What is wrong with the answer of amimux, given that of Asterisk.
    fn fault(&self, direct: &[u8], through: &[u8]) -> Option<String> {
        let (mut direct, mut through) = (messages(direct), messages(through));
        match self.compare {
            Compare::Bytes => {}
            Compare::AnyOrder => {
                direct.sort();
                through.sort();
            }
            Compare::Only(event) => {
                for each in [&mut direct, &mut through] {
                    each.retain(|message| {
                        message.starts_with("Response: ")
                            || message.starts_with(&format!("Event: {event}\\r"))
                    });
                }
            }
            Compare::Differs(reason, wanted) => {
                let same = direct == through;
                let lines: Vec<_> = through.iter().flat_map(|message| message.lines()).collect();
                let fits = lines.len() >= wanted.len()
                    && wanted
                        .iter()
                        .zip(&lines)
                        .all(|(wanted, line)| line.starts_with(wanted));
                return (same || !fits).then(|| {
                    format!(
                        "{}: should differ because {reason}\n{}",
                        self.name,
                        through.concat()
                    )
                });
            }
        }
        let same = direct == through;
        (!same).then(|| {
            format!(
                "{}\n--- Asterisk ---\n{}--- amimux ---\n{}",
                self.name,
                direct.concat(),
                through.concat()
            )
        })
    }
}

/// The messages of an answer, normalised, without stray blank lines between them.
fn messages(answer: &[u8]) -> Vec<String> {
    let text = normal(answer);
    let blank = "\\r\\n\n";
    let end = format!("\n{blank}");
    let split = text.split_inclusive(&end).map(|message| {
        let mut message = message;
        while let Some(rest) = message.strip_prefix(blank) {
            message = rest;
        }
        message.to_owned()
    });
    split.filter(|message| !message.is_empty()).collect()
}

/// The second half of an MD5 login, given the answer to its challenge.
fn login_with_key(answer: &[u8], secret: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(answer);
    let challenge = text
        .split("Challenge: ")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next())
        .expect("a challenge");
    let key: String = Md5::digest(format!("{challenge}{secret}"))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("Action: Login\r\nActionID: L2\r\nAuthType: MD5\r\nUsername: app1\r\nKey: {key}\r\nEvents: off\r\n\r\n").into_bytes()
}

/// An action with an ActionID; `rest` is its further headers.
fn action(name: &str, rest: &str) -> String {
    format!("Action: {name}\r\nActionID: id of {name}\r\n{rest}\r\n")
}

fn login(user: &str, secret: &str, rest: &str) -> String {
    format!("Action: Login\r\nActionID: L1\r\nUsername: {user}\r\nSecret: {secret}\r\n{rest}\r\n")
}

fn ping(id: &str) -> String {
    format!("Action: Ping\r\nActionID: {id}\r\n\r\n")
}

/// Before, during and instead of a login.
fn logins() -> Vec<Case> {
    let ok = |rest: &str| login("app1", "app1-secret", rest);
    let challenge = "Action: Challenge\r\nActionID: C1\r\nAuthType: MD5\r\n\r\n";
    let refused = |name: &str, send: String| Case {
        least: Duration::from_millis(950),
        ..Case::new(name, send).end(End::Closed)
    };
    let cases = vec![
        Case::new("login", ok(""))
            .end(End::After("Event: FullyBooted"))
            .compare(Compare::Only("FullyBooted")),
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
            ok("Events: off\r\n") + &login("callonly", "nonsense", ""),
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
        refused("wrong secret", login("app1", "nonsense", "")),
        refused(
            "wrong secret, pipelined actions",
            login("app1", "nonsense", "") + &ping("P1"),
        ),
        refused("unknown user", login("nobody", "nonsense", "")),
        refused(
            "no user name",
            "Action: Login\r\nActionID: L1\r\n\r\n".into(),
        ),
        refused("denied by ACL", login("acldenied", "acldenied-secret", "")),
        Case {
            key: Some("app1-secret"),
            ..Case::new("MD5 login", challenge)
        },
        Case {
            key: Some("nonsense"),
            ..refused("MD5 login, wrong key", challenge.into())
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
        Case::new("ping before login", ping("early")),
        Case::new("unknown action before login", action("NoSuchAction", "")),
        Case::new("no action before login", "ActionID: early\r\nX: y\r\n\r\n"),
        Case::new("blank line before login", "\r\n"),
        Case::new("HTTP request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        Case::new("logoff before login", action("Logoff", "")).end(End::Closed),
    ];
    cases.into_iter().map(|case| case.user("")).collect()
}

/// Single actions of a user who may do everything.
fn actions() -> Vec<Case> {
    let table = [
        ("Ping", ""),
        ("ListCommands", ""),
        ("CoreStatus", ""),
        ("CoreSettings", ""),
        ("CoreShowChannels", ""),
        ("CoreShowChannelMap", "Channel: Local/none-0\r\n"),
        ("Status", ""),
        ("Status", "AllVariables: true\r\n"),
        ("Status", "Channel: Local/none-0\r\n"),
        ("BridgeList", ""),
        ("BridgeTechnologyList", ""),
        ("DeviceStateList", ""),
        ("PresenceStateList", ""),
        ("ExtensionStateList", ""),
        ("ExtensionState", "Exten: 200\r\nContext: ami-test\r\n"),
        ("ExtensionState", "Exten: 999\r\nContext: ami-test\r\n"),
        ("QueueStatus", ""),
        ("QueueStatus", "Queue: support\r\n"),
        ("QueueStatus", "Queue: nosuch\r\n"),
        ("QueueSummary", ""),
        ("QueueRule", ""),
        ("QueueAdd", "Queue: nosuch\r\nInterface: Local/9@agents\r\n"),
        ("Command", "Command: core show help\r\n"),
        ("Command", "Command: manager show command Originate\r\n"),
        ("Command", "Command: no such command\r\n"),
        ("Command", "Command:\r\n"),
        ("Command", ""),
        ("Getvar", "Variable: GREETING\r\n"),
        ("Getvar", "Variable: NOSUCH\r\n"),
        ("Getvar", "Channel: Local/none-0\r\nVariable: X\r\n"),
        ("Getvar", ""),
        (
            "Setvar",
            "Variable: GSET\r\nValue: some value: with colon\r\n",
        ),
        (
            "Setvar",
            "Channel: Local/none-0\r\nVariable: X\r\nValue: x\r\n",
        ),
        (
            "Redirect",
            "Channel: Local/none-0\r\nContext: ami-test\r\nExten: 102\r\nPriority: 1\r\n",
        ),
        ("Hangup", "Channel: Local/none-0\r\n"),
        ("Hangup", "Channel: /^Local/none.*/\r\n"),
        ("GetConfig", "Filename: queues.conf\r\n"),
        ("GetConfig", "Filename: acl.conf\r\n"),
        ("GetConfig", "Filename: nosuch.conf\r\n"),
        ("GetConfigJSON", "Filename: queues.conf\r\n"),
        ("ListCategories", "Filename: queues.conf\r\n"),
        ("ModuleCheck", "Module: app_queue.so\r\n"),
        ("ModuleCheck", "Module: nosuch.so\r\n"),
        ("ShowDialPlan", "Context: agents\r\n"),
        ("ShowDialPlan", "Context: nosuch\r\n"),
        ("Parkinglots", ""),
        ("ParkedCalls", ""),
        ("ConfbridgeListRooms", ""),
        ("ConfbridgeList", "Conference: nosuch\r\n"),
        ("Agents", ""),
        ("FAXStats", ""),
        ("MailboxCount", "Mailbox: 1001@default\r\n"),
        ("VoicemailUsersList", ""),
        ("UserEvent", "UserEvent: Mine\r\nX: y\r\n"),
        ("Events", "EventMask: on\r\n"),
        ("Events", "EventMask: off\r\n"),
        ("Events", "EventMask: call,user\r\n"),
        ("Events", "EventMask: 6\r\n"),
        ("Events", "EventMask: nonsense\r\n"),
        ("Events", ""),
        ("Filter", "Operation: Add\r\nFilter: Event: Newchannel\r\n"),
        ("Filter", "Operation: Add\r\nFilter: (((\r\n"),
        (
            "Filter",
            "Operation: Add\r\nMatchCriteria: action(include),name(UserEvent)\r\nFilter: Test\r\n",
        ),
        ("Filter", "Operation: None\r\nFilter: x\r\n"),
        ("Filter", ""),
        ("NoSuchAction", ""),
        ("No Such: Action", "X: y\r\n"),
        ("Challenge", "AuthType: MD5\r\n"),
    ];
    table
        .into_iter()
        .map(|(name, rest)| {
            Case::new(
                format!("{name} {}", rest.escape_debug()),
                action(name, rest),
            )
        })
        .collect()
}

/// Exchanges of more than one action, and those that take their time.
fn exchanges() -> Vec<Case> {
    let originate = |number: u16, rest: &str| {
        action(
            "Originate",
            &format!(
                "Channel: Local/{number}@ami-test\r\nApplication: Wait\r\nData: 1\r\nTimeout: 2000\r\n{rest}"
            ),
        )
    };
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
    let late = Duration::from_millis(1900);
    let user_event = "Action: UserEvent\r\nActionID: ue 1\r\nUserEvent: Foo\r\nA: b \r\nMany: 1\r\nMany: 2\r\n\r\n";
    let forged = "Action: UserEvent\r\nactionid: u2\r\nUserEvent: Foo\r\nEvent: Hangup\r\nPrivilege: call,all\r\nResponse: Success\r\n\r\n";
    vec![
        Case::new("database", database.concat()),
        Case::new("queue member", queue.concat()),
        Case::new(
            "set and get",
            action("Setvar", "Variable: G\r\nValue:  x y \r\n")
                + &action("Getvar", "Variable: G\r\n"),
        ),
        Case::new("user event", user_event)
            .events("user")
            .end(End::After("Event: UserEvent")),
        Case::new("user event, forged headers", forged)
            .events("user")
            .end(End::After("Event: UserEvent")),
        Case::new("user event of another class", user_event).events("call"),
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
            "originate async, its outcome",
            originate(100, "Async: yes\r\n"),
        )
        .events("call")
        .end(End::After("Event: OriginateResponse"))
        .compare(Compare::Only("OriginateResponse")),
        Case::new("originate async, busy", originate(103, "Async: 1\r\n"))
            .events("call")
            .end(End::After("Event: OriginateResponse"))
            .compare(Compare::Only("OriginateResponse")),
        Case::new(
            "originate, no channel",
            action("Originate", "Application: Wait\r\n"),
        ),
        Case::new(
            "originate, bad channel",
            action("Originate", "Channel: nonsense\r\nApplication: Wait\r\n"),
        ),
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

/// What users with fewer rights may do.
fn rights() -> Vec<Case> {
    let originate = |rest: &str| {
        action(
            "Originate",
            &format!("Channel: Local/100@ami-test\r\nAsync: true\r\n{rest}"),
        )
    };
    let table = [
        ("Ping", ""),
        ("CoreStatus", ""),
        ("Command", "Command: core show channels\r\n"),
        ("Hangup", "Channel: Local/none-0\r\n"),
        ("QueueStatus", "Queue: empty\r\n"),
        ("ListCommands", ""),
        ("Getvar", "Variable: GREETING\r\n"),
        ("UserEvent", "UserEvent: Mine\r\n"),
        ("Events", "EventMask: on\r\n"),
        ("NoSuchAction", ""),
        ("GetConfig", "Filename: queues.conf\r\n"),
    ];
    let users = ["callonly", "readonly", "nothing", "systemonly"];
    let mut cases: Vec<_> = users
        .into_iter()
        .flat_map(|user| {
            table.map(|(name, rest)| {
                Case::new(format!("{user}: {name}"), action(name, rest)).user(user)
            })
        })
        .collect();
    cases.push(
        Case::new(
            "callonly: application System",
            originate("Application: System\r\nData: true\r\n"),
        )
        .user("callonly"),
    );
    cases.push(
        Case::new(
            "callonly: SHELL in data",
            originate("Application: NoOp\r\nData: ${SHELL(true)}\r\n"),
        )
        .user("callonly"),
    );
    cases.push(
        Case::new(
            "callonly: application Wait",
            originate("Application: Wait\r\nData: 1\r\n"),
        )
        .user("callonly"),
    );
    cases
}

/// Input that no client library sends.
fn odd_input() -> Vec<Case> {
    let line = |length: usize| {
        format!(
            "Action: Ping\r\nActionID: ll\r\nX: {}\r\n\r\n{}",
            "y".repeat(length - 3),
            ping("after")
        )
    };
    let lines = |count: usize| {
        format!(
            "Action: Ping\r\nActionID: hh\r\n{}\r\n{}",
            "H: v\r\n".repeat(count - 2),
            ping("after")
        )
    };
    let id = |length: usize| ping(&"0123456789".repeat(100)[..length]);
    let mut cases = vec![
        Case::new("no ActionID", "Action: Ping\r\n\r\n"),
        Case::new("empty ActionID", "Action: Ping\r\nActionID:\r\n\r\n"),
        Case::new(
            "ActionID with blanks",
            "Action: Ping\r\nActionID:  \t padded both \t \r\n\r\n",
        ),
        Case::new("ActionID in UTF-8", ping("żółć-✓")),
        Case::new("ActionID of signs", ping("a:b: c=d,e;f|g#%")),
        Case::new("ActionID first", "ActionID: first\r\nAction: Ping\r\n\r\n"),
        Case::new("lower case", "action: ping\r\nactionid: low\r\n\r\n"),
        Case::new(
            "upper case",
            "ACTION: QUEUESTATUS\r\nACTIONID: UP\r\nQUEUE: empty\r\n\r\n",
        ),
        Case::new(
            "no blank after the colon",
            "Action:Ping\r\nActionID:nospace\r\n\r\n",
        ),
        Case::new(
            "blank before the colon",
            "Action : Ping\r\nActionID : sp\r\n\r\n",
        ),
        Case::new(
            "blank before the name",
            " Action: Ping\r\n ActionID: lead\r\n\r\n",
        ),
        Case::new(
            "a line without a colon",
            "Action: Ping\r\nthis is no header\r\nActionID: nocolon\r\n\r\n",
        ),
        Case::new("LF line ends", "Action: Ping\nActionID: lf\n\n"),
        Case::new("mixed line ends", "Action: Ping\r\nActionID: mix\n\r\n"),
        Case::new("no action", "ActionID: n1\r\nFoo: bar\r\n\r\n"),
        Case::new("a blank line", "\r\n"),
        Case::new(
            "three blank lines, then ping",
            format!("\r\n\r\n\r\n{}", ping("e1")),
        ),
        Case::new("a long unknown action", action(&"x".repeat(900), "")),
        Case::new(
            "too long a line, its ActionID behind",
            format!(
                "Action: Ping\r\nX: {}\r\nActionID: ll\r\n\r\n",
                "y".repeat(2000)
            ),
        ),
        Case::new("too long a line, the ActionID", ping(&"y".repeat(2000))),
        Case::new(
            "the 129th line is the ActionID",
            format!(
                "Action: Ping\r\n{}ActionID: last\r\n\r\n",
                "H: v\r\n".repeat(127)
            ),
        ),
    ];
    cases.extend(
        [1000, 1020, 1022, 1024, 1025, 1100, 3000]
            .map(|length| Case::new(format!("a line of {length} bytes"), line(length))),
    );
    cases.extend(
        [126, 127, 129, 200].map(|count| Case::new(format!("{count} lines"), lines(count))),
    );
    cases.extend(
        [32, 67, 68, 100, 256, 1000]
            .map(|length| Case::new(format!("ActionID of {length} bytes"), id(length))),
    );
    cases.extend(differences(line(1023)));
    cases
}

/// Where amimux means to differ.
fn differences(line_of_1023: String) -> Vec<Case> {
    const REFUSED: &[&str] = &["Response: Error"];
    fn differs(
        name: &str,
        send: String,
        reason: &'static str,
        wanted: &'static [&'static str],
    ) -> Case {
        Case::new(name, send).compare(Compare::Differs(reason, wanted))
    }
    let long = "0123456789".repeat(30);
    vec![
        differs(
            "two ActionIDs",
            "Action: Ping\r\nActionID: one\r\nActionID: two\r\n\r\n".into(),
            "which one counts is ambiguous",
            REFUSED,
        ),
        differs(
            "two Actions",
            "Action: Ping\r\nAction: CoreStatus\r\nActionID: x\r\n\r\n".into(),
            "which one counts is ambiguous",
            REFUSED,
        ),
        differs(
            "NUL",
            "Action: Ping\r\nActionID: n\r\nX: a\0b\r\n\r\n".into(),
            "Asterisk would not read the rest of the line",
            REFUSED,
        ),
        differs(
            "CR alone",
            "Action: Ping\r\nActionID: c\r\nX: a\rb\r\n\r\n".into(),
            "others take it for a line end",
            REFUSED,
        ),
        differs(
            "a line of 1023 bytes",
            line_of_1023,
            "one request has one answer",
            &[
                "Response: Error",
                "ActionID: ll",
                "Message: Failed to parse message: line too long",
                "",
                "Response: Success",
                "ActionID: after",
            ],
        ),
        differs(
            "an ActionID that Asterisk would cut",
            format!("Action: CoreStatus\r\nActionID: {long}\r\n\r\n"),
            "Asterisk puts it into too small a buffer",
            &[
                "Response: Success",
                "ActionID: 0123456789",
                "CoreStartupDate: ",
            ],
        ),
    ]
}

#[test]
fn amimux_answers_as_asterisk_does() {
    let asterisk = Asterisk::start();
    let amimux = Amimux::before(&asterisk);
    // A call that stays, for the lists.
    asterisk.cli("channel originate Local/102@ami-test application Wait 3600");
    support::until("a call", || {
        (asterisk
            .cli("core show channels concise")
            .matches("!Wait!3600!")
            .count()
            == 2)
            .then_some(())
    });
    let cases: Vec<_> = [logins(), actions(), exchanges(), rights(), odd_input()]
        .into_iter()
        .flatten()
        .collect();
    let faults: Vec<_> = cases
        .iter()
        .filter_map(
            |case| match (case.attempt(asterisk.ami_port), case.attempt(amimux.port)) {
                (Ok(direct), Ok(through)) => case.fault(&direct, &through),
                (Err(fault), _) | (_, Err(fault)) => Some(fault),
            },
        )
        .collect();
    assert!(
        faults.is_empty(),
        "{} of {} exchanges differ\n\n{}",
        faults.len(),
        cases.len(),
        faults.join("\n\n")
    );
}
