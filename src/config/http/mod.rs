//! `[http]`: the options of Asterisk's http.conf (`main/http.c`) and ours, and what `[general]` says of HTTP.

pub(super) mod restriction;
mod values;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::access::NamedAcls;
use super::diagnostics::{Location, Report};
use super::general::{self, GeneralDraft};
use super::options::{self, Place, Spec, Treatment};
use super::raw::{RawOption, RawSection};
use super::secret_file::SecretFiles;
use super::settings::{General, Http};
use super::tls::listener_options::Rows;
use super::tls::server::{HasListener, Kind, ListenerDraft, overlap};
use super::value::{self, Unit, assign};

/// `bindport` without a line.
const PORT: u16 = 8088;
/// The port of `tlsbindaddr` without one.
const TLS_PORT: u16 = 8089;
/// `httptimeout` without a line.
pub(super) const SESSION_TIMEOUT: Duration = Duration::from_secs(60);
/// `session_inactivity` without a line.
const INACTIVITY: Duration = Duration::from_secs(30);
/// `session_keep_alive` without a line.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// `sessionlimit` without a line.
const CONNECTION_LIMIT: usize = 100;
/// `servername` without a line.
const SERVER_NAME: &str = concat!("amimux/", env!("CARGO_PKG_VERSION"));
/// The longest time-out that makes sense.
const TIMEOUT_MAX: Duration = Duration::from_secs(3600);

/// What `[general]` says of HTTP.
pub(super) struct WebDraft {
    /// Where `webenabled = yes` stands.
    enabled: Option<Location>,
    session_timeout: Duration,
}

impl Default for WebDraft {
    fn default() -> Self {
        Self {
            enabled: None,
            session_timeout: SESSION_TIMEOUT,
        }
    }
}

/// The options of `[general]` about HTTP.
pub(super) const GENERAL_OPTIONS: &[Spec<GeneralDraft>] = &[
    Spec::read(
        "webenabled",
        "yes or no",
        "no",
        "whether AMI is served over HTTP, which [http] is about",
        |draft, option, report| {
            let enabled = value::boolean(option, report);
            draft.web.enabled = enabled.then(|| option.location.clone());
        },
    ),
    Spec::read(
        "httptimeout",
        "seconds",
        "60",
        "how long a session over HTTP lives after its last request",
        session_timeout,
    ),
];

/// `[http]` while it is being read.
pub(super) struct HttpDraft {
    http: Http,
    enabled: Option<Location>,
    address: Option<IpAddr>,
    port: u16,
    tls: ListenerDraft,
}

impl HasListener for HttpDraft {
    const BIND_DEFAULT: &'static str = "address of bindaddr, port 8089";

    fn listener(&mut self) -> &mut ListenerDraft {
        &mut self.tls
    }
}

impl Default for HttpDraft {
    fn default() -> Self {
        Self {
            http: Http {
                bind: SocketAddr::from(([127, 0, 0, 1], PORT)),
                tls: None,
                prefix: String::new(),
                connection_limit: CONNECTION_LIMIT,
                inactivity: INACTIVITY,
                keep_alive: KEEP_ALIVE,
                server_name: Some(SERVER_NAME.to_owned()),
                session_timeout: SESSION_TIMEOUT,
                redirects: Vec::new(),
                restrictions: Vec::new(),
                page: false,
                cors_origins: Vec::new(),
            },
            enabled: None,
            address: None,
            port: PORT,
            tls: ListenerDraft::default(),
        }
    }
}

type Row = Spec<HttpDraft>;

/// Every option of `[http]`.
pub(super) const OPTIONS: &[&[Row]] = &[OWN, Rows::<HttpDraft>::OPTIONS];

const OWN: &[Row] = &[
    Row::read(
        "enabled",
        "yes or no",
        "no",
        "whether HTTP is served; webenabled in [general] must be yes as well",
        |draft, option, report| {
            let enabled = value::boolean(option, report);
            draft.enabled = enabled.then(|| option.location.clone());
        },
    ),
    Row::read(
        "bindaddr",
        "address",
        "none, must be given",
        "address on which HTTP is served",
        |draft, option, report| {
            let address = general::address(option, "bindport", report);
            draft.address = address.or(draft.address);
        },
    ),
    Row::read(
        "bindport",
        "1 to 65535",
        "8088",
        "TCP port on which HTTP is served",
        |draft, option, report| {
            let port = value::number(option, 1..=65535, report);
            assign(
                &mut draft.port,
                port.and_then(|port| u16::try_from(port).ok()),
            );
        },
    ),
    Row::read(
        "prefix",
        "path",
        "none",
        "what every path begins with",
        values::prefix,
    ),
    Row::read(
        "sessionlimit",
        "1 to 1000000",
        "100",
        "most connections at a time",
        |draft, option, report| {
            assign(
                &mut draft.http.connection_limit,
                value::count(option, 1..=1_000_000, report),
            );
        },
    ),
    Row::read(
        "session_inactivity",
        "milliseconds",
        "30000",
        "longest silence within a request",
        |draft, option, report| {
            let limits = Duration::from_millis(1)..=TIMEOUT_MAX;
            values::milliseconds(&mut draft.http.inactivity, option, limits, report);
        },
    ),
    Row::read(
        "session_keep_alive",
        "milliseconds",
        "15000",
        "how long an idle connection is kept; 0 closes it after each answer",
        |draft, option, report| {
            let limits = Duration::ZERO..=TIMEOUT_MAX;
            values::milliseconds(&mut draft.http.keep_alive, option, limits, report);
        },
    ),
    Row::read(
        "servername",
        "text",
        "amimux/VERSION",
        "what the header Server says; without a value there is none",
        values::server_name,
    ),
    Row::read(
        "redirect",
        "path and target",
        "none",
        "a path that leads elsewhere; several lines may be given",
        values::redirect,
    ),
    Row::read(
        "webpage",
        "yes or no",
        "no",
        "whether / is a page that shows events and runs actions",
        |draft, option, report| draft.http.page = value::boolean(option, report),
    ),
    Row::read(
        "corsorigin",
        "scheme://host[:port]",
        "none",
        "an origin whose pages may use the JSON interface; several lines may be given",
        values::cors_origin,
    ),
    Row::unsupported(
        "enable_static",
        &["enablestatic"],
        "it serves no files",
        Treatment::NoEffectIfTrue,
    ),
    Row::unsupported(
        "enable_status",
        &[],
        "it has no page of that kind",
        Treatment::NoEffectIfTrue,
    ),
];

