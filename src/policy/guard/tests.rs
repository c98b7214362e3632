//! What each guard refuses and lets pass, rule by rule.

use super::*;
use crate::policy::action::ActionTable;
use crate::policy::class::Classes;
use crate::policy::decision::decide;
use crate::policy::fixtures;
use crate::policy::rights::Rights;

mod as_asterisk;
mod commands;
mod files;
mod law;
mod writes;

const PLAIN: Classes = Classes::from_bits(Classes::ALL.bits() & !Classes::SYSTEM.bits());
const ORIGINATE: &str = "Originate Access Forbidden: app or data blacklisted";
const GETVAR: &str = "GetVar Access Forbidden: Variable";
const STATUS: &str = "Status Access Forbidden: Variables";
const FILE: &str = "File requires escalated privileges";
const COMMAND: &str = "Command blacklisted";

/// The text of the refusal; `None` when the action passes.
fn refusal(action: &str, write: Classes, headers: &str) -> Option<String> {
    refusal_by(&fixtures::user("someone", write), action, headers)
}

/// As [`refusal`], for a user with every class and these rights.
fn refusal_with(rights: Rights, action: &str, headers: &str) -> Option<String> {
    let user = User {
        rights,
        ..fixtures::user("someone", Classes::ALL)
    };
    refusal_by(&user, action, headers)
}

fn refusal_by(user: &User, action: &str, headers: &str) -> Option<String> {
    let table = ActionTable::builtin();
    // Without a channel Asterisk does not even look at what an Originate is to run.
    let channel = match action {
        "Originate" => "Channel: X/1\r\n",
        _ => "",
    };
    let request = format!("Action: {action}\r\n{channel}{headers}\r\n");
    decide(&table, user, request.as_bytes())
        .err()
        .map(|refusal| String::from_utf8(refusal.message.into()).unwrap())
}

fn assert_refused(action: &str, write: Classes, refused: &str, headers: &[&str]) {
    for headers in headers {
        let found = refusal(action, write, headers);
        assert_eq!(found.as_deref(), Some(refused), "{action}: {headers:?}");
    }
}

fn assert_passes(action: &str, write: Classes, headers: &[&str]) {
    for headers in headers {
        assert_eq!(
            refusal(action, write, headers),
            None,
            "{action}: {headers:?}"
        );
    }
}

#[test]
fn the_class_comes_first() {
    assert_refused(
        "Originate",
        Classes::CALL,
        "Permission denied",
        &["", "Application: System"],
    );
    assert_refused(
        "Command",
        Classes::SYSTEM,
        "Permission denied",
        &["Command: core stop now"],
    );
    assert_passes("Ping", Classes::NONE, &[""]);
    assert_passes("DBPut", Classes::SYSTEM, &["Family: FILE(x)"]);
}

#[test]
fn guards_look_at_actions_that_exist() {
    let table = ActionTable::builtin();
    for row in GUARDS {
        assert_eq!(&*table.get(row.action.as_bytes()).unwrap().name, row.action);
    }
}

#[test]
fn a_guard_does_not_depend_on_the_spelling_that_asterisk_lists() {
    let line = b"GETVAR: odd  (Priv: call,all)".as_slice();
    let table = ActionTable::learned([line].into_iter());
    let user = fixtures::user("someone", Classes::CALL);
    let request = b"Action: getvar\r\nVariable: SHELL(id)\r\n";
    let refusal = decide(&table, &user, request).unwrap_err();
    assert_eq!(refusal.message, GETVAR.as_bytes());
}

