//! Settings as meant: typed, checked, with every default filled in.

use std::net::SocketAddr;
use std::time::Duration;

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
    /// The user sections.
    pub users: Users,
}

/// `[general]`: manager.conf's options and ours.
#[derive(Debug, Clone)]
pub struct General {
    /// Where applications connect (`bindaddr`, `port`).
    pub bind: SocketAddr,
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