/// What else is known when `[http]` is read.
pub(super) struct Context<'a> {
    pub(super) general: &'a GeneralDraft,
    pub(super) acls: &'a NamedAcls,
    pub(super) files: &'a SecretFiles<'a>,
    /// The sections with `type = restriction`.
    pub(super) restrictions: &'a [&'a RawSection],
}

/// How far HTTP is served.
#[derive(Default)]
pub(super) struct Served {
    /// The settings, if it is.
    pub(super) http: Option<Http>,
    /// Whether its TLS port asks clients for certificates.
    pub(super) asks_for_certificates: bool,
}

/// Reads `[http]` and what belongs to it. Whatever is wrong is said even where HTTP is not served, but files are read only
/// where it is.
pub(super) fn read(
    section: Option<&RawSection>,
    context: &Context<'_>,
    report: &mut Report,
) -> Served {
    let mut draft = HttpDraft::default();
    for option in section.iter().flat_map(|section| &section.options) {
        options::apply(OPTIONS, Place::Http, &mut draft, option, report);
    }
    let bind = draft.address.unwrap_or_else(|| draft.http.bind.ip());
    draft.http.restrictions = restriction::read(context, bind, report);
    let web = &context.general.web;
    let (Some(section), Some(at)) = (section, agreed(&draft, web, report)) else {
        return Served::default();
    };
    let Some(address) = draft.address else {
        if section.named("bindaddr").next().is_none() {
            report.error(
                &at,
                "[http] has no 'bindaddr', and there is no default",
                "write bindaddr = 127.0.0.1 or the address that browsers and programs use",
            );
        }
        return Served::default();
    };
    let mut http = draft.http;
    http.bind = SocketAddr::new(address, draft.port);
    http.session_timeout = web.session_timeout;
    let kind = Kind {
        port: TLS_PORT,
        protocols: &[b"http/1.1"],
    };
    http.tls = draft.tls.finish(&kind, http.bind, context.files, report);
    check_ports(&http, &context.general.general, &at, report);
    Served {
        http: Some(http),
        asks_for_certificates: draft.tls.asks_for_certificates(),
    }
}

/// Where HTTP is switched on, if both sections say so; one alone is warned of.
fn agreed(draft: &HttpDraft, web: &WebDraft, report: &mut Report) -> Option<Location> {
    match (&draft.enabled, &web.enabled) {
        (Some(at), Some(_)) => return Some(at.clone()),
        (Some(at), None) => report.warning(
            at,
            "HTTP is not served: 'webenabled' in [general] does not say yes",
            "write webenabled = yes there, or enabled = no here",
        ),
        (None, Some(at)) => report.warning(
            at,
            "HTTP is not served: there is no [http] with enabled = yes",
            "write such a section, or webenabled = no",
        ),
        (None, None) => {}
    }
    None
}

/// Each port can be listened at once only.
fn check_ports(http: &Http, general: &General, at: &Location, report: &mut Report) {
    let ours = [
        Some((http.bind, "bindport")),
        http.tls.as_ref().map(|tls| (tls.bind, "tlsbindaddr")),
    ];
    let others = [
        Some((general.bind, "applications connect")),
        general
            .tls
            .as_ref()
            .map(|tls| (tls.bind, "applications connect with TLS")),
    ];
    for (bind, option) in ours.into_iter().flatten() {
        for (other, who) in others.into_iter().flatten() {
            if overlap(bind, other) {
                report.error(
                    at,
                    format!("HTTP would be served at {bind}, where {who}"),
                    format!("give '{option}' of [http] another port"),
                );
            }
        }
    }
}

fn session_timeout(draft: &mut GeneralDraft, option: &RawOption, report: &mut Report) {
    let limits = Duration::ZERO..=Duration::from_secs(86_400);
    let Some(timeout) = value::duration(option, Unit::Seconds, limits, report) else {
        return;
    };
    if timeout < Duration::from_secs(1) {
        report.warning(
            &option.location,
            "'httptimeout' is less than a second and is ignored",
            "write 1 or more",
        );
        return;
    }
    draft.web.session_timeout = timeout;
}

#[cfg(test)]
pub(super) mod tests;
