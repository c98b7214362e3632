//! `astmanproxy.conf`: where it listens, with or without TLS, and the Asterisks that it knows.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use zeroize::Zeroizing;

use super::dialect::{Entry, fields};
use crate::config::diagnostics::{Location, quoted};
use crate::import::document::DocumentLine;
use crate::import::findings::{Findings, Group};
use crate::import::place::free;
use crate::import::{Draft, Request};

/// An Asterisk.
pub(super) struct Upstream {
    /// The name of its section.
    pub(super) name: String,
    pub(super) host: String,
    port: String,
    user: String,
    secret: Zeroizing<String>,
    /// Whether astmanproxy asked it for events.
    pub(super) events: bool,
    tls: bool,
    place: Location,
}

/// What `astmanproxy.conf` says.
#[derive(Default)]
pub(super) struct Proxy {
    pub(super) upstreams: Vec<Upstream>,
    address: Option<String>,
    port: Option<u16>,
    encrypted: bool,
    unencrypted: bool,
    certificate: Option<String>,
    retry: Option<u16>,
}

impl Proxy {
    /// Takes over the lines; `users` are names that no upstream may have.
    pub(super) fn read(&mut self, lines: &[Entry], users: &[&str], findings: &mut Findings) {
        for line in lines {
            let Some((name, value)) = &line.pair else {
                continue;
            };
            let yes = value.eq_ignore_ascii_case("yes");
            match name.to_ascii_lowercase().as_str() {
                "host" => self.host(value, users, &line.place, findings),
                "listenaddress" => self.address = Some(value.to_string()),
                "listenport" => self.port = value.parse().ok(),
                "acceptencryptedconnection" => self.encrypted = yes,
                "acceptunencryptedconnection" => self.unencrypted = yes,
                "certfile" => self.certificate = Some(value.to_string()),
                "retryinterval" => {
                    self.retry = value.parse().ok().filter(|n| (1..=3600).contains(n));
                }
                _ => {}
            }
        }
    }

    fn host(&mut self, value: &str, users: &[&str], place: &Location, findings: &mut Findings) {
        let [host, port, user, secret, events, tls] = fields(value);
        let taken = |name: &str| {
            let reserved = ["general", "http"].iter().chain(users);
            let mut own = self.upstreams.iter().map(|upstream| upstream.name.as_str());
            reserved
                .into_iter()
                .any(|other| other.eq_ignore_ascii_case(name))
                || own.any(|other| other.eq_ignore_ascii_case(name))
        };
        let stem: String = host
            .chars()
            .filter(|c| c.is_alphanumeric() || "._-:".contains(*c))
            .collect();
        let stem = if stem.is_empty() {
            "asterisk".to_owned()
        } else {
            stem
        };
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        let mut names = std::iter::once(stem.clone()).chain(numbered);
        let name = names.find(|name| !taken(name)).unwrap_or_default();
        if tls.is_empty() {
            let what =
                format!("[{name}]: the line does not say whether to use TLS; plain TCP is taken");
            findings.add(Group::MustLookAt, Some(place), what);
        }
        let tls = tls.eq_ignore_ascii_case("on");
        if tls {
            let what = format!(
                "[{name}]: astmanproxy took any certificate; amimux needs one that it can trust: tlscafile or tlsfingerprint"
            );
            findings.add(Group::MustLookAt, Some(place), what);
        }
        self.upstreams.push(Upstream {
            name,
            host: host.to_owned(),
            port: port.to_owned(),
            user: user.to_owned(),
            secret: Zeroizing::new(secret.to_owned()),
            events: !events.eq_ignore_ascii_case("off"),
            tls,
            place: place.clone(),
        });
    }

    /// The upstream of a user: the one of that host, or the first, as astmanproxy has it.
    pub(super) fn upstream(&self, host: &str) -> Option<&Upstream> {
        let named = |upstream: &&Upstream| upstream.host.eq_ignore_ascii_case(host);
        let found = self.upstreams.iter().find(named);
        found.or_else(|| self.upstreams.first())
    }

    /// `[general]`, with the lines of the original as comments.
    pub(super) fn write_general(&self, request: &Request, lines: &[Entry], draft: &mut Draft) {
        draft.main.header("general");
        for line in lines {
            explain(line, draft);
        }
        let address = self.address(&mut draft.findings);
        let mut taken: Vec<u16> = self
            .upstreams
            .iter()
            .filter_map(|up| up.port.parse().ok())
            .collect();
        let port = match self.port {
            Some(port) if request.take_over && port >= 1024 => port,
            _ => free(5039, &taken),
        };
        taken.push(port);
        let other = free(port.saturating_add(1).max(1024), &taken);
        let (plain, tls) = if self.unencrypted {
            (
                SocketAddr::new(address, port),
                SocketAddr::new(address, other),
            )
        } else {
            let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
            (
                SocketAddr::new(local, other),
                SocketAddr::new(address, port),
            )
        };
        let main = &mut draft.main;
        main.comments(&["Where applications connect."]);
        main.option("bindaddr", &plain.ip().to_string());
        main.option("port", &plain.port().to_string());
        if self.encrypted {
            main.option("tlsenable", "yes");
            main.option("tlsbindaddr", &tls.to_string());
            if let Some(file) = &self.certificate {
                main.option("tlscertfile", file);
            }
            let what = format!(
                "TLS has a port of its own, {}; plain connections are accepted at {plain}",
                tls.port()
            );
            draft.findings.add(Group::MustLookAt, None, what);
        }
        if !request.take_over {
            let what = format!(
                "amimux is at port {port}, beside astmanproxy (--take-over gives it astmanproxy's)"
            );
            draft.findings.add(Group::Differs, None, what);
        }
    }

