//! Restart without losing a client: one process hands everything to the next. What is handed over is a *parcel*
//! (`parcel`): the state, and the sockets of clients, ports and Asterisk. It goes by one of two ways: through the service
//! manager's `store`, when that restarts amimux; or over a `socket` from process to process, where there is none.
//! `freeze` is the side that hands over, `arrive` the one that takes over, and `rights` sends open files.
//!
//! At no moment do two processes read or write a socket: the one before stands still from the moment at which it packs
//! until it ends, and the next one begins when that one has let go.

pub(super) mod arrive;
mod freeze;
mod parcel;
mod rights;
mod socket;
mod store;

use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;

use anyhow::Context;
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{debug, error, info, warn};

pub(super) use self::arrive::Arrival;
use self::freeze::{Frozen, Going};
use self::socket::{RefusedError, Successor};
pub(super) use self::store::Stored;
use super::ports::Passed;
use super::supervisor::Supervisor;
use crate::config::settings::{Settings, Upstream};

/// Where another process may ask for everything; and what came from one.
#[derive(Debug, Default)]
pub struct Handover {
    /// The handover socket, if there is to be one.
    path: Option<PathBuf>,
    arrival: Option<Arrival>,
}

impl Handover {
    /// What the command line says: the handover socket, and whether the place of the process that listens there is taken.
    ///
    /// # Errors
    /// The process there does not hand over, or what it hands over cannot be used. It goes on.
    pub fn begin(
        settings: &Settings,
        path: Option<PathBuf>,
        take_over: bool,
    ) -> anyhow::Result<Self> {
        let arrival = match &path {
            Some(path) if take_over => {
                // Before the files come.
                super::files::prepare(&settings.general);
                let arrival = Arrival::from_socket(path).context("cannot take over")?;
                if arrival.is_none() {
                    info!(name: "nothing-to-take-over", socket = %path.display(), "no amimux runs there whose place could be taken");
                }
                arrival
            }
            _ => None,
        };
        Ok(Self { path, arrival })
    }

    /// What came from another process, and its ports.
    pub(super) fn take_arrival(&mut self, passed: &mut Passed) -> Option<Arrival> {
        let mut arrival = self.arrival.take();
        if let Some(stored) = passed.take_stored() {
            match Arrival::from_store(stored) {
                Ok(stored) => arrival = arrival.or(Some(stored)),
                Err(ports) => {
                    let unnamed = ports.into_iter().map(|port| (String::new(), port));
                    passed.hand(unnamed.collect());
                }
            }
        }
        if let Some(arrival) = &mut arrival {
            passed.hand(arrival.take_ports());
        }
        arrival
    }

    /// Listens at the handover socket, if there is to be one. Call it when the process before has let go.
    ///
    /// # Errors
    /// It cannot be listened there.
    pub(super) fn listen(self, took_over: bool) -> anyhow::Result<Exits> {
        let restarts = signal(SignalKind::user_defined1());
        let restarts = restarts
            .inspect_err(|error| error!(name: "signals-unusable", %error, "cannot catch SIGUSR1"));
        let mut exits = Exits {
            restarts: restarts.ok(),
            door: None,
        };
        if let Some(path) = self.path {
            if took_over && let Err(error) = std::fs::remove_file(&path) {
                debug!(%error, "the handover socket of the process before is gone");
            }
            let listener = socket::listen(&path).and_then(UnixListener::from_std);
            let listener = listener.with_context(|| {
                format!("cannot listen at the handover socket {}", path.display())
            })?;
            exits.door = Some((listener, path));
        }
        Ok(exits)
    }
}

/// Who asks for everything that this process has.
#[derive(Debug)]
pub(super) enum Asked {
    /// The service manager, which restarts amimux.
    Manager,
    /// Another process.
    Successor(StdUnixStream),
}

/// The ways by which this process is asked to hand over. The handover socket goes with the value.
#[derive(Debug)]
pub(super) struct Exits {
    restarts: Option<Signal>,
    door: Option<(UnixListener, PathBuf)>,
}

impl Exits {
    /// The next that asks.
    ///
    /// Cancel safe: nobody is lost.
    pub(super) async fn next(&mut self) -> Asked {
        tokio::select! {
            () = told(self.restarts.as_mut()) => Asked::Manager,
            stream = next_successor(self.door.as_ref()) => Asked::Successor(stream),
        }
    }
}

impl Drop for Exits {
    fn drop(&mut self) {
        if let Some((_, path)) = &self.door
            && let Err(error) = std::fs::remove_file(path)
        {
            debug!(%error, "the handover socket is gone");
        }
    }
}

