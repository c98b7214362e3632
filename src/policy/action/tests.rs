//! The table of actions: look-up, what Asterisk's own list changes, and ListCommands written back.

use proptest::prelude::*;

use super::*;
use crate::policy::fixtures;

const ALL_RECORDED: &[u8] = include_bytes!("../../../tests/data/policy/030-ListCommands.recv");
const ORIGINATE_RECORDED: &[u8] =
    include_bytes!("../../../tests/data/policy/259-odd-permission-listcommands-callonly.recv");

fn recorded() -> ActionTable {
    learned(ALL_RECORDED)
}

fn learned(answer: &[u8]) -> ActionTable {
    ActionTable::learned(answer.split(|byte| *byte == b'\n'))
}

fn listed(table: &ActionTable, write: Classes) -> String {
    let mut out = BytesMut::new();
    table.list_commands(&fixtures::user("someone", write), &mut out);
    let text = String::from_utf8(out.to_vec()).unwrap();
    // Those of amimux's own are in no Asterisk's list.
    text.split_inclusive('\n')
        .filter(|line| !line.starts_with("Mux"))
        .collect()
}

/// The answer without its head and its closing blank line.
fn body(answer: &[u8]) -> &str {
    let answer = std::str::from_utf8(answer).unwrap();
    let (_, after_response) = answer.split_once("\r\n").unwrap();
    let (_, body) = after_response.split_once("\r\n").unwrap();
    body.strip_suffix("\r\n").unwrap()
}

#[test]
fn a_recorded_list_is_written_back_byte_for_byte() {
    assert_eq!(listed(&recorded(), Classes::ALL), body(ALL_RECORDED));
    assert_eq!(
        listed(&recorded(), Classes::ORIGINATE),
        body(ORIGINATE_RECORDED)
    );
}

#[test]
fn the_recorded_classes_are_those_built_in() {
    let builtin = ActionTable::builtin();
    for action in recorded().iter() {
        let known = builtin.get(action.name.as_bytes()).expect(&action.name);
        assert_eq!(known.classes, action.classes, "{}", action.name);
        assert_eq!(known.handling, action.handling, "{}", action.name);
        if action.handling.is_local() {
            assert_eq!(known.synopsis, action.synopsis, "{}", action.name);
        }
    }
}

#[test]
fn the_built_in_rows_are_in_order_and_unique() {
    for pair in ROWS.windows(2) {
        let order = compare(pair[0].name.as_bytes(), pair[1].name.as_bytes());
        assert_eq!(order, Ordering::Less, "{} {}", pair[0].name, pair[1].name);
    }
    assert_eq!(ActionTable::builtin().iter().count(), ROWS.len());
}

#[test]
fn names_compare_ignoring_case_and_whole() {
    let table = ActionTable::builtin();
    for (name, expected) in [
        ("Ping", Some("Ping")),
        ("pInG", Some("Ping")),
        ("Ping ", None),
        ("Pin", None),
        ("", None),
        ("Agents", Some("Agents")),
        ("AGENTLOGOFF", Some("AgentLogoff")),
        ("waitevent", Some("WaitEvent")),
        ("Queues", Some("Queues")),
        ("NoSuchAction", None),
    ] {
        let found = table.get(name.as_bytes()).map(|action| &*action.name);
        assert_eq!(found, expected, "{name:?}");
    }
}

#[test]
fn handling_does_not_depend_on_what_asterisk_lists() {
    let table = learned(b"LOGIN: odd  (Priv: system,all)\r\nfilter: odd  (Priv: <none>)\r\n");
    assert_eq!(table.get(b"Login").unwrap().handling, Handling::Login);
    assert_eq!(table.get(b"Filter").unwrap().handling, Handling::Filter);
    assert_eq!(table.get(b"Ping").unwrap().handling, Handling::Ping);
    assert!(table.get(b"Originate").is_none(), "not listed");
    assert!(table.get(b"Hangup").is_none(), "not listed");
    let own = table
        .iter()
        .filter(|action| !action.name.starts_with("Mux"));
    assert_eq!(own.count(), 8);
}

#[test]
fn administration_is_for_class_system_whatever_asterisk_lists() {
    let table = learned(b"MuxKick: odd  (Priv: <none>)\r\nMuxTape: odd  (Priv: <none>)\r\n");
    assert_eq!(table.get(b"MuxTape").unwrap().handling, Handling::Forward);
    for name in ADMINISTRATION {
        let action = table.get(name.as_bytes()).expect(name);
        assert_eq!(action.handling, Handling::Administration, "{name}");
        assert_eq!(action.classes, Classes::SYSTEM, "{name}");
        let with = |write| may_run(action, &fixtures::user("someone", write));
        assert!(
            with(Classes::SYSTEM) && !with(Classes::CONFIG.union(Classes::CALL)),
            "{name}"
        );
    }
    let socket = ActionTable::of_control_socket();
    assert_eq!(socket.iter().count(), ADMINISTRATION.len() + 4);
    assert!(socket.get(b"Originate").is_none() && socket.get(b"Login").is_none());
}

#[test]
fn classes_that_cannot_be_read_refuse_the_action() {
    for (line, expected) in [
        ("X: s  (Priv: <none>)", Some(Classes::NONE)),
        ("X: s  (Priv: call,all)", Some(Classes::CALL)),
        ("X:   (Priv: call,all)", Some(Classes::CALL)),
        ("X: a  (Priv: b)  (Priv: call,all)", Some(Classes::CALL)),
        ("X: s  (Priv: all)", Some(without_label())),
        ("X: s  (Priv: call)", None),
        ("X: s  (Priv: call,new,all)", None),
        ("X: s  (Priv: Call,all)", None),
        ("X: s  (Priv: call,all,all)", None),
        ("X: s  (Priv: ,all)", None),
        ("X: s  (Priv: )", None),
        ("X: s  (Priv: call,all", None),
        ("X: s (Priv: call,all)", None),
        ("Response: Success", None),
        (": s  (Priv: <none>)", None),
    ] {
        let classes = parse_line(line.as_bytes()).map(|action| action.classes);
        assert_eq!(classes, expected, "{line:?}");
    }
}

