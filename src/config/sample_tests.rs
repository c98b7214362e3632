//! Tests of the sample configuration: it loads, and it names every option.

use std::time::Duration;

use super::*;
use crate::config::options::documented;
use crate::config::testing::{load_files, load_text};
use crate::config::tls::fingerprint::Fingerprint;
use crate::config::tls::testing::Authority;

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

/// Options that exclude another one, or that say something of what is switched off in the sample.
const EXCLUSIVE: [&str; 4] = ["webtoken", "webtokenfile", "tlsclientname", "tlsclientcert"];

/// A line without the mark of a comment, if it shows an option.
fn uncommented(line: &str) -> Option<&str> {
    line.strip_prefix(';')
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

#[test]
fn every_commented_line_of_the_sample_is_valid() {
    let is_alternative = |line: &str| {
        let name = line.split(' ').next().unwrap_or_default();
        ALTERNATIVES.contains(&name) || EXCLUSIVE.contains(&name)
    };
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

/// The sample with everything about TLS, certificates of clients, HTTP and tokens switched on.
#[test]
fn tls_and_http_of_the_sample_can_be_switched_on() {
    let authority = Authority::new("ca");
    let (pair, token) = (authority.issue("localhost"), "0123456789abcdef0123\n");
    let pin = format!("tlsfingerprint = {}", Fingerprint::of(&pair.der()));
    let replace = |line: &'static str| match uncommented(line).unwrap_or(line) {
        "tlsenable = no" => "tlsenable = yes",
        "tlsclientcert = no" => "tlsclientcert = optional",
        "webenabled = no" => "webenabled = yes",
        "enabled = no" => "enabled = yes",
        "tls = no" => "tls = yes",
        "tlsverify = yes" | "tlscafile = asterisk-ca.crt" => ";",
        line if line.starts_with("secret") || line.starts_with("webtoken =") => ";",
        line => line,
    };
    let mut main: Vec<&str> = SAMPLE.lines().map(replace).collect();
    for line in &mut main {
        if line.starts_with("tlsfingerprint") {
            *line = &pin;
        }
    }
    let at = main
        .iter()
        .position(|line| *line == "username = amimux")
        .unwrap();
    main.insert(at, "secret = x");
    let main = main.join("\n");
    let (settings, report) = load_files(&[
        ("amimux.conf", &main),
        (
            "acl.conf",
            "[office]\ndeny=0.0.0.0/0,::/0\npermit=127.0.0.1\n",
        ),
        ("amimux.crt", &pair.certificate),
        ("amimux.key", &pair.key),
        ("amimux-client.crt", &pair.certificate),
        ("amimux-client.key", &pair.key),
        ("clients-ca.crt", &authority.certificate),
        ("crm.token", token),
    ]);
    let others = |line: &&str| !line.contains("has no 'secret'");
    let report: Vec<&str> = report.lines().filter(others).collect();
    assert!(report.is_empty(), "{report:?}");
    let settings = settings.unwrap();
    assert!(settings.general.tls.is_some());
    let http = settings.http.unwrap();
    assert!(http.tls.is_some());
    assert_eq!(
        (http.prefix.as_str(), http.restrictions.len()),
        ("asterisk", 1)
    );
    assert!(settings.upstreams[0].tls.is_some());
    let crm = settings.users.get(b"crm").unwrap();
    assert!(
        crm.web_token
            .as_ref()
            .unwrap()
            .matches(b"0123456789abcdef0123")
    );
    assert_eq!(crm.tls_client_name.as_deref(), Some("crm.example.org"));
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
    let (general, rest) = SAMPLE.split_once("\n[http]\n").unwrap();
    let (http, rest) = rest.split_once("\n[/rawman]\n").unwrap();
    let (restriction, rest) = rest.split_once("\n[asterisk]\n").unwrap();
    let (upstream, users) = rest.split_once("\n; Users: ").unwrap();
    for option in documented() {
        let part = match option.place {
            Place::General => general,
            Place::Upstream => upstream,
            Place::User => users,
            Place::Http => http,
            Place::Restriction => restriction,
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

/// A default that is one plain word, number or size: the sample can show it.
fn is_plain(default: &str) -> bool {
    let written = default
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    written && !["", "none", "all", "host"].contains(&default)
}

#[test]
fn the_sample_shows_the_defaults() {
    let (general, rest) = SAMPLE.split_once("\n[http]\n").unwrap();
    let (http, rest) = rest.split_once("\n[/rawman]\n").unwrap();
    let (_, rest) = rest.split_once("\n[asterisk]\n").unwrap();
    let (upstream, users) = rest.split_once("\n; Users: ").unwrap();
    let mut compared = 0;
    for option in documented() {
        let part = match option.place {
            Place::General => general,
            Place::Upstream => upstream,
            Place::User => users,
            Place::Http => http,
            Place::Restriction => continue,
        };
        if !option.supported || !is_plain(option.default) {
            continue;
        }
        let shown = part.lines().filter_map(uncommented).find_map(|line| {
            let (name, value) = line.split_once(" = ")?;
            (name == option.name).then_some(value)
        });
        let Some(shown) = shown else { continue };
        assert_eq!(
            shown, option.default,
            "{} in {:?}",
            option.name, option.place
        );
        compared += 1;
    }
    assert!(compared > 50, "{compared} defaults");
}