async fn told(restarts: Option<&mut Signal>) {
    if let Some(restarts) = restarts
        && restarts.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

async fn next_successor(door: Option<&(UnixListener, PathBuf)>) -> StdUnixStream {
    let Some((listener, _)) = door else {
        return std::future::pending().await;
    };
    loop {
        let accepted = listener.accept().await;
        match accepted.and_then(|(stream, _)| stream.into_std()) {
            Ok(stream) => return stream,
            Err(error) => {
                warn!(name: "handover-failed", %error, "nobody can be heard at the handover socket");
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        }
    }
}

/// Whom the connection to an upstream is made to, as whom.
fn target(upstream: &Upstream) -> String {
    let tls = if upstream.tls.is_some() { "tls" } else { "tcp" };
    format!(
        "{tls} {}:{} {}",
        upstream.host, upstream.port, upstream.username
    )
}

impl Supervisor {
    /// Hands over. `true`: this process is to end.
    pub(super) async fn hand_over(&mut self, asked: Asked) -> bool {
        match asked {
            Asked::Manager => self.fill_store().await,
            Asked::Successor(stream) => match self.to_successor(stream).await {
                Ok(()) => {
                    // The file at its path is the successor's.
                    self.exits.door = None;
                    true
                }
                Err(error) => {
                    warn!(name: "handover-failed", "not handed over, everything goes on: {error:#}");
                    false
                }
            },
        }
    }

    fn going(&self) -> anyhow::Result<Going> {
        let rules = self.live.now();
        let hubs = rules.upstreams();
        Ok(Going {
            hubs: hubs
                .map(|(_, ways)| (ways.control.clone(), target(&ways.upstream)))
                .collect(),
            turnstile: self.entrance.turnstile().clone(),
            ports: self.ports.copies().context("the ports cannot be copied")?,
            clock: self.gate.clock,
        })
    }

    /// Puts everything into the service manager's store. `false`: there is no service manager that asked for it.
    async fn fill_store(&mut self) -> bool {
        if !store::has_room(1) {
            warn!(
                name: "handover-failed",
                "SIGUSR1: there is no service manager with a store (FileDescriptorStoreMax=) to hand over to"
            );
            return false;
        }
        // The process was told to end: it does so in any case.
        if let Err(error) = self.store().await {
            error!(name: "handover-lost", "not handed over, clients have to connect again: {error:#}");
        }
        true
    }

    async fn store(&mut self) -> anyhow::Result<()> {
        let going = self.going()?;
        // What cannot go along ends while all others are still served.
        going.close_ports().await;
        going.end_encrypted().await;
        if let Some(http) = self.http.take() {
            http.end();
            http.join().await?;
        }
        let frozen = going.freeze().await?;
        let files = frozen.parcel.sockets.len() + 1;
        anyhow::ensure!(
            store::has_room(files),
            "the service manager's store has no room for {files} files: FileDescriptorStoreMax= must be larger"
        );
        let put = tokio::task::spawn_blocking(move || match store::put(&frozen.parcel) {
            Ok(()) => Ok(frozen),
            Err(error) => {
                // What it took has to go; if it does not listen, nothing more can be done.
                let _ = store::clear();
                Err(error)
            }
        });
        let frozen = put.await?.context("the service manager does not take it")?;
        let_go(frozen, "the service manager");
        Ok(())
    }

    async fn to_successor(&self, stream: StdUnixStream) -> anyhow::Result<()> {
        let heard = tokio::task::spawn_blocking(move || Successor::hear(stream));
        let successor = heard.await??;
        info!(name: "handover-asked", "another process asks to take over");
        let frozen = match self.going()?.freeze().await {
            Ok(frozen) => frozen,
            Err(error) => {
                successor.refuse(&error.to_string());
                return Err(error.into());
            }
        };
        let given = tokio::task::spawn_blocking(move || {
            successor.give(&frozen.parcel)?;
            frozen.may_still_go()?;
            successor.go()?;
            Ok::<_, RefusedError>(frozen)
        });
        let_go(given.await??, "another process");
        Ok(())
    }
}

fn let_go(frozen: Frozen, whom: &str) {
    info!(
        name: "handed-over",
        clients = frozen.clients,
        state_bytes = frozen.parcel.bytes(),
        after_ms = format_args!("{:.1}", frozen.since.elapsed().as_secs_f64() * 1000.0),
        "handed over to {whom}"
    );
    frozen.let_go();
}
