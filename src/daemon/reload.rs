//! A reload: the configuration is read again and comes into force as a whole, or not at all. First everything is done
//! that can fail: reading, opening ports, starting threads. Then the threads of the Asterisks are told, then what is in
//! force is exchanged, and then what is not wanted any more ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::http_thread::HttpThread;
use super::hub_thread::HubThread;
use super::ports::Plan;
use super::supervisor::{Supervisor, rules};
use super::{notify, warn_of_anybody};
use crate::admin::OrderError;
use crate::admin::order::Reloaded;
use crate::config::diff::Picture;
use crate::config::settings::{General, OnReload, Settings, Upstream};
use crate::hub::Reload;
use crate::session::live::{Rules, Ways};

/// How long the threads of the Asterisks are waited for. One that is busy for longer follows later.
const HUBS_WITHIN: Duration = Duration::from_secs(5);

/// How long ports may take to close.
const CLOSED_WITHIN: Duration = Duration::from_secs(1);

/// Everything that a reload needs and that can fail.
struct Prepared {
    rules: Rules,
    picture: Arc<Picture>,
    ports: Plan,
    new_hubs: Vec<HubThread>,
    new_http: Option<HttpThread>,
}

impl Supervisor {
    /// Reads the configuration again and puts it in force, or with `dry_run` only says what would change. What came of it
    /// is logged.
    ///
    /// Not cancel safe: it is to be carried out to its end.
    ///
    /// # Errors
    /// Why everything is as it was.
    pub(super) async fn reload(&mut self, dry_run: bool) -> Result<Reloaded, OrderError> {
        if dry_run {
            return self.try_reload(true).await;
        }
        notify::reloading().await;
        let done = self.try_reload(false).await;
        notify::reloaded().await;
        match &done {
            Ok(_) => self.outcomes.succeed(self.gate.clock.now().wall),
            Err(_) => self.outcomes.fail(),
        }
        match &done {
            Ok(reloaded) => tell(reloaded),
            Err(OrderError::Configuration(errors)) => {
                let errors = errors.len();
                error!(name: "reload-failed", errors, "the configuration has errors: everything stays as it was");
            }
            Err(reason) => {
                error!(name: "reload-failed", %reason, "the configuration cannot be put in force: everything stays as it was");
            }
        }
        done
    }

    async fn try_reload(&mut self, dry_run: bool) -> Result<Reloaded, OrderError> {
        let source = self.source.clone().ok_or_else(|| {
            OrderError::Invalid("amimux was started without a configuration file".to_owned())
        })?;
        let picture = Arc::clone(&self.picture);
        let read = tokio::task::spawn_blocking(move || {
            let (settings, warnings) = source.read()?;
            let changes = picture.changes(&settings.picture);
            Ok((settings, warnings, changes))
        });
        let (settings, mut warnings, changes) = read.await.map_err(|error| {
            OrderError::Unable(format!("the configuration cannot be read: {error}"))
        })??;
        let ports =
            (self.ports.plan(&settings)).map_err(|error| OrderError::Unable(error.to_string()))?;
        warnings.extend(ports.unmoved.iter().map(|service| {
            let (name, option) = (service.name, service.option);
            format!("the service manager has opened the socket {name}, so {option} does not move it: change the socket unit")
        }));
        if !dry_run {
            let prepared = self.prepare(settings, ports)?;
            self.commit(prepared).await;
        }
        Ok(Reloaded { changes, warnings })
    }

    /// Starts the threads that are wanted and are not there.
    fn prepare(&self, settings: Settings, ports: Plan) -> Result<Prepared, OrderError> {
        warn_of_anybody(&settings);
        let now = self.live.now();
        let general = Arc::new(settings.general);
        let http = settings.http.map(Arc::new);
        let mut new_hubs = Vec::new();
        let mut new_http = None;
        let started = self.find_ways(&now, &general, settings.upstreams, &mut new_hubs);
        let started = started.and_then(|ways| {
            if let (None, Some(http)) = (&self.http, &http) {
                new_http = Some(self.start_http(Arc::clone(http))?);
            }
            Ok(ways)
        });
        let ways = match started {
            Ok(ways) => ways,
            Err(error) => {
                new_hubs.iter().for_each(HubThread::end);
                return Err(OrderError::Unable(format!("{error:#}")));
            }
        };
        Ok(Prepared {
            rules: rules(general, http, Arc::new(settings.users), ways),
            picture: settings.picture,
            ports,
            new_hubs,
            new_http,
        })
    }

