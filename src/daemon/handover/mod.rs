//! Restart without losing a client: one process hands everything to the next. What is handed over is a *parcel*
//! ([`parcel`]): the state, and the sockets of clients, ports and Asterisk. It goes by one of two ways: through the service
//! manager's [`store`], when that restarts amimux; or over a [`socket`] from process to process, where there is none.
//! [`freeze`] is the side that hands over, [`arrive`] the one that takes over, and [`rights`] sends open files.
//!
//! At no moment do two processes read or write a socket: the one before stands still from the moment at which it packs
//! until it ends, and the next one begins when that one has let go.

pub(super) mod arrive;
pub(super) mod freeze;
mod parcel;
mod rights;
mod socket;
pub(super) mod store;

use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

pub(super) use self::arrive::Arrival;
use self::freeze::{Frozen, Going};
use self::socket::{RefusedError, Successor};
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
                    info!(socket = %path.display(), "no amimux runs there whose place could be taken");
                }
                arrival
            }
            _ => None,
        };
        Ok(Self { path, arrival })
    }

    /// What came from another process; `stored` is what the service manager kept.
    pub(super) fn take_arrival(
        &mut self,
        stored: Option<(std::os::fd::OwnedFd, Vec<std::os::fd::OwnedFd>)>,
    ) -> Option<Arrival> {
        let stored = stored.and_then(|(envelope, sockets)| Arrival::from_store(&envelope, sockets));
        self.arrival.take().or(stored)
    }

    /// Listens at the handover socket, if there is to be one. Call it when the process before has let go.
    ///
    /// # Errors
    /// It cannot be listened there.
    pub(super) fn listen(self, took_over: bool) -> anyhow::Result<Door> {
        let Some(path) = self.path else {
            return Ok(Door(None));
        };
        if took_over && let Err(error) = std::fs::remove_file(&path) {
            debug!(%error, "the handover socket of the process before is gone");
        }
        let listener = socket::listen(&path)
            .with_context(|| format!("cannot listen at the handover socket {}", path.display()))?;
        Ok(Door(Some((listener, path))))
    }
}

/// The handover socket, if there is one.
#[derive(Debug)]
pub(super) struct Door(Option<(StdUnixListener, PathBuf)>);

/// Whom the connection to an upstream is made to, as whom.
pub(super) fn target(upstream: &Upstream) -> String {
    let tls = if upstream.tls.is_some() { "tls" } else { "tcp" };
    format!(
        "{tls} {}:{} {}",
        upstream.host, upstream.port, upstream.username
    )
}

impl Going {
    /// Hands over when it is asked to: by SIGUSR1 to the service manager's store, or to a process that asks at the handover
    /// socket. Then `cancel` is cancelled, and this process may end; until then, this waits for ever. `end_http` ends what
    /// cannot go along, and returns when it has.
    pub(super) async fn serve(
        self,
        door: Door,
        end_http: impl AsyncFn(),
        cancel: CancellationToken,
    ) {
        let restarts = signal(SignalKind::user_defined1());
        let mut restarts = match restarts {
            Ok(restarts) => restarts,
            Err(error) => {
                error!(%error, "cannot catch SIGUSR1");
                return;
            }
        };
        let listener = door.0.and_then(|(listener, path)| {
            let listener = UnixListener::from_std(listener);
            let listener = listener.inspect_err(|error| error!(%error, "no handover socket"));
            Some((listener.ok()?, path))
        });
        loop {
            tokio::select! {
                () = cancel.cancelled() => break,
                _ = restarts.recv() => if self.to_store(&end_http).await {
                    break;
                },
                stream = next(listener.as_ref()) => match self.to_successor(stream).await {
                    Ok(()) => {
                        // The file at the path is the successor's.
                        cancel.cancel();
                        return;
                    }
                    Err(error) => warn!("not handed over, everything goes on: {error:#}"),
                },
            }
        }
        if let Some((_, path)) = listener {
            remove(&path);
        }
        cancel.cancel();
    }

    /// Puts everything into the service manager's store. `false`: there is no service manager that asked for it.
    async fn to_store(&self, end_http: &impl AsyncFn()) -> bool {
        if !store::has_room(1) {
            warn!(
                "SIGUSR1: there is no service manager with a store (FileDescriptorStoreMax=) to hand over to"
            );
            return false;
        }
        self.close_ports().await;
        self.end_encrypted().await;
        end_http().await;
        // The process was told to end: it does so in any case.
        if let Err(error) = self.store().await {
            error!("not handed over, clients have to connect again: {error:#}");
        }
        true
    }

    async fn store(&self) -> anyhow::Result<()> {
        let frozen = self.freeze().await?;
        let files = frozen.parcel.sockets.len() + 1;
        anyhow::ensure!(
            store::has_room(files),
            "the service manager's store has no room for {files} files: FileDescriptorStoreMax= must be larger"
        );
        let frozen = tokio::task::spawn_blocking(move || match store::put(&frozen.parcel) {
            Ok(()) => Ok(frozen),
            Err(error) => {
                // What it took has to go; if it does not listen, nothing more can be done.
                let _ = store::clear();
                Err(error)
            }
        });
        let frozen = frozen
            .await?
            .context("the service manager does not take it")?;
        handed_over(frozen, "the service manager");
        Ok(())
    }

    async fn to_successor(
        &self,
        stream: std::io::Result<tokio::net::UnixStream>,
    ) -> anyhow::Result<()> {
        let stream = stream?.into_std()?;
        let heard = tokio::task::spawn_blocking(move || Successor::hear(stream));
        let successor = heard.await??;
        info!("another process asks to take over");
        let frozen = match self.freeze().await {
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
        handed_over(given.await??, "another process");
        Ok(())
    }
}

/// The next that asks; never, where there is no socket.
async fn next(
    listener: Option<&(UnixListener, PathBuf)>,
) -> std::io::Result<tokio::net::UnixStream> {
    match listener {
        Some((listener, _)) => listener.accept().await.map(|(stream, _)| stream),
        None => std::future::pending().await,
    }
}

fn handed_over(frozen: Frozen, whom: &str) {
    info!(
        clients = frozen.clients,
        state_bytes = frozen.parcel.bytes(),
        after_ms = frozen.since.elapsed().as_secs_f64() * 1000.0,
        "handed over to {whom}"
    );
    frozen.let_go();
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path) {
        debug!(%error, "the handover socket is gone");
    }
}
