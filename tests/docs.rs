//! What the documents say is so: commands exist, options are in the table with the defaults that are named, the
//! configuration shown can be used, quoted messages are in the source, links lead somewhere.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends by panicking"
)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use amimux::config;
use amimux::config::options::{OptionDoc, Place, documented};
use amimux::policy::class::LABELS;

/// Words in code style in the README that are neither options nor classes: a program, words of Asterisk's commands.
const OTHER_WORDS: [&str; 5] = ["nc", "restart", "stop", "now", "gracefully"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every document, by its path below the root.
fn documents() -> Vec<String> {
    let mut found = Vec::new();
    for directory in ["", "docs", "docs/decisions"] {
        for entry in std::fs::read_dir(root().join(directory)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let path = path.strip_prefix(root()).unwrap().to_str().unwrap();
                found.push(path.to_owned());
            }
        }
    }
    found.sort();
    assert!(found.iter().any(|path| path == "README.md"));
    found
}

/// The text outside fenced blocks, and the blocks with their language.
fn prose_and_blocks(text: &str) -> (String, Vec<(String, String)>) {
    let (mut prose, mut blocks) = (String::new(), Vec::new());
    let mut open: Option<(String, String, usize)> = None;
    for line in text.lines() {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        match (&mut open, bare.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language.to_owned(), String::new(), indent)),
            (Some(_), Some(_)) => blocks.extend(open.take().map(|(name, text, _)| (name, text))),
            (Some((_, text, indent)), None) => {
                text.push_str(line.get(*indent..).unwrap_or_default());
                text.push('\n');
            }
            (None, None) => {
                prose.push_str(line);
                prose.push('\n');
            }
        }
    }
    assert!(open.is_none(), "a block is not closed");
    (prose, blocks)
}

/// Text in code style, outside fenced blocks.
fn code_spans(text: &str) -> Vec<String> {
    let (prose, _) = prose_and_blocks(text);
    let parts = prose.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

fn is_option(name: &str) -> bool {
    documented()
        .iter()
        .any(|option| option.name == name || option.aliases.contains(&name))
}

/// The cells of every table row in `text` whose first cell is in code style.
fn rows(text: &str) -> Vec<Vec<String>> {
    text.lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells = line.trim_matches('|').split(" | ");
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

/// The name by which a heading is linked to.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let (prose, _) = prose_and_blocks(text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#')))
        .collect()
}

/// The targets of links: `[text](target)`.
fn links(text: &str) -> Vec<String> {
    let (prose, _) = prose_and_blocks(text);
    let after = prose.split("](").skip(1);
    after
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target.to_owned()))
        .collect()
}

