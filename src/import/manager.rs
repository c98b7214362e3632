//! Asterisk's `manager.conf`: who listens where, amimux's own user, and the files beside it. What single lines mean is in
//! [`rules`].

mod kept;
mod rules;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use zeroize::Zeroizing;

use super::document::{Document, DocumentLine};
use super::findings::{Findings, Group};
use super::place::{Places, parse_address};
use super::workshop::acl_file;
use super::{Draft, ImportError, Request, http, preamble, source, users_conf};
use crate::config::diagnostics::{Diagnostic, Location, Report, quoted};
use crate::config::raw::{self, RawConfig, RawSection};
use crate::config::value::is_true;
use users_conf::ManagerUser;

/// Asterisk's port of AMI.
const PORT: u16 = 5038;
/// The same with TLS.
const TLS_PORT: u16 = 5039;

/// What is known of the original as a whole.
struct Original<'a> {
    request: &'a Request,
    raw: RawConfig,
    users_conf: Vec<ManagerUser>,
    places: Places,
    /// Whether its `[general]` says that AMI is served.
    enabled: bool,
    /// Where plain AMI is served; `None` for all addresses.
    address: Option<IpAddr>,
    /// Where TLS is, if it is.
    tls: Option<SocketAddr>,
}

impl Original<'_> {
    fn general(&self) -> Option<&RawSection> {
        let mut sections = self.raw.sections.iter();
        sections.find(|section| section.name.eq_ignore_ascii_case("general"))
    }

    fn is_true(&self, name: &str) -> bool {
        last(self.general(), name).is_some_and(is_true)
    }

    /// Whether a section of that name is there already, in whatever file.
    fn has(&self, name: &str) -> bool {
        let sections = self.raw.sections.iter().map(|section| &section.name);
        let users = self.users_conf.iter().map(|user| &user.name);
        sections
            .chain(users)
            .any(|own| own.eq_ignore_ascii_case(name))
    }

    /// A name that no section has.
    fn fresh(&self, name: &str) -> String {
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        std::iter::once(name.to_owned())
            .chain(numbered)
            .find(|name| !self.has(name))
            .unwrap_or_default()
    }
}

/// Reads the file and those beside it.
///
/// # Errors
/// What makes Asterisk refuse the file, too, and files that cannot be read.
pub(super) fn draft(path: &Path, request: &Request) -> Result<Draft, ImportError> {
    let mut findings = Findings::default();
    let source = source::read(path, &mut findings)?;
    let users_conf = read_users_conf(path, &mut findings);
    let original = original(path, request, users_conf);
    let mut document = source.document;
    rules::spoiled(&mut document, &source.spoiled, &mut findings);
    rules::options(&mut document, &mut findings);
    kept::complete(&mut document, &original, &mut findings);
    listening(&mut document, &original, &mut findings);
    let mut draft = Draft {
        main: preamble(path),
        findings,
        ..Draft::default()
    };
    draft.main.lines.append(&mut document.lines);
    upstream(&mut draft, &original);
    http::add(&mut draft, path, &original.web())?;
    kept::add_users(&mut draft, &original);
    add_acls(&mut draft, path, request)?;
    advice(&mut draft, path);
    Ok(draft)
}

fn original<'a>(path: &Path, request: &'a Request, users_conf: Vec<ManagerUser>) -> Original<'a> {
    // What is wrong was said, or is said of the result.
    let raw = raw::read(path, &mut Report::default());
    let mut original = Original {
        request,
        raw,
        users_conf,
        places: Places::new(None, PORT, None, request.take_over),
        enabled: false,
        address: None,
        tls: None,
    };
    let general = original.general();
    let address = last(general, "bindaddr").and_then(parse_address);
    let port = last(general, "port").and_then(|port| port.parse().ok());
    let port = port.filter(|port| *port >= 1024).unwrap_or(PORT);
    let enabled = original.is_true("enabled");
    let tls = (original.is_true("tlsenable") || original.is_true("sslenable")).then(|| {
        let given = last(general, "tlsbindaddr").or_else(|| last(general, "sslbindaddr"));
        let any = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        given
            .and_then(|text| text.parse().ok())
            .or_else(|| Some(SocketAddr::new(parse_address(given?)?, TLS_PORT)))
            .unwrap_or_else(|| SocketAddr::new(any, TLS_PORT))
    });
    original.places = Places::new(address, port, tls.map(|tls| tls.port()), request.take_over);
    original.enabled = enabled;
    original.address = address;
    original.tls = tls;
    original
}

impl Original<'_> {
    fn web(&self) -> http::Web {
        http::Web {
            enabled: self.is_true("webenabled"),
            take_over: self.request.take_over,
            taken: [self.places.port, self.places.tls_port],
        }
    }
}

fn last<'a>(section: Option<&'a RawSection>, name: &str) -> Option<&'a str> {
    let option = section?.named(name).next_back()?;
    Some(option.value.as_str())
}

fn read_users_conf(path: &Path, findings: &mut Findings) -> Vec<ManagerUser> {
    let path = path.with_file_name("users.conf");
    if !path.is_file() {
        return Vec::new();
    }
    let mut report = Report::default();
    let users = users_conf::read(&path, &mut report);
    tell(&report, findings);
    users
}

fn tell(report: &Report, findings: &mut Findings) {
    for Diagnostic { location, what, .. } in report.errors() {
        findings.add(Group::MustLookAt, Some(location), what);
    }
}

