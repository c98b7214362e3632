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

#[test]
fn every_commented_line_of_the_sample_is_valid() {
    let uncomment = |line: &str| match line.strip_prefix(';') {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) => rest.to_owned(),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = SAMPLE.lines().map(uncomment).collect();
    let main = lines.join("\n");
    let acls = "[office]\ndeny=0.0.0.0/0,::/0\npermit=127.0.0.1\n";
    let (settings, report) = load_files(&[("amimux.conf", &main), ("acl.conf", acls)]);
    assert_eq!(report, "");
    let settings = settings.unwrap();
    assert_eq!(settings.general.auth_timeout, Duration::from_secs(30));
    assert_eq!(settings.general.disabled_events.len(), 2);
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
