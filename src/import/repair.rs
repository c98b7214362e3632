//! Trying what came out, as the daemon would load it, and mending it until it can be used. A refused line becomes a
//! comment with the reason above it; where it may have been a fence, whoever it fenced in is switched off.

use std::path::Path;

use super::document::{Document, DocumentLine, Meaning, Rendered};
use super::findings::Group;
use super::workshop::{Workshop, Written};
use super::{Draft, ImportError};
use crate::config::diagnostics::{Diagnostic, Location, Report};
use crate::config::raw::{self, RawConfig};
use crate::config::settings::Settings;
use crate::config::{self, Environment};
use crate::policy::class::Classes;
use crate::policy::rights::Guards;
use crate::policy::user::User;

/// Most attempts: each mends everything that it finds, so that few are needed.
const ATTEMPTS_MAX: usize = 50;

/// Options that keep somebody out or something away from somebody, and those without which one would be connected to
/// another Asterisk or without TLS.
const FENCES: [&str; 9] = [
    "upstream",
    "tls",
    "secret",
    "permit",
    "deny",
    "acl",
    "eventfilter",
    "actionfilter",
    "setheader",
];

/// The options that switch on a port for TLS.
const TLS_SWITCHES: [&str; 2] = ["tlsenable", "sslenable"];

/// Mends the draft until it can be loaded. What is warned of then stands above the lines.
///
/// # Errors
/// What cannot be mended, and what the system says.
pub(super) fn until_usable(
    workshop: &Workshop,
    draft: &mut Draft,
) -> Result<Settings, ImportError> {
    let mut errors = Vec::new();
    for _ in 0..ATTEMPTS_MAX {
        let written = workshop.write(draft)?;
        let (settings, report) = config::load(&workshop.main(), &Environment::default());
        if let Some(settings) = settings {
            note_warnings(workshop, draft, &written, &report);
            workshop.write(draft)?;
            return Ok(settings);
        }
        errors = report.errors().cloned().collect();
        let mut mender = Mender {
            raw: raw::read(&workshop.main(), &mut Report::default()),
            acls: raw::read(&workshop.acls(), &mut Report::default()),
            workshop,
            written: &written,
            draft,
        };
        let mut progress = false;
        for error in &errors {
            progress |= mender.mend(error);
        }
        if !progress {
            break;
        }
    }
    for error in &mut errors {
        error.what = plain(workshop, &error.what);
    }
    Err(ImportError::Unusable(errors))
}

/// A message without the directory in which the result is tried.
fn plain(workshop: &Workshop, text: &str) -> String {
    text.replace(&workshop.prefix(), "")
}

struct Mender<'a> {
    /// The sections as they are now, and those of the access lists.
    raw: RawConfig,
    acls: RawConfig,
    workshop: &'a Workshop,
    written: &'a Written,
    draft: &'a mut Draft,
}

