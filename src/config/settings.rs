//! Settings as meant: typed, checked, with every default filled in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};

use super::diff::Picture;
use crate::policy::acl::{Acl, RuleList};
use crate::policy::secret::Secret;
use crate::policy::user::Users;

/// Everything a configuration file says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `[general]`.
    pub general: General,
    /// The sections with `type = upstream`, in the order of the file; at least one.
    pub upstreams: Vec<Upstream>,
    /// `[http]`; `None` where HTTP is not served.
    pub http: Option<Http>,
    /// The user sections.
    pub users: Users,
    /// What it was read from, to be compared with what is read later.
    pub picture: Arc<Picture>,
}

/// What a reload means for those who are logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnReload {
    /// What is written now holds for them at once, and whoever has no right to be there any more is disconnected.
    #[default]
    Now,
    /// They keep the rights that they logged in with until they leave, as with Asterisk.
    Asterisk,
}

/// `[general]`: manager.conf's options and ours.
#[derive(Debug, Clone)]
pub struct General {
    /// Where applications connect (`bindaddr`, `port`).
    pub bind: SocketAddr,
    /// Where applications connect with TLS (`tlsenable`, `tlsbindaddr`, …).
    pub tls: Option<TlsListener>,
    /// Where Prometheus reads the metrics; `None` for nowhere (`metricsbindaddr`).
    pub metrics: Option<SocketAddr>,
    /// How long a connection may take to log in (`authtimeout`).
    pub auth_timeout: Duration,
    /// Most connections at a time that have not logged in (`authlimit`).
    pub auth_limit: usize,
    /// Most sessions in all; 0 for no limit.
    pub session_limit: usize,
    /// Most sessions from one address (IPv6: one /64); 0 for no limit.
    pub address_limit: usize,
    /// Who may connect at all (`permit`, `deny`, `acl`).
    pub acl: Acl,
    /// Balancers that name their clients in a header of the PROXY protocol (`proxyfrom`).
    pub proxy_from: RuleList,
    /// How many logins may fail at once from one address; 0 for no limit (`failedlogins`).
    pub failed_logins: u32,
    /// The time in which as many may fail again (`failedloginperiod`).
    pub failed_login_period: Duration,
    /// `timestampevents`: `Some(true)` adds a Timestamp where Asterisk sent none, `Some(false)` takes it away,
    /// `None` (no such line) leaves events as Asterisk sent them.
    pub timestamp_events: Option<bool>,
    /// `brokeneventsaction`: the `Events` action gives no answer in some cases.
    pub broken_events_action: bool,
    /// `disabledevents`: events that nobody is sent, by exact name.
    pub disabled_events: Vec<String>,
    /// `banner`: what clients are greeted with instead of the upstream's own banner (without line end).
    pub banner: Option<String>,
    /// `maxqueued`: most requests of one session that wait for their answer; beyond it the client is not read.
    pub max_queued: usize,
    /// `retention`: most bytes of events that are kept for a view's slow readers.
    pub retention_bytes: usize,
    /// `memorylimit`: most bytes kept for slow readers in all, per upstream.
    pub memory_limit_bytes: usize,
    /// `maxmessage`: longest message accepted from Asterisk, in bytes.
    pub frame_bytes_max: usize,
    /// `reload`: what a reload means for those who are logged in.
    pub on_reload: OnReload,
    /// `flushdelay`: longest pause between two deliveries of events when busy; zero switches pacing off.
    pub flush_delay: Duration,
}

/// How to log in to Asterisk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthType {
    /// The secret is sent as it is.
    Plain,
    /// Challenge and MD5 response: the secret is not sent.
    #[default]
    Md5,
}

