//! `http.conf`, where AMI over HTTP was served: its `[general]` becomes `[http]`, its restrictions keep their names.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use super::document::DocumentLine;
use super::findings::Group;
use super::place::{free, moved, parse_address};
use super::{Draft, ImportError};
use crate::config::diagnostics::{Location, Report, quoted};
use crate::config::raw::{self, RawOption, RawSection};
use crate::config::value::is_true;

/// What Asterisk knows in `[general]` (`main/http.c`, `__ast_http_load`).
const KNOWN: [&str; 27] = [
    "enabled",
    "bindaddr",
    "bindport",
    "prefix",
    "sessionlimit",
    "session_inactivity",
    "session_keep_alive",
    "servername",
    "redirect",
    "enable_static",
    "enablestatic",
    "enable_status",
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
/// Its port without a line.
const PORT: u16 = 8088;

/// What else is known.
pub(super) struct Web {
    /// Whether `[general]` of manager.conf says `webenabled = yes`.
    pub(super) enabled: bool,
    pub(super) take_over: bool,
    /// The ports that amimux has for AMI.
    pub(super) taken: [u16; 2],
}

/// Adds `[http]` and restrictions, if AMI was served over HTTP.
///
/// # Errors
/// None but those of files that are not there after all.
pub(super) fn add(draft: &mut Draft, manager: &Path, web: &Web) -> Result<(), ImportError> {
    let path = manager.with_file_name("http.conf");
    let mut report = Report::default();
    let sections = if path.is_file() {
        raw::read(&path, &mut report).sections
    } else {
        Vec::new()
    };
    let mut plain = sections.iter().filter(|section| !section.template);
    let general = plain.find(|section| section.name.eq_ignore_ascii_case("general"));
    let served = general.filter(|general| {
        let enabled = general.named("enabled").next_back();
        enabled.is_some_and(|option| is_true(&option.value))
    });
    let Some(general) = served.filter(|_| web.enabled) else {
        if web.enabled {
            let what = "HTTP was not served, as http.conf does not say enabled = yes";
            draft.findings.add(Group::MustLookAt, None, what);
            for index in draft.main.options("general", &["webenabled"]) {
                draft.main.switch_off(index, what);
            }
        }
        return Ok(());
    };
    for error in report.errors() {
        draft
            .findings
            .add(Group::MustLookAt, Some(&error.location), &error.what);
    }
    draft
        .main
        .comments(&[&format!("AMI over HTTP, from {}.", path.display())]);
    draft.main.header("http");
    section(draft, general, web);
    restrictions(draft, &sections);
    let what = "AMI over HTTP is served by amimux too; ARI, WebSockets and files stay with Asterisk's own HTTP server";
    draft
        .findings
        .add(Group::MustLookAt, Some(&general.location), what);
    Ok(())
}

fn section(draft: &mut Draft, general: &RawSection, web: &Web) {
    let port = general.named("bindport").next_back();
    let port = port
        .and_then(|port| port.value.parse().ok())
        .unwrap_or(PORT);
    let [one, other] = web.taken;
    let own = if web.take_over {
        port
    } else {
        moved(port, &[one, other])
    };
    for option in &general.options {
        let name = option.name.to_ascii_lowercase();
        if !KNOWN.contains(&name.as_str()) {
            let what = format!("{}: Asterisk ignores it here", quoted(&option.name));
            let at = &option.location;
            draft.findings.add(Group::MustLookAt, Some(at), &what);
            draft.main.push(line(option));
            draft.main.switch_off(draft.main.lines.len() - 1, what);
        } else if web.take_over
            || !matches!(name.as_str(), "bindport" | "tlsbindaddr" | "sslbindaddr")
        {
            draft.main.push(line(option));
        }
    }
    if !web.take_over {
        let note = format!("Asterisk's own HTTP server stays at port {port}");
        let line = DocumentLine::option("bindport", &own.to_string()).noted(&note);
        draft.main.push(line);
        let tls = free(own.saturating_add(1), &[one, other, port]);
        if said(general, &["tlsenable", "sslenable"]).is_some_and(is_true) {
            let address = said(general, &["tlsbindaddr", "sslbindaddr"])
                .or_else(|| said(general, &["bindaddr"]))
                .and_then(parse_address)
                .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
            let bind = SocketAddr::new(address, tls);
            draft.main.option("tlsbindaddr", &bind.to_string());
        }
        let what = format!("HTTP is at port {own}, HTTPS at {tls} if it is on: {note}");
        draft
            .findings
            .add(Group::Differs, Some(&general.location), what);
    } else {
        let what =
            format!("give Asterisk's HTTP server another bindport, as amimux is at port {own} now");
        draft
            .findings
            .add(Group::MustLookAt, Some(&general.location), what);
    }
}

/// What the last line says that has one of these names.
fn said<'a>(section: &'a RawSection, names: &[&str]) -> Option<&'a str> {
    let is_named = |option: &&RawOption| {
        names
            .iter()
            .any(|name| option.name.eq_ignore_ascii_case(name))
    };
    let option = section.options.iter().rfind(is_named)?;
    Some(option.value.as_str())
}

fn restrictions(draft: &mut Draft, sections: &[RawSection]) {
    let is_restriction = |section: &&RawSection| {
        let kind = section.named("type").next_back();
        !section.template && kind.is_some_and(|kind| kind.value.eq_ignore_ascii_case("restriction"))
    };
    for restriction in sections.iter().filter(is_restriction) {
        draft.main.comments(&[]);
        // Asterisk's prefixes may begin without the slash that every path here begins with.
        let name = restriction.name.trim_start_matches('/');
        let mut header = DocumentLine::header(&format!("/{name}"));
        header.origin = Some(restriction.location.clone());
        draft.main.push(header);
        for option in &restriction.options {
            draft.main.push(line(option));
        }
    }
}

fn line(option: &RawOption) -> DocumentLine {
    let mut line = DocumentLine::option(&option.name, &option.value);
    line.origin = Some(Location::clone(&option.location));
    line
}