/// Where amimux listens.
fn listening(document: &mut Document, original: &Original<'_>, findings: &mut Findings) {
    if document.headers("general").is_empty() {
        document.lines.insert(0, DocumentLine::header("general"));
    }
    let mut lines = Vec::new();
    if !original.enabled {
        let what = "AMI was switched off in Asterisk, which amimux needs: write enabled = yes into its manager.conf";
        findings.add(Group::MustLookAt, None, what);
        for index in document.options("general", &["enabled"]) {
            document.switch_off(index, what);
        }
    }
    let places = &original.places;
    let general = original.general();
    if let Some(text) = last(general, "bindaddr")
        && original.address.is_none()
    {
        let what = format!(
            "bindaddr = {} is no address, for which Asterisk takes all addresses; amimux is at 127.0.0.1",
            quoted(text)
        );
        for index in document.options("general", &["bindaddr"]) {
            findings.add(Group::MustLookAt, origin(document, index).as_ref(), &what);
            document.switch_off(index, &what);
        }
        lines.push(DocumentLine::option("bindaddr", "127.0.0.1"));
    }
    if !original.request.take_over {
        let what = "Asterisk stays at its port, and amimux has one of its own (--take-over gives it Asterisk's)";
        for index in document.options("general", &["port"]) {
            document.switch_off(index, what);
        }
        lines.push(DocumentLine::option("port", &places.port.to_string()));
        let what = format!("amimux is at port {}: {what}", places.port);
        findings.add(Group::Differs, None, what);
        if let Some(tls) = original.tls {
            for index in document.options("general", &["tlsbindaddr", "sslbindaddr"]) {
                document.switch_off(index, "amimux has a port for TLS of its own");
            }
            let bind = SocketAddr::new(tls.ip(), places.tls_port);
            lines.push(DocumentLine::option("tlsbindaddr", &bind.to_string()));
        }
    }
    if let Some(header) = document.headers("general").first() {
        document.insert_behind(*header, lines);
    }
}

fn origin(document: &Document, index: usize) -> Option<Location> {
    document.get(index)?.origin.clone()
}

/// The section for Asterisk, and what Asterisk is to be told.
fn upstream(draft: &mut Draft, original: &Original<'_>) {
    let (section, user) = (original.fresh("asterisk"), original.fresh("amimux"));
    let secret = &original.request.secret;
    let asterisk = original.places.asterisk;
    let main = &mut draft.main;
    main.comments(&["The Asterisk that this configuration comes from. Its user is to be put into manager.conf there."]);
    main.header(&section);
    main.option("type", "upstream");
    main.option("host", &asterisk.ip().to_string());
    if asterisk.port() != PORT {
        main.option("port", &asterisk.port().to_string());
    }
    main.option("username", &user);
    main.option("secret", secret);
    draft.for_asterisk = for_asterisk(original, &user);
    let what = format!(
        "put the section [{user}] that is printed into Asterisk's manager.conf, and run \"asterisk -rx 'manager reload'\"; \
         remove the other users there when their applications use amimux"
    );
    draft.findings.add(Group::MustLookAt, None, what);
}

fn for_asterisk(original: &Original<'_>, user: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    let mut line = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    let asterisk = original.places.asterisk;
    if original.request.take_over || !original.enabled {
        line("[general]");
        line("enabled = yes");
        if original.request.take_over {
            line(&format!("bindaddr = {}", asterisk.ip()));
            line(&format!("port = {}", asterisk.port()));
            if original.tls.is_some() {
                line("tlsenable = no");
            }
        }
        line("");
    }
    line(&format!("[{user}]"));
    // The secret is made of letters and digits, so that nothing in it is special.
    line(&format!("secret = {}", original.request.secret.as_str()));
    line("deny = 0.0.0.0/0.0.0.0");
    line("deny = ::/0");
    line("permit = 127.0.0.1");
    line("permit = ::1");
    if !asterisk.ip().is_loopback() {
        line(&format!("permit = {}", asterisk.ip()));
    }
    for option in ["read = all", "write = all", "writetimeout = 10000"] {
        line(option);
    }
    text
}

/// `acl.conf`, where a section names an access list.
fn add_acls(draft: &mut Draft, path: &Path, request: &Request) -> Result<(), ImportError> {
    let wanted = draft.main.lines.iter().any(|line| {
        line.option_name()
            .is_some_and(|name| name.eq_ignore_ascii_case("acl"))
    });
    if !wanted {
        return Ok(());
    }
    let name = acl_file(&request.output);
    if let Some(header) = draft.main.headers("general").first() {
        let line = DocumentLine::option("aclconf", &name);
        draft.main.insert_behind(*header, vec![line]);
    }
    let path = path.with_file_name("acl.conf");
    let mut document = preamble(&path);
    if path.is_file() {
        let mut source = source::read(&path, &mut draft.findings)?;
        rules::spoiled(&mut source.document, &source.spoiled, &mut draft.findings);
        document.lines.append(&mut source.document.lines);
        let what = format!(
            "the named access lists were copied to {name}, which amimux reads instead of {}",
            path.display()
        );
        draft.findings.add(Group::Differs, None, what);
    }
    draft.acls = Some(document);
    Ok(())
}

/// What holds for every such import.
fn advice(draft: &mut Draft, path: &Path) {
    let findings = &mut draft.findings;
    if path.with_file_name("astmanproxy.conf").is_file() {
        let what =
            "there is an astmanproxy.conf as well, which was not looked at: name it with --from";
        findings.add(Group::MustLookAt, None, what);
    }
    for what in [
        "an event with an ActionID shows it to sessions of the user that asked, not to everybody (actionids = all)",
        "a client that reads too slowly is disconnected when \"retention\" is used up, or skips events (onslow = skip)",
    ] {
        findings.add(Group::Differs, None, what);
    }
}
