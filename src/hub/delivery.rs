//! The way out: private messages, closing, changes of view, and what a client is to be written next. A sweep visits the members of the views that grew; a
//! client whose socket is full leaves it until its own task has drained it.

use bytes::BytesMut;

use super::errand::Running;
use super::filter::Drafting;
use super::log::{LogPosition, Slices};
use super::mailbox::{FellOff, Mailbox, Switched};
use super::session::{CloseReason, SessionId, find_mut};
use super::view::{ViewId, ViewKey, Views};
use super::web::Kind;
use super::{Hub, Now};

/// What there is for a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The slices hold what is to be written next.
    Write,
    /// Nothing; it has everything.
    CaughtUp,
    /// Nothing more will come: close the connection, then call [`Hub::remove`].
    Finished,
    /// It read too slowly: close the connection, then call [`Hub::remove`] with this many bytes behind.
    FellOff {
        /// How far behind it was.
        behind_bytes: u64,
    },
}

impl Hub {
    /// Writes a private message at the present end of the session's view.
    pub(super) fn post(&mut self, id: SessionId, write: impl FnOnce(&mut BytesMut)) {
        let Some(session) = find_mut(&mut self.sessions, id) else {
            return;
        };
        let end = self
            .views
            .get(session.view)
            .map_or_else(LogPosition::default, |view| view.log.end());
        let before = session.mailbox.bytes();
        session.mailbox.post(end, write);
        self.mail_bytes += session.mailbox.bytes().saturating_sub(before);
        self.mark_dirty(id);
    }

    pub(super) fn mark_dirty(&mut self, id: SessionId) {
        if let Some(session) = self.session_mut(id) {
            if !session.kind.has_socket() {
                self.bound_mail(id);
            } else if !session.dirty {
                session.dirty = true;
                self.dirty.push(id);
            }
        }
    }

    /// Ends a session once everything it was answered is written. What it asked and was not answered is dropped.
    pub(super) fn close(&mut self, id: SessionId, reason: CloseReason) {
        let Some(view) = self.session(id).map(|session| session.view) else {
            return;
        };
        self.note_closing(id);
        let end = self.end_of(view);
        let Some(session) = self.session_mut(id) else {
            return;
        };
        if session.closing.is_none() {
            session.closing = Some(reason);
        }
        session.mailbox.end_at(end);
        let pending = std::mem::take(&mut session.pending);
        session.input = BytesMut::new();
        session.waiting = None;
        session.drafting = Drafting::Idle;
        session.errand = Running::Idle;
        self.count_abandoned(&pending);
        for entry in self.ring.iter_mut() {
            if matches!(&entry.owner, super::ring::Owner::Session { id: owner, .. } if *owner == id)
            {
                entry.owner = super::ring::Owner::Abandoned;
            }
        }
        self.mark_dirty(id);
    }

    /// Whether a session is being ended.
    pub fn is_closing(&self, id: SessionId) -> bool {
        self.session(id)
            .is_some_and(|session| session.closing.is_some())
    }

    /// A client that ended its input is closed when nothing is owed to it any more.
    pub(super) fn finish_if_ended(&mut self, id: SessionId) {
        let ended = self.session(id).is_some_and(|session| {
            session.end_of_input
                && session.closing.is_none()
                && !session.stalled
                && !session.backlogged
                && session.pending.is_empty()
                && session.originates == 0
        });
        if ended {
            self.close(id, CloseReason::EndOfInput);
        }
    }

    /// Ends a turn: wakes who waited, sends what may be sent, makes what was appended readable, and holds the bounds.
    pub(super) fn end_turn(&mut self, now: Now) {
        self.check_waiters(now);
        self.wake_listeners(now);
        self.dispatch(now);
        self.views.seal_grown();
        self.hold_bounds();
    }

    /// The next session that has something private to be written at once.
    pub fn next_dirty(&mut self) -> Option<SessionId> {
        loop {
            let id = self.dirty.pop()?;
            if let Some(session) = self.session_mut(id) {
                session.dirty = false;
                if !session.blocked {
                    return Some(id);
                }
            }
        }
    }

    /// Whether some view has events that its members were not written.
    pub fn has_grown(&self) -> bool {
        !self.views.grown().is_empty()
    }

    /// Adds to `ids` the members of the views that grew, less those whose socket is full. Write to each, then
    /// call [`Hub::swept`].
    pub fn begin_sweep(&mut self, ids: &mut Vec<SessionId>) {
        let grown = self.views.take_grown();
        for view in grown.iter().filter_map(|id| self.views.get(*id)) {
            for index in &view.members {
                if let Some(session) = self.sessions.get(*index as usize)
                    && !session.blocked
                {
                    ids.push(SessionId {
                        index: *index,
                        generation: session.generation,
                    });
                }
            }
        }
        self.views.reuse_grown(grown);
    }

