//! Where the configuration is read from, and read again.

use std::path::PathBuf;
use std::time::SystemTime;

use tracing::{error, warn};

use crate::admin::OrderError;
use crate::config::settings::Settings;
use crate::config::{self, Environment};

/// Where the configuration is read from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// What it may refer to.
    pub environment: Environment,
}

impl Source {
    /// Reads it, and the files that it names: not on a thread that others wait for. Returns the warnings, too; they are
    /// logged, as errors are.
    ///
    /// # Errors
    /// Each error, with file, line and remedy.
    pub(super) fn read(&self) -> Result<(Settings, Vec<String>), OrderError> {
        let environment = Environment {
            // Certificates expire while a program runs.
            since_1970: self.environment.since_1970.and_then(|_| {
                let now = SystemTime::now();
                now.duration_since(SystemTime::UNIX_EPOCH).ok()
            }),
            ..self.environment.clone()
        };
        let (settings, report) = config::load(&self.path, &environment);
        let errors: Vec<_> = report.errors().map(ToString::to_string).collect();
        let warnings: Vec<_> = report.warnings().map(ToString::to_string).collect();
        for line in &errors {
            error!("{line}");
        }
        for line in &warnings {
            warn!("{line}");
        }
        settings
            .map(|settings| (settings, warnings))
            .ok_or(OrderError::Configuration(errors))
    }
}
