//! Askers: a request is taken, takes its turn with its listener's others, and its answer is collected.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::{Answer, Asker, Kind, NotAsked};
use crate::hub::local::{wait_completed, wait_event_complete};
use crate::hub::log::LogPosition;
use crate::hub::session::{CloseReason, Local, Pending, Session, SessionId, Stage, find_mut};
use crate::hub::view::ViewKey;
use crate::hub::{Admission, Hub, Now};
use crate::policy::class::Classes;
use crate::policy::event_mask::EventMask;
use crate::protocol::writer::Text;

/// Bytes of events in the answer to one `WaitEvent`, about.
const WAIT_EVENTS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What the answer of an asker is made of.
#[derive(Debug, Clone, Default)]
pub(super) enum Reply {
    /// Its private messages.
    #[default]
    Mail,
    /// The answer to `WaitEvent`, with this ActionID: what waits for the listener goes into it.
    Events(Option<Box<[u8]>>),
    /// Nothing: another took its place.
    Nothing,
}

impl Hub {
    /// Takes a request of a listener, one AMI message; a `WaitEvent` waits for `wait_max` at most. The answer comes as
    /// [`super::WebOutput::Answered`] with the name returned.
    ///
    /// # Errors
    /// The listener has ended, or has too many requests.
    pub fn ask(
        &mut self,
        now: Now,
        listener: SessionId,
        request: &Bytes,
        wait_max: Duration,
    ) -> Result<SessionId, NotAsked> {
        let id = self.open_asker(now, listener, wait_max)?;
        if let Some(session) = self.session_mut(id) {
            session.input.extend_from_slice(request);
            session.end_of_input = true;
        }
        self.statistics.client_bytes_in += request.len() as u64;
        self.pump(now, id);
        self.end_turn(now);
        Ok(id)
    }

    /// The answer to the listener's own `Login`, as a request.
    ///
    /// # Errors
    /// The listener has ended.
    pub fn ask_to_log_in(
        &mut self,
        now: Now,
        listener: SessionId,
        action_id: Option<Box<[u8]>>,
        events: EventMask,
    ) -> Result<SessionId, NotAsked> {
        let stage = Stage::Local(Local::LoggedIn(events));
        self.ask_for(now, listener, Pending { action_id, stage })
    }

    /// As a request: that what happens from its answer on, which is empty, is seen by the listener.
    ///
    /// # Errors
    /// The listener has ended.
    pub fn ask_to_listen(
        &mut self,
        now: Now,
        listener: SessionId,
        events: EventMask,
    ) -> Result<SessionId, NotAsked> {
        let pending = Pending {
            action_id: None,
            stage: Stage::Local(Local::Listening(events)),
        };
        self.ask_for(now, listener, pending)
    }

    fn ask_for(
        &mut self,
        now: Now,
        listener: SessionId,
        pending: Pending,
    ) -> Result<SessionId, NotAsked> {
        let id = self.open_asker(now, listener, Duration::ZERO)?;
        if let Some(session) = self.session_mut(id) {
            session.end_of_input = true;
        }
        self.push_pending(id, pending);
        self.pump(now, id);
        self.end_turn(now);
        Ok(id)
    }

    fn open_asker(
        &mut self,
        now: Now,
        listener: SessionId,
        wait_max: Duration,
    ) -> Result<SessionId, NotAsked> {
        let queued_max = self.general.max_queued;
        let Some(owner) = self
            .session_mut(listener)
            .filter(|owner| owner.closing.is_none())
        else {
            return Err(NotAsked::Ended);
        };
        let Some(kind) = owner.kind.listener_mut() else {
            return Err(NotAsked::Ended);
        };
        if kind.askers >= queued_max {
            return Err(NotAsked::TooMany);
        }
        kind.askers += 1;
        let admission = Admission {
            user: Arc::clone(&owner.user),
            account: owner.account.clone(),
            connection: owner.connection,
            action_id: None,
            events: EventMask::Off,
            challenge: None,
            challenge_random: 0,
            input: BytesMut::new(),
        };
        let (classes, logged_in_at) = (owner.classes, owner.logged_in_at);
        let key = ViewKey {
            classes: Classes::NONE,
            all_action_ids: false,
            filters: Arc::clone(&self.web.no_filters),
        };
        let view = self.views.subscribe(&key);
        let kind = Kind::Asker(Asker {
            listener,
            wait_max,
            reply: Reply::Mail,
            ended: false,
        });
        let place = (view, LogPosition::default());
        let mut session = Session::begin(self.next_generation(), kind, now, admission, place);
        session.classes = classes;
        session.logged_in_at = logged_in_at;
        self.web.askers += 1;
        Ok(self.insert(session))
    }

    /// Hands over the answer of an asker that has one, and forgets it. `take` returns whether somebody took it: what
    /// waits for the listener waits on if nobody did.
    pub fn hand_answer(&mut self, now: Now, id: SessionId, take: impl FnOnce(Answer) -> bool) {
        let Some(asker) = self.asker_mut(id) else {
            return;
        };
        let (listener, ended) = (asker.listener, asker.ended);
        let (bytes, events) = match std::mem::take(&mut asker.reply) {
            Reply::Nothing => (BytesMut::new(), 0),
            Reply::Mail => (self.mail_of(id), 0),
            Reply::Events(action_id) => self.wait_answer(listener, action_id.as_deref()),
        };
        if take(Answer { bytes, ended }) && events > 0 {
            self.wrote(now, listener, events);
        }
        self.remove(id, CloseReason::EndOfInput);
    }

