//! What is in force: the settings, and the ways to the threads of the Asterisks. A reload puts another whole in the place
//! of this one; whoever needs it takes what there is at that moment, and never sees half of a change.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::client::Arrival;
use super::control::HubControl;
use super::registry::SessionLimits;
use super::web::WebHub;
use crate::config::settings::{General, Http, Upstream};
use crate::hub::limit::LimitCounters;
use crate::hub::pulse::Pulse;
use crate::hub::security::SecurityEvent;
use crate::policy::user::Users;

/// The ways into the thread of one Asterisk, and what can be seen of it without a call.
#[derive(Debug, Clone)]
pub struct Ways {
    /// What it is configured to be.
    pub upstream: Arc<Upstream>,
    /// For clients that have logged in.
    pub arrivals: mpsc::Sender<Arrival>,
    /// For what happened to those that have not.
    pub reports: mpsc::Sender<SecurityEvent>,
    /// For those who come over HTTP.
    pub web: WebHub,
    /// For those who administer it.
    pub control: HubControl,
    /// How often each limit was reached.
    pub limits: Arc<LimitCounters>,
    /// Whether the thread turns, and how it does.
    pub pulse: Arc<Pulse>,
    /// What its Asterisk greets with; `None` until that is known.
    pub banner: watch::Receiver<Option<String>>,
}

/// Everything that is in force.
#[derive(Debug, Clone)]
pub struct Rules {
    /// `[general]`.
    pub general: Arc<General>,
    /// `[http]`, if it is served.
    pub http: Option<Arc<Http>>,
    /// The users.
    pub users: Arc<Users>,
    /// The ways to each Asterisk's thread, by the upstream's name.
    pub hubs: HashMap<String, Ways>,
    /// The names of the upstreams, in the order of the configuration.
    pub upstreams: Vec<String>,
}

impl Rules {
    /// The upstreams in the order of the configuration.
    pub fn upstreams(&self) -> impl Iterator<Item = (&str, &Ways)> {
        self.upstreams
            .iter()
            .filter_map(|name| Some((name.as_str(), self.hubs.get(name)?)))
    }

    /// How many sessions there may be.
    pub fn session_limits(&self) -> SessionLimits {
        SessionLimits {
            all: self.general.session_limit,
            per_host: self.general.address_limit,
        }
    }
}

/// What is in force now, for any thread.
#[derive(Debug, Clone)]
pub struct Live(watch::Receiver<Arc<Rules>>);

impl Live {
    /// These rules, and the way to put others in their place.
    pub fn new(rules: Rules) -> (watch::Sender<Arc<Rules>>, Self) {
        let (sender, receiver) = watch::channel(Arc::new(rules));
        (sender, Self(receiver))
    }

    /// What is in force at this moment.
    pub fn now(&self) -> Arc<Rules> {
        Arc::clone(&self.0.borrow())
    }

    /// Resolves when something else is in force than when this was last called, or never if nothing ever will be.
    ///
    /// Cancel safe: a change that was not told is told the next time.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
pub(crate) mod fixtures {
    //! Something that is in force, for tests of those who look at it.

    use super::*;
    use crate::config::{self, Environment};

    /// One upstream of that name, whose thread has ended, with these counters.
    pub(crate) fn live(name: &str, limits: Arc<LimitCounters>) -> Live {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("amimux.conf");
        let text = "[general]\n[pbx]\ntype = upstream\nhost = h\nusername = u\nsecret = s\n";
        std::fs::write(&path, text).unwrap();
        let (settings, report) = config::load(&path, &Environment::default());
        let mut settings = settings.unwrap_or_else(|| panic!("{report:?}"));
        let ways = Ways {
            upstream: Arc::new(settings.upstreams.remove(0)),
            arrivals: mpsc::channel(1).0,
            reports: mpsc::channel(1).0,
            web: WebHub::new().0,
            control: HubControl::new().0,
            limits,
            pulse: Arc::default(),
            banner: watch::channel(None).1,
        };
        Live::new(Rules {
            general: Arc::new(settings.general),
            http: None,
            users: Arc::new(settings.users),
            hubs: HashMap::from([(name.to_owned(), ways)]),
            upstreams: vec![name.to_owned()],
        })
        .1
    }
}
