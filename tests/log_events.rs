//! The names of log events: the table in docs/log.md and the source say the same. And what may not be logged at all:
//! at the default level, a busy connection is silent.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use amimux::sim::PbxOptions;
use support::{AmiClient, Amimux, Simulated, configuration, repository, until};

/// Lines of these folders need no name yet; where they have one, it is in the table.
const MAY_BE_UNNAMED: [&str; 1] = ["src/daemon/"];

/// Level and fields of an event.
type Facts = (String, BTreeSet<String>);

/// One line of the source that logs.
#[derive(Debug)]
struct Call {
    level: String,
    name: Option<String>,
    fields: BTreeSet<String>,
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

/// The arguments of a macro whose text begins behind its parenthesis.
fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let mut arguments = vec![String::new()];
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => break,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        arguments.last_mut().unwrap().push(c);
    }
    arguments
        .iter()
        .map(|argument| argument.trim().to_owned())
        .filter(|argument| !argument.is_empty())
        .collect()
}

/// What a file logs at level info or above, outside its tests.
fn calls(text: &str) -> Vec<Call> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let mut calls = Vec::new();
    for level in ["info", "warn", "error"] {
        for (at, found) in text.match_indices(&format!("{level}!(")) {
            let before = text.get(..at).unwrap().chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let mut call = Call {
                level: level.to_owned(),
                name: None,
                fields: BTreeSet::new(),
            };
            for argument in arguments(text.get(at + found.len()..).unwrap()) {
                if let Some(name) = argument.strip_prefix("name: ") {
                    call.name = Some(name.trim_matches('"').to_owned());
                } else if !argument.starts_with('"') && !argument.starts_with("target: ") {
                    let field = argument.split(" = ").next().unwrap();
                    call.fields
                        .insert(field.trim_start_matches(['%', '?']).to_owned());
                }
            }
            calls.push(call);
        }
    }
    calls
}

/// The events in the source; what has no name.
fn in_source() -> (BTreeMap<String, Facts>, Vec<String>) {
    let mut files = Vec::new();
    sources(&repository().join("src"), &mut files);
    let (mut events, mut unnamed) = (BTreeMap::<String, Facts>::new(), Vec::new());
    for file in files.iter().filter(|file| !file.ends_with("tests.rs")) {
        let path = file.strip_prefix(repository()).unwrap().to_str().unwrap();
        for call in calls(&fs::read_to_string(file).unwrap()) {
            let Some(name) = call.name else {
                if !MAY_BE_UNNAMED.iter().any(|folder| path.starts_with(folder)) {
                    unnamed.push(format!("{path}: {call:?}"));
                }
                continue;
            };
            let (level, fields) = events.entry(name.clone()).or_default();
            assert!(
                level.is_empty() || *level == call.level,
                "{name}: two levels"
            );
            level.clone_from(&call.level);
            fields.extend(call.fields);
        }
    }
    (events, unnamed)
}

fn in_table() -> BTreeMap<String, Facts> {
    let text = fs::read_to_string(repository().join("docs/log.md")).unwrap();
    let section = text.split("\n## Events\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut events = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, level, meaning, fields] = cells.as_slice() else {
            panic!("{row}");
        };
        assert!(!meaning.is_empty(), "{row}");
        let fields = fields
            .split([' ', '`', '|'])
            .filter(|name| !name.is_empty());
        let facts = ((*level).to_owned(), fields.map(str::to_owned).collect());
        let twice = events.insert(name.trim_matches('`').to_owned(), facts);
        assert!(twice.is_none(), "{row}");
    }
    events
}

#[test]
fn the_table_of_events_is_that_of_the_source() {
    let (source, unnamed) = in_source();
    assert!(unnamed.is_empty(), "without a name: {unnamed:#?}");
    assert!(source.len() > 15, "{source:?}");
    assert_eq!(in_table(), source);
    for name in source.keys() {
        let is_kebab = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(name.chars().all(is_kebab) && name != "other", "{name}");
    }
}

#[test]
fn calls_are_read_as_they_are_written() {
    let text = "warn!(\n    name: \"a-b\",\n    target: \"x\",\n    %error, why = cut(a, 3), ?user,\n    \"text, (more\"\n);\n\
                my_info!(x); tracing::info!(\"only text\"); debug!(y);\n#[cfg(test)]\nmod tests { info!(z) }";
    let calls = calls(text);
    let [info, warn] = calls.as_slice() else {
        panic!("{calls:?}");
    };
    assert_eq!((info.level.as_str(), &info.name), ("info", &None));
    assert!(info.fields.is_empty());
    assert_eq!(warn.name.as_deref(), Some("a-b"));
    let fields: Vec<_> = warn.fields.iter().map(String::as_str).collect();
    assert_eq!(fields, ["error", "user", "why"]);
}

#[test]
fn rooms_that_each_event_passes_do_not_log() {
    for room in ["protocol", "policy", "config", "hub"] {
        let mut files = Vec::new();
        sources(&repository().join("src").join(room), &mut files);
        assert!(files.len() > 5, "{room}");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            assert!(!text.contains("tracing"), "{}", file.display());
        }
    }
}

#[test]
fn nothing_is_logged_for_each_event_or_action() {
    let asterisk = Simulated::start_with(PbxOptions {
        calls_per_second: 50.0,
        ..PbxOptions::default()
    });
    let amimux = Amimux::start_with(&configuration(asterisk.port), &["--log", "info"]);
    until("amimux is connected", || {
        amimux.log().contains("Asterisk is connected").then_some(())
    });
    let mut client = AmiClient::session(amimux.port, "app1", "on");
    until("the login is logged", || {
        amimux.log().contains(" login ").then_some(())
    });
    let before = amimux.log();
    let (mut events, mut answers) = (0, 0);
    while events < 500 || answers < 100 {
        if answers < 100 {
            client.action(&[("Action", "CoreStatus")]);
        }
        let message = client.read_message().expect("a connection that stays");
        match message.starts_with(b"Event: ") {
            true => events += 1,
            false => answers += 1,
        }
    }
    assert_eq!(amimux.log(), before);
}
