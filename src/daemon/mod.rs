//! Starts everything and ends it: a thread per Asterisk, the entrance for clients, signals.

mod certificates;
mod files;
mod handover;
mod http_thread;
mod hub_thread;
mod notify;
mod ports;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::certificates::Certificates;
pub use self::certificates::Source;
use self::handover::Arrival;
pub use self::handover::Handover;
use self::handover::arrive::Moved;
use self::handover::freeze::Going;
use self::http_thread::{HttpPorts, HttpThread};
use self::hub_thread::HubThread;
use self::notify::Watched;
use self::ports::OpenPorts;
pub use self::ports::{Passed, PortError};
use crate::config::settings::{General, Http, Settings, TlsTrust, Upstream};
use crate::http::server::Server;
use crate::metrics::{self, Sources};
use crate::policy::failed_logins::FailedLogins;
use crate::policy::user::Users;
use crate::session::entrance::{Entrance, Port, Turnstile};
use crate::session::gate::{Gate, Verifier};
use crate::session::live::{Live, Rules, Ways};
use crate::session::refusal_log::ConnectionLines;
use crate::session::registry::{Registry, SessionLimits};
use crate::session::reports::Reports;
use crate::session::shell::Clock;

/// A running amimux.
#[derive(Debug)]
pub struct Daemon {
    settings: Settings,
    listener: TcpListener,
    tls_listener: Option<TcpListener>,
    metrics: Option<TcpListener>,
    http: Option<HttpPorts>,
    source: Option<Source>,
    open_ports: OpenPorts,
    handover: Handover,
    arrival: Option<Arrival>,
}

impl Daemon {
    /// Opens the ports, so that what can go wrong goes wrong before anything was promised. Those in `passed` are open.
    ///
    /// # Errors
    /// A port cannot be opened: with [`PortError`].
    pub async fn bind(settings: Settings, passed: Passed) -> anyhow::Result<Self> {
        Self::bind_with(settings, passed, Handover::default()).await
    }

    /// The same; what another process handed over goes on.
    ///
    /// # Errors
    /// As [`Daemon::bind`]. The process before goes on, if it can.
    pub async fn bind_with(
        settings: Settings,
        mut passed: Passed,
        mut handover: Handover,
    ) -> anyhow::Result<Self> {
        // While this is the only thread.
        files::prepare(&settings.general);
        let mut arrival = handover.take_arrival(passed.take_stored());
        if let Some(arrival) = &mut arrival {
            passed.hand(arrival.take_ports());
        }
        let open_ports = passed.open_ports();
        let mut open = |service, address| -> anyhow::Result<TcpListener> {
            Ok(TcpListener::from_std(passed.open(service, address)?)?)
        };
        let general = &settings.general;
        let listener = open(ports::AMI, general.bind)?;
        let tls = general.tls.as_ref();
        let tls_listener = tls.map(|tls| open(ports::AMI_TLS, tls.bind)).transpose()?;
        let metrics = general.metrics;
        let metrics = metrics
            .map(|address| open(ports::METRICS, address))
            .transpose()?;
        let http = settings.http.as_ref();
        let http = http
            .map(|http| HttpPorts::open(http, &mut passed))
            .transpose()?;
        passed.warn_of_rest();
        Ok(Self {
            settings,
            listener,
            tls_listener,
            metrics,
            http,
            source: None,
            open_ports,
            handover,
            arrival,
        })
    }

    /// Reads the configuration again from there at each SIGHUP.
    #[must_use]
    pub fn reloading(self, source: Source) -> Self {
        Self {
            source: Some(source),
            ..self
        }
    }

    /// Where clients connect.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn local_address(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Runs until `cancel`, then ends every session in good order.
    ///
    /// # Errors
    /// A thread cannot be started, panicked or does not end, or the system gives no random numbers.
    pub async fn run(self, cancel: CancellationToken) -> anyhow::Result<()> {
        let (mut certificates, general_tls) = Certificates::new(&self.settings);
        let http_tls = certificates.add(&self.settings, |settings| {
            settings.http.as_ref()?.tls.as_ref()
        });
        warn_of_anybody(&self.settings);
        let address = self.listener.local_addr()?;
        let mut ports = vec![Port::plain(self.listener)];
        let encrypted = self.tls_listener.zip(general_tls);
        ports.extend(encrypted.map(|(listener, tls)| Port::encrypted(listener, tls)));
        let mut tls_ports = ports.iter().filter(|port| port.is_encrypted());
        let tls_address = tls_ports.next().map(Port::local_address).transpose()?;
        let general = Arc::new(self.settings.general);
        let registry = Registry::new(SessionLimits {
            all: general.session_limit,
            per_host: general.address_limit,
        });
        let upstreams = self.settings.upstreams.into_iter().map(Arc::new);
        let mut arrival = self.arrival;
        let users = &self.settings.users;
        let mut hubs = Vec::new();
        for upstream in upstreams {
            let moved = arrival
                .as_mut()
                .map(|arrival| arrival.take_hub(&general, &upstream, users, &registry))
                .transpose()
                .context("cannot take over")?;
            hubs.push((upstream, moved.flatten()));
        }
        let clock = arrival.as_ref().map_or_else(Clock::start, Arrival::clock);
        let took_over = arrival.is_some();
        // The last moment at which the process before can go on instead.
        arrival.map_or(Ok(()), Arrival::finish)?;
        let door = self.handover.listen(took_over)?;
        let (threads, ways) = start_hubs(hubs, &general, clock, &cancel)?;
        let rules = rules(general, self.settings.http, self.settings.users, ways);
        let gate = gate(&rules, clock, registry);
        let (_in_force, live) = Live::new(rules);
        let rules = live.now();
        let http = match (rules.http.as_deref(), self.http) {
            (Some(http), Some(ports)) => {
                let ways = rules.upstreams();
                let server = Server {
                    http: http.clone(),
                    gate: gate.clone(),
                    hubs: ways
                        .map(|(name, ways)| (name.to_owned(), ways.web.clone()))
                        .collect(),
                    acl: rules.general.acl.clone(),
                };
                Some(HttpThread::start(server, ports, http_tls, cancel.clone())?)
            }
            _ => None,
        };
        let sources = Sources {
            live: live.clone(),
            entrance: Arc::clone(&gate.limits),
            registry: gate.registry.clone(),
        };
        let watched = Watched {
            hubs: rules
                .upstreams()
                .map(|(name, ways)| (name.to_owned(), Arc::clone(&ways.pulse)))
                .collect(),
            registry: gate.registry.clone(),
            clock,
        };
        let entrance = entrance(&rules, gate, tls_address)?;
        let going = Going {
            hubs: rules
                .upstreams()
                .map(|(_, ways)| (ways.control.clone(), handover::target(&ways.upstream)))
                .collect(),
            turnstile: entrance.turnstile.clone(),
            ports: self.open_ports,
            clock,
        };
        let tls = tls_address.map(tracing::field::display);
        info!(%address, tls, upstreams = threads.len(), "amimux is up");
        LocalSet::new()
            .run_until(async {
                if let Some(source) = self.source {
                    tokio::task::spawn_local(certificates.keep_fresh(source));
                }
                if let Some(listener) = self.metrics {
                    tokio::task::spawn_local(metrics::serve(listener, sources, cancel.clone()));
                }
                tokio::task::spawn_local(watched.keep_informed());
                tokio::task::spawn_local(going.serve(door, async || {}, cancel.clone()));
                entrance.run(ports, cancel).await;
                notify::stopping().await;
            })
            .await;
        let ended = join(threads, http).await;
        info!("amimux is down");
        ended
    }
}