    fn address(&self, findings: &mut Findings) -> IpAddr {
        match self.address.as_deref() {
            Some("*") => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Some(text) => text.parse().unwrap_or_else(|_| {
                let what = format!(
                    "listenaddress = {} is no address; amimux is at 127.0.0.1",
                    quoted(text)
                );
                findings.add(Group::MustLookAt, None, what);
                IpAddr::V4(Ipv4Addr::LOCALHOST)
            }),
            None => IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }

    /// A section for each Asterisk.
    pub(super) fn write_upstreams(&self, draft: &mut Draft) {
        for upstream in &self.upstreams {
            let main = &mut draft.main;
            main.comments(&["An Asterisk."]);
            let mut header = DocumentLine::header(&upstream.name);
            header.origin = Some(upstream.place.clone());
            main.push(header);
            main.option("type", "upstream");
            for (name, value) in [
                ("host", &upstream.host),
                ("port", &upstream.port),
                ("username", &upstream.user),
            ] {
                main.option(name, value);
            }
            main.option("secret", &upstream.secret);
            if upstream.tls {
                main.option("tls", "yes");
            }
            if let Some(retry) = self.retry {
                main.option("reconnectmin", &retry.to_string());
                main.option("reconnectmax", &retry.max(30).to_string());
            }
        }
        if self.upstreams.len() > 1 {
            let what = "there are several Asterisks: each user belongs to one, and no longer gets the events of all";
            draft.findings.add(Group::MustLookAt, None, what);
        }
    }
}

/// Keeps a line as a comment, and says what became of it.
fn explain(line: &Entry, draft: &mut Draft) {
    let Some((name, value)) = &line.pair else {
        draft.main.push(DocumentLine::comment(
            line.text.trim_start_matches([';', '#', ' ']),
        ));
        return;
    };
    let name = name.to_ascii_lowercase();
    let (group, what) = fate(&name, value);
    draft
        .findings
        .add(group, Some(&line.place), format!("{name}: {what}"));
    // What may hold a secret is not repeated.
    let text = match name.as_str() {
        "host" | "proxykey" => format!("{name} = ..."),
        _ => line.text.to_string(),
    };
    let note = format!("{name}: {what}");
    draft.main.push(DocumentLine::comment(&text).noted(note));
}

fn fate(name: &str, value: &str) -> (Group, &'static str) {
    let value = value.to_ascii_lowercase();
    match (name, value.as_str()) {
        ("host", _) => (Group::AsIs, "a section with type = upstream"),
        ("listenaddress", _) => (Group::AsIs, "bindaddr"),
        ("listenport", _) => (Group::AsIs, "port"),
        ("acceptunencryptedconnection", "yes") => (Group::AsIs, "bindaddr and port"),
        ("acceptunencryptedconnection", _) => (
            Group::Differs,
            "plain connections come from this machine only",
        ),
        ("acceptencryptedconnection", "yes") => {
            (Group::Differs, "tlsenable; TLS has a port of its own")
        }
        ("acceptencryptedconnection", _) => (Group::AsIs, "there is no port for TLS"),
        ("certfile", _) => (Group::AsIs, "tlscertfile"),
        ("retryinterval", _) => (
            Group::Differs,
            "reconnectmin; pauses grow up to reconnectmax",
        ),
        ("maxretries", "0") => (Group::AsIs, "amimux never gives up"),
        ("maxretries", _) => (Group::Differs, "amimux never gives up"),
        ("sslclienthellotimeout", _) => (
            Group::Differs,
            "TLS has a port of its own, where authtimeout holds",
        ),
        ("asteriskwritetimeout", _) => (
            Group::Differs,
            "responsetimeout of the upstream, by default 30 seconds",
        ),
        ("clientwritetimeout", _) => (
            Group::Differs,
            "writetimeout of each user, by default 30 seconds",
        ),
        ("authrequired", "yes") => (Group::AsIs, "everybody has to log in"),
        ("authrequired", _) => (
            Group::MustLookAt,
            "whoever did not log in so far has to: give it a user",
        ),
        ("proxykey", _) => (
            Group::MustLookAt,
            "there is no such key: applications log in as users",
        ),
        ("inputformat" | "outputformat", "standard") => (Group::AsIs, "AMI"),
        ("inputformat" | "outputformat", "http" | "xml") => (
            Group::MustLookAt,
            "served in [http], in Asterisk's forms and as JSON: docs/http.md",
        ),
        ("inputformat" | "outputformat", _) => (
            Group::MustLookAt,
            "amimux has no such format; over HTTP there is JSON",
        ),
        ("autofilter", "off") => (Group::AsIs, "events come whatever was asked"),
        ("autofilter", _) => (
            Group::MustLookAt,
            "write Events: off into the login instead; answers come in any case",
        ),
        ("proc_user" | "proc_group", _) => {
            (Group::Differs, "the user that the service is started as")
        }
        ("logfile", _) => (
            Group::Differs,
            "the log goes to standard error, and so to the journal",
        ),
        _ => (
            Group::MustLookAt,
            "amimux does not know this option, and neither did astmanproxy 1.28",
        ),
    }
}