    /// The ways to the thread of each upstream; those that are not there are started.
    fn find_ways(
        &self,
        now: &Rules,
        general: &Arc<General>,
        upstreams: Vec<Upstream>,
        new: &mut Vec<HubThread>,
    ) -> anyhow::Result<Vec<Ways>> {
        let mut found = Vec::new();
        for upstream in upstreams {
            let upstream = Arc::new(upstream);
            let ways = match now.hubs.get(&upstream.name) {
                Some(ways) => Ways {
                    upstream,
                    ..ways.clone()
                },
                None => {
                    let (clock, cancel) = (self.gate.clock, self.cancel.clone());
                    let general = Arc::clone(general);
                    let (hub, ways) = HubThread::start(general, upstream, None, clock, cancel)?;
                    new.push(hub);
                    ways
                }
            };
            found.push(ways);
        }
        Ok(found)
    }

    /// Nothing in here can fail.
    async fn commit(&mut self, prepared: Prepared) {
        let before = self.live.now();
        let rules = Arc::new(prepared.rules);
        Self::prepare_files(&rules);
        // The hubs first: a login that was decided by the old users and comes in later is then judged by the new ones.
        tell_hubs(&before, &rules).await;
        self.in_force.send_replace(Arc::clone(&rules));
        let general = &rules.general;
        self.gate.with_failed_logins(|failed_logins| {
            failed_logins.set_limits(general.failed_logins, general.failed_login_period);
        });
        self.picture = prepared.picture;
        self.hubs.extend(prepared.new_hubs);
        if let Some(http) = prepared.new_http {
            self.http = Some(http);
        }
        let (opened, closing) = self.ports.commit(prepared.ports);
        self.serve_all(opened);
        let closed = async {
            for port in closing {
                port.cancelled().await;
            }
        };
        // Whoever asked for the reload may connect at once, and not to a port that is about to close.
        let _ = tokio::time::timeout(CLOSED_WITHIN, closed).await;
        let is_wanted = |hub: &HubThread| rules.hubs.contains_key(hub.name());
        let hubs = std::mem::take(&mut self.hubs);
        let (wanted, removed): (Vec<_>, Vec<_>) = hubs.into_iter().partition(is_wanted);
        self.hubs = wanted;
        for hub in removed {
            self.end_hub(hub);
        }
        if rules.http.is_none() {
            self.end_http();
        }
    }
}

/// Tells the threads that were there before what holds now, those too that are about to end. All at the same time.
async fn tell_hubs(before: &Rules, rules: &Rules) {
    let mut told = JoinSet::new();
    for (name, ways) in before.upstreams() {
        let upstream = rules
            .hubs
            .get(name)
            .map_or(&ways.upstream, |now| &now.upstream);
        let change = Reload {
            general: Arc::clone(&rules.general),
            upstream: Arc::clone(upstream),
            users: Arc::clone(&rules.users),
            keep_rights: rules.general.on_reload == OnReload::Asterisk,
        };
        let control = ways.control.clone();
        told.spawn_local(async move {
            // One that has ended needs no settings.
            let _ = control.reload(change).await;
        });
    }
    let all = async { while told.join_next().await.is_some() {} };
    if tokio::time::timeout(HUBS_WITHIN, all).await.is_err() {
        warn!(name: "reload-late", threads = told.len(), "the threads of some upstreams are busy and follow later");
        told.detach_all();
    }
}

/// Says what has changed.
fn tell(reloaded: &Reloaded) {
    let (changes, warnings) = (reloaded.changes.len(), reloaded.warnings.len());
    info!(name: "reloaded", changes, warnings, "configuration reloaded");
    for change in &reloaded.changes {
        info!(name: "setting-changed", change, "a setting has changed");
    }
}
