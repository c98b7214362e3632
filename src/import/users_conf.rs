//! `users.conf`, whose users with `hasmanager = yes` are users of AMI in Asterisk 22 and before. They have every class
//! unless they say otherwise, no access list and no filters (`main/manager.c`, `__init_manager`).

use std::path::Path;

use crate::config::diagnostics::{Location, Report};
use crate::config::raw::{self, RawSection};
use crate::config::value::is_true;

/// What a user of either file keeps from an earlier section of its name where a later one says nothing.
pub(super) const KEPT: [&str; 6] = [
    "secret",
    "read",
    "write",
    "writetimeout",
    "displayconnects",
    "allowmultiplelogin",
];

/// A user of AMI.
pub(super) struct ManagerUser {
    pub(super) name: String,
    pub(super) location: Location,
    /// Options out of [`KEPT`], each once.
    pub(super) options: Vec<(&'static str, zeroize::Zeroizing<String>)>,
}

/// The users of AMI in the file. What is wrong in it goes to the report; the rest is returned all the same.
pub(super) fn read(path: &Path, report: &mut Report) -> Vec<ManagerUser> {
    let sections = raw::read(path, report).sections;
    let is_general = |section: &&RawSection| section.name.eq_ignore_ascii_case("general");
    let general = sections.iter().find(is_general);
    let users = sections
        .iter()
        .filter(|section| !section.template && !is_general(section));
    users
        .filter(|section| said(section, general, "hasmanager").is_some_and(|value| is_true(&value)))
        .map(|section| ManagerUser {
            name: section.name.clone(),
            location: section.location.clone(),
            options: options(section, general),
        })
        .collect()
}

fn options(
    section: &RawSection,
    general: Option<&RawSection>,
) -> Vec<(&'static str, zeroize::Zeroizing<String>)> {
    KEPT.iter()
        .filter_map(|name| {
            let all = || zeroize::Zeroizing::new("all".to_owned());
            let default = matches!(*name, "read" | "write").then(all);
            Some((*name, said(section, general, name).or(default)?))
        })
        .collect()
}

/// What a section says, or `[general]` for it. Asterisk looks at the first line of a name here.
fn said(
    section: &RawSection,
    general: Option<&RawSection>,
    name: &str,
) -> Option<zeroize::Zeroizing<String>> {
    let first = |section: &RawSection| {
        section
            .named(name)
            .next()
            .map(|option| option.value.clone())
    };
    first(section).or_else(|| first(general?))
}
