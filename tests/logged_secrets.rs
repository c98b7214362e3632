//! No secret that is used in any test stands in anything that amimux logs in any of them, in whatever form. The tests
//! keep their logs and their secrets; what holds them against each other runs last of all, from `scripts/test.sh`.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says so by a panic"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use support::test_logs::{folder, forms, secrets_in};

/// A secret that is shorter stands in any text by chance.
const SECRET_BYTES_MIN: usize = 6;

/// Secrets of tests that are words of the log as well.
const WORDS: [&str; 4] = ["secret", "anything", "(null)", "[redacted]"];

/// What was looked at.
#[derive(Debug, PartialEq, Eq)]
struct Summary {
    logs: usize,
    secrets: usize,
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Looks for all secrets in all logs.
fn check(folder: &Path) -> Result<Summary, String> {
    let mut secrets = BTreeSet::new();
    for file in files(&folder.join("secrets")) {
        for line in fs::read_to_string(file).unwrap().lines() {
            secrets.insert(serde_json::from_str::<String>(line).unwrap());
        }
    }
    secrets.retain(|secret| secret.len() >= SECRET_BYTES_MIN && !WORDS.contains(&secret.as_str()));
    if secrets.is_empty() {
        return Err("no test has named a secret".to_owned());
    }
    let forms: Vec<(String, &String)> = secrets
        .iter()
        .flat_map(|secret| forms(secret).into_iter().map(move |form| (form, secret)))
        .filter(|(form, _)| form.len() >= SECRET_BYTES_MIN)
        .collect();
    let searched = AhoCorasick::new(forms.iter().map(|(form, _)| form)).unwrap();
    let logs = files(&folder.join("logs"));
    let mut is_something_logged = false;
    let mut found = BTreeSet::new();
    for file in &logs {
        let log = fs::read(file).unwrap();
        is_something_logged |= !log.is_empty();
        for hit in searched.find_iter(&log) {
            let (_, secret) = forms.get(hit.pattern().as_usize()).unwrap();
            let line = log.get(..hit.start()).unwrap();
            let line = 1 + line.iter().filter(|byte| **byte == b'\n').count();
            found.insert(format!("{}:{line}: {secret:?}", file.display()));
        }
    }
    if !is_something_logged {
        return Err("no test has kept a log".to_owned());
    }
    if !found.is_empty() {
        let found: Vec<_> = found.into_iter().take(100).collect();
        return Err(format!("secrets were logged:\n{}", found.join("\n")));
    }
    Ok(Summary {
        logs: logs.len(),
        secrets: secrets.len(),
    })
}

#[test]
#[ignore = "looks at what all other tests have logged: scripts/test.sh runs it after them"]
fn no_test_has_logged_a_secret() {
    let summary = check(&folder()).unwrap_or_else(|trouble| panic!("{trouble}"));
    // The whole suite has hundreds of each.
    assert!(summary.logs >= 100 && summary.secrets >= 30, "{summary:?}");
}

/// A folder with that log and those secrets, checked.
fn checked(log: &str, secrets: &[&str]) -> Result<Summary, String> {
    let folder = tempfile::tempdir().unwrap();
    for name in ["logs", "secrets"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let lines = secrets
        .iter()
        .map(|secret| serde_json::Value::from(*secret).to_string() + "\n");
    fs::write(folder.path().join("secrets/a"), lines.collect::<String>()).unwrap();
    fs::write(folder.path().join("logs/a"), log).unwrap();
    check(folder.path())
}

#[test]
fn a_secret_in_any_form_is_found() {
    let secret = "planted >secret?/ż";
    for form in forms(secret) {
        let trouble = checked(
            &format!("one\ntwo {form} three\n"),
            &["another-secret", secret],
        );
        let trouble = trouble.unwrap_err();
        assert!(
            trouble.contains("logs/a:2: \"planted >secret?/ż\""),
            "{form}: {trouble}"
        );
    }
}

#[test]
fn nothing_to_look_at_is_no_success() {
    for (log, secrets, expected) in [
        (
            "a line\n",
            &["planted-secret"][..],
            Ok(Summary {
                logs: 1,
                secrets: 1,
            }),
        ),
        (
            "",
            &["planted-secret"],
            Err("no test has kept a log".to_owned()),
        ),
        (
            "a line\n",
            &[],
            Err("no test has named a secret".to_owned()),
        ),
        (
            "a line\n",
            &["x", "secret"],
            Err("no test has named a secret".to_owned()),
        ),
    ] {
        assert_eq!(checked(log, secrets), expected, "{log:?} {secrets:?}");
    }
    assert!(check(Path::new("/nonexistent")).is_err());
}

#[test]
fn secrets_are_found_where_tests_use_them() {
    for (text, expected) in [
        ("[crm]\nsecret = one two\nread = all\n", &["one two"][..]),
        ("[crm]\nsecret=>one\nwebtoken = two\n", &["one", "two"]),
        (
            "Action: Login\r\nUsername: crm\r\nSECRET: one\r\n\r\n",
            &["one"],
        ),
        (
            "Action: Login\r\nKey: 0123456789abcdef\r\n\r\n",
            &["0123456789abcdef"],
        ),
        (
            "GET /rawman?action=login&username=a&secret=one HTTP/1.1\r\n",
            &["one"],
        ),
        ("{\"username\":\"a\",\"secret\":\"one\"}", &["one"]),
        ("Username: secret\r\nSecret:\r\n", &[]),
    ] {
        assert_eq!(secrets_in(text), expected, "{text:?}");
    }
}

#[test]
fn what_the_tests_start_names_its_secrets_and_keeps_its_log() {
    let asterisk = support::Simulated::start();
    let configuration =
        support::configuration(asterisk.port) + "[named]\nsecret = named-in-a-test\n";
    let amimux = support::Amimux::start(&configuration);
    support::until("amimux is connected", || {
        amimux.log().contains("Asterisk is connected").then_some(())
    });
    let file = amimux.log_file();
    assert!(file.starts_with(folder().join("logs")), "{file:?}");
    let named = files(&folder().join("secrets"));
    let named = named
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok());
    assert!(named.collect::<String>().contains("\"named-in-a-test\""));
}