#[test]
fn a_class_without_label_needs_every_class() {
    let table = learned(b"X: s  (Priv: all)\r\n");
    let action = table.get(b"x").unwrap();
    assert!(may_run(action, &fixtures::user("someone", Classes::ALL)));
    let labelled = Classes::from_bits(Classes::ALL.bits() & !without_label().bits());
    assert!(!may_run(action, &fixtures::user("someone", labelled)));
    assert!(listed(&table, Classes::ALL).contains("X: s  (Priv: all)\r\n"));
}

#[test]
fn any_class_is_enough_and_none_is_open() {
    let table = ActionTable::builtin();
    let hangup = table.get(b"Hangup").unwrap();
    assert!(may_run(hangup, &fixtures::user("someone", Classes::CALL)));
    assert!(may_run(hangup, &fixtures::user("someone", Classes::SYSTEM)));
    assert!(!may_run(
        hangup,
        &fixtures::user("someone", Classes::REPORTING)
    ));
    assert!(may_run(
        table.get(b"Ping").unwrap(),
        &fixtures::user("someone", Classes::NONE)
    ));
}

#[test]
fn shapes_are_known_for_the_known_only() {
    let table = learned(
        b"QueueStatus: s  (Priv: <none>)\r\nIAXnetstats: s  (Priv: <none>)\r\nTheirs: s  (Priv: <none>)\r\n",
    );
    let status = table.get(b"QueueStatus").unwrap();
    assert_eq!(status.shape, ReplyShape::Ordinary);
    assert_eq!(status.list_end, Some("QueueStatusComplete"));
    let raw = table.get(b"IAXnetstats").unwrap();
    assert_eq!((raw.shape, raw.list_end), (ReplyShape::Irregular, None));
    let theirs = table.get(b"Theirs").unwrap();
    assert_eq!(
        (theirs.shape, theirs.list_end),
        (ReplyShape::Irregular, None)
    );
}

proptest! {
    /// Nothing that an Asterisk might send makes a table whose names cannot be looked up.
    #[test]
    fn every_listed_action_is_found(answer in "([A-Za-z]{0,3}: ?[a-z ]{0,3}  \\(Priv: (call,all|<none>|x)\\)\r\n){0,9}") {
        let table = learned(answer.as_bytes());
        for action in table.iter() {
            let upper = action.name.to_ascii_uppercase();
            prop_assert_eq!(table.get(upper.as_bytes()), Some(action));
        }
    }
}

/// The actions of which Asterisk asks no class although they change something.
const OPEN_BUT_WRITING: &[&str] = &[
    "BridgeDestroy",
    "BridgeKick",
    "BridgeTechnologySuspend",
    "BridgeTechnologyUnsuspend",
    "QueueReload",
    "QueueReset",
    "QueueChangePriorityCaller",
    "QueueWithdrawCaller",
    "DAHDITransfer",
    "DAHDIHangup",
    "DAHDIDialOffhook",
    "DAHDIDNDon",
    "DAHDIDNDoff",
    "DAHDIRestart",
    "PRIDebugSet",
    "PRIDebugFileUnset",
];

#[test]
fn open_actions_are_known_to_read_or_to_write() {
    const READING: &[&str] = &[
        "BridgeInfo",
        "BridgeList",
        "BridgeTechnologyList",
        "DAHDIShowChannels",
        "DAHDIShowStatus",
        "DataGet",
        "PRIShowSpans",
        "QueueRule",
        "Queues",
        "QueueStatus",
        "QueueSummary",
    ];
    let table = ActionTable::builtin();
    let open: Vec<&Action> = table
        .iter()
        .filter(|action| action.classes.is_empty() && !action.handling.is_local())
        .collect();
    assert_eq!(open.len(), READING.len() + OPEN_BUT_WRITING.len());
    for action in open {
        let name = &*action.name;
        assert_eq!(action.only_reads, READING.contains(&name), "{name}");
        assert_ne!(
            action.only_reads,
            OPEN_BUT_WRITING.contains(&name),
            "{name}"
        );
    }
}

#[test]
fn what_sends_evaluates_or_changes_does_not_only_read() {
    let table = ActionTable::builtin();
    for (name, expected) in [
        ("CoreShowChannels", true),
        ("DBGet", true),
        ("GetConfig", true),
        ("ModuleCheck", true),
        ("MWIGet", true),
        ("SIPpeers", true),
        // Functions that they are told to read can run commands and change variables.
        ("Getvar", false),
        ("Status", false),
        ("Command", false),
        ("LoggerRotate", false),
        ("MWIUpdate", false),
        ("PJSIPQualify", false),
        ("PJSIPRegister", false),
        ("SIPqualifypeer", false),
        ("SorceryMemoryCachePopulate", false),
        ("UserEvent", false),
        ("VoicemailRefresh", false),
    ] {
        let action = table.get(name.as_bytes()).unwrap();
        assert_eq!(action.only_reads, expected, "{name}");
    }
    let unknown = learned(b"Theirs: s  (Priv: <none>)\r\n");
    assert!(!unknown.get(b"Theirs").unwrap().only_reads);
}