#[test]
fn commands_of_the_program_exist() {
    let help = Command::new(env!("CARGO_BIN_EXE_amimux"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let mut named = BTreeSet::new();
    for document in documents() {
        let text = read(&document);
        for start in ["cargo run --release -- ", "`amimux "] {
            for (at, _) in text.match_indices(start) {
                let rest = text.get(at + start.len()..).unwrap_or_default();
                let word = rest
                    .split(|c: char| !c.is_ascii_lowercase() && c != '-')
                    .next();
                named.insert(word.unwrap_or_default().to_owned());
            }
        }
    }
    // "amimux is shutting down" is what it says, not a command.
    named.remove("is");
    assert!(
        named.contains("demo") && named.contains("check"),
        "{named:?}"
    );
    for command in named {
        let listed = help.lines().any(|line| {
            let mut words = line.split_ascii_whitespace();
            line.starts_with("  ") && words.next() == Some(command.as_str())
        });
        assert!(listed, "no command {command:?} in --help");
    }
}

#[test]
fn options_of_the_program_exist() {
    let help = Command::new(env!("CARGO_BIN_EXE_amimux"))
        .args(["run", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let spans = code_spans(&read("README.md"));
    let flags: Vec<&str> = spans
        .iter()
        .filter(|span| span.starts_with("--"))
        .filter_map(|span| span.split(' ').next())
        .collect();
    assert!(!flags.is_empty());
    for flag in flags {
        assert!(help.contains(flag), "{flag} is not in amimux run --help");
    }
}

#[test]
fn scripts_exist_and_can_be_run() {
    let mut named = BTreeSet::new();
    for document in documents() {
        let text = read(&document);
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "/._-".contains(c)));
        named.extend(
            words
                .filter(|word| word.ends_with(".sh") || *word == ".ci/run")
                .map(str::to_owned),
        );
    }
    assert!(named.contains("scripts/test.sh"), "{named:?}");
    for script in named {
        let metadata = std::fs::metadata(root().join(&script));
        let mode = metadata
            .unwrap_or_else(|error| panic!("{script}: {error}"))
            .permissions()
            .mode();
        assert!(mode & 0o111 != 0, "{script} cannot be run");
    }
}

#[test]
fn targets_of_cargo_exist() {
    let contributing = read("CONTRIBUTING.md");
    for (flag, directory) in [
        ("--test ", "tests"),
        ("--bench ", "benches"),
        ("fuzz.sh ", "fuzz/fuzz_targets"),
    ] {
        let named: Vec<&str> = contributing
            .match_indices(flag)
            .filter_map(|(at, _)| {
                let rest = contributing.get(at + flag.len()..)?;
                rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                    .next()
            })
            .collect();
        assert!(!named.is_empty(), "{flag}");
        for name in named {
            let file = root().join(directory).join(format!("{name}.rs"));
            assert!(file.exists(), "{}", file.display());
        }
    }
}

#[test]
fn patches_that_break_the_hub_apply_and_are_listed() {
    let listed = rows(&read("docs/testing.md"));
    let listed: BTreeSet<String> = listed
        .iter()
        .filter(|row| row.len() == 3 && !row[0].contains('/'))
        .map(|row| row[0].trim_matches('`').to_owned())
        .collect();
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("scripts/mutations")).unwrap() {
        let path = entry.unwrap().path();
        let applies = Command::new("git")
            .args(["apply", "--check"])
            .arg(&path)
            .current_dir(root())
            .output()
            .unwrap();
        let complaint = String::from_utf8_lossy(&applies.stderr);
        assert!(applies.status.success(), "{}: {complaint}", path.display());
        found.insert(path.file_stem().unwrap().to_str().unwrap().to_owned());
    }
    assert!(found.len() >= 20);
    assert_eq!(listed, found);
}

#[test]
fn options_in_the_readme_are_options() {
    let mut seen = 0;
    for span in code_spans(&read("README.md")) {
        let name = span
            .split_once(" = ")
            .map_or(span.as_str(), |(name, _)| name);
        let plain = name.bytes().all(|byte| byte.is_ascii_lowercase());
        let class = LABELS.iter().any(|(label, _)| *label == name);
        if !plain || class || OTHER_WORDS.contains(&name) {
            continue;
        }
        assert!(is_option(name), "`{span}`: no such option");
        seen += 1;
    }
    assert!(seen > 30, "{seen} options named");
}

#[test]
fn defaults_in_the_readme_are_the_defaults() {
    let options = documented();
    let mut seen = 0;
    for row in rows(&read("README.md")) {
        let [name, place, default, ..] = row.as_slice() else {
            continue;
        };
        let name = name.trim_matches('`');
        let place = match place.as_str() {
            "general" => Place::General,
            "user" => Place::User,
            "upstream" => Place::Upstream,
            "http" => Place::Http,
            _ => continue,
        };
        let find = |option: &&OptionDoc| option.place == place && option.name == name;
        let option = options.iter().find(find);
        let option = option.unwrap_or_else(|| panic!("{name} is not an option there"));
        assert_eq!(*default, option.default, "{name}");
        assert!(option.supported, "{name}");
        seen += 1;
    }
    assert!(seen > 10, "{seen} rows");
}

#[test]
fn the_configuration_shown_can_be_used() {
    let (_, blocks) = prose_and_blocks(&read("README.md"));
    let shown: Vec<_> = blocks.iter().filter(|(name, _)| name == "ini").collect();
    assert_eq!(shown.len(), 1);
    for (_, text) in shown {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("amimux.conf");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let (settings, report) = config::load(&path, &config::Environment::default());
        assert_eq!(report.to_string(), "");
        assert_eq!(settings.expect("usable").users.len(), 1);
    }
}

/// All code without comments' marks and line ends inside strings: enough to find a text in.
fn source() -> String {
    fn collect(directory: &Path, text: &mut String) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, text);
            } else {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut text = String::new();
    collect(&root().join("src"), &mut text);
    text
}