#[test]
fn originate_applications() {
    let refused = [
        "Application: System\r\nData: id",
        "Application:  system ",
        "Application: TrySystem",
        "Application: TryExec",
        "Application: DEADagi",
        "Application: AGI",
        "Application: MixMonitor",
        "Application: DBdeltree",
        "Application: ExternalIVR",
        "Application: Originate",
        "Application: Reload",
        "Application: Playback\r\nData: ${SHELL(id)}",
        "Application: Playback\r\nData: PROFILE",
        "Application: Playback\r\nData: CURL",
        "Application: Playback\r\nData: a-DB-b",
        "Application: Set\r\nData: EVAL",
        "Application: Set\r\nData: ODBC_X",
        "Application: Set\r\nData: REALTIME",
        "Application: System\r\nApplication: Playback",
        "application: System",
    ];
    assert_refused("Originate", PLAIN, ORIGINATE, &refused);
    assert_passes("Originate", Classes::ALL, &refused);
    assert_passes(
        "Originate",
        PLAIN,
        &[
            "",
            "Exten: 1\r\nContext: c\r\nPriority: 1\r\nData: SHELL",
            "Application:\r\nApplication: System",
            "Application: Playback\r\nApplication: System",
            "Application: Playback\r\nData: hello",
            "Application: Playback\r\nData: shell",
        ],
    );
}

#[test]
fn originate_queue_with_an_agi() {
    let with_agi = "Application: Queue\r\nData: q,,,,,script";
    let agi = Classes::ORIGINATE.union(Classes::AGI);
    assert_refused(
        "Originate",
        Classes::ORIGINATE,
        ORIGINATE,
        &[
            with_agi,
            "Application: queue\r\nData: q,,,,,script,g",
            "Application: Queue\r\nData: \"q,\",,,,,\"script\"",
            "Application: Queue\r\nData: q\\,,,,,,script",
            "Application: Queue\r\nData: q,,,,,\\\\",
            "Application: Queue\r\nData: q,,,,, ",
            "Application: Queue\r\nData: q,{,},,,s",
            "Application: Queue\r\nData: q,(,),,,,s",
        ],
    );
    assert_passes(
        "Originate",
        Classes::ORIGINATE,
        &[
            "Application: Queue\r\nData: q",
            "Application: Queue\r\nData: q,,,,,,gosub",
            "Application: Queue\r\nData: q,,,,,\"\"",
            "Application: Queue\r\nData: q\\,,,,,",
            "Application: Queue\r\nData: q,,,,,\\",
            "Application: Queue\r\nData: q,,,,,\"\\",
            "Application: Queue\r\nData: q,\"(\",,,,s",
        ],
    );
    assert_passes("Originate", agi, &[with_agi]);
    assert_passes(
        "Originate",
        Classes::ORIGINATE.union(Classes::SYSTEM),
        &[with_agi],
    );
    // In Asterisk the rule for Queue decides alone and hides what follows it.
    assert_refused(
        "Originate",
        agi,
        ORIGINATE,
        &["Application: Queue\r\nData: q,,,,,script,${SHELL(id)}"],
    );
}