/// A section with `type = upstream`: one Asterisk.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// The section's name.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// TCP port (5038).
    pub port: u16,
    /// The AMI user to log in as.
    pub username: String,
    /// Its secret.
    pub secret: Secret,
    /// TLS towards Asterisk; `None` for plain TCP.
    pub tls: Option<UpstreamTls>,
    /// How to log in.
    pub auth_type: AuthType,
    /// Longest time for TCP to connect (`connecttimeout`).
    pub connect_timeout: Duration,
    /// Longest time for banner, login and the action table, each (`logintimeout`).
    pub login_timeout: Duration,
    /// Silence after which Asterisk is sent a Ping (`keepalive`).
    pub keepalive: Duration,
    /// Longest time for an answer (`responsetimeout`).
    pub response_timeout: Duration,
    /// First pause before connecting again (`reconnectmin`).
    pub reconnect_min: Duration,
    /// Longest pause before connecting again (`reconnectmax`).
    pub reconnect_max: Duration,
    /// Most actions that are with Asterisk at a time (`window`).
    pub window: usize,
}

impl Upstream {
    /// Whether a connection made with the one would be the same with the other: where to, who as, and how.
    pub fn connects_like(&self, other: &Self) -> bool {
        let how = |upstream: &Self| upstream.tls.as_ref().map(|tls| tls.made_of);
        // All of it is compared, so that the time tells nothing of the secret.
        let same_secret = self.secret == other.secret;
        self.host == other.host
            && self.port == other.port
            && self.username == other.username
            && self.auth_type == other.auth_type
            && how(self) == how(other)
            && same_secret
    }
}

/// A port that speaks TLS.
#[derive(Debug, Clone)]
pub struct TlsListener {
    /// Where it listens.
    pub bind: SocketAddr,
    /// Certificate, key, versions, cipher suites, and what is asked of clients.
    pub tls: Arc<ServerConfig>,
}

/// How sure one can be that it is Asterisk that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsTrust {
    /// Its certificate was issued by somebody trusted, for its name.
    Verified,
    /// Its certificate is the pinned one (`tlsfingerprint`).
    Pinned,
    /// Any certificate will do (`tlsverify = no`): warned of at every start.
    Anybody,
}

/// TLS towards one Asterisk.
#[derive(Debug, Clone)]
pub struct UpstreamTls {
    /// Whom to trust, and the certificate to show.
    pub tls: Arc<ClientConfig>,
    /// The name that Asterisk's certificate must have (`tlsservername`; else `host`).
    pub server_name: ServerName<'static>,
    /// How its certificate is checked.
    pub trust: TlsTrust,
    /// A hash of all that `tls` and `server_name` were made of, files included: two that are made alike connect alike.
    pub made_of: [u8; 32],
}

/// `[http]`: http.conf's options and ours. It is served when `enabled` there and `webenabled` in `[general]` are true.
#[derive(Debug, Clone)]
pub struct Http {
    /// Where plain HTTP is served (`bindaddr`, `bindport`).
    pub bind: SocketAddr,
    /// Where HTTPS is served (`tlsenable`, `tlsbindaddr`, …).
    pub tls: Option<TlsListener>,
    /// What every path begins with, without slashes at its ends; may be empty (`prefix`).
    pub prefix: String,
    /// Most connections at a time (`sessionlimit`).
    pub connection_limit: usize,
    /// Longest silence within a request (`session_inactivity`).
    pub inactivity: Duration,
    /// How long an idle connection is kept; zero closes it after each answer (`session_keep_alive`).
    pub keep_alive: Duration,
    /// What `Server` says; `None` for no such header (`servername`).
    pub server_name: Option<String>,
    /// How long a session that is logged in lives after its last request (`httptimeout` in `[general]`).
    pub session_timeout: Duration,
    /// `redirect = FROM TO`: paths that lead elsewhere.
    pub redirects: Vec<(String, String)>,
    /// Sections with `type = restriction`: who may use the paths that begin so.
    pub restrictions: Vec<(String, Acl)>,
    /// Whether `/` is a page that shows events and runs actions (`webpage`).
    pub page: bool,
    /// Origins whose pages may use the JSON interface (`corsorigin`).
    pub cors_origins: Vec<String>,
}
