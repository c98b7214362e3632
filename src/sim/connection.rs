//! One AMI session of the simulated PBX: what it has sent, what waits for it, who it is, and whether an action holds it up.

use std::time::Duration;

use bytes::BytesMut;

use super::flood::Flood;
use super::frame::Outbox;
use super::wire::Reader;
use crate::policy::class::Classes;

/// Names one connection of a [`super::Pbx`]; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(super) u64);

impl std::fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// Who is logged in, with the rights copied at login.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// The name as the client wrote it; `None` before login.
    pub(super) name: Option<Vec<u8>>,
    pub(super) read: Classes,
    pub(super) write: Classes,
    /// Classes of events that are sent: the `Events` action, within `read`.
    pub(super) mask: Classes,
    pub(super) challenge: Option<String>,
}

/// Why a connection does nothing else for now.
#[derive(Debug)]
pub(super) enum Blocked {
    /// A synchronous Originate.
    Originate { call: u64, action_id: Vec<u8> },
    /// `WaitEvent`, looked at once a second.
    WaitEvent {
        action_id: Vec<u8>,
        until: Option<Duration>,
        check: Duration,
    },
    /// A refused login, a second before its answer.
    Refused {
        until: Duration,
        action_id: Vec<u8>,
        message: &'static str,
    },
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) reader: Reader,
    pub(super) output: BytesMut,
    /// Events that came while an action ran.
    pub(super) held: Outbox,
    pub(super) session: Session,
    pub(super) blocked: Option<Blocked>,
    /// To be closed once the output is written.
    pub(super) closing: bool,
    pub(super) connected_at: Duration,
    /// Whether the banner was sent.
    pub(super) greeted: bool,
    pub(super) flood: Option<Flood>,
    /// Whether it was closed because its reader was too far behind.
    pub(super) dropped: bool,
    output_bytes_max: usize,
}

impl Connection {
    pub(super) fn new(now: Duration, output_bytes_max: usize) -> Self {
        Self {
            reader: Reader::default(),
            output: BytesMut::new(),
            held: Outbox::default(),
            session: Session::default(),
            blocked: None,
            closing: false,
            connected_at: now,
            greeted: false,
            flood: None,
            dropped: false,
            output_bytes_max,
        }
    }

    /// Sends bytes, unless the reader is too far behind: then everything that waits is thrown away and it is dropped.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        if self.closing {
            return;
        }
        self.output.extend_from_slice(bytes);
        self.check_bound();
    }

    fn check_bound(&mut self) {
        if self.output.len() + self.held.len() > self.output_bytes_max {
            self.output.clear();
            self.held.clear();
            self.dropped = true;
            self.close();
        }
    }

    /// Fills the output up to `bytes` from the flood, if there is one.
    pub(super) fn pour(&mut self, bytes: usize) {
        while self.output.len() < bytes {
            let Some(frame) = self.flood.as_mut().and_then(Flood::next) else {
                self.flood = None;
                return;
            };
            self.output.extend_from_slice(frame);
        }
    }

    /// Whether this session may see an event of these classes now.
    pub(super) const fn sees(&self, classes: Classes) -> bool {
        self.session.name.is_some() && self.session.mask.contains_all(classes)
    }

    /// A broadcast event: sent at once, or held back while an action runs.
    pub(super) fn deliver(&mut self, classes: Classes, frame: &[u8]) {
        if self.closing || !self.sees(classes) {
            return;
        }
        if self.blocked.is_some() {
            self.held.push(classes, frame);
            self.check_bound();
        } else {
            self.send(frame);
        }
    }

    /// Sends what was held back; the mask is looked at again.
    pub(super) fn release_held(&mut self) {
        let held = std::mem::take(&mut self.held);
        for (classes, frame) in held.frames() {
            if self.sees(classes) {
                self.send(frame);
            }
        }
    }

    /// Whether an event is held back that the session may see.
    pub(super) fn has_held(&self) -> bool {
        self.held.frames().any(|(classes, _)| self.sees(classes))
    }

    /// Ends the connection after what waits in its output.
    pub(super) fn close(&mut self) {
        self.closing = true;
        self.blocked = None;
        self.flood = None;
        self.held.clear();
        self.reader.clear();
    }

    /// When something happens on this connection by itself.
    pub(super) fn deadline(&self, auth_timeout: Duration) -> Option<Duration> {
        if self.closing {
            return None;
        }
        let login = self.connected_at.saturating_add(auth_timeout);
        let login = self.session.name.is_none().then_some(login);
        let blocked = match &self.blocked {
            None | Some(Blocked::Originate { .. }) => None,
            Some(Blocked::WaitEvent { check, until, .. }) => {
                Some(until.map_or(*check, |until| until.min(*check)))
            }
            Some(Blocked::Refused { until, .. }) => Some(*until),
        };
        login.into_iter().chain(blocked).min()
    }
}
