//! Starts everything and ends it: a thread per Asterisk, the entrance for clients, signals.

mod files;
mod hub_thread;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

use self::hub_thread::HubThread;
use crate::config::settings::Settings;
use crate::policy::failed_logins::FailedLogins;
use crate::session::entrance::{Entrance, Verifier};
use crate::session::refusal_log::ConnectionLines;
use crate::session::registry::{Registry, SessionLimits};
use crate::session::reports::Reports;
use crate::session::shell::Clock;

/// A running amimux.
#[derive(Debug)]
pub struct Daemon {
    settings: Settings,
    listener: TcpListener,
}

impl Daemon {
    /// Opens the port, so that what can go wrong goes wrong before anything was promised.
    ///
    /// # Errors
    /// The port cannot be opened.
    pub async fn bind(settings: Settings) -> anyhow::Result<Self> {
        // While this is the only thread.
        files::prepare(&settings.general);
        let address = settings.general.bind;
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!(
                "cannot listen on {address}: is another program (Asterisk itself?) using the port? See `port` and `bindaddr` in [general]"
            )
        })?;
        Ok(Self { settings, listener })
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
        let clock = Clock::start();
        let general = Arc::new(self.settings.general);
        let mut hubs = HashMap::new();
        // Kept for as long as the hubs run.
        let mut web_hubs = HashMap::new();
        let mut reports = Reports::default();
        let mut threads = Vec::new();
        let mut first_banner = None;
        for upstream in self.settings.upstreams {
            let (banner, seen) = watch::channel(None);
            first_banner.get_or_insert(seen);
            let name = upstream.name.clone();
            let (thread, ways) = HubThread::start(
                Arc::clone(&general),
                Arc::new(upstream),
                clock,
                banner,
                cancel.clone(),
            )?;
            threads.push(thread);
            reports.add(name.clone(), ways.reports);
            web_hubs.insert(name.clone(), ways.web);
            hubs.insert(name, ways.arrivals);
        }
        let entrance = Entrance {
            users: Arc::new(self.settings.users),
            hubs,
            reports,
            registry: Registry::new(SessionLimits {
                all: general.session_limit,
                per_host: general.address_limit,
            }),
            clock,
            upstream_banner: first_banner.context("no upstream is configured")?,
            banner: general.banner.clone(),
            auth_timeout: general.auth_timeout,
            auth_limit: general.auth_limit,
            acl: general.acl.clone(),
            proxy_from: general.proxy_from.clone(),
            lines: ConnectionLines::default(),
            verifier: Verifier::default(),
            failed_logins: RefCell::new(FailedLogins::new(
                general.failed_logins,
                general.failed_login_period,
            )),
        };
        info!(address = %self.listener.local_addr()?, upstreams = threads.len(), "amimux is up");
        LocalSet::new()
            .run_until(entrance.run(self.listener, cancel))
            .await;
        let mut ended = Ok(());
        for thread in threads {
            ended = ended.and(thread.join().await);
        }
        info!("amimux is down");
        ended
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
