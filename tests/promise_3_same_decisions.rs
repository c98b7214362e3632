//! Promise 3: a client is allowed or refused as Asterisk would decide for a user of that configuration; the
//! upstream session is privileged, and only what was decided here reaches it.

mod hub_harness;

use amimux::hub::Notice;
use amimux::policy::class::Classes;
use amimux::policy::rights::Guards;
use amimux::policy::user::User;
use hub_harness::{Bench, user};

fn writer(write: Classes) -> User {
    User { write, ..user("a") }
}

/// What becomes of a request of a user with these write classes: what reaches Asterisk, and what is answered here.
fn outcome(write: Classes, input: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut bench = Bench::new();
    let client = bench.client(writer(write));
    bench.raw(client, input);
    let asked = bench.asked();
    while !bench.asterisk.waiting.is_empty() {
        bench.succeed();
    }
    let mut got = bench.got(client);
    got.retain(|message| !message.starts_with("Response: Success"));
    (asked, got)
}

const REFUSED: &str = "Response: Error|Message: Permission denied";

#[test]
fn one_class_is_enough_and_none_needs_none() {
    let cases: [(&str, Classes, bool); 8] = [
        ("Hangup", Classes::CALL, true),
        ("hangup", Classes::SYSTEM, true),
        ("Hangup", Classes::AGENT, false),
        ("QueueStatus", Classes::NONE, true),
        ("CoreStatus", Classes::NONE, false),
        ("CoreStatus", Classes::REPORTING, true),
        ("Command", Classes::SYSTEM, false),
        ("UserEvent", Classes::USER, true),
    ];
    for (action, write, allowed) in cases {
        let (asked, got) = outcome(write, format!("Action: {action}\r\n\r\n").as_bytes());
        if allowed {
            assert_eq!((asked.len(), got.len()), (1, 0), "{action}");
        } else {
            assert_eq!(
                (asked.len(), got),
                (0, vec![REFUSED.to_owned()]),
                "{action}"
            );
        }
    }
}

#[test]
fn every_action_that_needs_a_class_is_refused_without_it() {
    let system = Classes::SYSTEM;
    let reporting = system.union(Classes::REPORTING);
    let cases = [
        ("CoreShowChannelMap", reporting),
        ("Command", Classes::COMMAND),
        ("CoreShowChannels", reporting),
        ("CoreStatus", reporting),
        ("DBGet", reporting),
        ("Filter", system),
        ("Getvar", Classes::CALL.union(Classes::REPORTING)),
        ("Hangup", system.union(Classes::CALL)),
        ("IAXnetstats", reporting),
        ("JabberSend", system),
        ("ModuleLoad", system),
        ("Originate", Classes::ORIGINATE),
        ("PJSIPShowEndpoint", system),
        ("Status", reporting.union(Classes::CALL)),
        ("ThirdParty", Classes::REPORTING),
        ("UserEvent", Classes::USER),
    ];
    for (action, needed) in cases {
        let others = Classes::from_bits(Classes::ALL.bits() & !needed.bits());
        for asynchronous in ["", "Async: true\r\n"] {
            let input = format!("Action: {action}\r\n{asynchronous}\r\n");
            let (asked, got) = outcome(others, input.as_bytes());
            assert_eq!(
                (asked.len(), got),
                (0, vec![REFUSED.to_owned()]),
                "{action}"
            );
        }
    }
}

#[test]
fn what_asterisk_does_not_have_never_reaches_it() {
    let long = "x".repeat(600);
    for (action, shown) in [
        ("MeetmeList", "MeetmeList"),
        ("Ping ", "Ping "),
        ("CoreStatus\t", "CoreStatus\t"),
        (&long, &long[..486]),
    ] {
        let (asked, got) = outcome(Classes::ALL, format!("Action: {action}\r\n\r\n").as_bytes());
        assert_eq!(asked, [""; 0]);
        let mut text = format!(
            "Invalid/unknown command: {shown}. Use Action: ListCommands to show available commands."
        );
        text.truncate(511);
        assert_eq!(got, [format!("Response: Error|Message: {text}")]);
    }
}

/// Each input either reaches Asterisk as the action after `->`, or is answered with an error whose text begins so.
fn decide(cases: &[(&str, &str)]) {
    for (input, expected) in cases {
        let (asked, got) = outcome(Classes::ALL, input.as_bytes());
        let name = input.get(..80).unwrap_or(input).escape_debug();
        if let Some(action) = expected.strip_prefix("->") {
            assert_eq!((asked, got), (vec![action.to_owned()], vec![]), "{name}");
        } else {
            assert_eq!((asked.len(), got.len()), (0, 1), "{name}: {got:?}");
            let error = format!("Message: {expected}");
            assert!(got.concat().contains(&error), "{name}: {got:?}");
        }
    }
}

