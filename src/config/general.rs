//! `[general]`: manager.conf's options (`main/manager.c`, `__init_manager`) and ours.

mod values;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use self::values::{auth_limit, auth_timeout, banner, disabled_events};
use super::access::{AclDraft, NamedAcls};
use super::diagnostics::{Location, Report, quoted};
use super::entry;
use super::http::{self, WebDraft};
use super::metrics;
use super::options::{Spec, Treatment};
use super::raw::RawOption;
use super::rights::{RightsDraft, shared};
use super::secret_file::SecretFiles;
use super::settings::{General, OnReload};
use super::tls::listener_options::Rows;
use super::tls::server::{HasListener, Kind, ListenerDraft};
use super::value::{self, Unit, assign};
use crate::policy::acl::{Acl, RuleList};

/// The TCP port of AMI (`DEFAULT_MANAGER_PORT`).
pub(super) const PORT: u16 = 5038;
/// Its TCP port with TLS (`DEFAULT_MANAGER_TLS_PORT`).
pub(super) const TLS_PORT: u16 = 5039;
/// `authtimeout` without a line, and where a line says less than a second.
const AUTH_TIMEOUT: Duration = Duration::from_secs(30);
/// `authlimit` without a line, and where a line says less than one.
const AUTH_LIMIT: usize = 50;
/// How every Asterisk's banner begins; many client libraries look for it.
const BANNER_START: &str = "Asterisk Call Manager/";

/// `[general]` while it is being read.
pub(super) struct GeneralDraft {
    pub(super) general: General,
    pub(super) display_connects: bool,
    pub(super) allow_multiple_login: bool,
    pub(super) rights: RightsDraft,
    pub(super) acl: AclDraft,
    pub(super) acl_conf: Option<PathBuf>,
    pub(super) bound: bool,
    pub(super) tls: ListenerDraft,
    pub(super) web: WebDraft,
    retention_at: Option<Location>,
}

impl Default for GeneralDraft {
    fn default() -> Self {
        Self {
            general: General {
                bind: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), PORT),
                tls: None,
                metrics: None,
                auth_timeout: AUTH_TIMEOUT,
                auth_limit: AUTH_LIMIT,
                session_limit: entry::SESSION_LIMIT,
                address_limit: 0,
                acl: Acl::default(),
                proxy_from: RuleList::default(),
                failed_logins: entry::FAILED_LOGINS,
                failed_login_period: entry::FAILED_LOGIN_PERIOD,
                timestamp_events: None,
                broken_events_action: false,
                disabled_events: Vec::new(),
                banner: None,
                max_queued: 64,
                retention_bytes: 4 << 20,
                memory_limit_bytes: 256 << 20,
                frame_bytes_max: 16 << 20,
                on_reload: OnReload::Now,
                flush_delay: Duration::from_millis(10),
            },
            display_connects: true,
            allow_multiple_login: true,
            rights: RightsDraft::default(),
            acl: AclDraft::default(),
            acl_conf: None,
            bound: false,
            tls: ListenerDraft::default(),
            web: WebDraft::default(),
            retention_at: None,
        }
    }
}

impl GeneralDraft {
    /// What can be checked only when the whole section is known.
    pub(super) fn finish(&self, place: &Location, report: &mut Report) {
        if !self.bound {
            report.warning(
                place,
                "there is no 'bindaddr': amimux listens on all addresses",
                "write bindaddr = 127.0.0.1 or the address that applications use",
            );
        }
        if self.general.retention_bytes > self.general.memory_limit_bytes {
            report.error(
                self.retention_at.as_ref().unwrap_or(place),
                "'retention' is larger than 'memorylimit'",
                "lower retention or raise memorylimit",
            );
        }
    }

    /// The port that speaks TLS.
    pub(super) fn finish_tls(&mut self, files: &SecretFiles<'_>, report: &mut Report) {
        let kind = Kind {
            port: TLS_PORT,
            protocols: &[],
        };
        self.general.tls = self.tls.finish(&kind, self.general.bind, files, report);
    }

