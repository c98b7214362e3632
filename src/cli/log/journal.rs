//! Log lines for the journal of systemd, by its native protocol: one datagram per line, each value under a field of its
//! own. `MESSAGE` is the line that `--log-format plain` would write, so that whoever reads lines reads the same ones.
//! Format of datagrams: <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>.

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::fields::{Fields, name_of, text_of};

/// Where the journal listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// The prefix of fields that are amimux's own.
const PREFIX: &str = "AMIMUX_";

/// Bytes of a value that are sent, so that a line always goes into a datagram. Lines are shorter by far, but for what
/// libraries log at level trace.
const VALUE_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a field's name that journald takes.
const NAME_BYTES_MAX: usize = 64;

/// How long a line may wait for a journal that takes none. Whoever logs waits as well, and events with it.
const PATIENCE: Duration = Duration::from_millis(100);

/// A way to the journal.
#[derive(Debug)]
pub(super) struct Journal {
    socket: UnixDatagram,
    path: PathBuf,
    /// Lines that it did not take in time, since the last one that it took.
    lost: AtomicU64,
}

impl Journal {
    /// Finds out whether the journal can be reached, by an empty datagram, which it ignores.
    ///
    /// # Errors
    /// Nobody listens there.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let journal = Self {
            socket: UnixDatagram::unbound()?,
            path: path.to_owned(),
            lost: AtomicU64::new(0),
        };
        journal.socket.set_write_timeout(Some(PATIENCE))?;
        journal.send(&[])?;
        Ok(journal)
    }

    // By path, and not once connected: so it goes on when journald was started again.
    fn send(&self, datagram: &[u8]) -> io::Result<()> {
        self.socket.send_to(datagram, &self.path).map(drop)
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let message = message_of(event);
        let mut datagram = datagram(event, &message);
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            put(&mut datagram, "AMIMUX_LOST", &lost.to_string());
        }
        let Err(error) = self.send(&datagram) else {
            return;
        };
        if error.kind() == io::ErrorKind::WouldBlock {
            // Standard error would wait for the same journal.
            self.lost.fetch_add(lost + 1, Ordering::Relaxed);
        } else {
            self.lost.fetch_add(lost, Ordering::Relaxed);
            // The journal is away: standard error may be read still. If not, there is nobody left to tell.
            let _ = writeln!(io::stderr(), "{message}");
        }
    }
}

fn message_of(event: &Event<'_>) -> String {
    format!("{} {}", event.metadata().level(), text_of(event))
}

fn datagram(event: &Event<'_>, message: &str) -> Vec<u8> {
    let metadata = event.metadata();
    let mut datagram = Vec::with_capacity(512);
    put(&mut datagram, "MESSAGE", message);
    put(&mut datagram, "PRIORITY", priority(*metadata.level()));
    put(&mut datagram, "SYSLOG_IDENTIFIER", "amimux");
    put(&mut datagram, "AMIMUX_EVENT", name_of(metadata));
    put(&mut datagram, "AMIMUX_TARGET", metadata.target());
    for (name, value) in Fields::of(event).others {
        match value {
            Value::String(text) => put(&mut datagram, &field_name(name), &text),
            value => put(&mut datagram, &field_name(name), &value.to_string()),
        }
    }
    datagram
}

/// The severity of syslog (RFC 5424, section 6.2.1).
fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        Level::DEBUG | Level::TRACE => "7",
    }
}

/// A name that journald takes: capital letters, digits and `_`.
fn field_name(name: &str) -> String {
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    let name = PREFIX.chars().chain(name.chars().map(allowed));
    name.take(NAME_BYTES_MAX).collect()
}

/// One field with the length of its value before it, so that no value can end it.
fn put(datagram: &mut Vec<u8>, name: &str, value: &str) {
    let value = value
        .get(..value.floor_char_boundary(VALUE_BYTES_MAX))
        .unwrap_or(value);
    let length = u64::try_from(value.len()).unwrap_or(u64::MAX);
    datagram.extend_from_slice(name.as_bytes());
    datagram.push(b'\n');
    datagram.extend_from_slice(&length.to_le_bytes());
    datagram.extend_from_slice(value.as_bytes());
    datagram.push(b'\n');
}
