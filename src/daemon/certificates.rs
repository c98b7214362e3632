//! SIGHUP: the configuration is read again, and the certificates of all ports that speak TLS are exchanged while sessions
//! live on. A configuration with errors changes nothing. What else has changed counts after a restart.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::ServerConfig;
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::notify;
use crate::config::diagnostics::Report;
use crate::config::settings::{Settings, TlsListener};
use crate::config::{self, Environment, raw};
use crate::metrics::reload::ReloadOutcomes;

/// Where the configuration is read from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// What it may refer to.
    pub environment: Environment,
}

impl Source {
    /// Reads it. `None`: there are errors; they are logged, as warnings are.
    fn read(&self) -> Option<(Settings, Text)> {
        let (settings, report) = config::load(&self.path, &self.environment);
        for diagnostic in report.errors() {
            error!("{diagnostic}");
        }
        for diagnostic in report.warnings() {
            warn!("{diagnostic}");
        }
        settings.map(|settings| (settings, self.text()))
    }

    /// What stands in the file and what it includes.
    fn text(&self) -> Text {
        let config = raw::read(&self.path, &mut Report::default());
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            hash.update(text.len().to_le_bytes());
            hash.update(text);
        };
        for section in &config.sections {
            add("[");
            add(&section.name);
            for option in &section.options {
                add(&option.name);
                add(&option.value);
            }
        }
        Text(hash.finalize().into())
    }
}

/// The sections and options of a configuration, to be compared: secrets are among them.
#[derive(PartialEq, Eq)]
struct Text([u8; 32]);

/// One port that speaks TLS: where it stands in the settings, and the way to it.
struct TlsPort {
    find: fn(&Settings) -> Option<&TlsListener>,
    sender: watch::Sender<Arc<ServerConfig>>,
}

/// What the ports show that speak TLS.
pub(super) struct Certificates {
    ports: Vec<TlsPort>,
}

/// What a port speaks TLS with.
pub(super) type Current = watch::Receiver<Arc<ServerConfig>>;

impl Certificates {
    /// Those of these settings, and that of the port for AMI, if there is one.
    pub(super) fn new(settings: &Settings) -> (Self, Option<Current>) {
        let mut certificates = Self { ports: Vec::new() };
        let general = certificates.add(settings, |settings| settings.general.tls.as_ref());
        (certificates, general)
    }

    /// Adds a port, if there is one.
    pub(super) fn add(
        &mut self,
        settings: &Settings,
        find: fn(&Settings) -> Option<&TlsListener>,
    ) -> Option<Current> {
        let (sender, current) = watch::channel(Arc::clone(&find(settings)?.tls));
        self.ports.push(TlsPort { find, sender });
        Some(current)
    }

    /// Exchanges them at each SIGHUP, for ever.
    ///
    /// Cancel safe: what is being read then does not count.
    pub(super) async fn keep_fresh(self, source: Source, outcomes: Arc<ReloadOutcomes>) {
        let mut hangups = match signal(SignalKind::hangup()) {
            Ok(hangups) => hangups,
            Err(error) => {
                error!(%error, "cannot catch SIGHUP");
                return;
            }
        };
        let begun_with = source.text();
        while hangups.recv().await.is_some() {
            notify::reloading().await;
            let source = source.clone();
            let read = tokio::task::spawn_blocking(move || source.read());
            match read.await {
                Ok(Some((settings, text))) => {
                    self.exchange(&settings);
                    let now = SystemTime::now().duration_since(UNIX_EPOCH);
                    outcomes.succeed(now.unwrap_or_default());
                    if text != begun_with {
                        warn!(
                            "the configuration has changed: other changes than certificates count after a restart"
                        );
                    }
                }
                Ok(None) | Err(_) => {
                    outcomes.fail();
                    error!("the configuration has errors: everything stays as it was");
                }
            }
            notify::reloaded().await;
        }
    }

    fn exchange(&self, settings: &Settings) {
        for port in &self.ports {
            if let Some(listener) = (port.find)(settings) {
                port.sender.send_replace(Arc::clone(&listener.tls));
            }
        }
        info!(ports = self.ports.len(), "certificates reloaded");
    }
}
