//! Tests of the sample configuration: it loads, and it names every option.

use std::time::Duration;

use super::*;
use crate::config::options::documented;
use crate::config::testing::{load_files, load_text};

const SAMPLE: &str = include_str!("../../conf/amimux.conf");

#[test]
fn the_sample_loads_without_a_word() {
    let (settings, report) = load_text(SAMPLE);
    assert_eq!(report, "");
    let settings = settings.unwrap();
    assert_eq!(settings.general.bind, "127.0.0.1:5039".parse().unwrap());
    assert_eq!(settings.upstreams.len(), 1);
    let mut names: Vec<&str> = settings
        .users
        .iter()
        .map(|user| user.name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["crm", "dialler", "wallboard"]);
    for user in settings.users.iter() {
        assert!(user.acl.allows("127.0.0.1".parse().unwrap()));
        assert!(user.acl.allows("::1".parse().unwrap()));
        assert!(!user.acl.allows("192.0.2.1".parse().unwrap()));
        assert!(!user.acl.allows("2001:db8::1".parse().unwrap()));
    }
}

/// Options that stand in the place of `secret`.
const ALTERNATIVES: [&str; 2] = ["secretfile", "secrethash"];

/// A line without the mark of a comment, if it shows an option.
fn uncommented(line: &str) -> Option<&str> {
    line.strip_prefix(';')
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

#[test]
fn every_commented_line_of_the_sample_is_valid() {
    let is_alternative =
        |line: &str| ALTERNATIVES.contains(&line.split(' ').next().unwrap_or_default());
    let uncomment = |line: &'static str| {
        let shown = uncommented(line).filter(|shown| !is_alternative(shown));
        shown.unwrap_or(line)
    };
    let lines: Vec<&str> = SAMPLE.lines().map(uncomment).collect();
    let main = lines.join("\n");
    let acls = "[office]\ndeny=0.0.0.0/0,::/0\npermit=127.0.0.1\n";
    let (settings, report) = load_files(&[("amimux.conf", &main), ("acl.conf", acls)]);
    assert_eq!(report, "");
    let settings = settings.unwrap();
    assert_eq!(settings.general.auth_timeout, Duration::from_secs(30));
    assert_eq!(settings.general.disabled_events.len(), 2);
}

#[test]
fn what_stands_for_secret_in_the_sample_is_valid() {
    for (name, sections) in ALTERNATIVES.into_iter().zip([2, 1]) {
        let mut lines: Vec<&str> = Vec::new();
        let mut replaced = 0;
        for line in SAMPLE.lines() {
            let shown = uncommented(line).filter(|shown| shown.starts_with(&format!("{name} =")));
            if let Some(shown) = shown {
                let at = lines.iter().rposition(|line| line.starts_with("secret ="));
                lines[at.unwrap()] = shown;
                replaced += 1;
            } else {
                lines.push(line);
            }
        }
        assert_eq!(replaced, sections, "{name}");
        let (settings, report) = load_files(&[
            ("amimux.conf", &lines.join("\n")),
            ("upstream.secret", "one\n"),
            ("crm.secret", "two\n"),
        ]);
        assert_eq!(report, "", "{name}");
        assert_eq!(settings.unwrap().users.len(), 3);
    }
}

#[test]
fn the_sample_names_every_option() {
    let (general, rest) = SAMPLE.split_once("\n[asterisk]\n").unwrap();
    let (upstream, users) = rest.split_once("\n; Users: ").unwrap();
    for option in documented() {
        let part = match option.place {
            Place::General => general,
            Place::Upstream => upstream,
            Place::User => users,
        };
        let is_set = |line: &str| {
            let line = line.strip_prefix(';').unwrap_or(line);
            let name = line.split_once(" =").map(|(name, _)| name);
            name.is_some_and(|name| name.split('(').next() == Some(option.name))
        };
        let found = match option.supported {
            true => part.lines().any(is_set),
            false => part.contains(option.name),
        };
        assert!(found, "{} in {:?}", option.name, option.place);
    }
}
