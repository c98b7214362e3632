//! Sections with `type = upstream`: one Asterisk each.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::credentials::check_one_kind;
use super::diagnostics::{Location, Report, quoted};
use super::general::{PORT, TLS_PORT};
use super::options::{self, Place, Spec};
use super::raw::{RawOption, RawSection};
use super::secret_file::SecretFiles;
use super::settings::{AuthType, General, Upstream};
use super::tls::client::{self, ClientDraft};
use super::value::{self, Unit, assign};
use crate::policy::secret::Secret;

/// Most actions that may be with Asterisk at a time.
const WINDOW_MAX: u64 = 1024;
/// The time-outs that make sense, keepalive included.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(3600);

/// An upstream section while it is being read: the settings with empty text for what is still missing.
pub(super) struct UpstreamDraft {
    upstream: Upstream,
    secret: Option<RawOption>,
    secret_file: Option<RawOption>,
    pub(super) tls: ClientDraft,
}

type Row = Spec<UpstreamDraft>;

/// Every option of upstream sections.
pub(super) const OPTIONS: &[&[Row]] = &[OWN, client::OPTIONS];

const OWN: &[Row] = &[
    Row::read(
        "type",
        "upstream",
        "user",
        "says that the section is an Asterisk to connect to",
        |_, _, _| (),
    ),
    Row::read(
        "host",
        "name or address",
        "none, must be given",
        "where Asterisk is",
        host,
    ),
    Row::read(
        "port",
        "1 to 65535",
        "5038; 5039 with tls",
        "TCP port of its AMI",
        |draft, option, report| {
            let port = value::number(option, 1..=65535, report);
            assign(
                &mut draft.upstream.port,
                port.and_then(|port| u16::try_from(port).ok()),
            );
        },
    ),
    Row::read(
        "username",
        "text",
        "none, must be given",
        "the user of Asterisk's manager.conf to log in as",
        |draft, option, report| {
            assign(&mut draft.upstream.username, value::text(option, report));
        },
    ),
    Row::read(
        "secret",
        "text",
        "none, must be given",
        "that user's secret",
        |draft, option, report| {
            warn_if_cut(option, report);
            draft.secret = Some(option.clone());
        },
    ),
    Row::read(
        "secretfile",
        "path, or %d/NAME",
        "none",
        "a file that holds the secret alone, instead of 'secret'; %d is the directory of systemd's credentials",
        |draft, option, _| draft.secret_file = Some(option.clone()),
    ),
    Row::read(
        "authtype",
        "plain or md5",
        "md5",
        "how to log in; md5 does not send the secret",
        |draft, option, report| {
            let words = [("plain", AuthType::Plain), ("md5", AuthType::Md5)];
            assign(
                &mut draft.upstream.auth_type,
                value::one_of(option, &words, report),
            );
        },
    ),
    Row::read(
        "connecttimeout",
        "seconds",
        "5",
        "longest time for TCP to connect",
        |draft, option, report| {
            timeout(&mut draft.upstream.connect_timeout, option, report);
        },
    ),
    Row::read(
        "logintimeout",
        "seconds",
        "10",
        "longest time for the banner, the login and the table of actions, each",
        |draft, option, report| {
            timeout(&mut draft.upstream.login_timeout, option, report);
        },
    ),
    Row::read(
        "keepalive",
        "seconds",
        "30",
        "silence after which Asterisk is sent a Ping",
        |draft, option, report| {
            timeout(&mut draft.upstream.keepalive, option, report);
        },
    ),
    Row::read(
        "responsetimeout",
        "seconds",
        "30",
        "longest time for an answer",
        |draft, option, report| {
            timeout(&mut draft.upstream.response_timeout, option, report);
        },
    ),
    Row::read(
        "reconnectmin",
        "seconds",
        "0.5",
        "first pause before connecting again",
        |draft, option, report| {
            timeout(&mut draft.upstream.reconnect_min, option, report);
        },
    ),
    Row::read(
        "reconnectmax",
        "seconds",
        "30",
        "longest pause before connecting again",
        |draft, option, report| {
            timeout(&mut draft.upstream.reconnect_max, option, report);
        },
    ),
    Row::read(
        "window",
        "1 to 1024",
        "16",
        "most actions that are with Asterisk at a time",
        |draft, option, report| {
            assign(
                &mut draft.upstream.window,
                value::count(option, 1..=WINDOW_MAX, report),
            );
        },
    ),
];

/// Reads a section; nothing when something that must be given is missing.
pub(super) fn read(
    section: &RawSection,
    secret_files: &SecretFiles<'_>,
    report: &mut Report,
) -> Option<Upstream> {
    let mut draft = UpstreamDraft {
        upstream: defaults(&section.name),
        secret: None,
        secret_file: None,
        tls: ClientDraft::default(),
    };
    for option in &section.options {
        options::apply(OPTIONS, Place::Upstream, &mut draft, option, report);
    }
    let mut complete = true;
    for name in ["host", "username"] {
        if section.named(name).next().is_none() {
            complete = false;
            report.error(
                &section.location,
                format!("the upstream {} has no '{name}'", quoted(&section.name)),
                format!("write a line {name} = ..."),
            );
        }
    }
    match draft.finish_secret(section, secret_files, report) {
        Some(secret) => draft.upstream.secret = secret,
        None => complete = false,
    }
    let mut upstream = draft.upstream;
    if draft.tls.is_enabled() && section.named("port").next().is_none() {
        upstream.port = TLS_PORT;
    }
    upstream.tls = draft
        .tls
        .finish(section, &upstream.host, secret_files, report);
    if upstream.reconnect_min > upstream.reconnect_max {
        complete = false;
        report.error(
            &section.location,
            "'reconnectmin' is longer than 'reconnectmax'",
            "lower reconnectmin or raise reconnectmax",
        );
    }
    complete.then_some(upstream)
}