    /// Collects what is to be written to a client next. After the write, call [`Hub::wrote`].
    pub fn gather<'a>(&'a self, id: SessionId, slices: &mut Slices<'a>) -> Outcome {
        let Some(session) = self.session(id) else {
            return Outcome::Finished;
        };
        if let Some(
            CloseReason::TooSlow { behind_bytes } | CloseReason::NotReading { behind_bytes, .. },
        ) = session.closing
        {
            return Outcome::FellOff { behind_bytes };
        }
        match session.mailbox.gather(&self.views, slices) {
            Err(FellOff) => Outcome::FellOff {
                behind_bytes: self.behind_bytes(id),
            },
            Ok(()) if !slices.is_empty() => Outcome::Write,
            Ok(()) if session.closing.is_some() && session.mailbox.is_empty() => Outcome::Finished,
            Ok(()) => Outcome::CaughtUp,
        }
    }

    /// How many bytes a client has not been written.
    pub fn behind_bytes(&self, id: SessionId) -> u64 {
        self.session(id).map_or(0, |session| {
            let log = self
                .end_of(session.mailbox.view())
                .since(session.mailbox.cursor());
            log + session.mailbox.bytes() as u64
        })
    }

    /// Says that so many of the gathered bytes are with the kernel; a zero after an empty gather settles
    /// changes of view that had nothing before them.
    pub fn wrote(&mut self, now: Now, id: SessionId, bytes: usize) {
        let Some(session) = find_mut(&mut self.sessions, id) else {
            return;
        };
        if bytes > 0 {
            session.progress_at = now.since_start;
            self.statistics.client_bytes_out += bytes as u64;
        }
        let stalled = session.stalled;
        self.read_on(id, |mailbox, _, switched| {
            mailbox.advance(bytes, switched);
        });
        self.notice_skipped(id);
        if stalled && self.session(id).is_some_and(|s| s.mailbox.bytes() == 0) {
            self.pump(now, id);
        }
    }

    /// After a [`Outcome::CaughtUp`]: enters the view that the session changed to, if it did. `true`: gather again.
    pub fn turn_over(&mut self, now: Now, id: SessionId) -> bool {
        let switching = self
            .session(id)
            .is_some_and(|session| !session.mailbox.is_empty());
        if switching {
            self.wrote(now, id, 0);
        }
        switching
    }

    /// From the present end of its view on, the session reads another one.
    pub(super) fn change_view(&mut self, id: SessionId, key: &ViewKey) {
        let Some(old) = self.session(id).map(|session| session.view) else {
            return;
        };
        if self.views.get(old).is_some_and(|view| view.key == *key) {
            return;
        }
        let new = self.views.subscribe(key);
        let (at, to) = (self.end_of(old), self.end_of(new));
        self.views.unsubscribe(old);
        self.views.expect(new);
        if let Some(session) = self.session_mut(id) {
            session.view = new;
            session.mailbox.switch(at, new, to);
        }
        self.mark_dirty(id);
        self.listen_elsewhere(id);
    }

    /// Moves a session on in what it has to read, and keeps the account of who reads what.
    pub(super) fn read_on(
        &mut self,
        id: SessionId,
        step: impl FnOnce(&mut Mailbox, &Views, &mut dyn FnMut(Switched)),
    ) {
        let is_listener = self.unlist(id);
        let Some(session) = find_mut(&mut self.sessions, id) else {
            return;
        };
        let before = session.mailbox.bytes();
        let mut switches = Vec::new();
        step(&mut session.mailbox, &self.views, &mut |switched| {
            switches.push(switched);
        });
        let after = session.mailbox.bytes();
        self.mail_bytes = (self.mail_bytes + after).saturating_sub(before);
        for switched in switches {
            if !is_listener {
                let member_index = self.session(id).map_or(0, |session| session.member_index);
                self.leave_members(switched.from, member_index);
                self.join_members(id, switched.to);
            }
            self.views.arrive(switched.to);
            self.views.release(switched.from);
        }
        if is_listener {
            self.list(id);
        }
    }

    /// A session begins to read a view.
    pub(super) fn enter_view(&mut self, id: SessionId, view: ViewId) {
        match self.session(id).map(|session| &session.kind) {
            Some(Kind::Client) => self.join_members(id, view),
            Some(Kind::Listener(_)) => self.list(id),
            // It has nothing to read.
            Some(Kind::Asker(_)) | None => {}
        }
    }

    /// A session reads its view no longer.
    pub(super) fn leave_view(&mut self, id: SessionId) {
        if self.unlist(id) {
            return;
        }
        if let Some(session) = self.session(id)
            && session.kind.has_socket()
        {
            let (view, member_index) = (session.mailbox.view(), session.member_index);
            self.leave_members(view, member_index);
        }
    }

    fn join_members(&mut self, id: SessionId, view: ViewId) {
        let Some(members) = self.views.get_mut(view).map(|view| &mut view.members) else {
            return;
        };
        members.push(id.index);
        let index = members.len() - 1;
        if let Some(session) = self.session_mut(id) {
            session.member_index = index;
        }
    }

    fn leave_members(&mut self, view: ViewId, member_index: usize) {
        let Some(members) = self.views.get_mut(view).map(|view| &mut view.members) else {
            return;
        };
        if member_index >= members.len() {
            return;
        }
        members.swap_remove(member_index);
        if let Some(moved) = members.get(member_index).copied()
            && let Some(session) = self.sessions.get_mut(moved as usize)
        {
            session.member_index = member_index;
        }
    }
}
