//! The house rules that no compiler checks: who imports whom, no clock and no socket in the pure rooms, a word of
//! introduction in every file, no file that swallows its neighbours.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The rooms, lowest first. Those in one row may import each other.
const ROOMS: [&[&str]; 12] = [
    &["protocol"],
    &["policy"],
    &["config"],
    &["hub"],
    &["transport"],
    &["session", "upstream"],
    &["http", "metrics", "admin"],
    &["sim"],
    &["import"],
    &["daemon"],
    &["demo"],
    &["main", "cli", "lib"],
];

/// The simulated PBX shares no more with the proxy than the protocol, so that each checks the other.
const SIM_IMPORTS: [&str; 3] = ["sim", "protocol", "policy"];

/// Rooms that know no tokio, no socket and no clock.
const PURE: [&str; 4] = ["protocol", "policy", "config", "hub"];

/// Words that have no place in a pure room.
const IMPURE: [&str; 15] = [
    "tokio",
    "tokio_util",
    "socket2",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "ToSocketAddrs",
    "Instant",
    "SystemTime",
    "std::thread",
    "std::process",
    "std::env",
    "getrandom",
];

/// Longest file, tests and comments included.
const LINES_MAX: usize = 450;

struct Source {
    /// Path below `src/`.
    path: String,
    room: String,
    text: String,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let source = root().join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    files.sort();
    assert!(files.len() > 50, "src/ was not found whole");
    files
        .iter()
        .map(|file| {
            let path = file.strip_prefix(&source).unwrap().to_str().unwrap();
            let room = path.split(['/', '.']).next().unwrap();
            Source {
                path: path.to_owned(),
                room: room.to_owned(),
                text: std::fs::read_to_string(file).unwrap(),
            }
        })
        .collect()
}

fn rank(room: &str) -> Option<usize> {
    ROOMS.iter().position(|row| row.contains(&room))
}

/// A line without its comment. A `//` within text ends it too early, which hides nothing that is looked for here.
fn code(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Where `word` stands in `line` as a whole word.
fn find_word(line: &str, word: &str) -> Option<usize> {
    line.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = at.checked_sub(1).map(|at| line.as_bytes()[at]);
        let after = line.as_bytes().get(at + word.len()).copied();
        !before.is_some_and(is_word_byte) && !after.is_some_and(is_word_byte)
    })
}

/// What stands before the tests of a file, and the tests.
fn before_and_in_tests<'a>(path: &str, text: &'a str) -> (&'a str, &'a str) {
    if path.contains("/tests/") || path.ends_with("tests.rs") {
        return ("", text);
    }
    let at = text.find("#[cfg(test)]").unwrap_or(text.len());
    text.split_at(at)
}

/// Every name behind `crate::`, `amimux::` or `super`s that lead to the crate's root, in all code of a file.
fn imported(path: &str, text: &str) -> BTreeSet<String> {
    let (before, tests) = before_and_in_tests(path, text);
    let mut names = names_behind_root(before, depth(path));
    // A module within the file is one level deeper, and so is a file under another module's name.
    names.extend(names_behind_root(tests, depth(path) + 1));
    names
}

/// The names in `text`, where `depth` times `super` is the root. A list in braces is opened, over lines too.
fn names_behind_root(text: &str, depth: usize) -> BTreeSet<String> {
    let code = text.lines().map(code).collect::<Vec<_>>().join("\n");
    let mut names = BTreeSet::new();
    for start in ["crate::", "amimux::", &"super::".repeat(depth)] {
        for (at, _) in code.match_indices(start) {
            let before = at.checked_sub(1).map(|at| code.as_bytes()[at]);
            if before.is_some_and(|byte| is_word_byte(byte) || byte == b':') {
                continue;
            }
            let rest = &code[at + start.len()..];
            match rest.strip_prefix('{') {
                Some(list) => names.extend(top_level_names(list)),
                None => names.extend([first_name(rest)]),
            }
        }
    }
    names
}

/// How many modules deep a file is: as many `super`s lead to the crate's root.
fn depth(path: &str) -> usize {
    let parts = path.trim_end_matches(".rs").split('/');
    parts.filter(|part| *part != "mod").count()
}

fn first_name(text: &str) -> String {
    text.bytes()
        .take_while(|byte| is_word_byte(*byte))
        .map(char::from)
        .collect()
}