/// Notes an error when the upstream is the address on which amimux itself listens, without or with TLS.
pub(super) fn check_not_ourselves(
    upstream: &Upstream,
    section: &RawSection,
    general: &General,
    report: &mut Report,
) {
    let own = match (&upstream.tls, &general.tls) {
        (None, _) => general.bind,
        (Some(_), Some(listener)) => listener.bind,
        (Some(_), None) => return,
    };
    let loopback = upstream.host.eq_ignore_ascii_case("localhost");
    let address: Option<IpAddr> = upstream.host.parse().ok();
    let here = match address {
        Some(address) => address == own.ip() || own.ip().is_unspecified() && address.is_loopback(),
        None => loopback && (own.ip().is_loopback() || own.ip().is_unspecified()),
    };
    if here && upstream.port == own.port() {
        let at = section
            .named("host")
            .next_back()
            .map_or(&section.location, |host| &host.location);
        let remedy = match upstream.tls {
            None => "give [general] another port, such as port = 5039".to_owned(),
            Some(_) => format!(
                "give [general] another port for TLS, such as tlsbindaddr = {}",
                SocketAddr::new(own.ip(), 5040)
            ),
        };
        report.error(
            at,
            format!(
                "the upstream {} is at {}:{}, where amimux itself listens",
                quoted(&section.name),
                upstream.host,
                upstream.port
            ),
            remedy,
        );
    }
}

/// The upstream of a user, as its section spells it. `wanted` is what the user's section says, and where.
pub(super) fn choose_upstream(
    wanted: Option<(&str, &Location)>,
    user: &RawSection,
    upstreams: &[String],
    report: &mut Report,
) -> Option<String> {
    let names = upstreams.join(", ");
    match (wanted, upstreams) {
        // That there is no upstream at all is said once, not for each user.
        (_, []) => None,
        (None, [only]) => Some(only.clone()),
        (None, _) => {
            report.error(
                &user.location,
                format!(
                    "{} does not say which upstream it is connected to",
                    quoted(&user.name)
                ),
                format!("write upstream = and one of {names}"),
            );
            None
        }
        (Some((name, at)), known) => {
            let found = known.iter().find(|known| known.eq_ignore_ascii_case(name));
            if found.is_none() {
                report.error(
                    at,
                    format!("there is no upstream {}", quoted(name)),
                    format!("write one of {names}"),
                );
            }
            found.cloned()
        }
    }
}

fn defaults(name: &str) -> Upstream {
    Upstream {
        tls: None,
        name: name.to_owned(),
        host: String::new(),
        port: PORT,
        username: String::new(),
        secret: Secret::new(Vec::new()),
        auth_type: AuthType::default(),
        connect_timeout: Duration::from_secs(5),
        login_timeout: Duration::from_secs(10),
        keepalive: Duration::from_secs(30),
        response_timeout: Duration::from_secs(30),
        reconnect_min: Duration::from_millis(500),
        reconnect_max: Duration::from_secs(30),
        window: 16,
    }
}

fn host(draft: &mut UpstreamDraft, option: &RawOption, report: &mut Report) {
    let Some(host) = value::text(option, report) else {
        return;
    };
    let is_address = host.parse::<IpAddr>().is_ok();
    if !is_address && host.contains([' ', '\t', ':', '/', '[', ']', ',']) {
        report.error(
            &option.location,
            format!("host = {} is neither a name nor an address", quoted(&host)),
            "write a host name or an address alone; the port has its own line",
        );
    }
    draft.upstream.host = host;
}

impl UpstreamDraft {
    /// The secret, from wherever the section has it.
    fn finish_secret(
        &self,
        section: &RawSection,
        files: &SecretFiles<'_>,
        report: &mut Report,
    ) -> Option<Secret> {
        check_one_kind(section, &["secret", "secretfile"], report);
        let (option, secret) = match (&self.secret, &self.secret_file) {
            (Some(option), _) => (option, Secret::new(option.value.as_bytes())),
            (None, Some(option)) => (option, files.read(option, report)?),
            (None, None) => {
                report.error(
                    &section.location,
                    format!("the upstream {} has no 'secret'", quoted(&section.name)),
                    "write a line secret = ... or secretfile = ...",
                );
                return None;
            }
        };
        if secret.is_empty() {
            report.error(
                &option.location,
                "the upstream's secret is empty",
                "write the secret of that user in Asterisk's manager.conf",
            );
        }
        Some(secret)
    }
}

/// Warns when a secret ends at a semicolon that may have been meant as a part of it.
pub(super) fn warn_if_cut(option: &RawOption, report: &mut Report) {
    if option.comment_glued {
        report.warning(
            &option.location,
            "the secret ends at ';', where a comment begins",
            "write '\\;' if the semicolon belongs to the secret, or a blank before the comment",
        );
    }
}

fn timeout(target: &mut Duration, option: &RawOption, report: &mut Report) {
    let duration = value::duration(option, Unit::Seconds, TIMEOUTS, report);
    assign(target, duration);
}