#[test]
fn originate_variables() {
    let refused = [
        "Variable: FILE(/tmp/x)=y",
        "Variable:FILE(/tmp/x)=y",
        "variable:   FILE(/tmp/x)=y",
        "Variable: A=1\r\nVariable: DB(a/b)=c",
        "Variable: A=1,DB(a/b)=c",
        "Variable: F\\ILE(/tmp/x)=y",
        "Variable: \"FILE\"(/tmp/x)=y",
        "Variable: \"FILE(/tmp/x)\"=y",
        "Variable: \"A=1\",FILE(/tmp/x)=y",
        "Variable: A=\\\",FILE(/tmp/x)=y",
        "Variable: A=),FILE(/tmp/x)=y",
        "Variable: \\\\FILE(x)=y",
        "Variable: _FILE(x)=y",
        "Variable: __FILE(x)=y",
        "Variable: A=1, FILE(x)=y",
        "Variable: FILE (x)=y",
        "Variable: SHELL(x)=y",
        "Variable: CURL(x)=y",
        "Variable: CONFBRIDGE(user,admin)=yes",
        "Variable: PERIODIC_HOOK(a)=y",
        "Variable: LOCK(a)=y",
        // Functions that set what their argument names.
        "Variable: ARRAY(FILE(/tmp/x))=y",
        "Variable: ARRAY(a,FILE(/tmp/x))=y,z",
        "Variable: ARRAY(F\\\\ILE(/tmp/x))=y",
        "Variable: MASTER_CHANNEL(GLOBAL(FILE(/tmp/x)))=y",
        "Variable: GLOBAL(FILE(x)),b))=y",
        // Read by a shell after a recording.
        "Variable: MONITOR_EXEC=id",
        "Variable: A=1,__MONITOR_EXEC_ARGS=x",
    ];
    assert_refused("Originate", PLAIN, ORIGINATE, &refused);
    assert_refused("Originate", Classes::ALL, ORIGINATE, &refused);
    let many = format!("Variable: {}FILE(x)=y", "a=1,".repeat(70));
    assert_refused("Originate", PLAIN, ORIGINATE, &[&many]);
    assert_passes(
        "Originate",
        PLAIN,
        &[
            "Variable: A=1,B=2",
            "Variable: A=FILE(x)",
            "Variable: A=\"1,FILE(x)=y\"",
            "Variable: A=1\\,FILE(x)=y",
            "Variable: A=(1,FILE(x)=y)",
            "Variable: FILE=1",
            "Variable: PROFILE(x)=1",
            "Variable: file(x)=1",
            "Variable: MY_FILE(x)=1",
            "Variable: MY_MONITOR_EXEC=1",
            "Variable: CHANNEL(language)=de",
            "Variable: PJSIP_HEADER(add,X-DB)=1",
            "Variable:",
        ],
    );
}

#[test]
fn getvar_and_status() {
    let reading = Classes::CALL.union(Classes::REPORTING);
    for (action, header, text) in [
        ("Getvar", "Variable", GETVAR),
        ("Status", "Variables", STATUS),
    ] {
        let headers = |values: &[&str]| -> Vec<String> {
            values
                .iter()
                .map(|value| format!("{header}: {value}"))
                .collect()
        };
        let by_class = headers(&[
            "SHELL(id)",
            "EVAL(x)",
            "a,SHELL(id)",
            "mySHELLs",
            "MASTER_CHANNEL(SHELL(id))",
            "CUT(SH\\ELL(id),-,1)",
            "SH\"\"ELL(id)",
            "CUT(SH${EMPTY}ELL(id),-,1)",
            "CUT(a$[1],-,1)",
        ]);
        let always = headers(&[
            "AST_CONFIG(manager.conf,upstream,secret)",
            "AST_CONFIG(./MANAGER.conf,upstream,secret)",
            "AST_CONFIG(man*.conf,upstream,secret)",
            "AST_CONF\\IG(manager.conf,upstream,secret)",
            "MASTER_CHANNEL(AST_CONFIG(\"manager.conf\",upstream,secret))",
            "AST_CONFIG(pjsip.conf,phone,password)",
            "FILE(/etc/asterisk/manager.conf,0,4096)",
            "CURL(file:///etc/asterisk/manager.conf)",
            "CURL(FILE:///etc/asterisk/manager.conf)",
        ]);
        let fine = headers(&[
            "",
            "CALLERID(num)",
            "shell(id)",
            "${X}",
            "AST_CONFIG(queues.conf,general,persistentmembers)",
            "CURL(http://localhost/)",
            "FILE(/etc/hostname)",
            "FILE_FORMAT(/etc/asterisk/manager.conf)",
        ]);
        for value in &by_class {
            assert_refused(action, reading, text, &[value]);
            assert_passes(action, Classes::ALL, &[value]);
        }
        for value in &always {
            assert_refused(action, reading, text, &[value]);
            assert_refused(action, Classes::ALL, text, &[value]);
        }
        for value in &fine {
            assert_passes(action, reading, &[value]);
        }
        let first_only = format!("{header}: a\r\n{header}: SHELL(id)");
        assert_passes(action, reading, &[&first_only]);
    }
}
