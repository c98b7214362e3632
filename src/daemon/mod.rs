//! Starts everything and ends it: a thread per Asterisk, the entrance for clients, HTTP, metrics. `supervisor` holds them
//! together while amimux runs, `reload` puts a changed configuration in force, `ports` has what is listened on,
//! `notify` talks to the service manager, and `handover` gives everything to the process after a restart.

mod files;
mod handover;
mod http_thread;
mod hub_thread;
mod log_control;
mod notify;
mod ports;
mod reload;
mod source;
mod supervisor;

use std::net::SocketAddr;

use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::handover::Arrival;
pub use self::handover::Handover;
pub use self::log_control::{LogControl, LogFilterError};
use self::ports::{NewPort, Ports};
pub use self::ports::{Passed, PortError};
pub use self::source::Source;
use self::supervisor::Supervisor;
use crate::admin::Order;
use crate::config::settings::{Settings, TlsTrust};

/// Orders of administrators that wait to be carried out.
const ORDERS_MAX: usize = 16;

/// An amimux that is about to run.
#[derive(Debug)]
pub struct Daemon {
    settings: Settings,
    ports: Ports,
    opened: Vec<NewPort>,
    source: Option<Source>,
    orders: (mpsc::Sender<Order>, mpsc::Receiver<Order>),
    log: Option<LogControl>,
    handover: Handover,
    /// What another process handed over.
    arrival: Option<Arrival>,
}

impl Daemon {
    /// Opens the ports, so that what can go wrong goes wrong before anything was promised. Those in `passed` are open.
    ///
    /// # Errors
    /// A port cannot be opened: with [`PortError`].
    pub async fn bind(settings: Settings, passed: Passed) -> anyhow::Result<Self> {
        Self::bind_after(settings, passed, Handover::default()).await
    }

    /// The same, after another process that hands over what it has: its ports are open, and its sessions go on.
    ///
    /// # Errors
    /// As [`Daemon::bind`]. The process before goes on, if it can.
    pub async fn bind_after(
        settings: Settings,
        mut passed: Passed,
        mut handover: Handover,
    ) -> anyhow::Result<Self> {
        // While this is the only thread.
        files::prepare(&settings.general);
        let arrival = handover.take_arrival(&mut passed);
        let mut ports = Ports::new(passed);
        let plan = ports.plan(&settings)?;
        let (opened, _) = ports.commit(plan);
        ports.warn_of_rest();
        Ok(Self {
            settings,
            ports,
            opened,
            source: None,
            orders: mpsc::channel(ORDERS_MAX),
            log: None,
            handover,
            arrival,
        })
    }

    /// Reads the configuration again from there at each SIGHUP, and whenever an order says so.
    #[must_use]
    pub fn reloading(self, source: Source) -> Self {
        Self {
            source: Some(source),
            ..self
        }
    }

    /// The way for orders, which are carried out one after the other.
    pub fn orders(&self) -> mpsc::Sender<Order> {
        self.orders.0.clone()
    }

    /// Changes what is logged there when an order says so.
    #[must_use]
    pub fn logging(self, log: LogControl) -> Self {
        Self {
            log: Some(log),
            ..self
        }
    }

    /// Where clients connect.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn local_address(&self) -> std::io::Result<SocketAddr> {
        let address = self.ports.address(ports::AMI);
        address.ok_or_else(|| std::io::Error::other("the port has no address"))
    }

    /// Runs until `cancel`, then ends every session in good order.
    ///
    /// # Errors
    /// A thread cannot be started, panicked or does not end, or the system gives no random numbers.
    pub async fn run(mut self, cancel: CancellationToken) -> anyhow::Result<()> {
        warn_of_anybody(&self.settings);
        let opened = std::mem::take(&mut self.opened);
        let tasks = LocalSet::new();
        let running = tasks.run_until(async {
            let mut supervisor = Supervisor::start(self, cancel)?;
            let (address, tls) = supervisor.addresses();
            let address = address.map(tracing::field::display);
            let tls = tls.map(tracing::field::display);
            info!(name: "started", address, tls, upstreams = supervisor.hubs.len(), "amimux is up");
            supervisor.run(opened).await;
            notify::stopping().await;
            anyhow::Ok(supervisor)
        });
        let supervisor = running.await?;
        // Connections that have not logged in end with their tasks; what accepts them ends at once.
        drop(tasks);
        let ended = supervisor.join().await;
        info!(name: "ended", "amimux is down");
        ended
    }
}

/// Says at every start which Asterisk need not prove who it is.
fn warn_of_anybody(settings: &Settings) {
    for upstream in &settings.upstreams {
        let trust = upstream.tls.as_ref().map(|tls| tls.trust);
        if trust == Some(TlsTrust::Anybody) {
            warn!(
                name: "upstream-unverified",
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
