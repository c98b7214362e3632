//! What single lines of `manager.conf` mean in amimux: options that Asterisk ignores, class lists that it reads in its
//! own way, names that it takes loosely.

use zeroize::Zeroizing;

use super::origin;
use crate::config::diagnostics::quoted;
use crate::config::lexer::{CommentStripper, Line, strip_blanks};
use crate::config::options::documented;
use crate::import::document::{Document, DocumentLine, Meaning, assignment};
use crate::import::findings::{Findings, Group};
use crate::policy::class::Classes;
use crate::policy::class_list::{as_asterisk_reads, parse_class_list};

/// What Asterisk knows in `[general]` (`main/manager.c`, `__init_manager`; `main/tcptls.c`, `ast_tls_read_conf`).
const GENERAL: [&str; 29] = [
    "enabled",
    "webenabled",
    "port",
    "bindaddr",
    "allowmultiplelogin",
    "displayconnects",
    "timestampevents",
    "debug",
    "brokeneventsaction",
    "authtimeout",
    "authlimit",
    "httptimeout",
    "channelvars",
    "disabledevents",
    "tlsenable",
    "sslenable",
    "tlsbindaddr",
    "sslbindaddr",
    "tlscertfile",
    "tlscert",
    "sslcert",
    "tlsprivatekey",
    "sslprivatekey",
    "tlscipher",
    "sslcipher",
    "tlsdisablev1",
    "tlsdisablev11",
    "tlsdisablev12",
    "tlsservercipherorder",
];

/// What it knows in the section of a user; names that begin with `eventfilter` as well.
const USER: [&str; 10] = [
    "secret",
    "read",
    "write",
    "permit",
    "deny",
    "acl",
    "displayconnects",
    "allowmultiplelogin",
    "writetimeout",
    "setvar",
];

/// How the name of an event filter begins.
const FILTER: &str = "eventfilter";

/// Switches off the sections that have lines which could not be read, and those that inherit from them.
pub(super) fn spoiled(document: &mut Document, lines: &[usize], findings: &mut Findings) {
    let sections = document.sections();
    let mut names: Vec<String> = Vec::new();
    for line in lines {
        if let Some(Some(name)) = sections.get(*line) {
            names.push(name.clone());
        }
    }
    let what =
        "switched off, because a line of it cannot be read here: put that right and remove \"!\"";
    for index in 0..document.lines.len() {
        let Some(line) = document.get(index) else {
            continue;
        };
        let Some(name) = line.header_name().map(str::to_ascii_lowercase) else {
            continue;
        };
        let inherits = modifiers(&line.text)
            .any(|parent| names.iter().any(|name| name.eq_ignore_ascii_case(parent)));
        if inherits && !names.contains(&name) {
            names.push(name.clone());
        }
        if names.contains(&name) && name != "general" {
            let place = origin(document, index);
            if document.disable(index, what) {
                findings.add(
                    Group::MustLookAt,
                    place.as_ref(),
                    format!("[{name}] is {what}"),
                );
            }
        }
    }
}

/// The words in parentheses behind the name of a section.
fn modifiers(header: &str) -> impl Iterator<Item = &str> {
    let rest = header.split_once(']').map_or("", |(_, rest)| rest);
    let inner = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
    inner.map_or("", |(inner, _)| inner).split(',')
}

/// Goes through all options.
pub(super) fn options(document: &mut Document, findings: &mut Findings) {
    later_generals(document, findings);
    let sections = document.sections();
    for (index, section) in sections.iter().enumerate() {
        let Some(name) = document.get(index).and_then(DocumentLine::option_name) else {
            continue;
        };
        let (name, section) = (
            name.to_ascii_lowercase(),
            section.as_deref().unwrap_or_default(),
        );
        if !is_known(document, &name, section) {
            unknown(document, index, &name, findings);
            continue;
        }
        match name.as_str() {
            "read" | "write" => class_list(document, index, &name, findings),
            "setvar" => variable(document, index, findings),
            "writetimeout" => {
                let what = "the time counts while the client's socket takes nothing at all; without a line it is 30000";
                let place = origin(document, index);
                note(document, index, what);
                findings.add(
                    Group::Differs,
                    place.as_ref(),
                    format!("writetimeout: {what}"),
                );
            }
            _ if name.starts_with(FILTER) => filter(document, index, findings),
            _ => {}
        }
    }
    user_named_http(document);
}

/// Asterisk reads the first `[general]` only.
fn later_generals(document: &mut Document, findings: &mut Findings) {
    let mut headers = document.headers("general").into_iter().filter(|index| {
        let adds = |line: &DocumentLine| modifiers(&line.text).any(|word| word.starts_with('+'));
        !document.get(*index).is_some_and(adds)
    });
    headers.next();
    let what = "Asterisk reads the first [general] only, so this one is left out";
    for header in headers.collect::<Vec<_>>() {
        let place = origin(document, header);
        findings.add(Group::MustLookAt, place.as_ref(), what);
        let next = (header + 1..document.lines.len()).find(|index| {
            document
                .get(*index)
                .is_some_and(|line| line.header_name().is_some())
        });
        for index in header..next.unwrap_or(document.lines.len()) {
            let line = document.get(index);
            if index == header || line.is_some_and(|line| line.option_name().is_some()) {
                document.switch_off(index, what);
            }
        }
    }
}