    /// Nobody waits for the answer of an asker any more.
    pub fn give_up(&mut self, id: SessionId) {
        if self.is_asker(id) {
            self.remove(id, CloseReason::Disconnected);
        }
    }

    fn mail_of(&self, id: SessionId) -> BytesMut {
        let mut bytes = BytesMut::new();
        if let Some(session) = self.session(id) {
            // Nothing stands between its messages: its view has no events.
            let mailbox = &session.mailbox;
            let _ = mailbox.collect(&self.views, usize::MAX, &mut bytes, |_, _, _| {});
        }
        bytes
    }

    /// The answer to `WaitEvent`, and how many bytes of it are events.
    fn wait_answer(&mut self, listener: SessionId, action_id: Option<&[u8]>) -> (BytesMut, usize) {
        let action_id = action_id.and_then(Text::new);
        let mut bytes = BytesMut::new();
        wait_completed(&mut bytes, action_id);
        let events = self.waiting_events(listener, WAIT_EVENTS_BYTES_MAX).bytes;
        bytes.extend_from_slice(&events);
        wait_event_complete(&mut bytes, action_id);
        (bytes, events.len())
    }

    /// An answer that is longer than is kept becomes an error. `false`: it is no asker, or has its answer already.
    pub(in crate::hub) fn overflow(&mut self, id: SessionId) -> bool {
        self.fail_asker(id, "The answer was longer than amimux keeps")
    }

    /// An asker is answered with an error, whatever it was answered so far. `false`: it is no asker, or has its answer
    /// already.
    pub(in crate::hub) fn fail_asker(&mut self, id: SessionId, text: &str) -> bool {
        let mut originates = self.originates.values();
        let originate = originates.find(|originate| originate.session == id);
        let originate = originate.and_then(|originate| originate.action_id.clone());
        let Some(session) = find_mut(&mut self.sessions, id)
            .filter(|session| session.kind.is_asker() && session.closing.is_none())
        else {
            return false;
        };
        let head = session.pending.front();
        let action_id = head.map_or(originate, |head| head.action_id.clone());
        let freed = session.mailbox.drop_messages();
        self.mail_bytes = self.mail_bytes.saturating_sub(freed);
        self.post_error(id, action_id.as_deref(), text);
        self.close(id, CloseReason::EndOfInput);
        true
    }

    /// `Logoff` ends the session: an asker's is its listener's.
    pub(in crate::hub) fn end_owner(&mut self, id: SessionId, reason: CloseReason) {
        let owner = self.owner(id);
        if let Some(asker) = self.asker_mut(id) {
            asker.ended = true;
        }
        self.close(owner, reason);
    }

    pub(super) fn asker_mut(&mut self, id: SessionId) -> Option<&mut Asker> {
        self.session_mut(id)?.kind.asker_mut()
    }

    /// An asker has an action for Asterisk: its listener has a place in the fair queue then, for all that it has.
    pub(in crate::hub) fn queue_asker(&mut self, id: SessionId) {
        let owner = self.owner(id);
        let listener = self.session_mut(owner).filter(|s| s.closing.is_none());
        if let Some(listener) = listener.and_then(|listener| listener.kind.listener_mut()) {
            listener.ready.push_back(id);
            self.offer_turn(id);
        } else {
            self.turns.push(id);
        }
    }

    /// Gives the listener of an asker a place in the fair queue, if it can use one.
    pub(in crate::hub) fn offer_turn(&mut self, asker: SessionId) {
        let id = self.owner(asker);
        if let Some(session) = find_mut(&mut self.sessions, id)
            && let Kind::Listener(listener) = &session.kind
            && !session.has_turn
            && !listener.ready.is_empty()
            && session.in_flight < session.user.max_in_flight
        {
            session.has_turn = true;
            self.turns.push(id);
        }
    }

    /// Whose action goes to Asterisk where it is the turn of `id`: its own, or that of its first asker.
    pub(in crate::hub) fn whose_turn(&mut self, id: SessionId) -> Option<SessionId> {
        let session = self.session_mut(id)?;
        if !session.kind.is_listener() {
            return Some(id);
        }
        session.has_turn = false;
        loop {
            let asker = self.listener_mut(id)?.ready.pop_front()?;
            if self.session(asker).is_some() {
                return Some(asker);
            }
        }
    }

    /// An action went to Asterisk: an asker's counts for its listener.
    pub(in crate::hub) fn note_sent(&mut self, id: SessionId) {
        if self.is_asker(id) {
            let owner = self.owner(id);
            if let Some(listener) = self.session_mut(owner) {
                listener.in_flight += 1;
            }
        }
    }

    /// So many actions of a session are no longer with Asterisk: an asker's counted for its listener.
    pub(in crate::hub) fn note_settled(&mut self, id: SessionId, count: usize) {
        if self.is_asker(id) && count > 0 {
            let owner = self.owner(id);
            if let Some(listener) = self.session_mut(owner) {
                listener.in_flight = listener.in_flight.saturating_sub(count);
            }
            self.offer_turn(id);
        }
    }
}