#[test]
fn headers_are_looked_up_as_by_asterisk() {
    let missing = "Missing action in request";
    let two = "More than one Action header in request";
    decide(&[
        ("\r\n", missing),
        ("X: y\r\n\r\n", missing),
        ("Action:\x01\x02CoreStatus\r\n\r\n", "->CoreStatus"),
        ("Action:\x01 \x1fFilter\r\nOperation: Add\r\n\r\n", "Filter"),
        ("aCTION:CORESTATUS\r\n\r\n", "->CORESTATUS"),
        ("Action : CoreStatus\r\n\r\n", missing),
        (" Action: CoreStatus\r\n\r\n", missing),
        ("Action: CoreStatus\r\nAction: Command\r\n\r\n", two),
        ("Action:\r\nAction: CoreStatus\r\n\r\n", two),
        (
            "Action: CoreStatus\r\nActionID: 1\r\nactionid: 2\r\n\r\n",
            "More than one ActionID header in request",
        ),
    ]);
}

#[test]
fn what_asterisk_would_read_otherwise_is_refused() {
    let long = "v".repeat(1010);
    let most = "A: b\r\n".repeat(127);
    let failed = "Failed to parse message: ";
    let too_long = "Failed to parse message: line too long";
    decide(&[
        (
            "Action: CoreStatus\r\n\0\r\nAction: Command\r\n\r\n",
            failed,
        ),
        ("Action: CoreStatus\r\nX: a\0b\r\n\r\n", failed),
        (
            "Action: CoreStatus\r\nX: a\rAction: Command\r\n\r\n",
            failed,
        ),
        (
            &format!("Action: CoreStatus\r\nX: {long}{long}\r\n\r\n"),
            too_long,
        ),
        // 1,023 bytes and LF: too long once the line ends in CR LF.
        (
            &format!("Action: CoreStatus\nXXXXXXXXXXX: {long}\n\n"),
            too_long,
        ),
        // 128 lines: one too many with our ActionID.
        (
            &format!("Action: CoreStatus\r\n{most}\r\n"),
            "Too many lines in message or allocation failure",
        ),
    ]);
}

#[test]
fn a_message_that_just_fits_is_forwarded_and_line_ends_become_cr_lf() {
    let value = "v".repeat(1019);
    let most = "A: b\n".repeat(125);
    let (asked, got) = outcome(
        Classes::ALL,
        format!("Action: CoreStatus\nX: {value}\n{most}\n").as_bytes(),
    );
    assert_eq!((asked[0].split('|').count(), got.len()), (127, 0));
    assert!(asked[0].starts_with(&format!("CoreStatus|X: {value}|A: b|")));
}

#[test]
fn what_belongs_to_the_session_is_answered_here() {
    let mut bench = Bench::new();
    let client = bench.client(writer(Classes::NONE));
    for (message, expected) in [
        (
            "Action: Login|Username: mux|Secret: wrong",
            "Response: Success|Message: Already authenticated",
        ),
        (
            "Action: Challenge|AuthType: md5",
            "Response: Success|Challenge: ",
        ),
        (
            "Action: Challenge",
            "Response: Error|Message: Must specify AuthType",
        ),
        (
            "Action: Ping",
            "Response: Success|Ping: Pong|Timestamp: 1700000000.000000",
        ),
        (
            "Action: Events|EventMask: off",
            "Response: Success|Events: Off",
        ),
        (
            "Action: Events|EventMask: call",
            "Response: Success|Events: On",
        ),
        (
            "Action: Events",
            "Response: Error|Message: Invalid event mask",
        ),
        ("Action: Filter|Operation: Add|Filter: .", REFUSED),
        (
            "Action: ListCommands",
            "Response: Success|Challenge: Generate Challenge for MD5 Auth.  (Priv: <none>)|Events: ",
        ),
    ] {
        bench.send(client, message);
        let got = bench.got(client);
        assert_eq!(got.len(), 1, "{message}");
        assert!(got[0].starts_with(expected), "{message}: {}", got[0]);
    }
    assert_eq!(bench.asked(), [""; 0]);
}

#[test]
fn list_commands_shows_what_the_user_may_run() {
    let mut bench = Bench::new();
    let client = bench.client(writer(Classes::REPORTING));
    bench.send(client, "Action: ListCommands");
    let got = bench.got(client);
    assert!(got[0].contains("|CoreStatus: s  (Priv: system,reporting,all)|"));
    assert!(got[0].contains("|QueueStatus: s  (Priv: <none>)"));
    assert!(!got[0].contains("Originate") && !got[0].contains("MeetmeList"));
}

#[test]
fn a_synchronous_originate_never_blocks_the_shared_session() {
    let cases = [
        (
            "Action: Originate|Channel: Local/1@x|Exten: 1|Context: c|Priority: 1",
            "Originate|Channel: Local/1@x|Exten: 1|Context: c|Priority: 1|Async: true",
        ),
        (
            "Action: Originate|async: no|Channel: Local/1@x|ASYNC: yes|Application: NoOp",
            "Originate|Channel: Local/1@x|Application: NoOp|Async: true",
        ),
        (
            "Action: Originate|Channel: Local/1@x|Application: NoOp|Async: On",
            "Originate|Channel: Local/1@x|Application: NoOp|Async: On",
        ),
    ];
    for (message, expected) in cases {
        let mut bench = Bench::new();
        let client = bench.client(user("a"));
        bench.send(client, message);
        assert_eq!(bench.asked(), [expected]);
    }
    let (asked, got) = outcome(
        Classes::ALL,
        b"Action: Originate\r\nChannel: Local/1@x\r\nExten: 1\r\nContext: c\r\nPriority: 1\r\nPreDialGoSub: x\r\n\r\n",
    );
    assert_eq!(asked, [""; 0]);
    assert!(got[0].contains("PreDialGoSub"));
}