#[test]
fn messages_in_the_readme_are_those_of_the_source() {
    let readme = read("README.md");
    let (_, section) = readme.split_once("## When Asterisk is away").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let source = source();
    let messages = rows(section);
    assert!(messages.len() > 4);
    for row in messages {
        let message = row.first().unwrap().trim_matches('`');
        for part in message
            .split('…')
            .map(str::trim)
            .filter(|part| part.len() > 1)
        {
            assert!(source.contains(part), "{part:?} is nowhere in src/");
        }
    }
    for line in [
        "Asterisk is away",
        "Asterisk is connected",
        "session ended",
        "too slow",
    ] {
        assert!(readme.contains(line) && source.contains(line), "{line:?}");
    }
}

#[test]
fn links_lead_somewhere() {
    let mut seen = 0;
    for document in documents() {
        let text = read(&document);
        let directory = root().join(&document);
        let directory = directory.parent().unwrap();
        for link in links(&text) {
            if link.starts_with("https://") {
                continue;
            }
            let (path, section) = link.split_once('#').unwrap_or((&link, ""));
            let target = if path.is_empty() {
                root().join(&document)
            } else {
                directory.join(path)
            };
            assert!(target.exists(), "{document}: {link}");
            if !section.is_empty() {
                let there = anchors(&std::fs::read_to_string(&target).unwrap());
                assert!(there.contains(section), "{document}: {link}: {there:?}");
            }
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen} links");
}

#[test]
fn decisions_are_numbered_and_short() {
    let decisions: Vec<String> = documents()
        .into_iter()
        .filter(|path| path.starts_with("docs/decisions/"))
        .collect();
    assert!(decisions.len() >= 9);
    for (index, path) in decisions.iter().enumerate() {
        let number = index + 1;
        assert!(
            path.starts_with(&format!("docs/decisions/{number:04}-")),
            "{path}"
        );
        let text = read(path);
        assert!(text.starts_with(&format!("# {number}. ")), "{path}");
        assert!(text.lines().count() <= 20, "{path} is longer than 20 lines");
        for heading in ["## Context", "## Choice", "## What would change our mind"] {
            assert!(
                text.lines().any(|line| line == heading),
                "{path}: {heading}"
            );
        }
    }
}

#[test]
fn the_maps_name_every_room() {
    let mut rooms = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("src")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name != "lib" {
            rooms.insert(name);
        }
    }
    let (inside, outside) = (read("src/lib.rs"), read("docs/architecture.md"));
    for room in rooms {
        let is_row = |line: &&str| {
            let cell = line.split('|').nth(1).unwrap_or_default();
            cell.split(|c: char| !c.is_ascii_lowercase())
                .any(|word| word == room)
        };
        assert!(
            inside.lines().any(|line| is_row(&line)),
            "src/lib.rs: {room}"
        );
        assert!(
            outside.lines().any(|line| is_row(&line)),
            "docs/architecture.md: {room}"
        );
    }
}

#[test]
fn files_and_names_in_the_architecture_exist() {
    let text = read("docs/architecture.md");
    let source = source();
    let mut files = 0;
    for span in code_spans(&text) {
        if span.ends_with(".rs") {
            let found = ["src", "src/config"]
                .iter()
                .any(|at| root().join(at).join(&span).exists());
            assert!(found, "{span}");
            files += 1;
        } else if span.starts_with(char::is_uppercase) && span.contains("::") {
            let last = span.rsplit("::").next().unwrap();
            assert!(source.contains(&format!("fn {last}")), "{span}");
        } else if span.bytes().all(|byte| byte.is_ascii_uppercase()) && span.len() > 5 {
            assert!(source.contains(&format!("const {span}")), "{span}");
        }
    }
    assert!(files > 4, "{files}");
}
