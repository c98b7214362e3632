//! What Asterisk looks at inside actions.

use crate::differences::Differences;
use crate::exchange::Asked;
use crate::matrix::compare_all;
use crate::support::{Amimux, Asterisk};
use crate::users::User;

/// Applications to be run by an Originate.
#[rustfmt::skip]
const APPLICATIONS: &[&str] = &[
    "System", "system", "TrySystem", " System", "Exec", "TryExec", "ExecIf", "AGI", "DeadAGI", "EAGI", "agi",
    "DBdeltree", "dbDelTree", "ExternalIVR", "MixMonitor", "StopMixMonitor", "Originate", "Reload",
    "Playback", "Dial", "NoOp", "Wait", "Queue", "queue",
];

/// What they are given.
#[rustfmt::skip]
const DATA: &[&str] = &[
    "x", "SHELL", "shell", "${SHELL(id)}", "EVAL", "PROFILE", "FILE", "CURL", "DB", "db", "ODBC", "REALTIME",
    "support,,,,10", "support,,,,10,agi.sh", "support,,,,10,", "support,,,,10,\"\"",
    "support,t,,,,agi.sh,,SHELL", "a(b,c),,,,x,y", "\"a,b\",,,,,z", "S\\HELL", "\"SHELL\"",
];

/// Variables and functions to be read.
#[rustfmt::skip]
const VARIABLES: &[&str] = &[
    "GREETING", "NOSUCH", "SHELL(true)", "shell(true)", "EVAL(x)", "S\\HELL(true)", "\"SHELL\"(true)",
    "SHELLS", "CUT(GREETING, ,1)", "CUT(${SHELL(true)},x,1)", "LEN(GREETING)", "ENV(NOSUCH)", "DB(no/such)",
    "FILE(/nosuch)", "AST_CONFIG(queues.conf,sales,strategy)", "AST_CONFIG(manager.conf,upstream,secret)",
    "AST_CONFIG(./manager.conf,upstream,secret)", "",
];

/// Commands of the CLI. `restart gracefully` is refused by both to everybody; nothing here would end Asterisk.
#[rustfmt::skip]
const COMMANDS: &[&str] = &[
    "", "core show version", "CORE SHOW version", "core  show\tversion", "\"core\" show version",
    "module load nosuch", "Module  LOAD nosuch", "module \tload nosuch", "module\tload nosuch",
    "\"module\" load nosuch", "module unload nosuch", "module reload nosuch", "module refresh nosuch",
    "restart gracefully ", "no such command", "manager show settings", "manager show user upstream",
    "manager kick session 99999", "database show", "dialplan show default", "queue add member x",
    "dialplan add nonsense", "core stop",
];

/// Configuration files.
#[rustfmt::skip]
const FILES: &[&str] = &[
    "", "queues.conf", " queues.conf ", "nosuch.conf", "../nosuch", "../../../../../etc/hostname",
    "/etc/hostname", "manager.conf", "./manager.conf", "acl.conf", "users.conf", "voicemail.conf",
    "manage*.conf", "x/../manager.conf",
];

/// Sends all requests as that user everywhere, and compares.
pub(crate) fn compare(
    asterisk: &Asterisk,
    faithful: &Amimux,
    safe: &Amimux,
    user: &User,
    differences: &mut Differences,
    faults: &mut Vec<String>,
) {
    let asked = requests();
    compare_all(&asked, asterisk, faithful, safe, user, differences, faults);
}

fn requests() -> Vec<Asked> {
    let groups = [originates(), variables(), commands(), files(), others()];
    groups.into_iter().flatten().collect()
}

