//! Requests of administrators (`MuxStatus` and the like). The hub decides about them as about any action, but knows only
//! a part of the answer: in its turn such a request becomes an [`Errand`] that is run elsewhere, and is answered when the
//! result is there. What its session asks behind it waits; nobody else does. And what such an errand may ask of a hub:
//! to end sessions.

use std::net::SocketAddr;

use bytes::BytesMut;

use super::session::{CloseReason, Local, SessionId, Stage};
use super::{Hub, Now};
use crate::policy::action::Action;
use crate::protocol::writer::{MessageWriter, Text};

/// Errands of one hub that are run at the same time; further ones wait in their sessions.
const ERRANDS_MAX: usize = 32;

/// A request of an administrator, to be answered outside the hub.
#[derive(Debug)]
#[must_use = "the session waits for the result"]
pub struct Errand {
    /// Who is answered: [`Hub::errand_done`].
    pub id: SessionId,
    /// Whose request it is: the session itself, or over HTTP the one that the request belongs to.
    pub session: SessionId,
    /// The user.
    pub user: String,
    /// Where the client is.
    pub address: SocketAddr,
    /// The ActionID for each message of the answer.
    pub action_id: Option<Box<[u8]>>,
    /// The lines of the request.
    pub request: Box<[u8]>,
}

/// What came of an [`Errand`].
#[derive(Debug, Clone, Default)]
pub struct ErrandAnswer {
    /// Whole AMI messages; none if it could not be run.
    pub messages: Option<BytesMut>,
    /// Whether the session that asked is to be ended once it was answered.
    pub ends_session: bool,
}

/// How far the errand at the head of a session's requests is.
#[derive(Debug, Clone, Default)]
pub(super) enum Running {
    /// There is none.
    #[default]
    Idle,
    /// It waits to be run, or is being run.
    Waiting,
    /// It is done.
    Done(Box<ErrandAnswer>),
}

/// The errands of one hub.
#[derive(Debug, Clone, Default)]
pub(super) struct Errands {
    /// Sessions whose errand waits to be run.
    waiting: std::collections::VecDeque<SessionId>,
    /// How many are being run.
    running: usize,
}

/// Which sessions are to be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kick {
    /// This one.
    Session(SessionId),
    /// All of that user; case does not count.
    User(String),
}

/// What came of a [`Kick`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kicked {
    /// How many sessions were ended.
    pub sessions: usize,
    /// The one that was to be left alone is meant as well.
    pub spared: bool,
}

impl Hub {
    /// The next errand to be run outside this thread; its answer goes to [`Hub::errand_done`].
    pub fn next_errand(&mut self) -> Option<Errand> {
        while self.errands.running < ERRANDS_MAX {
            let id = self.errands.waiting.pop_front()?;
            let session_id = self.owner(id);
            let Some(session) = self.session(id) else {
                continue;
            };
            let Some(pending) = session.pending.front() else {
                continue;
            };
            if let Stage::Local(Local::Errand(request)) = &pending.stage {
                let errand = Errand {
                    id,
                    session: session_id,
                    user: session.user.name.clone(),
                    address: session.connection.remote(),
                    action_id: pending.action_id.clone(),
                    request: request.clone(),
                };
                self.errands.running += 1;
                return Some(errand);
            }
        }
        None
    }

    /// An errand was run: its session is answered, if it is still there.
    pub fn errand_done(&mut self, now: Now, id: SessionId, answer: ErrandAnswer) {
        self.errands.running = self.errands.running.saturating_sub(1);
        if let Some(session) = self.session_mut(id)
            && session.closing.is_none()
        {
            session.errand = Running::Done(Box::new(answer));
            self.pump(now, id);
        }
        self.end_turn(now);
    }

    /// Answers a request of an administrator in its turn, once there is an answer. `false`: there is none yet.
    pub(super) fn run_errand(&mut self, id: SessionId, action_id: Option<Text<'_>>) -> bool {
        let Some(session) = self.session_mut(id) else {
            return true;
        };
        let answer = match std::mem::take(&mut session.errand) {
            Running::Done(answer) => answer,
            running => {
                session.errand = Running::Waiting;
                if matches!(running, Running::Idle) {
                    self.errands.waiting.push_back(id);
                }
                return false;
            }
        };
        self.post(id, |out| match &answer.messages {
            Some(messages) => out.extend_from_slice(messages),
            None => MessageWriter::response(out, Text::fixed("Error"), action_id)
                .header(
                    Text::fixed("Message"),
                    Text::fixed("Administration is not available: amimux is shutting down"),
                )
                .finish(),
        });
        if answer.ends_session {
            self.end_owner(id, CloseReason::Kicked);
        }
        true
    }

    /// Ends sessions as an administrator asks; `spare` is left alone.
    pub fn kick(&mut self, now: Now, which: &Kick, spare: Option<SessionId>) -> Kicked {
        let ids = match which {
            Kick::Session(id) => vec![*id],
            Kick::User(name) => {
                let key = name.to_ascii_lowercase();
                self.by_user.get(key.as_str()).cloned().unwrap_or_default()
            }
        };
        let mut kicked = Kicked::default();
        for id in ids {
            let Some(session) = self.session(id) else {
                continue;
            };
            if session.closing.is_some() || session.kind.is_asker() {
                continue;
            }
            if spare == Some(id) {
                kicked.spared = true;
            } else {
                self.close(id, CloseReason::Kicked);
                kicked.sessions += 1;
            }
        }
        self.end_turn(now);
        kicked
    }

    /// Every action that there is, for administrators.
    pub fn actions(&self) -> Vec<Action> {
        self.table.iter().cloned().collect()
    }
}