/// The first name of each entry of `{a, b::{c, d}, e}`, its opening brace already gone.
fn top_level_names(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut level, mut entry) = (1, String::new());
    for character in list.chars() {
        match character {
            '{' => level += 1,
            '}' => level -= 1,
            ',' if level == 1 => names.push(std::mem::take(&mut entry)),
            _ if level == 1 => entry.push(character),
            _ => {}
        }
        if level == 0 {
            break;
        }
    }
    names.push(entry);
    names
        .iter()
        .map(|entry| first_name(entry.trim()))
        .filter(|name| !name.is_empty())
        .collect()
}

fn assert_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

#[test]
fn every_file_belongs_to_a_room() {
    let strays: Vec<String> = sources()
        .into_iter()
        .filter(|source| rank(&source.room).is_none())
        .map(|source| source.path)
        .collect();
    assert_none(
        "not in a room; add the room to the table in tests/tidy.rs and to src/lib.rs",
        &strays,
    );
}

#[test]
fn lower_rooms_never_import_higher_ones() {
    let mut offences = Vec::new();
    for source in sources() {
        let own = rank(&source.room).unwrap();
        for room in imported(&source.path, &source.text) {
            // Other names are not rooms: `crate::Thing` would be an export of the root, which has none.
            if let Some(other) = rank(&room) {
                let wrong = match source.room.as_str() {
                    "sim" => !SIM_IMPORTS.contains(&room.as_str()),
                    _ => other > own,
                };
                if wrong {
                    offences.push(format!("{} imports {room}", source.path));
                }
            }
        }
    }
    assert_none("imports go down only", &offences);
}

#[test]
fn only_the_demo_and_tests_know_the_simulated_pbx() {
    let offences: Vec<String> = sources()
        .into_iter()
        .filter(|source| !matches!(source.room.as_str(), "sim" | "demo" | "lib"))
        .filter(|source| imported(&source.path, &source.text).contains("sim"))
        .map(|source| source.path)
        .collect();
    assert_none("the proxy does not need it", &offences);
}

#[test]
fn pure_rooms_know_no_tokio_no_socket_and_no_clock() {
    let mut offences = Vec::new();
    for source in sources() {
        // The simulated PBX is pure too, but for the shell that serves it.
        let pure = PURE.contains(&source.room.as_str())
            || source.room == "sim" && !source.path.ends_with("server.rs");
        if !pure {
            continue;
        }
        // Files are read for the configuration, and by tests that look at recordings.
        let (before, _) = before_and_in_tests(&source.path, &source.text);
        let fileless = source.room != "config";
        for (index, line) in source.text.lines().enumerate() {
            let file_system = (fileless && index < before.lines().count()).then_some(&"std::fs");
            let words = IMPURE.iter().chain(file_system);
            for word in words.filter(|word| find_word(code(line), word).is_some()) {
                offences.push(format!("{}:{}: {word}", source.path, index + 1));
            }
        }
    }
    assert_none("pure rooms", &offences);
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|source| {
            let first = source.text.lines().next().unwrap_or_default();
            first
                .strip_prefix("//! ")
                .is_none_or(|words| words.trim().len() < 15)
        })
        .map(|source| source.path)
        .collect();
    assert_none("the first line is a //! paragraph", &silent);
}

#[test]
fn no_file_swallows_its_neighbours() {
    let long: Vec<String> = sources()
        .iter()
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > LINES_MAX)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert_none("one idea for each file", &long);
}

#[test]
fn nothing_is_put_off() {
    let mut offences = Vec::new();
    for source in sources() {
        for (index, line) in source.text.lines().enumerate() {
            for word in ["TODO", "FIXME", "XXX", "HACK"] {
                if find_word(line, word).is_some() {
                    offences.push(format!("{}:{}: {word}", source.path, index + 1));
                }
            }
        }
    }
    assert_none("do it, or decide not to", &offences);
}

#[test]
fn the_checks_see_what_they_look_for() {
    let text = "use crate::hub::{Hub, Now};\nuse crate::{config, session::{client, flush}};\n// crate::daemon\n\
                fn f() { super::super::policy::x(); crate::protocol::y() }\nuse super::near;\n";
    let found: Vec<String> = imported("policy/guard.rs", text).into_iter().collect();
    assert_eq!(found, ["config", "hub", "policy", "protocol", "session"]);
    assert_eq!(
        (depth("hub/mod.rs"), depth("hub/log.rs"), depth("lib.rs")),
        (1, 2, 1)
    );
    assert_eq!(find_word("use tokio::net;", "tokio"), Some(4));
    assert_eq!(find_word("tokio_util", "tokio"), None);
    assert_eq!(find_word("InstantX Instant", "Instant"), Some(9));
    assert_eq!(code("a // b"), "a ");
}