/// The channel's technology does not exist: an Originate that is permitted fails at once, in another way.
fn originates() -> Vec<Asked> {
    let asked = |rest: &str| {
        Asked::new(
            "Originate",
            format!("Channel: NoTech/x\r\nTimeout: 100\r\n{rest}\r\n"),
        )
    };
    let mut all: Vec<_> = APPLICATIONS
        .iter()
        .map(|application| asked(&format!("Application: {application}\r\nData: x")))
        .collect();
    for data in DATA {
        for application in ["Playback", "Queue"] {
            all.push(asked(&format!(
                "Application: {application}\r\nData: {data}"
            )));
        }
    }
    all.extend([
        asked("Application:\r\nApplication: System"),
        asked("Application: Playback\r\nApplication: System"),
        asked("application: System"),
        asked("Exten: 100\r\nContext: ami-test\r\nPriority: 1\r\nData: SHELL"),
        asked("Exten: 100\r\nContext: no-such\r\nPriority: 1"),
        asked("Exten: 100\r\nContext: ami-test\r\nPriority: x"),
        asked("Application: Playback\r\nVariable: A=b"),
        asked("Application: Playback\r\nVariable: FILE(/tmp/decided)=x"),
        asked("Application: Playback\r\nAsync: true\r\nVariable: A=1,DB(decided/x)=y"),
        Asked::new("Originate", "Channel: nonsense\r\nApplication: System\r\n"),
        Asked::new(
            "Originate",
            "Channel: NoTech/x\r\nTimeout: x\r\nApplication: System\r\n",
        ),
    ]);
    all
}

fn variables() -> Vec<Asked> {
    let mut all = Vec::new();
    for name in VARIABLES {
        all.push(Asked::new("Getvar", format!("Variable: {name}\r\n")));
        all.push(Asked::new("Status", format!("Variables: {name}\r\n")));
    }
    all.push(Asked::new(
        "Getvar",
        "Variable: GREETING\r\nVariable: SHELL(true)\r\n",
    ));
    all.push(Asked::new(
        "Getvar",
        "Variable:\r\nVariable: SHELL(true)\r\n",
    ));
    for name in [
        "DECIDED",
        "DB(decided/y)",
        "FILE(/tmp/decided)",
        "SHELL(x)",
        "LOCK(x)",
        "GLOBAL(DECIDED)",
        "",
    ] {
        all.push(Asked::new(
            "Setvar",
            format!("Variable: {name}\r\nValue: v\r\n"),
        ));
    }
    all
}

fn commands() -> Vec<Asked> {
    COMMANDS
        .iter()
        .map(|command| Asked::new("Command", format!("Command: {command}\r\n")))
        .collect()
}

fn files() -> Vec<Asked> {
    let mut all = Vec::new();
    for file in FILES {
        for action in ["GetConfig", "GetConfigJSON", "ListCategories"] {
            all.push(Asked::new(action, format!("Filename: {file}\r\n")));
        }
    }
    for file in ["", "../nosuch/x", "/nosuch/x.conf"] {
        all.push(Asked::new("CreateConfig", format!("Filename: {file}\r\n")));
        all.push(Asked::new(
            "UpdateConfig",
            format!("SrcFilename: {file}\r\nDstFilename: {file}\r\n"),
        ));
    }
    all
}

fn others() -> Vec<Asked> {
    vec![
        Asked::new("ModuleLoad", "LoadType: load\r\nModule: nosuch\r\n"),
        Asked::new("ModuleLoad", "LoadType: unload\r\nModule: nosuch\r\n"),
        Asked::new("ModuleLoad", "LoadType: reload\r\nModule: ../nosuch\r\n"),
        Asked::new("ModuleLoad", "LoadType: other\r\nModule: nosuch\r\n"),
        Asked::new(
            "MixMonitor",
            "Channel: Local/none-0\r\nFile: a\r\nCommand: id\r\n",
        ),
        Asked::new("MixMonitor", "Channel: Local/none-0\r\nFile: a,b\r\n"),
        Asked::new("MixMonitor", "Channel: Local/none-0\r\nFile: recording\r\n"),
        Asked::new(
            "ConfbridgeStartRecord",
            "Conference: none\r\nRecordFile: /tmp/x\r\n",
        ),
        Asked::new("DBGet", "Family: no\r\nKey: such\r\n"),
        Asked::new("BridgeKick", "Channel: none\r\n"),
        Asked::new("BridgeDestroy", "BridgeUniqueid: none\r\n"),
        Asked::new("QueueWithdrawCaller", "Queue: none\r\nCaller: none\r\n"),
    ]
}
