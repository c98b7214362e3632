//! The log of the program: which lines are written, in what form, and where to. What each line says is in
//! `docs/log.md`. Lines go to standard error, or to the journal of systemd, each value under a field of its own.

mod fields;
mod journal;
mod json;
#[cfg(test)]
mod tests;

use std::io::IsTerminal;
use std::path::Path;

use amimux::config::diagnostics::Report;
use amimux::daemon::{LogControl, LogFilterError};
use clap::ValueEnum;
use tracing::{Subscriber, error, warn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use self::journal::Journal;
use self::json::Json;
use super::{exit, say};

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// Journald where standard error goes to the journal, else text.
    Auto,
    /// Time, level, text and fields.
    Text,
    /// Text without the time, for whatever adds its own.
    Plain,
    /// One flat JSON object per line.
    Json,
    /// To the journal of systemd, with fields; plain if it cannot be reached.
    Journald,
}

/// The log that was begun.
#[derive(Debug)]
pub(super) struct Log {
    /// Changes later what is logged.
    #[expect(
        dead_code,
        reason = "for the action and the command that change the log"
    )]
    pub(super) control: LogControl,
    /// Whether lines are read by programs, so that each has to be an event.
    for_programs: bool,
}

impl Log {
    /// Tells what is wrong with the configuration.
    pub(super) fn tell(&self, report: &Report) {
        if !self.for_programs {
            for diagnostic in report.diagnostics() {
                say(&diagnostic.to_string());
            }
            return;
        }
        for diagnostic in report.errors() {
            error!(name: "configuration-error", "{diagnostic}");
        }
        for diagnostic in report.warnings() {
            warn!(name: "configuration-warning", "{diagnostic}");
        }
    }

    /// Tells why amimux ends.
    pub(super) fn tell_end(&self, reason: &str) {
        if self.for_programs {
            error!(name: "failed", reason, "amimux ends");
        } else {
            say(&format!("amimux: {reason}"));
        }
    }
}

/// Begins to log.
///
/// # Errors
/// The filter cannot be used: [`exit::UsageError`].
pub(super) fn start(filter: &str, format: LogFormat) -> anyhow::Result<Log> {
    let parsed = parse(filter)
        .map_err(|error| exit::UsageError(format!("--log: {error}; try: --log debug")))?;
    let (filter, control) = reloadable::<Registry>(parsed);
    let format = format.resolved();
    let (layer, trouble) = layer(format, Path::new(journal::SOCKET));
    tracing_subscriber::registry()
        .with(filter)
        .with(layer)
        .init();
    if let Some(error) = &trouble {
        warn!(name: "journal-unusable", %error, "the journal cannot be reached: lines go to standard error");
    }
    Ok(Log {
        control,
        for_programs: format == LogFormat::Json
            || (format == LogFormat::Journald && trouble.is_none()),
    })
}

fn parse(filter: &str) -> Result<EnvFilter, LogFilterError> {
    EnvFilter::try_new(filter).map_err(|error| LogFilterError::new(filter, error))
}

/// A filter that can be exchanged.
fn reloadable<S: Subscriber>(filter: EnvFilter) -> (reload::Layer<EnvFilter, S>, LogControl) {
    let (layer, handle) = reload::Layer::new(filter);
    let control = LogControl::new(move |text| {
        let mut filter = parse(text)?;
        handle
            .modify(|current| std::mem::swap(current, &mut filter))
            .map_err(|error| LogFilterError::new(text, error))?;
        Ok(filter.to_string())
    });
    (layer, control)
}

type BoxedLayer<S> = Box<dyn Layer<S> + Send + Sync>;

/// What writes lines of that form, and why it is not the journal if it should be.
fn layer<S>(format: LogFormat, socket: &Path) -> (BoxedLayer<S>, Option<std::io::Error>)
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    match format {
        LogFormat::Journald => match Journal::open(socket) {
            Ok(journal) => (journal.boxed(), None),
            Err(error) => (lines.without_time().boxed(), Some(error)),
        },
        LogFormat::Plain => (lines.without_time().boxed(), None),
        LogFormat::Json => (lines.with_ansi(false).event_format(Json).boxed(), None),
        LogFormat::Text | LogFormat::Auto => (lines.boxed(), None),
    }
}

impl LogFormat {
    /// What `auto` stands for here.
    fn resolved(self) -> Self {
        if self != Self::Auto {
            return self;
        }
        let stream = std::env::var("JOURNAL_STREAM").unwrap_or_default();
        let to_journal = rustix::fs::fstat(std::io::stderr())
            .is_ok_and(|status| names_file(&stream, status.st_dev, status.st_ino));
        if to_journal {
            Self::Journald
        } else {
            Self::Text
        }
    }
}

/// Whether a `JOURNAL_STREAM` names that file: systemd writes its device and inode, with a colon between them. The
/// variable is inherited by programs whose output goes elsewhere, so its presence alone says nothing (systemd.exec(5)).
fn names_file(stream: &str, device: u64, inode: u64) -> bool {
    stream
        .split_once(':')
        .is_some_and(|(first, second)| first.parse() == Ok(device) && second.parse() == Ok(inode))
}
