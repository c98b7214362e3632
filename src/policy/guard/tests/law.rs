//! The law of the safe way: it never lets pass what Asterisk refuses.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::policy::rights::CommandRules;

/// Words that some rule looks for, and what hides, joins or ends them.
const PIECES: &[&str] = &[
    "System",
    "exec",
    "agi",
    "Queue",
    "q",
    "EVAL",
    "SHELL",
    "FILE",
    "DB",
    "CURL",
    "(",
    ")",
    ",",
    "=",
    "\"",
    "\\",
    " ",
    "\t",
    "[",
    "]",
    "${",
    "}",
    "/",
    "..",
    "a",
    "module",
    "load",
    "unload",
    "restart",
    "gracefully",
    "core",
    "show",
    "manager.conf",
    "AST_CONFIG",
    ",,,,,",
];

const HEADERS: &[&str] = &[
    "Application",
    "Data",
    "Variable",
    "Variables",
    "Command",
    "Filename",
    "Async",
    "LoadType",
    "Module",
    "File",
];

const ACTIONS: &[&str] = &[
    "Originate",
    "Getvar",
    "Status",
    "Setvar",
    "Command",
    "GetConfig",
    "UpdateConfig",
    "ModuleLoad",
    "MixMonitor",
];

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(select(PIECES), 0..8).prop_map(|pieces| pieces.concat())
}

fn headers() -> impl Strategy<Value = String> {
    let line = (select(HEADERS), text()).prop_map(|(name, value)| format!("{name}: {value}\r\n"));
    proptest::collection::vec(line, 0..5).prop_map(|lines| lines.concat())
}

fn classes() -> impl Strategy<Value = Classes> {
    let base = Classes::ORIGINATE
        .union(Classes::CALL)
        .union(Classes::CONFIG)
        .union(Classes::COMMAND);
    select(vec![
        base,
        base.union(Classes::AGI),
        base.union(Classes::SYSTEM),
        Classes::ALL,
    ])
}

fn user(write: Classes, guards: Guards, command_rules: CommandRules) -> User {
    User {
        rights: Rights {
            guards,
            command_rules,
            allowed_files: vec!["manager.conf".to_owned()],
            allowed_commands: vec![vec!["module".to_owned()], vec!["core".to_owned()]],
            ..Rights::default()
        },
        ..fixtures::user("someone", write)
    }
}

proptest! {
    #[test]
    fn safe_is_never_more_than_asterisk(write in classes(), action in select(ACTIONS), headers in headers()) {
        let safe = user(write, Guards::Safe, CommandRules::Safe);
        let asterisk = user(write, Guards::Asterisk, CommandRules::Asterisk);
        if let Some(text) = refusal_by(&asterisk, action, &headers) {
            prop_assert_eq!(refusal_by(&safe, action, &headers), Some(text));
        }
    }

    /// What is made asynchronous passes the safe check of variables, and dropping is done once.
    #[test]
    fn nothing_dangerous_is_left(values in proptest::collection::vec(text(), 0..4)) {
        let lines = |values: &[Vec<u8>]| -> Vec<u8> {
            values.iter().flat_map(|value| [b"Variable: ", &**value, b"\r\n"].concat()).collect()
        };
        let values: Vec<Vec<u8>> = values.into_iter().map(String::into_bytes).collect();
        if let Some(left) = variables_without_escalation(Request::new(&lines(&values))) {
            prop_assert_eq!(left.len(), values.len());
            let left = lines(&left);
            prop_assert_eq!(variables_without_escalation(Request::new(&left)), None);
            let user = fixtures::user("someone", Classes::ALL);
            prop_assert_eq!(originate::check_variables(&user, Request::new(&left)), Ok(()));
        }
    }
}
