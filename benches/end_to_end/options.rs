//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

/// Measures amimux end to end, beside simpler programs that do part of its work, in one run.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Shorter runs: about four minutes in all
    #[arg(long)]
    pub(crate) quick: bool,

    /// Only this measurement; may be given several times
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<Section>,

    /// Write the figures to this file as well
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Fan-out only with so many clients; may be given several times
    #[arg(long, value_name = "COUNT")]
    pub(crate) clients: Vec<u64>,

    /// Given by `cargo bench`, and not by `cargo test`
    #[arg(long, hide = true)]
    pub(crate) bench: bool,

    #[command(subcommand)]
    pub(crate) internal: Option<Internal>,
}

/// What the bench runs itself as.
#[derive(Debug, Subcommand)]
pub(crate) enum Internal {
    /// A contestant, in a process of its own
    #[command(hide = true)]
    Contestant {
        /// Which
        name: String,
        /// The port of the source
        source: u16,
        /// How many clients will come
        clients: usize,
    },
}

/// The measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Section {
    /// Events to many clients
    Fanout,
    /// The same with further views
    Views,
    /// Requests and their answers
    Actions,
    /// The same beside a client that floods
    Flood,
    /// Memory of clients that do nothing
    Idle,
    /// Clients that log in
    Logins,
    /// Clients with TLS: events, memory, logins
    Tls,
    /// HTTP: sessions that wait, streams of events, requests
    Web,
    /// What applications cost a real Asterisk, directly and through amimux
    Asterisk,
}

impl Options {
    /// Whether it was `cargo test` that ran this, which asks for nothing.
    pub(crate) fn is_a_test(&self) -> bool {
        !self.bench && !self.quick && self.only.is_empty() && self.json.is_none()
    }

    pub(crate) fn wants(&self, section: Section) -> bool {
        self.only.is_empty() || self.only.contains(&section)
    }

    /// How often each run is repeated.
    pub(crate) const fn repetitions(&self) -> usize {
        if self.quick { 2 } else { 3 }
    }

    /// How long a run takes.
    pub(crate) const fn duration(&self) -> Duration {
        Duration::from_millis(if self.quick { 300 } else { 2000 })
    }
}
