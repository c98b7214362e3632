//! Starts everything and ends it: a thread per Asterisk, the entrance for clients, signals.

mod certificates;
mod files;
mod http_thread;
mod hub_thread;
mod log_control;
mod notify;
mod ports;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::certificates::Certificates;
pub use self::certificates::Source;
use self::http_thread::{HttpPorts, HttpThread};
use self::hub_thread::HubThread;
pub use self::log_control::{LogControl, LogFilterError};
use self::notify::Watched;
pub use self::ports::{Passed, PortError};
use crate::config::settings::{General, Settings, TlsTrust, Upstream};
use crate::http::server::Server;
use crate::hub::limit::LimitCounters;
use crate::hub::pulse::Pulse;
use crate::metrics::{self, Sources};
use crate::policy::failed_logins::FailedLogins;
use crate::policy::user::Users;
use crate::session::client::Arrival;
use crate::session::entrance::{Entrance, Port};
use crate::session::gate::{Gate, Verifier};
use crate::session::refusal_log::ConnectionLines;
use crate::session::registry::{Registry, SessionLimits};
use crate::session::reports::Reports;
use crate::session::shell::Clock;
use crate::session::web::WebHub;

/// A running amimux.
#[derive(Debug)]
pub struct Daemon {
    settings: Settings,
    listener: TcpListener,
    tls_listener: Option<TcpListener>,
    metrics: Option<TcpListener>,
    http: Option<HttpPorts>,
    source: Option<Source>,
}

impl Daemon {
    /// Opens the ports, so that what can go wrong goes wrong before anything was promised. Those in `passed` are open.
    ///
    /// # Errors
    /// A port cannot be opened: with [`PortError`].
    pub async fn bind(settings: Settings, mut passed: Passed) -> anyhow::Result<Self> {
        // While this is the only thread.
        files::prepare(&settings.general);
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
        let clock = Clock::start();
        let general = Arc::new(self.settings.general);
        let hubs = Hubs::start(self.settings.upstreams, &general, clock, &cancel)?;
        let gate = gate(&general, self.settings.users, hubs.reports, clock);
        let http = match (self.settings.http, self.http) {
            (Some(http), Some(ports)) => {
                let server = Server {
                    http,
                    gate: gate.clone(),
                    hubs: hubs.web.clone(),
                    acl: general.acl.clone(),
                };
                Some(HttpThread::start(server, ports, http_tls, cancel.clone())?)
            }
            _ => None,
        };
        let sources = Sources {
            upstreams: hubs.limits,
            entrance: Arc::clone(&gate.limits),
            registry: gate.registry.clone(),
        };
        let watched = Watched {
            hubs: hubs.pulses,
            registry: gate.registry.clone(),
            clock,
        };
        let entrance = Entrance {
            gate,
            hubs: hubs.arrivals,
            upstream_banner: hubs.first_banner,
            banner: general.banner.clone(),
            auth_timeout: general.auth_timeout,
            auth_limit: general.auth_limit,
            acl: general.acl.clone(),
            proxy_from: general.proxy_from.clone(),
            lines: ConnectionLines::default(),
            tls_address,
        };
        let tls = tls_address.map(tracing::field::display);
        info!(%address, tls, upstreams = hubs.threads.len(), "amimux is up");
        LocalSet::new()
            .run_until(async {
                if let Some(source) = self.source {
                    tokio::task::spawn_local(certificates.keep_fresh(source));
                }
                if let Some(listener) = self.metrics {
                    tokio::task::spawn_local(metrics::serve(listener, sources, cancel.clone()));
                }
                tokio::task::spawn_local(watched.keep_informed());
                entrance.run(ports, cancel).await;
                notify::stopping().await;
            })
            .await;
        let ended = join(hubs.threads, http).await;
        // Kept for as long as the hubs run.
        drop(hubs.web);
        info!("amimux is down");
        ended
    }
}

/// The threads of the Asterisks, and the ways into them by the upstream's name.
struct Hubs {
    threads: Vec<HubThread>,
    arrivals: HashMap<String, mpsc::Sender<Arrival>>,
    web: HashMap<String, WebHub>,
    limits: Vec<(String, Arc<LimitCounters>)>,
    pulses: Vec<(String, Arc<Pulse>)>,
    reports: Reports,
    /// What the first upstream's Asterisk greets with.
    first_banner: watch::Receiver<Option<String>>,
}

impl Hubs {
    fn start(
        upstreams: Vec<Upstream>,
        general: &Arc<General>,
        clock: Clock,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let (mut threads, mut first_banner) = (Vec::new(), None);
        let (mut limits, mut pulses) = (Vec::new(), Vec::new());
        let (mut arrivals, mut web) = (HashMap::new(), HashMap::new());
        let mut reports = Reports::default();
        for upstream in upstreams {
            let (banner, seen) = watch::channel(None);
            first_banner.get_or_insert(seen);
            let name = upstream.name.clone();
            let (thread, ways) = HubThread::start(
                Arc::clone(general),
                Arc::new(upstream),
                clock,
                banner,
                cancel.clone(),
            )?;
            threads.push(thread);
            reports.add(name.clone(), ways.reports);
            web.insert(name.clone(), ways.web);
            limits.push((name.clone(), ways.limits));
            pulses.push((name.clone(), ways.pulse));
            arrivals.insert(name, ways.arrivals);
        }
        Ok(Self {
            threads,
            arrivals,
            web,
            limits,
            pulses,
            reports,
            first_banner: first_banner.context("no upstream is configured")?,
        })
    }
}

/// What logins are decided with.
fn gate(general: &General, users: Users, reports: Reports, clock: Clock) -> Gate {
    let failed_logins = FailedLogins::new(general.failed_logins, general.failed_login_period);
    Gate {
        users: Arc::new(users),
        registry: Registry::new(SessionLimits {
            all: general.session_limit,
            per_host: general.address_limit,
        }),
        reports: Arc::new(reports),
        clock,
        verifier: Verifier::default(),
        failed_logins: Arc::new(Mutex::new(failed_logins)),
        limits: Arc::default(),
    }
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