    /// Who may connect, now that the named ACLs are known.
    pub(super) fn finish_acl(&mut self, acls: &NamedAcls, report: &mut Report) {
        let draft = std::mem::take(&mut self.acl);
        self.general.acl = draft.finish(acls, self.general.bind.ip(), report);
    }
}

impl HasListener for GeneralDraft {
    const BIND_DEFAULT: &'static str = "address of bindaddr, port 5039";

    fn listener(&mut self) -> &mut ListenerDraft {
        &mut self.tls
    }
}

type Row = Spec<GeneralDraft>;

/// Every option of `[general]`.
pub(super) const OPTIONS: &[&[Row]] = &[
    OWN,
    Rows::<GeneralDraft>::OPTIONS,
    http::GENERAL_OPTIONS,
    metrics::OPTIONS,
    entry::OPTIONS,
    DEFAULTS,
];

const fn default(
    (name, kind, default, doc): shared::Words,
    apply: fn(&mut GeneralDraft, &RawOption, &mut Report),
) -> Row {
    Row::read(name, kind, default, doc, apply)
}

/// Defaults of what user sections may say as well.
const DEFAULTS: &[Row] = &[
    default(shared::GUARDS, |draft, option, report| {
        draft.rights.guards(option, report);
    }),
    default(shared::COMMAND_RULES, |draft, option, report| {
        draft.rights.command_rules(option, report);
    }),
    default(shared::OPEN_ACTIONS, |draft, option, report| {
        draft.rights.open_actions(option, report);
    }),
    default(shared::AUDIT, |draft, option, report| {
        draft.rights.audit(option, report);
    }),
];

