//! Sessions without a socket. A *listener* has a session's rights, event mask and filters, and a cursor into its view's
//! log; its events wait there until they are fetched, and it is never swept. An *asker* is a session of one request of
//! a listener: it is decided, queued and answered as any other, its answer is collected, and what it changes is its listener's.

mod asker;
mod listener;
mod wait;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use self::asker::Reply;
use self::wait::Parked;
use super::Hub;
use super::session::SessionId;
use crate::policy::event_filter::EventFilters;

/// Where a follower of events is: of which view, and how far it has read. It means the same for as long as the view
/// lives, so that a follower that comes back can go on from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Names the view; no other view of this process ever has the same.
    pub view: u64,
    /// The position in its log behind the last event read.
    pub position: u64,
}

/// The answer to a request.
#[derive(Debug, Default)]
pub struct Answer {
    /// Whole AMI messages. Empty for a `WaitEvent` whose place another took.
    pub bytes: BytesMut,
    /// The request ended the session (`Logoff`): the listener is gone.
    pub ended: bool,
}

/// Events that a listener had waiting.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Whole AMI messages, one after the other.
    pub bytes: BytesMut,
    /// Where each of them ends in `bytes`, and the place behind it.
    pub ends: Vec<(usize, Place)>,
}

/// Why a request was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAsked {
    /// Its listener has ended.
    Ended,
    /// Its listener has `maxqueued` requests under way.
    TooMany,
}

/// What is to be done for a session without a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebOutput {
    /// The asker's answer is there: [`Hub::hand_answer`].
    Answered(SessionId),
    /// The listener's follower has something to fetch, or its time is over: [`Hub::hand_events`].
    Fetch(SessionId),
    /// Another has taken the place of the listener's follower: nothing comes for that.
    Replaced(SessionId),
    /// The listener has ended: [`Hub::remove`].
    Ended(SessionId),
}

/// What a session is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// A client with a socket.
    Client,
    /// One that is written to when it is asked to be.
    Listener(Box<Listener>),
    /// A request of a listener.
    Asker(Asker),
}

impl Kind {
    pub(super) const fn has_socket(&self) -> bool {
        matches!(self, Self::Client)
    }

    pub(super) const fn is_listener(&self) -> bool {
        matches!(self, Self::Listener(_))
    }

    pub(super) const fn is_asker(&self) -> bool {
        matches!(self, Self::Asker(_))
    }

    /// The places in the fair queue are all given up.
    pub(super) fn forget_turns(&mut self) {
        if let Self::Listener(listener) = self {
            listener.ready.clear();
        }
    }

    fn listener_mut(&mut self) -> Option<&mut Listener> {
        match self {
            Self::Listener(listener) => Some(listener),
            _ => None,
        }
    }

    fn asker_mut(&mut self) -> Option<&mut Asker> {
        match self {
            Self::Asker(asker) => Some(asker),
            _ => None,
        }
    }
}

/// What only a listener has.
#[derive(Debug, Clone, Default)]
pub(super) struct Listener {
    /// How many askers it has.
    askers: usize,
    /// Those of them that have an action for Asterisk. They share the listener's place in the fair queue.
    ready: VecDeque<SessionId>,
    /// Who waits for its events.
    parked: Option<Parked>,
}

/// What only an asker has.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    listener: SessionId,
    /// Longest wait of a `WaitEvent`.
    wait_max: Duration,
    reply: Reply,
    /// It has ended the listener.
    ended: bool,
}

/// What the hub keeps for them.
#[derive(Debug, Clone, Default)]
pub(super) struct Web {
    /// How many askers there are.
    pub(super) askers: usize,
    outputs: VecDeque<WebOutput>,
    /// When those who wait for events have waited long enough.
    deadlines: BTreeSet<(Duration, SessionId)>,
    /// Listeners that have too many private messages.
    heavy: Vec<SessionId>,
    /// What filters the view of all askers, which has no events.
    no_filters: Arc<EventFilters>,
}

impl Hub {
    /// What is to be done next for a session without a socket.
    pub fn next_web_output(&mut self) -> Option<WebOutput> {
        self.web.outputs.pop_front()
    }

    /// Whether [`Hub::next_web_output`] has something.
    pub fn has_web_output(&self) -> bool {
        !self.web.outputs.is_empty()
    }

    /// Whose rights, mask and filters a session has: its listener's, or its own.
    pub(super) fn owner(&self, id: SessionId) -> SessionId {
        match self.session(id).map(|session| &session.kind) {
            Some(Kind::Asker(asker)) => asker.listener,
            _ => id,
        }
    }

    pub(super) fn is_asker(&self, id: SessionId) -> bool {
        self.owner(id) != id
    }

    fn listener_mut(&mut self, id: SessionId) -> Option<&mut Listener> {
        self.session_mut(id)?.kind.listener_mut()
    }

    /// A session is about to be ended: those without a socket are told of it.
    pub(super) fn note_closing(&mut self, id: SessionId) {
        let Some(session) = self.session(id).filter(|session| session.closing.is_none()) else {
            return;
        };
        match &session.kind {
            Kind::Client => {}
            Kind::Asker(_) => {
                self.unpark(self.owner(id), Some(id));
                self.web.outputs.push_back(WebOutput::Answered(id));
            }
            Kind::Listener(_) => {
                self.wake(id);
                // Its requests go on without it.
                let listener = self.listener_mut(id);
                let ready = listener.map(|listener| std::mem::take(&mut listener.ready));
                for asker in ready.unwrap_or_default() {
                    self.turns.push(asker);
                }
                self.web.outputs.push_back(WebOutput::Ended(id));
            }
        }
    }

    /// A session is about to be forgotten: what it left with its listener, or as one, is cleared away.
    pub(super) fn leave_listener(&mut self, id: SessionId) {
        let Some(session) = self.session(id) else {
            return;
        };
        let in_flight = session.in_flight;
        match &session.kind {
            Kind::Client => {}
            Kind::Listener(_) => self.wake(id),
            Kind::Asker(asker) => {
                let listener = asker.listener;
                self.unpark(listener, Some(id));
                self.web.askers = self.web.askers.saturating_sub(1);
                if let Some(listener) = self.listener_mut(listener) {
                    listener.askers = listener.askers.saturating_sub(1);
                }
                self.note_settled(id, in_flight);
            }
        }
    }
}
