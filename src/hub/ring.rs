//! The actions that are with Asterisk. Asterisk answers one session's actions strictly in order and
//! contiguously, so these are a queue indexed by sequence number: routing a reply is an index, checked
//! against the token. The oldest one is the action whose reply is being read.

use std::collections::VecDeque;
use std::time::Duration;

use super::session::SessionId;
use crate::policy::action::ReplyShape;
use crate::policy::class::Classes;

/// What the hub asked for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Internal {
    /// `Challenge`, before an MD5 login.
    Challenge,
    /// `Login`.
    Login,
    /// `ListCommands`: the action table of this Asterisk.
    ListCommands,
    /// `Events`: asks for these classes from here on.
    Events(Classes),
    /// `Ping`, when the line was idle, or behind an action whose reply has no end of its own.
    Ping,
}

/// What becomes of an action's reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// It is delivered as it comes.
    Deliver,
    /// A synchronous Originate, sent asynchronously: its success is withheld until the OriginateResponse.
    /// The time is how long that may take.
    SynchronousOriginate(Duration),
}

/// Whose action it is.
#[derive(Debug, Clone)]
pub(super) enum Owner {
    /// A client's.
    Session {
        /// Whose.
        id: SessionId,
        /// What it called its action; `None` when it gave no ActionID.
        action_id: Option<Box<[u8]>>,
        /// What becomes of the reply.
        route: Route,
    },
    /// The hub's own.
    Internal(Internal),
    /// Nobody's any more: the client has gone, or was told that the answer is overdue. It keeps its place.
    Abandoned,
}

/// How far the reply has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing yet.
    Waiting,
    /// A list was opened; so many items have come.
    List(u32),
    /// Something came, and more may: the end shows when the next reply begins.
    Open,
}

/// One action that is with Asterisk.
#[derive(Debug, Clone)]
pub(super) struct InFlight {
    pub owner: Owner,
    pub sent_at: Duration,
    pub shape: ReplyShape,
    pub list_end: Option<&'static str>,
    /// A Ping was sent before it: once that is answered, nothing of an earlier reply can come any more, so that
    /// text or an event without our token may begin this one.
    pub fenced: bool,
    pub progress: Progress,
    /// Something of its reply has come.
    pub begun: bool,
    /// Asterisk answered with an error.
    pub is_error: bool,
}

/// The actions in flight, oldest first.
#[derive(Debug, Clone, Default)]
pub(super) struct Ring {
    pub(super) entries: VecDeque<InFlight>,
    /// Sequence number of the oldest entry.
    pub(super) first: u64,
}

impl Ring {
    /// Takes the next sequence number. Numbers go on over reconnects, so that an old one is never taken for a new.
    pub(super) fn push(&mut self, entry: InFlight) -> u64 {
        self.entries.push_back(entry);
        self.first + self.entries.len() as u64 - 1
    }

    /// The sequence number that the next action will get.
    pub(super) fn next_sequence(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Whether the action of that number is in flight.
    pub(super) fn contains(&self, sequence: u64) -> bool {
        sequence >= self.first && sequence < self.next_sequence()
    }

    /// The number of the action whose reply is being read, or is next.
    pub(super) const fn front_sequence(&self) -> u64 {
        self.first
    }

    /// The action whose reply is being read, or is next.
    pub(super) fn front(&self) -> Option<&InFlight> {
        self.entries.front()
    }

    /// As [`Ring::front`], to be changed.
    pub(super) fn front_mut(&mut self) -> Option<&mut InFlight> {
        self.entries.front_mut()
    }

    /// Removes the oldest.
    pub(super) fn pop(&mut self) -> Option<InFlight> {
        let entry = self.entries.pop_front()?;
        self.first += 1;
        Some(entry)
    }

    /// All, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &InFlight> {
        self.entries.iter()
    }

    /// As [`Ring::iter`], to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut InFlight> {
        self.entries.iter_mut()
    }

    /// How many are in flight.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