impl Mender<'_> {
    /// Whether anything was changed.
    fn mend(&mut self, error: &Diagnostic) -> bool {
        let what = plain(self.workshop, &error.what);
        let note = format!("{what}; {}", error.remedy);
        if is_file(&error.location, &self.workshop.acls()) {
            return self.mend_acls(error, &note);
        }
        let Some(index) = self.written.main.source(error.location.line) else {
            return false;
        };
        let Some(line) = self.draft.main.get(index) else {
            return false;
        };
        let (origin, meaning) = (line.origin.clone(), line.meaning.clone());
        let changed = match &meaning {
            Meaning::Comment => false,
            Meaning::Header { .. } => self.mend_section(index, &error.location, &note),
            Meaning::Option { name, .. } => self.mend_option(index, name, error, &note),
        };
        if changed {
            self.draft
                .findings
                .add(Group::MustLookAt, origin.as_ref(), note);
        }
        changed
    }

    fn mend_section(&mut self, index: usize, at: &Location, note: &str) -> bool {
        let sections = self.raw.sections.iter();
        let name = sections
            .filter(|section| &section.location == at)
            .map(|section| section.name.as_str())
            .next()
            .unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "general" => false,
            "http" => self.without_http(note),
            name if name.starts_with('/') => self.without_http(note),
            _ => self
                .draft
                .main
                .disable(index, format!("switched off: {note}")),
        }
    }

    fn mend_option(&mut self, index: usize, name: &str, error: &Diagnostic, note: &str) -> bool {
        let name = name.to_ascii_lowercase();
        let sections = self.sections_with(&error.location);
        let main = &mut self.draft.main;
        if matches!(name.as_str(), "read" | "write") {
            main.rewrite(index, "none", note);
            return main
                .get(index)
                .is_some_and(|line| line.option_name().is_some());
        }
        if name.starts_with("tls") || name.starts_with("ssl") {
            let place = main.sections().get(index).cloned().flatten();
            let switches = main.options(&place.unwrap_or_default(), &TLS_SWITCHES);
            for switch in &switches {
                main.switch_off(*switch, note);
            }
            if !switches.is_empty() {
                return true;
            }
        }
        let mut changed = main.switch_off(index, note);
        if !FENCES.iter().any(|fence| name.starts_with(fence)) {
            return changed;
        }
        for section in sections {
            let Some(header) = self.written.main.source(section.line) else {
                continue;
            };
            let line = self.draft.main.get(header);
            let name = line.and_then(DocumentLine::header_name).unwrap_or_default();
            if name.starts_with('/') {
                changed |= self.without_http(note);
                continue;
            }
            let (place, name) = (line.and_then(|line| line.origin.clone()), name.to_owned());
            let why = "switched off, because amimux refuses a line of it: put that right and remove \"!\"";
            if self.draft.main.disable(header, format!("{why}; {note}")) {
                let what = format!("[{name}] is {why}");
                let findings = &mut self.draft.findings;
                findings.add(Group::MustLookAt, place.as_ref(), what);
                changed = true;
            }
        }
        changed
    }

    /// Where the sections begin that have the line, inherited or not.
    fn sections_with(&self, at: &Location) -> Vec<Location> {
        let sections = self.raw.sections.iter().filter(|section| {
            let general = section.name.eq_ignore_ascii_case("general");
            !general && section.options.iter().any(|option| &option.location == at)
        });
        sections.map(|section| section.location.clone()).collect()
    }

    fn without_http(&mut self, note: &str) -> bool {
        let main = &mut self.draft.main;
        let mut changed = false;
        for index in main.options("general", &["webenabled"]) {
            changed |= main.switch_off(index, format!("HTTP is switched off: {note}"));
        }
        let restrictions: Vec<usize> = (0..main.lines.len())
            .filter(|index| {
                let name = main.get(*index).and_then(|line| line.header_name());
                name.is_some_and(|name| name.starts_with('/'))
            })
            .collect();
        for index in restrictions {
            changed |= main.disable(index, "HTTP is switched off");
        }
        changed
    }

    /// An access list with something wrong in it is none, so that those who name it are switched off next.
    fn mend_acls(&mut self, error: &Diagnostic, note: &str) -> bool {
        let (Some(rendered), Some(acls)) = (&self.written.acls, &mut self.draft.acls) else {
            return false;
        };
        let Some(index) = rendered.source(error.location.line) else {
            return false;
        };
        let origin = acls.get(index).and_then(|line| line.origin.clone());
        let mut changed = false;
        if acls
            .get(index)
            .is_some_and(|line| line.option_name().is_some())
        {
            changed |= acls.switch_off(index, note);
        }
        let holders = self.acls.sections.iter().filter(|section| {
            let mut options = section.options.iter();
            section.location == error.location
                || options.any(|option| option.location == error.location)
        });
        for header in holders.filter_map(|section| rendered.source(section.location.line)) {
            changed |= acls.disable(header, format!("no access list any more: {note}"));
        }
        if changed {
            let findings = &mut self.draft.findings;
            findings.add(Group::MustLookAt, origin.as_ref(), note);
        }
        changed
    }
}

fn is_file(location: &Location, path: &Path) -> bool {
    Path::new(&*location.file) == path
}

/// What is warned of is written above the lines that it is about.
fn note_warnings(workshop: &Workshop, draft: &mut Draft, written: &Written, report: &Report) {
    for warning in report.warnings() {
        let what = format!("{}; {}", plain(workshop, &warning.what), warning.remedy);
        let group = if warning.what.contains("has no effect") {
            Group::Differs
        } else {
            Group::MustLookAt
        };
        let in_acls = is_file(&warning.location, &workshop.acls());
        let line = warning.location.line;
        let place = if in_acls {
            let pair = draft.acls.as_mut().zip(written.acls.as_ref());
            pair.and_then(|(acls, rendered)| note(acls, rendered, line, &what))
        } else {
            note(&mut draft.main, &written.main, line, &what)
        };
        draft.findings.add(group, place.as_ref(), what);
    }
}

fn note(document: &mut Document, rendered: &Rendered, line: u32, what: &str) -> Option<Location> {
    let index = rendered.source(line)?;
    let line = document.lines.get_mut(index)?;
    line.notes.push(what.to_owned());
    line.origin.clone()
}

/// What users may do no longer, and those whose sections say what they said.
pub(super) fn tell_what_differs(settings: &Settings, draft: &mut Draft) {
    let judged = Classes::SYSTEM
        .union(Classes::CONFIG)
        .union(Classes::ORIGINATE)
        .union(Classes::CALL);
    let guarded = |user: &User| user.rights.guards == Guards::Safe;
    let may = |user: &User, classes| guarded(user) && user.write.contains_any(classes);
    let lists = [
        (
            Group::Differs,
            named(settings, |user| may(user, Classes::COMMAND)),
            "may run only those commands that show something (allowcommand, or commandrules = asterisk)",
        ),
        (
            Group::Differs,
            named(settings, |user| may(user, judged)),
            "may not use arguments of actions to get at rights of other classes; Asterisk leaves ways (guards = asterisk)",
        ),
        (
            Group::AsIs,
            named(settings, |_| true),
            "with secret, classes, access list, event filters and variables, but for what is said above",
        ),
    ];
    for (group, names, what) in lists {
        if !names.is_empty() {
            draft.findings.add(group, None, format!("{names}: {what}"));
        }
    }
}

/// The names of the users of whom it is true.
fn named(settings: &Settings, holds: impl Fn(&User) -> bool) -> String {
    let users = settings.users.iter().filter(|user| holds(user));
    let mut names: Vec<String> = users.map(|user| format!("[{}]", user.name)).collect();
    names.sort();
    names.join(" ")
}
