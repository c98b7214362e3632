//! Users that Asterisk puts together from several places: sections of one name, and those of `users.conf`. A later one
//! keeps what an earlier one says about the secret, the classes and a few other things.

use std::collections::HashMap;

use zeroize::Zeroizing;

use super::rules::class_words;
use super::{Original, origin};
use crate::config::raw::RawSection;
use crate::import::Draft;
use crate::import::document::{Document, DocumentLine};
use crate::import::findings::{Findings, Group};
use crate::import::users_conf::{KEPT, ManagerUser};
use crate::policy::class_list::as_asterisk_reads;

/// What is known of a user so far.
type Known = HashMap<&'static str, Zeroizing<String>>;

/// Writes into sections what they keep from earlier ones.
pub(super) fn complete(document: &mut Document, original: &Original<'_>, findings: &mut Findings) {
    replaced(document, original, findings);
    let mut users: HashMap<String, Known> = original
        .users_conf
        .iter()
        .map(|user| (user.name.to_ascii_lowercase(), known_of(user)))
        .collect();
    for section in sections(original) {
        let name = section.name.to_ascii_lowercase();
        let known = users.entry(name).or_default();
        let missing: Vec<_> = KEPT
            .iter()
            .filter(|name| section.named(name).next().is_none())
            .filter_map(|name| Some((*name, known.get(name)?.clone())))
            .collect();
        for name in KEPT {
            if let Some(option) = section.named(name).next_back() {
                known.insert(name, option.value.clone());
            }
        }
        if missing.is_empty() {
            continue;
        }
        let Some(header) = header(document, section) else {
            continue;
        };
        let what = "Asterisk keeps this from an earlier section of that name, or from users.conf";
        let lines = missing
            .iter()
            .map(|(name, value)| line(name, value).noted(what))
            .collect();
        document.insert_behind(header, lines);
        let names: Vec<&str> = missing.iter().map(|(name, _)| *name).collect();
        let what = format!(
            "[{}] keeps {} from an earlier section of that name, or from users.conf",
            section.name,
            names.join(", ")
        );
        findings.add(Group::MustLookAt, Some(&section.location), what);
    }
}

/// Of several sections of one name the last one counts.
fn replaced(document: &mut Document, original: &Original<'_>, findings: &mut Findings) {
    let all: Vec<_> = sections(original).collect();
    for (index, section) in all.iter().enumerate() {
        let mut later = all.iter().skip(index + 1);
        if !later.any(|other| other.name.eq_ignore_ascii_case(&section.name)) {
            continue;
        }
        let what = "a section of that name further down takes its place";
        if let Some(header) = header(document, section)
            && document.disable(header, what)
        {
            let what = format!("[{}]: {what}", section.name);
            findings.add(Group::MustLookAt, Some(&section.location), what);
        }
    }
}

/// Where the section begins in the document.
fn header(document: &Document, section: &RawSection) -> Option<usize> {
    (0..document.lines.len())
        .find(|index| origin(document, *index).as_ref() == Some(&section.location))
}

/// The users that are in `users.conf` alone.
pub(super) fn add_users(draft: &mut Draft, original: &Original<'_>) {
    for user in &original.users_conf {
        let mut names = sections(original).map(|section| &section.name);
        if names.any(|name| name.eq_ignore_ascii_case(&user.name)) {
            continue;
        }
        draft
            .main
            .comments(&["A user of users.conf, with hasmanager = yes."]);
        draft.main.header(&user.name);
        if user.name.eq_ignore_ascii_case("http") {
            draft.main.option("type", "user");
        }
        for (name, value) in &user.options {
            draft.main.push(line(name, value));
        }
        let what = format!(
            "[{}] is a user of AMI with every class that read and write do not take away, from any address",
            user.name
        );
        draft
            .findings
            .add(Group::MustLookAt, Some(&user.location), what);
    }
}

fn known_of(user: &ManagerUser) -> Known {
    user.options.iter().cloned().collect()
}

/// The sections that are users to Asterisk.
fn sections<'a>(original: &'a Original<'_>) -> impl Iterator<Item = &'a RawSection> {
    original
        .raw
        .sections
        .iter()
        .filter(|section| !section.template && !section.name.eq_ignore_ascii_case("general"))
}

fn line(name: &str, value: &str) -> DocumentLine {
    match name {
        "read" | "write" => DocumentLine::option(name, &class_words(as_asterisk_reads(value))),
        _ => DocumentLine::option(name, value),
    }
}
