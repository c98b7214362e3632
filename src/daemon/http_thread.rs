//! The thread that serves HTTP, if the configuration says so: with a runtime of its own, because turning answers into
//! pages takes time that the threads of the Asterisks do not have.

use std::thread::JoinHandle;

use anyhow::{Context, bail};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::hub_thread::join_within;
use crate::http::server::{Port, Server};

/// Ports on their way to the thread at most. There are two, and a reload takes longer than opening them.
const PORTS_MAX: usize = 8;

/// The running thread.
#[derive(Debug)]
pub(super) struct HttpThread {
    handle: JoinHandle<()>,
    ports: mpsc::Sender<Port>,
    cancel: CancellationToken,
}

impl HttpThread {
    /// Starts the thread; it ends some time after `cancel`, or after [`HttpThread::end`].
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(server: Server, cancel: &CancellationToken) -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start a runtime")?;
        let (ports, opened) = mpsc::channel(PORTS_MAX);
        let everything = cancel.clone();
        let cancel = cancel.child_token();
        let ended = cancel.clone();
        let handle = std::thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || {
                // Should this thread panic, the program ends instead of serving half of its clients.
                let ends_everything = everything.drop_guard();
                let served = runtime.block_on(LocalSet::new().run_until(server.run(opened, ended)));
                match served {
                    Ok(()) => drop(ends_everything.disarm()),
                    Err(error) => error!(%error, "HTTP cannot be served"),
                }
            })
            .context("cannot start a thread")?;
        Ok(Self {
            handle,
            ports,
            cancel,
        })
    }

    /// Serves one more port.
    pub(super) fn serve(&self, port: Port) {
        if self.ports.try_send(port).is_err() {
            error!("a port of HTTP is not served: its thread is ending, or stands still");
        }
    }

    /// Ends the thread: requests under way are answered.
    pub(super) fn end(&self) {
        self.cancel.cancel();
    }

    /// Waits until the thread has ended, but not for ever.
    ///
    /// # Errors
    /// The thread panicked, or does not end.
    pub(super) async fn join(self) -> anyhow::Result<()> {
        match join_within(self.handle).await {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => bail!("the thread of HTTP panicked"),
            None => bail!("the thread of HTTP does not end"),
        }
    }
}
