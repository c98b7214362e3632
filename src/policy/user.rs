//! A user: what one section of the configuration grants an application.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::acl::Acl;
use super::class::Classes;
use super::event_filter::EventFilters;
use super::rights::{Audit, Rights};
use super::secret::{Credential, Secret};

/// Who sees the ActionID that a broadcast event carries (`OriginateResponse`, `UserEvent`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ActionIds {
    /// Only the session that sent the action.
    Session,
    /// Every session of the same user: applications send on one connection and listen on another.
    #[default]
    User,
    /// Everybody, as with a bare Asterisk.
    All,
}

/// What happens to a client when its Asterisk goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUpstreamLoss {
    /// It stays connected and is told.
    #[default]
    Keep,
    /// It is disconnected after its open actions were answered.
    Close,
}

/// What happens to a client that reads so slowly that events it has not been written are no longer kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnSlow {
    /// It is disconnected.
    #[default]
    Disconnect,
    /// It goes on with the events that come next, and is told how many it missed.
    Skip,
}

/// Which forms of login a user may use (`authtype`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoginForms {
    /// Both.
    #[default]
    Any,
    /// The secret as it is.
    Plain,
    /// Challenge and key.
    Md5,
}

/// One user: credentials and rights. Immutable; sessions hold it by `Arc`, and a reload gives another to those whose
/// user is no longer equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name as configured. Looked up ignoring case.
    pub name: String,
    /// What the user proves itself with.
    pub credential: Credential,
    /// The name that its TLS certificate must have (`tlsclientname`); a user without a secret proves itself with that.
    pub tls_client_name: Option<String>,
    /// What programs may show over HTTPS instead of name and secret, as a Bearer token (`webtoken`).
    pub web_token: Option<Secret>,
    /// How it may prove itself.
    pub login_forms: LoginForms,
    /// Classes of events that may be read.
    pub read: Classes,
    /// Classes of actions that may be run.
    pub write: Classes,
    /// Which of these events are sent.
    pub event_filters: Arc<EventFilters>,
    /// What narrows these rights.
    pub rights: Rights,
    /// Which of its actions are written to the audit log.
    pub audit: Audit,
    /// From where this user may log in.
    pub acl: Acl,
    /// Whether a second session of the same name may log in.
    pub allow_multiple_login: bool,
    /// Whether logins and logoffs are logged.
    pub display_connects: bool,
    /// How long a client's socket may take nothing, while something waits to be written, before it is disconnected.
    pub write_timeout: Duration,
    /// What happens when the client is behind further than events are kept.
    pub on_slow: OnSlow,
    /// Variables set on every channel this user originates, in the order of the configuration.
    pub set_variables: Vec<(String, String)>,
    /// Name of the upstream (the Asterisk) that this user is connected to.
    pub upstream: String,
    /// What happens when that Asterisk goes away.
    pub on_upstream_loss: OnUpstreamLoss,
    /// Whose ActionIDs this user sees in broadcast events.
    pub action_ids: ActionIds,
    /// Most actions of one session that may be with Asterisk at the same time.
    pub max_in_flight: usize,
    /// Most sessions of this user; 0 for no limit.
    pub session_limit: usize,
}

/// All users, looked up by name ignoring case (`manager.c`, `get_manager_by_name_locked`).
#[derive(Debug, Clone, Default)]
pub struct Users {
    by_name: HashMap<String, Arc<User>>,
}

impl Users {
    /// Adds a user; a later one of the same name takes the earlier one's place, which is returned.
    pub fn insert(&mut self, user: User) -> Option<Arc<User>> {
        self.by_name
            .insert(user.name.to_ascii_lowercase(), Arc::new(user))
    }

    /// The user of that name, ignoring case.
    pub fn get(&self, name: &[u8]) -> Option<&Arc<User>> {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        self.by_name.get(&name)
    }

    /// All users, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<User>> {
        self.by_name.values()
    }

    /// How many users there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is no user at all.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}
