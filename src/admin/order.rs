//! What administrators want that only the daemon can do.

use thiserror::Error;
use tokio::sync::oneshot;

/// Why an order was not carried out: everything is as it was.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OrderError {
    /// The configuration cannot be used; each error with file, line and remedy.
    #[error("the configuration has errors: {}", .0.join("; "))]
    Configuration(Vec<String>),
    /// Something that the configuration asks for cannot be had, such as a port.
    #[error("{0}")]
    Unable(String),
    /// The order itself makes no sense.
    #[error("{0}")]
    Invalid(String),
}

/// What a reload did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reloaded {
    /// One line for each difference; no secrets.
    pub changes: Vec<String>,
    /// Warnings about the configuration, with file, line and remedy.
    pub warnings: Vec<String>,
}

/// An order to the daemon, and where its answer goes.
#[derive(Debug)]
pub enum Order {
    /// Read the configuration again, and put it in force unless it has errors.
    Reload {
        /// Only tell what would change.
        dry_run: bool,
        /// What came of it.
        reply: oneshot::Sender<Result<Reloaded, OrderError>>,
    },
    /// Log what this filter says from now on (`info`, `amimux::session=debug`, …). The answer is the filter before.
    SetLog {
        /// The filter.
        filter: String,
        /// What came of it.
        reply: oneshot::Sender<Result<String, OrderError>>,
    },
}