/// Starts a thread for each Asterisk.
fn start_hubs(
    upstreams: Vec<(Arc<Upstream>, Option<Moved>)>,
    general: &Arc<General>,
    clock: Clock,
    cancel: &CancellationToken,
) -> anyhow::Result<(Vec<HubThread>, Vec<Ways>)> {
    let mut hubs = (Vec::new(), Vec::new());
    for (upstream, moved) in upstreams {
        let general = Arc::clone(general);
        let (thread, ways) = HubThread::start(general, upstream, moved, clock, cancel.clone())?;
        hubs.0.push(thread);
        hubs.1.push(ways);
    }
    Ok(hubs)
}

/// What is in force with these settings.
fn rules(general: Arc<General>, http: Option<Http>, users: Users, ways: Vec<Ways>) -> Rules {
    let name = |ways: &Ways| ways.upstream.name.clone();
    Rules {
        general,
        http: http.map(Arc::new),
        users: Arc::new(users),
        upstreams: ways.iter().map(name).collect(),
        hubs: ways.into_iter().map(|ways| (name(&ways), ways)).collect(),
    }
}

/// What logins are decided with.
fn gate(rules: &Rules, clock: Clock, registry: Registry) -> Gate {
    let general = &rules.general;
    let mut reports = Reports::default();
    for (name, ways) in rules.upstreams() {
        reports.add(name.to_owned(), ways.reports.clone());
    }
    let failed_logins = FailedLogins::new(general.failed_logins, general.failed_login_period);
    Gate {
        users: Arc::clone(&rules.users),
        registry,
        reports: Arc::new(reports),
        clock,
        verifier: Verifier::default(),
        failed_logins: Arc::new(Mutex::new(failed_logins)),
        limits: Arc::default(),
    }
}

/// What deals with clients until they have logged in.
fn entrance(
    rules: &Rules,
    gate: Gate,
    tls_address: Option<SocketAddr>,
) -> anyhow::Result<Entrance> {
    let general = &rules.general;
    let (_, first) = rules
        .upstreams()
        .next()
        .context("no upstream is configured")?;
    Ok(Entrance {
        gate,
        hubs: rules
            .upstreams()
            .map(|(name, ways)| (name.to_owned(), ways.arrivals.clone()))
            .collect(),
        upstream_banner: first.banner.clone(),
        banner: general.banner.clone(),
        auth_timeout: general.auth_timeout,
        auth_limit: general.auth_limit,
        acl: general.acl.clone(),
        proxy_from: general.proxy_from.clone(),
        lines: ConnectionLines::default(),
        tls_address,
        turnstile: Turnstile::default(),
    })
}

/// Waits until all have ended; the first error counts.
async fn join(threads: Vec<HubThread>, http: Option<HttpThread>) -> anyhow::Result<()> {
    let mut ended = Ok(());
    for thread in threads {
        ended = ended.and(thread.join().await);
    }
    if let Some(http) = http {
        ended = ended.and(http.join().await);
    }
    ended
}

/// Says at every start which Asterisk need not prove who it is.
fn warn_of_anybody(settings: &Settings) {
    for upstream in &settings.upstreams {
        let trust = upstream.tls.as_ref().map(|tls| tls.trust);
        if trust == Some(TlsTrust::Anybody) {
            warn!(
                upstream = upstream.name,
                "tlsverify = no: whoever is between amimux and Asterisk can read and change everything; tlsfingerprint or tlscafile prevents that"
            );
        }
    }
}

/// Resolves when the process is asked to end (SIGINT, SIGTERM).
///
/// # Errors
/// The signals cannot be caught.
pub async fn termination() -> std::io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    })
}
