//! What the guides say is what the program says: the reference is the table of options, texts that troubleshooting quotes
//! are those of the source, libraries that are called tested are tested, and every document is listed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends by panicking"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_reference_is_the_table_of_options() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_amimux"))
        .args(["generate", "reference"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let generated = std::fs::read_to_string(folder.path().join("configuration.md")).unwrap();
    let differs = generated
        .lines()
        .zip(read("docs/configuration.md").lines())
        .find(|(generated, written)| generated != written)
        .map(|(generated, written)| format!("\nis        {written}\nshould be {generated}"));
    assert!(
        generated == read("docs/configuration.md"),
        "docs/configuration.md is not what the table of options says; mend it with\n\
         cargo run -- generate reference docs{}",
        differs.unwrap_or_default()
    );
}

/// All of `src/`, with texts as the program writes them: without marks of comments, continued lines and escapes.
fn source() -> String {
    fn collect(directory: &Path, text: &mut String) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, text);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut text = String::new();
    collect(&root().join("src"), &mut text);
    let mut parts = text.split("\\\n");
    let mut joined = parts.next().unwrap().to_owned();
    for part in parts {
        joined.push_str(part.trim_start());
    }
    joined.replace("\\\"", "\"")
}

/// The text in code style with which a table's row begins, of every row that begins so.
fn quoted_texts(document: &str) -> Vec<String> {
    document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(text, _)| text.to_owned())
        .collect()
}

#[test]
fn quoted_texts_are_those_of_the_source() {
    let source = source();
    let security = read("docs/security.md");
    let (_, watched) = security.split_once("\n## What to watch\n").unwrap();
    let mut texts = quoted_texts(watched);
    assert!(texts.len() > 8, "{} texts", texts.len());
    texts.extend(quoted_texts(&read("docs/troubleshooting.md")));
    assert!(texts.len() > 90, "{} texts", texts.len());
    let mut missing = Vec::new();
    for text in &texts {
        let mut parts = text.split('…').filter(|part| part.trim().len() > 1);
        if !parts.all(|part| source.contains(part)) {
            missing.push(text.as_str());
        }
    }
    assert!(
        missing.is_empty(),
        "the program does not say so any more: correct docs/troubleshooting.md and docs/security.md\n{}",
        missing.join("\n")
    );
}

/// Every reason for which a login is refused, and for which a session ends, has its row.
#[test]
fn troubleshooting_knows_every_reason() {
    let texts = quoted_texts(&read("docs/troubleshooting.md"));
    let credential = read("src/policy/credential.rs");
    let (failures, _) = credential.split_once("pub enum Login {").unwrap();
    let reasons = failures
        .lines()
        .filter_map(|line| line.trim().strip_prefix("#[error(\"")?.strip_suffix("\")]"));
    let session = read("src/hub/session.rs");
    let (_, display) = session.split_once("for CloseReason {").unwrap();
    let (display, _) = display.split_once("\n}\n").unwrap();
    let endings = display
        .lines()
        .filter_map(|line| line.split('"').nth(1))
        .map(|text| text.split('{').next().unwrap());
    let mut seen = 0;
    for reason in reasons.chain(endings) {
        let known = texts
            .iter()
            .any(|text| text == reason || (reason.ends_with(' ') && text.starts_with(reason)));
        assert!(known, "{reason:?} has no row in docs/troubleshooting.md");
        seen += 1;
    }
    assert!(seen >= 20, "{seen} reasons");
}

/// The rows of the table below a heading, cell by cell, without its head.
fn table(document: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, below) = document.split_once(&format!("\n{heading}\n")).unwrap();
    below
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let cells = line.trim_matches('|').split('|');
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

#[test]
fn libraries_called_tested_are_those_that_tests_install() {
    let mut installed: Vec<(String, String)> = read("tests/clients/requirements.txt")
        .lines()
        .map(|line| line.split_once("==").unwrap())
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .collect();
    let package: serde_json::Value =
        serde_json::from_str(&read("tests/clients/package.json")).unwrap();
    let dependencies = package["dependencies"].as_object().unwrap();
    installed.extend(dependencies.iter().map(|(name, version)| {
        let version = version.as_str().unwrap();
        (name.clone(), version.to_owned())
    }));
    let document = read("docs/client-libraries.md");
    let mut told: Vec<(String, String)> = table(&document, "## Tested")
        .into_iter()
        .map(|row| (row[0].clone(), row[1].clone()))
        .collect();
    installed.sort();
    told.sort();
    assert_eq!(told, installed);
    for (name, _) in &told {
        assert!(document.contains(&format!("\n### {name}\n")), "{name}");
    }
}

#[test]
fn every_document_is_listed() {
    let list = read("docs/README.md");
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".md") && name != "README.md" {
            assert!(list.contains(&format!("({name}")), "docs/README.md: {name}");
        }
    }
}
