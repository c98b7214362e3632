//! Taps: administrators who watch what a client sends and what it is written, to debug an application. The hub's thread
//! copies whole messages into a bounded channel and never waits for who reads it: what finds no room is counted, and the
//! reader is told how many messages it missed. While nobody taps, a read or a write of a client costs the look at one flag.

mod follow;
mod split;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

pub(super) use self::follow::Taps;
use crate::hub::SessionId;

/// Messages that wait for the reader of a tap at most.
const MESSAGES_MAX: usize = 4096;

/// Bytes of them at most.
const BYTES_MAX: usize = 4 << 20;

/// Who is tapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TapTarget {
    /// All sessions of that user, also those to come; case does not count.
    User(String),
    /// One session.
    Session(SessionId),
}

/// Which way a message went, as the client sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The client sent it.
    Sent,
    /// The client was written it.
    Received,
}

/// A message that was tapped. Secrets are in it still.
pub struct Tapped {
    /// The upstream of the session.
    pub upstream: Arc<str>,
    /// Whose it is.
    pub session: SessionId,
    /// The session's user.
    pub user: Arc<str>,
    /// Which way it went.
    pub direction: Direction,
    /// When, since 1970.
    pub at: Duration,
    /// Its lines, with their ends.
    pub message: Box<[u8]>,
    /// Bytes at its end that were left out because it is too long.
    pub left_out: usize,
    /// How many messages were missed before it.
    pub missed_before: u64,
    /// Its share of [`BYTES_MAX`].
    room: Option<OwnedSemaphorePermit>,
}

/// How a tap began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TapBegin {
    /// Sessions that are followed.
    pub followed: usize,
    /// Sessions that are meant, too, but are too many.
    pub left_alone: usize,
}

/// Where hubs put what they tapped.
#[derive(Debug, Clone)]
pub struct TapSender {
    messages: mpsc::Sender<Tapped>,
    room: Arc<Semaphore>,
    missed: Arc<AtomicU64>,
}

/// Where it is read; when it is dropped, the tap is over.
#[derive(Debug)]
pub struct TapReceiver {
    messages: mpsc::Receiver<Tapped>,
    missed: Arc<AtomicU64>,
}

/// What a tap has for its reader.
#[derive(Debug)]
pub enum TapOutput {
    /// A message.
    Message(Tapped),
    /// So many messages were missed here.
    Missed(u64),
}

/// A tap without messages.
pub fn channel() -> (TapSender, TapReceiver) {
    let (sender, receiver) = mpsc::channel(MESSAGES_MAX);
    let missed = Arc::new(AtomicU64::new(0));
    let room = Arc::new(Semaphore::new(BYTES_MAX));
    (
        TapSender {
            messages: sender,
            room,
            missed: Arc::clone(&missed),
        },
        TapReceiver {
            messages: receiver,
            missed,
        },
    )
}

impl std::fmt::Debug for Tapped {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Tapped")
            .field("session", &self.session)
            .field("direction", &self.direction)
            .field("bytes", &self.message.len())
            .finish_non_exhaustive()
    }
}

impl TapSender {
    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.messages.is_closed()
    }

    /// Hands a message over if there is room for it, and counts it if there is none.
    fn offer(&self, message: impl FnOnce() -> Tapped, bytes: usize) {
        let share = u32::try_from(bytes).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(share);
        let (Ok(room), Ok(place)) = (room, self.messages.try_reserve()) else {
            self.missed.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let mut message = message();
        message.room = Some(room);
        message.missed_before = self.missed.swap(0, Ordering::Relaxed);
        place.send(message);
    }
}

impl TapReceiver {
    /// The next output; `None`: there will be none, because the hubs have ended.
    ///
    /// Cancel safe: what was not returned is returned the next time.
    pub async fn next(&mut self) -> Option<TapOutput> {
        if let Some(output) = self.ready() {
            return Some(output);
        }
        self.messages.recv().await.map(TapOutput::Message)
    }

    /// The next output that is there already. A message carries how many were missed before it; those missed since
    /// the last one come by themselves.
    pub fn ready(&mut self) -> Option<TapOutput> {
        if let Ok(message) = self.messages.try_recv() {
            return Some(TapOutput::Message(message));
        }
        let missed = self.missed.swap(0, Ordering::Relaxed);
        (missed > 0).then_some(TapOutput::Missed(missed))
    }
}
