//! Settings for a hub under test.

use std::time::Duration;

use amimux::config::settings::{AuthType, General, OnReload, Upstream};
use amimux::hub::security::Connection;
use amimux::policy::acl::{Acl, RuleList};
use amimux::policy::class::Classes;
use amimux::policy::rights::{Audit, Rights};
use amimux::policy::secret::{Credential, Secret};
use amimux::policy::user::{ActionIds, LoginForms, OnSlow, OnUpstreamLoss, User};

/// Security events that amimux makes itself. Only those tests have them that are about them: elsewhere every
/// login would be among the events that are looked at.
const ABOUT_CLIENTS: [&str; 3] = ["SuccessfulAuth", "RequestNotAllowed", "RequestBadFormat"];

/// Generous limits.
pub fn general() -> General {
    General {
        tls: None,
        metrics: None,
        bind: "127.0.0.1:5038".parse().unwrap(),
        auth_timeout: Duration::from_secs(30),
        auth_limit: 50,
        session_limit: 0,
        address_limit: 0,
        acl: Acl::default(),
        proxy_from: RuleList::default(),
        failed_logins: 20,
        failed_login_period: Duration::from_secs(60),
        timestamp_events: None,
        broken_events_action: false,
        disabled_events: ABOUT_CLIENTS.map(str::to_owned).to_vec(),
        banner: None,
        max_queued: 1000,
        retention_bytes: 1 << 20,
        memory_limit_bytes: 16 << 20,
        frame_bytes_max: 1 << 20,
        on_reload: OnReload::Now,
        flush_delay: Duration::ZERO,
    }
}

/// Where every client is.
pub fn connection() -> Connection {
    Connection::new(
        "192.0.2.1:5038".parse().unwrap(),
        "192.0.2.7:1234".parse().unwrap(),
        0x7f00_0000_1234,
    )
}

/// An Asterisk that is logged in to with MD5.
pub fn upstream() -> Upstream {
    Upstream {
        tls: None,
        name: "pbx".to_owned(),
        host: "192.0.2.1".to_owned(),
        port: 5038,
        username: "mux".to_owned(),
        secret: Secret::new("hunter2"),
        auth_type: AuthType::Md5,
        connect_timeout: Duration::from_secs(5),
        login_timeout: Duration::from_secs(10),
        keepalive: Duration::from_secs(15),
        response_timeout: Duration::from_secs(30),
        reconnect_min: Duration::from_millis(500),
        reconnect_max: Duration::from_secs(30),
        window: 16,
    }
}

/// A user who may do and see everything.
pub fn user(name: &str) -> User {
    User {
        name: name.to_owned(),
        credential: Credential::Secret(Secret::new("secret")),
        login_forms: LoginForms::Any,
        tls_client_name: None,
        web_token: None,
        event_filters: std::sync::Arc::default(),
        rights: Rights::default(),
        audit: Audit::default(),
        read: Classes::ALL,
        write: Classes::ALL,
        acl: Acl::default(),
        allow_multiple_login: true,
        display_connects: true,
        write_timeout: Duration::from_secs(30),
        on_slow: OnSlow::Disconnect,
        set_variables: Vec::new(),
        upstream: "pbx".to_owned(),
        on_upstream_loss: OnUpstreamLoss::Keep,
        action_ids: ActionIds::User,
        max_in_flight: 8,
        session_limit: 0,
    }
}
