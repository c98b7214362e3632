//! The thread that serves HTTP, if the configuration says so: with a runtime of its own, because turning answers into
//! pages takes time that the threads of the Asterisks do not have.

use std::thread::JoinHandle;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::certificates::Current;
use super::hub_thread::join_within;
use super::ports::{self, Passed};
use crate::config::settings::Http;
use crate::http::server::{Port, Server};

/// The ports of HTTP, opened.
#[derive(Debug)]
pub(super) struct HttpPorts {
    plain: std::net::TcpListener,
    tls: Option<std::net::TcpListener>,
}

impl HttpPorts {
    /// Opens the ports, or takes those that were passed.
    ///
    /// # Errors
    /// One of them cannot be opened.
    pub(super) fn open(http: &Http, passed: &mut Passed) -> anyhow::Result<Self> {
        let plain = passed.open(ports::HTTP, http.bind)?;
        info!(address = %plain.local_addr()?, "HTTP is served");
        let tls = http.tls.as_ref();
        let tls = tls
            .map(|tls| passed.open(ports::HTTPS, tls.bind))
            .transpose()?;
        if let Some(tls) = &tls {
            info!(address = %tls.local_addr()?, "HTTPS is served");
        }
        Ok(Self { plain, tls })
    }
}

/// The running thread.
#[derive(Debug)]
pub(super) struct HttpThread(JoinHandle<()>);

impl HttpThread {
    /// Starts the thread; it ends some time after `cancel`. `tls`: what HTTPS is spoken with.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(
        server: Server,
        ports: HttpPorts,
        tls: Option<Current>,
        cancel: CancellationToken,
    ) -> anyhow::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start a runtime")?;
        let handle = std::thread::Builder::new()
            .name("http".to_owned())
            .spawn(move || {
                // Should this thread panic, the program ends instead of serving half of its clients.
                let _ends_everything = cancel.clone().drop_guard();
                let served = runtime.block_on(LocalSet::new().run_until(async move {
                    let mut open = vec![Port {
                        listener: TcpListener::from_std(ports.plain)?,
                        tls: None,
                    }];
                    if let (Some(listener), Some(tls)) = (ports.tls, tls) {
                        open.push(Port {
                            listener: TcpListener::from_std(listener)?,
                            tls: Some(tls),
                        });
                    }
                    server.run(open, cancel).await.map_err(anyhow::Error::from)
                }));
                if let Err(error) = served {
                    error!(%error, "HTTP cannot be served");
                }
            })
            .context("cannot start a thread")?;
        Ok(Self(handle))
    }

    /// Waits until the thread has ended, but not for ever.
    ///
    /// # Errors
    /// The thread panicked, or does not end.
    pub(super) async fn join(self) -> anyhow::Result<()> {
        match join_within(self.0).await {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => bail!("the thread of HTTP panicked"),
            None => bail!("the thread of HTTP does not end"),
        }
    }
}