/// With `guards = asterisk`. What is made asynchronous here loses Asterisk's guard on the thread of a session, by
/// which it sets all variables but those that write a dangerous function.
#[test]
fn a_synchronous_originate_writes_no_more_than_asterisk_would_let_it() {
    let originate = "Originate|Channel: Local/1@x|Application: NoOp";
    for (headers, expected) in [
        (
            "Variable: A=1,B=2|X: y",
            "Variable: A=1,B=2|X: y|Async: true",
        ),
        (
            "Variable: A=1,FILE(/tmp/x)=y|X: y|variable:B=2",
            "X: y|Async: true|Variable: A=1,|Variable: B=2",
        ),
        ("Variable: DB(a/b)=c", "Async: true|Variable: "),
        (
            "Async: true|Variable: DB(a/b)=c",
            "Async: true|Variable: DB(a/b)=c",
        ),
    ] {
        let mut bench = Bench::new();
        let mut user = writer(Classes::ORIGINATE);
        user.rights.guards = Guards::Asterisk;
        user.set_variables = vec![("S".to_owned(), "1".to_owned())];
        let client = bench.client(user);
        bench.send(client, &format!("Action: {originate}|{headers}"));
        let expected = format!("{originate}|{expected}|Variable: S=1");
        assert_eq!(bench.asked(), [expected], "{headers}");
    }
}

#[test]
fn configured_variables_stand_behind_the_clients_own() {
    let mut bench = Bench::new();
    let variables = [("A", "plain"), ("B", r#"a,"b"\c"#)];
    let client = bench.client(User {
        set_variables: variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        ..user("a")
    });
    bench.send(client, "Action: Originate|Variable: A=own|Channel: Local/1@x|Application: NoOp|Async: yes|Variable: C=1");
    let expected = r#"Originate|Variable: A=own|Channel: Local/1@x|Application: NoOp|Async: yes|Variable: C=1|Variable: A=plain|Variable: B=a\,\"b\"\\c"#;
    assert_eq!(bench.asked(), [expected]);
    bench.send(client, "Action: CoreStatus");
    assert_eq!(bench.asked()[1], "CoreStatus", "other actions have none");
}

#[test]
fn variables_that_do_not_fit_refuse_the_action() {
    let mut bench = Bench::new();
    let client = bench.client(User {
        set_variables: vec![("A".to_owned(), "b".to_owned()); 3],
        ..user("a")
    });
    let filler = "|X: y".repeat(121);
    bench.send(
        client,
        &format!("Action: Originate|Channel: Local/1@x|Application: NoOp{filler}"),
    );
    assert_eq!(bench.asked().len(), 0);
    assert_eq!(
        bench.got(client),
        ["Response: Error|Message: Too many lines in message or allocation failure"]
    );
}

#[test]
fn what_is_checked_inside_actions_is_checked_here() {
    let originate = Classes::ORIGINATE;
    for (write, message) in [
        (
            originate,
            "Action: Originate|Channel: Local/1@x|Application: System|Data: rm",
        ),
        (
            originate,
            "Action: Originate|Channel: Local/1@x|Application: NoOp|Variable: FILE(/tmp/x)=y",
        ),
        (Classes::CALL, "Action: Getvar|Variable: SHELL(id)"),
        (Classes::CALL, "Action: Status|Variables: SHELL(id)"),
    ] {
        let mut input = message.replace('|', "\r\n").into_bytes();
        input.extend_from_slice(b"\r\n\r\n");
        let (asked, got) = outcome(write, &input);
        assert_eq!((asked.len(), got.len()), (0, 1), "{message}");
        assert!(got[0].starts_with("Response: Error|"), "{message}");
    }
}

#[test]
fn the_administrator_is_told_of_refusals() {
    let mut bench = Bench::new();
    let client = bench.client(writer(Classes::NONE));
    bench.send(client, "Action: CoreStatus|Secret: hunter2");
    bench.send(client, "Action: Nonsense");
    let refused = bench
        .notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::Refused {
                user,
                action,
                reason,
                ..
            } => Some((user.as_str(), action.as_str(), &reason[..10])),
            _ => None,
        })
        .collect::<Vec<_>>();
    assert_eq!(
        refused,
        [
            ("a", "CoreStatus", "Permission"),
            ("a", "Nonsense", "Invalid/un")
        ]
    );
    assert!(!format!("{:?}", bench.notices).contains("hunter2"));
}