fn is_known(document: &Document, name: &str, section: &str) -> bool {
    let general = GENERAL.contains(&name);
    let user = USER.contains(&name) || name.starts_with(FILTER);
    let is_template = || {
        let headers = document.headers(section);
        let lines = headers.iter().filter_map(|index| document.get(*index));
        lines
            .into_iter()
            .any(|line| modifiers(&line.text).any(|word| word == "!"))
    };
    if section == "general" {
        general
    } else {
        user || general && is_template()
    }
}

/// An option that Asterisk ignores must not do anything here either.
fn unknown(document: &mut Document, index: usize, name: &str, findings: &mut Findings) {
    let stem = name.split('(').next().unwrap_or(name);
    let rows = documented();
    let of_name = |supported| {
        rows.iter()
            .find(|row| row.supported == supported && row.name == stem)
    };
    let what = if let Some(row) = of_name(false) {
        format!("{}: Asterisk ignores it here; {}", quoted(name), row.doc)
    } else if of_name(true).is_some() {
        format!(
            "{}: Asterisk ignores it here, and amimux might not; take the \";\" away if it is meant",
            quoted(name)
        )
    } else {
        format!(
            "{}: neither Asterisk nor amimux knows this option",
            quoted(name)
        )
    };
    let place = origin(document, index);
    findings.add(Group::MustLookAt, place.as_ref(), &what);
    document.switch_off(index, what);
}

/// Asterisk grants more or less than such a list says; what it grants is written out.
fn class_list(document: &mut Document, index: usize, name: &str, findings: &mut Findings) {
    let Some(text) = document.get(index).and_then(value) else {
        return;
    };
    if parse_class_list(&text).is_ok_and(|list| !list.differs()) {
        return;
    }
    let granted = class_words(as_asterisk_reads(&text));
    let what = format!(
        "{name} = {}: Asterisk grants {granted} for this text",
        quoted(&text)
    );
    let place = origin(document, index);
    findings.add(Group::MustLookAt, place.as_ref(), &what);
    document.rewrite(index, &granted, what);
}

/// Classes as they are written in a configuration.
pub(super) fn class_words(classes: Classes) -> String {
    match classes {
        Classes::NONE => "none".to_owned(),
        Classes::ALL => "all".to_owned(),
        some => some.to_string(),
    }
}

fn variable(document: &mut Document, index: usize, findings: &mut Findings) {
    let Some(text) = document.get(index).and_then(value) else {
        return;
    };
    if text.split_once('=').is_none() {
        let what = "a setvar line without \"=\", which Asterisk ignores";
        findings.add(Group::MustLookAt, origin(document, index).as_ref(), what);
        document.switch_off(index, what);
    }
}

/// `eventfilter1 = ...` and the like are filters to Asterisk.
fn filter(document: &mut Document, index: usize, findings: &mut Findings) {
    let Some(line) = document.get(index) else {
        return;
    };
    let Some(name) = line.option_name().map(str::to_owned) else {
        return;
    };
    let at = name.find('(').unwrap_or(name.len());
    let (stem, criteria) = name.split_at_checked(at).unwrap_or((&name, ""));
    if stem.eq_ignore_ascii_case(FILTER) {
        return;
    }
    let Some(text) = value(line) else {
        return;
    };
    let what = format!("{} is called {FILTER} here", quoted(stem));
    let place = origin(document, index);
    let name = format!("{FILTER}{criteria}");
    if let Some(line) = document.lines.get_mut(index) {
        line.text = Zeroizing::new(assignment(&name, &text));
        line.meaning = Meaning::Option {
            name,
            append: false,
        };
        line.notes.push(what.clone());
    }
    findings.add(Group::Differs, place.as_ref(), what);
}

/// A section called `[http]` is a user to Asterisk, and would be something else here.
fn user_named_http(document: &mut Document) {
    for header in document.headers("http").into_iter().rev() {
        let line =
            DocumentLine::option("type", "user").noted("says that this is a user called http");
        document.insert_behind(header, vec![line]);
    }
}

/// The value of an option, unless the line is off, something else, or adds to an earlier one.
fn value(line: &DocumentLine) -> Option<Zeroizing<String>> {
    line.option_name()?;
    let code = CommentStripper::default()
        .strip(line.text.as_bytes(), 1)
        .ok()?;
    let code = Zeroizing::new(code.text);
    match Line::parse(&code) {
        Ok(Some(Line::Option {
            value,
            append: false,
            ..
        })) => Some(Zeroizing::new(strip_blanks(value).to_owned())),
        _ => None,
    }
}

fn note(document: &mut Document, index: usize, what: &str) {
    if let Some(line) = document.lines.get_mut(index) {
        line.notes.push(what.to_owned());
    }
}
