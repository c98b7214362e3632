//! Users for the tests of this room and those above.

use std::time::Duration;

use super::acl::Acl;
use super::class::Classes;
use super::rights::{Audit, Rights};
use super::secret::{Credential, Secret};
use super::user::{ActionIds, LoginForms, OnSlow, OnUpstreamLoss, User};

/// A user of that name whose secret is `NAME-secret`, with these write classes and nothing to read.
pub(crate) fn user(name: &str, write: Classes) -> User {
    User {
        name: name.to_owned(),
        credential: Credential::Secret(Secret::new(format!("{name}-secret"))),
        login_forms: LoginForms::Any,
        tls_client_name: None,
        web_token: None,
        event_filters: std::sync::Arc::default(),
        rights: Rights::default(),
        audit: Audit::default(),
        read: Classes::NONE,
        write,
        acl: Acl::default(),
        allow_multiple_login: true,
        display_connects: true,
        write_timeout: Duration::from_secs(30),
        on_slow: OnSlow::Disconnect,
        set_variables: Vec::new(),
        upstream: "asterisk".to_owned(),
        on_upstream_loss: OnUpstreamLoss::Keep,
        action_ids: ActionIds::User,
        max_in_flight: 8,
        session_limit: 0,
    }
}