const OWN: &[Row] = &[
    Row::read(
        "enabled",
        "yes or no",
        "yes",
        "whether amimux serves at all (Asterisk: no)",
        enabled,
    ),
    Row::read(
        "bindaddr",
        "address",
        "::, all addresses",
        "address on which applications connect",
        bind_address,
    ),
    Row::read(
        "port",
        "1024 to 65535",
        "5038",
        "TCP port on which applications connect",
        port,
    ),
    Row::read(
        "allowmultiplelogin",
        "yes or no",
        "yes",
        "whether a user may have several sessions; users may say otherwise",
        |draft, option, report| {
            draft.allow_multiple_login = value::boolean(option, report);
        },
    ),
    Row::read(
        "displayconnects",
        "yes or no",
        "yes",
        "whether logins are logged; users may say otherwise",
        |draft, option, report| {
            draft.display_connects = value::boolean(option, report);
        },
    ),
    Row::read(
        "timestampevents",
        "yes or no",
        "as Asterisk sends them",
        "yes adds a Timestamp to events that have none, no takes it away",
        |draft, option, report| {
            draft.general.timestamp_events = Some(value::boolean(option, report));
        },
    ),
    Row::read(
        "brokeneventsaction",
        "yes or no",
        "no",
        "whether the action Events stays unanswered in some cases, as in old versions of Asterisk",
        |draft, option, report| {
            draft.general.broken_events_action = value::boolean(option, report);
        },
    ),
    Row::read(
        "authtimeout",
        "seconds",
        "30",
        "time in which a client must log in",
        auth_timeout,
    ),
    Row::read(
        "authlimit",
        "number",
        "50",
        "most connections at a time that have not logged in",
        auth_limit,
    ),
    Row::read(
        "disabledevents",
        "names, comma separated",
        "none",
        "events that nobody is sent; case counts",
        disabled_events,
    ),
    Row::read(
        "aclconf",
        "file",
        "acl.conf beside this file",
        "the file with the named ACLs",
        |draft, option, report| {
            draft.acl_conf = value::text(option, report).map(PathBuf::from);
        },
    ),
    Row::read(
        "banner",
        "text",
        "Asterisk's own",
        "the line that greets a client",
        banner,
    ),
    Row::read(
        "maxqueued",
        "1 to 65536",
        "64",
        "most requests of a session that wait for their answer; then the client is not read",
        |draft, option, report| {
            assign(
                &mut draft.general.max_queued,
                value::count(option, 1..=65536, report),
            );
        },
    ),
    Row::read(
        "retention",
        "64K to 4G",
        "4M",
        "most bytes of events that are kept for slow readers of one view",
        |draft, option, report| {
            draft.retention_at = Some(option.location.clone());
            assign(
                &mut draft.general.retention_bytes,
                value::size_bytes(option, 64 << 10..=4 << 30, report),
            );
        },
    ),
    Row::read(
        "memorylimit",
        "1M to 1024G",
        "256M",
        "most bytes kept for slow readers in all, for each upstream",
        |draft, option, report| {
            assign(
                &mut draft.general.memory_limit_bytes,
                value::size_bytes(option, 1 << 20..=1 << 40, report),
            );
        },
    ),
    Row::read(
        "maxmessage",
        "64K to 1G",
        "16M",
        "longest message accepted from Asterisk",
        |draft, option, report| {
            assign(
                &mut draft.general.frame_bytes_max,
                value::size_bytes(option, 64 << 10..=1 << 30, report),
            );
        },
    ),
    Row::read(
        "flushdelay",
        "milliseconds",
        "10",
        "longest pause between two deliveries of events when busy; 0 for none",
        |draft, option, report| {
            let limits = Duration::ZERO..=Duration::from_secs(1);
            assign(
                &mut draft.general.flush_delay,
                value::duration(option, Unit::Milliseconds, limits, report),
            );
        },
    ),
    Row::read(
        "reload",
        "now or asterisk",
        "now",
        "whether changed rights hold at once for those who are logged in, or only for new logins, as with Asterisk",
        |draft, option, report| {
            let words = [("now", OnReload::Now), ("asterisk", OnReload::Asterisk)];
            assign(
                &mut draft.general.on_reload,
                value::one_of(option, &words, report),
            );
        },
    ),
    Row::unsupported(
        "debug",
        &[],
        "the debugging headers are added by Asterisk, set it there",
        Treatment::NoEffectIfTrue,
    ),
    Row::unsupported(
        "channelvars",
        &[],
        "the variables are added by Asterisk, set it there",
        Treatment::NoEffect,
    ),
    Row::unsupported(
        "eventfilter",
        &[],
        "Asterisk has filters in user sections only, and without one users receive more than you mean",
        Treatment::Refused("move the line into the sections, or into a template of them"),
    ),
];

fn enabled(_: &mut GeneralDraft, option: &RawOption, report: &mut Report) {
    if !value::boolean(option, report) {
        report.error(
            &option.location,
            "amimux is disabled by 'enabled'",
            "write enabled = yes or remove the line",
        );
    }
}

fn bind_address(draft: &mut GeneralDraft, option: &RawOption, report: &mut Report) {
    draft.bound = true;
    if let Some(address) = address(option, "port", report) {
        draft.general.bind.set_ip(address);
    }
}

/// The address of `bindaddr`; `port` is the option that its port belongs to.
pub(super) fn address(option: &RawOption, port: &str, report: &mut Report) -> Option<IpAddr> {
    let text = option.value.as_str();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    if let Ok(address) = bare.parse() {
        return Some(address);
    }
    if let Ok(with_port) = text.parse::<SocketAddr>() {
        report.warning(
            &option.location,
            format!("the port in bindaddr = {} is ignored", quoted(text)),
            format!("write the port as {port} = NUMBER"),
        );
        return Some(with_port.ip());
    }
    report.error(
        &option.location,
        format!("bindaddr = {} is not an address", quoted(text)),
        "write a numeric address, as in 127.0.0.1, or 0.0.0.0 for all of IPv4, or :: for all addresses",
    );
    None
}

fn port(draft: &mut GeneralDraft, option: &RawOption, report: &mut Report) {
    let port = value::number(option, 1024..=65535, report);
    if let Some(Ok(port)) = port.map(u16::try_from) {
        draft.general.bind.set_port(port);
    }
}
