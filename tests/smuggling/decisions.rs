//! What Asterisk decides for a session of its own with these classes, written down once more, from the description of
//! its checks and from its own list of actions.

use super::reader::{Message, arguments};

/// What a real Asterisk 22 answered to `ListCommands`, asked with every right.
const LISTED: &str = include_str!("../data/policy/030-ListCommands.recv");

/// The answer's lines about actions.
pub fn listed() -> impl Iterator<Item = &'static str> {
    LISTED.lines().filter(|line| line.contains("  (Priv: "))
}

/// Actions of the session itself: whoever sends one upstream reaches into the session that all share.
const OF_THE_SESSION: &[&str] = &[
    "Login",
    "Logoff",
    "Challenge",
    "Events",
    "Filter",
    "WaitEvent",
    "ListCommands",
];

/// Why a message may not reach Asterisk from a client with these classes; `None` if it may.
pub fn objection(classes: &[&str], message: &Message) -> Option<String> {
    let action = message.action();
    let is = |name: &str| action.eq_ignore_ascii_case(name);
    if OF_THE_SESSION.iter().any(|own| is(own)) {
        return Some(format!("{action} is the session's own"));
    }
    let Some(line) = listed().find(|line| is(line.split(": ").next().unwrap_or_default())) else {
        return Some(format!("there is no action {action:?}"));
    };
    let needed = line
        .rsplit("(Priv: ")
        .next()
        .unwrap_or_default()
        .trim_end_matches(')');
    if needed != "<none>" && !needed.split(',').any(|class| classes.contains(&class)) {
        return Some(format!("{action} needs {needed}"));
    }
    let forbidden = if is("Originate") {
        !originate(classes, message)
    } else if is("Getvar") {
        !reading(classes, message.get("Variable"))
    } else if is("Status") {
        !reading(classes, message.get("Variables"))
    } else if is("Command") {
        blacklisted(message.get("Command"))
    } else {
        false
    };
    forbidden.then(|| format!("{action} with these arguments"))
}

fn holds(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|part| part == word.as_bytes())
}

fn reading(classes: &[&str], variable: &[u8]) -> bool {
    classes.contains(&"system") || !(holds(variable, "SHELL") || holds(variable, "EVAL"))
}

fn originate(classes: &[&str], message: &Message) -> bool {
    let application = message.get("Application").to_ascii_lowercase();
    let data = message.get("Data");
    if application.is_empty() || classes.contains(&"system") {
        return true;
    }
    let dangerous = [
        "agi",
        "dbdeltree",
        "exec",
        "externalivr",
        "mixmonitor",
        "originate",
        "reload",
        "system",
    ];
    if dangerous.iter().any(|word| holds(&application, word)) {
        return false;
    }
    let agi = holds(&application, "queue")
        && arguments(data)
            .get(5)
            .is_some_and(|argument| !argument.is_empty());
    if agi {
        return classes.contains(&"agi");
    }
    let words = ["CURL", "DB", "EVAL", "FILE", "ODBC", "REALTIME", "SHELL"];
    !words.iter().any(|word| holds(data, word))
}

fn blacklisted(command: &[u8]) -> bool {
    let words: Vec<_> = command
        .split(|byte| *byte == b' ')
        .filter(|word| !word.is_empty())
        .map(<[u8]>::to_ascii_lowercase)
        .take(2)
        .collect();
    [
        ["module", "load"],
        ["module", "unload"],
        ["restart", "gracefully"],
    ]
    .iter()
    .any(|black| words == black.map(|word| word.as_bytes().to_vec()))
}

/// Functions whose writing Asterisk forbids to sessions, but not to the call that an asynchronous Originate makes.
const DANGEROUS: &[&str] = &["CURL", "DB", "FILE", "PERIODIC_HOOK", "CONFBRIDGE", "SHELL"];

/// Whether the text calls the function: its name, maybe with the underscores that make a variable inherited, and a
/// parenthesis. A name that only ends alike (`MYFILE(`) is another function's.
fn calls(text: &[u8], function: &str) -> bool {
    let called = |open: &usize| {
        let name = text[..*open]
            .rsplit(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_')
            .next()
            .unwrap_or_default();
        let underscores = name.iter().take_while(|byte| **byte == b'_').count();
        &name[underscores..] == function.as_bytes()
    };
    (0..text.len())
        .filter(|at| text[*at] == b'(')
        .any(|open| called(&open))
}

/// Whether an Originate would set a variable by a dangerous function.
pub fn writes_dangerously(message: &Message) -> bool {
    message.all("Variable").iter().any(|value| {
        arguments(value).iter().any(|item| {
            let name = item.split(|byte| *byte == b'=').next().unwrap_or_default();
            item.contains(&b'=') && DANGEROUS.iter().any(|function| calls(name, function))
        })
    })
}
