//! With `guards = asterisk`: its decisions to the letter, holes included.

use super::*;
use crate::policy::rights::CommandRules;

fn asterisk(write: Classes) -> User {
    User {
        rights: Rights {
            guards: Guards::Asterisk,
            command_rules: CommandRules::Asterisk,
            ..Rights::default()
        },
        ..fixtures::user("someone", write)
    }
}

fn assert_table(write: Classes, cases: &[(&str, &str, Option<&str>)]) {
    let user = asterisk(write);
    for (action, headers, expected) in cases {
        let found = refusal_by(&user, action, headers);
        assert_eq!(found.as_deref(), *expected, "{action}: {headers:?}");
    }
}

#[test]
fn originate_is_decided_by_the_first_rule_that_matches() {
    let hidden = "Application: Queue\r\nData: q,,,,,script,${SHELL(id)}";
    assert_table(
        Classes::ORIGINATE,
        &[
            ("Originate", "Application: System", Some(ORIGINATE)),
            ("Originate", "Application: tryEXEC", Some(ORIGINATE)),
            (
                "Originate",
                "Application: Playback\r\nData: DB",
                Some(ORIGINATE),
            ),
            ("Originate", hidden, Some(ORIGINATE)),
            (
                "Originate",
                "Application: Queue\r\nData: q,,,,,s",
                Some(ORIGINATE),
            ),
            ("Originate", "Application: Queue\r\nData: q,,,,,\\", None),
            ("Originate", "Application: Queue\r\nData: q,,,,,,s", None),
            ("Originate", "Application: Playback\r\nData: S\\HELL", None),
            ("Originate", "Exten: 1\r\nData: SHELL", None),
            ("Originate", "Async: true\r\nVariable: FILE(/tmp/x)=y", None),
            ("Originate", "Variable: FILE(/tmp/x)=y", None),
        ],
    );
    assert_table(
        Classes::ORIGINATE.union(Classes::AGI),
        &[
            ("Originate", hidden, None),
            ("Originate", "Application: AGI", Some(ORIGINATE)),
            (
                "Originate",
                "Application: xQueue agi\r\nData: q,,,,,s",
                Some(ORIGINATE),
            ),
        ],
    );
    assert_table(Classes::ALL, &[("Originate", "Application: System", None)]);
}

#[test]
fn reading_is_decided_by_the_text_as_sent() {
    let cases = |action: &'static str, header: &str, text: &'static str| {
        for (value, expected) in [
            ("SHELL(id)", Some(text)),
            ("aEVALb", Some(text)),
            ("shell(id)", None),
            ("CUT(SH\\ELL(id),-,1)", None),
            ("SH${EMPTY}ELL(id)", None),
            ("AST_CONFIG(manager.conf,upstream,secret)", None),
        ] {
            let headers = format!("{header}: {value}");
            let reading = Classes::CALL.union(Classes::REPORTING);
            assert_table(reading, &[(action, &headers, expected)]);
            assert_table(Classes::ALL, &[(action, &headers, None)]);
        }
    };
    cases("Getvar", "Variable", GETVAR);
    cases("Status", "Variables", STATUS);
}

#[test]
fn the_rest_is_left_to_asterisk() {
    assert_table(
        Classes::ALL,
        &[
            ("GetConfig", "Filename: manager.conf", None),
            (
                "UpdateConfig",
                "DstFilename: manager.conf\r\nReload: yes",
                None,
            ),
            ("UpdateConfig", "Var-000000: #exec id", None),
            ("Setvar", "Variable: FILE(/tmp/x)\r\nValue: y", None),
            ("ModuleLoad", "LoadType: load\r\nModule: x", None),
            ("MixMonitor", "File: /tmp/x\r\nCommand: id", None),
            ("Monitor", "File: /tmp/x", None),
            ("ConfbridgeStartRecord", "RecordFile: a,,id", None),
            ("PJSIPNotify", "URI: sip:a@b", None),
            ("Command", "Command: core stop now", None),
            ("Command", "Command: module load x", Some(COMMAND)),
        ],
    );
}

#[test]
fn a_synchronous_originate_loses_what_asterisk_would_not_set() {
    let unchanged = [
        "",
        "Variable: A=1,B=2",
        "Variable: A=FILE(x)",
        "Variable: A=\"1,FILE(x)=y\"",
        "Variable: PROFILE(x)=1\r\nVariable: ,,",
        "Variable: MONITOR_EXEC=id",
    ];
    for headers in unchanged {
        let headers = format!("{headers}\r\n");
        let found = variables_without_escalation(Request::new(headers.as_bytes()));
        assert_eq!(found, None, "{headers:?}");
    }
    let last = format!("{}FILE(x)=y,b=2", "a=1,".repeat(63));
    let last_but_one = format!("{}FILE(x)=y,b=2,c=3", "a=1,".repeat(62));
    let beyond = format!("DB(x/y)=1,{}FILE(x)=y", "a=1,".repeat(70));
    for (headers, expected) in [
        ("Variable: FILE(x)=y", &[""] as &[&str]),
        ("Variable: A=1,FILE(x)=y,B=2", &["A=1,,B=2"]),
        ("Variable: A=1\r\nvariable:DB(a/b)=c,D=4", &["A=1", ",D=4"]),
        ("Variable: F\\ILE(x)=y,\"B=\\\",\"", &[",\"B=\\\",\""]),
        ("Variable: ARRAY(a,FILE(x))=y,z", &[",z"]),
        // The 64th item is the last and keeps its commas.
        (&format!("Variable: {last}"), &["a=1,".repeat(63).as_str()]),
        (
            &format!("Variable: {last_but_one}"),
            &[format!("{},b=2,c=3", "a=1,".repeat(62)).as_str()],
        ),
        (
            &format!("Variable: {beyond}"),
            &[format!(",{}FILE(x)=y", "a=1,".repeat(70)).as_str()],
        ),
    ] {
        let headers = format!("{headers}\r\n");
        let found = variables_without_escalation(Request::new(headers.as_bytes())).unwrap();
        let expected: Vec<&[u8]> = expected.iter().map(|value| value.as_bytes()).collect();
        assert_eq!(found, expected, "{headers:?}");
    }
}
