//! Clients that read slowly: the bounds on what is kept for them, and what becomes of those who are beyond them.
//! A client whose next events are no longer kept is disconnected, or skips to the present and is told what it
//! missed, as its user has it (`onslow`). One whose socket takes nothing for `writetimeout` is disconnected.

use std::time::Duration;

use arrayvec::ArrayVec;

use super::kept::KEPT_BYTES_MAX;
use super::limit::Limit;
use super::log::{LogPosition, ViewLog};
use super::session::{CloseReason, Session, SessionId, find_mut};
use super::view::{SPARE_MAX, ViewId, Views};
use super::{Hub, Notice, Now};
use crate::policy::user::OnSlow;

/// Private messages of one client beyond which it is cut off. Large lists fit; what fills this is not reading.
pub(super) const MAIL_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes kept for a view beyond which a sweep no longer waits for its pace.
const SWEEP_NOW_BYTES: usize = 1024 * 1024;

impl Session {
    /// Whether it is being ended because it read too slowly: nothing more is written to it.
    pub(super) const fn is_cut_off(&self) -> bool {
        matches!(
            self.closing,
            Some(CloseReason::TooSlow { .. } | CloseReason::NotReading { .. })
        )
    }

    /// When its socket has taken nothing for too long, if it is full.
    pub(super) fn write_deadline(&self) -> Option<Duration> {
        (self.blocked && self.closing.is_none())
            .then(|| self.progress_at.saturating_add(self.user.write_timeout))
    }

    /// Whether something that it has to be sent is no longer kept.
    fn has_lost(&self, views: &Views) -> bool {
        let base = |id| {
            views
                .log(id)
                .map_or_else(|_| LogPosition::default(), ViewLog::base)
        };
        self.mailbox.lacks(views, base).unwrap_or(true)
    }
}

impl Hub {
    /// Whether the client's socket is full.
    pub fn is_blocked(&self, id: SessionId) -> bool {
        self.session(id).is_some_and(|session| session.blocked)
    }

    /// The client's socket is full, or has room again.
    pub fn set_blocked(&mut self, now: Now, id: SessionId, blocked: bool) {
        let Some(session) = self.session_mut(id) else {
            return;
        };
        if blocked && !session.blocked {
            session.progress_at = now.since_start;
        }
        session.blocked = blocked;
        // One that has room again leaves a deadline behind that is too early: it is corrected when it comes.
        if let Some(deadline) = session.write_deadline() {
            let sooner = self.write_deadline.map_or(deadline, |at| at.min(deadline));
            self.write_deadline = Some(sooner);
        }
    }

    /// Ends the sessions whose socket has taken nothing for too long.
    pub(super) fn end_stalled(&mut self, now: Now) {
        if self.write_deadline.is_none_or(|at| at > now.since_start) {
            return;
        }
        let due = |session: &Session| {
            session
                .write_deadline()
                .is_some_and(|at| at <= now.since_start)
        };
        let stalled = self.sessions.iter().filter(|(_, session)| due(session));
        for id in stalled
            .map(|(index, session)| name(index, session))
            .collect::<Vec<_>>()
        {
            let behind_bytes = self.behind_bytes(id);
            let Some(session) = self.session_mut(id) else {
                continue;
            };
            if behind_bytes == 0 && session.mailbox.is_empty() {
                // The last write filled the socket, and there was nothing more.
                session.progress_at = now.since_start;
                continue;
            }
            let timeout = session.user.write_timeout;
            let reason = CloseReason::NotReading {
                behind_bytes,
                timeout,
            };
            self.cut_off(id, reason);
        }
        self.find_write_deadline();
    }

    /// Looks at all sessions for when the next may be ended whose socket takes nothing.
    pub(super) fn find_write_deadline(&mut self) {
        let sessions = self.sessions.iter();
        let deadlines = sessions.filter_map(|(_, session)| session.write_deadline());
        self.write_deadline = deadlines.min();
    }

    /// Keeps memory bounded: what a view retains, what a client may have waiting, and everything together.
    pub(super) fn hold_bounds(&mut self) {
        self.abridge_heavy();
        let limit = self.general.memory_limit_bytes;
        // Before its sweep, even those who read in time need what one turn brought.
        let most = self.general.retention_bytes.max(2 * SWEEP_NOW_BYTES);
        let over = |id: &&ViewId| {
            let view = self.views.get(**id);
            view.is_some_and(|view| view.log.retained_bytes() > most)
        };
        let over: Vec<_> = self.views.grown().iter().filter(over).copied().collect();
        for id in over {
            self.trim(id, most);
        }
        while self.held_bytes() > limit {
            self.limits.count(Limit::MemoryLimit);
            if !self.relieve() {
                break;
            }
        }
    }

    /// Forgets events that every member has been written.
    pub fn swept(&mut self) {
        let mut free = ArrayVec::<_, SPARE_MAX>::new();
        for (_, view) in self.views.iter_mut() {
            if view.log.retained_bytes() == 0 {
                continue;
            }
            let oldest = view
                .members
                .iter()
                .filter_map(|index| self.sessions.get(*index as usize))
                .map(|session| session.mailbox.cursor())
                .chain(view.polled.first().map(|(cursor, _)| *cursor))
                .min();
            match oldest {
                // Somebody is on the way into this view: keep what it may need.
                _ if view.expects_readers() => {}
                // So may one who was here.
                _ if view.is_kept => {
                    let kept = view.log.base_within(KEPT_BYTES_MAX);
                    view.log
                        .forget_before(oldest.map_or(kept, |oldest| oldest.min(kept)));
                }
                Some(oldest) if oldest < view.log.end() => view.log.forget_before(oldest),
                _ => {
                    if let Some(memory) = view.log.clear()
                        && !free.is_full()
                    {
                        free.push(memory);
                    }
                }
            }
        }
        self.views.keep_spare(free);
        self.views.recount();
        let retention = self.general.retention_bytes;
        let all = self.views.iter();
        let over: Vec<_> = all
            .filter(|(_, view)| view.log.retained_bytes() > retention)
            .map(|(id, _)| id)
            .collect();
        for id in over {
            self.trim(id, retention);
        }
    }

    /// Whether so much waits that the next sweep must not be put off.
    pub fn must_sweep(&self) -> bool {
        let grown = self.views.grown().iter();
        grown
            .filter_map(|id| self.views.get(*id))
            .any(|view| view.log.retained_bytes() > SWEEP_NOW_BYTES)
    }

    /// Forgets a view's oldest events; whether there were any. Those who skip what is lost do so before it is.
    fn trim(&mut self, id: ViewId, bytes_max: usize) -> bool {
        let Some(view) = self.views.get(id) else {
            return false;
        };
        let base = view.log.base_within(bytes_max);
        let base_of = |other| {
            if other == id {
                base
            } else {
                LogPosition::default()
            }
        };
        let lacks = |session: &Session| {
            (session.user.on_slow == OnSlow::Skip || session.kind.is_listener())
                && !session.is_cut_off()
                && session.mailbox.lacks(&self.views, base_of) == Ok(true)
        };
        let losers = if view.expects_readers() {
            let sessions = self.sessions.iter().filter(|(_, session)| lacks(session));
            sessions
                .map(|(index, session)| name(index, session))
                .collect::<Vec<_>>()
        } else {
            let polled = view.polled.range(..(base, 0)).map(|(_, index)| index);
            let members = view.members.iter().chain(polled);
            members
                .map(|index| *index as usize)
                .filter_map(|index| Some((index, self.sessions.get(index)?)))
                .filter(|(_, session)| lacks(session))
                .map(|(index, session)| name(index, session))
                .collect()
        };
        for loser in losers {
            self.skip_to_present(loser);
        }
        // A view that is gone was read by nobody but those who skipped it.
        let trimmed = self
            .views
            .get_mut(id)
            .is_none_or(|view| view.log.retain(bytes_max));
        self.views.recount();
        trimmed
    }

    fn skip_to_present(&mut self, id: SessionId) {
        if self.abridge(id) {
            return;
        }
        let Some(session) = find_mut(&mut self.sessions, id) else {
            return;
        };
        let before = session.mailbox.bytes();
        // Its views are there as long as it is; and if one were not, writing to it would tell.
        let _ = session.mailbox.skip(&self.views);
        let after = session.mailbox.bytes();
        self.mail_bytes = (self.mail_bytes + after).saturating_sub(before);
        self.mark_dirty(id);
    }

    /// Tells the log of what a client was just told that it missed.
    pub(super) fn notice_skipped(&mut self, id: SessionId) {
        let Some(session) = self.session_mut(id) else {
            return;
        };
        let Some(missed) = session.mailbox.take_told().filter(|told| told.events > 0) else {
            return;
        };
        self.limits.count(Limit::Skipped);
        let Some(session) = self.session_mut(id) else {
            return;
        };
        let notice = Notice::EventsSkipped {
            user: session.user.name.clone(),
            address: session.connection.address(),
            events: missed.events,
            bytes: missed.bytes,
        };
        self.notice(notice);
    }

    /// How many bytes are kept for clients: the logs of all views, and the private messages of all sessions.
    pub fn held_bytes(&self) -> usize {
        self.views.retained_bytes() + self.mail_bytes
    }

    /// Over the global budget: the largest log loses its older half, or, where the mailboxes are the larger
    /// part, the client with the largest is cut off.
    fn relieve(&mut self) -> bool {
        let largest = self
            .views
            .iter()
            .map(|(id, view)| (view.log.retained_bytes(), id))
            .max();
        if let Some((bytes, id)) = largest
            && bytes * self.views.len().max(1) >= self.mail_bytes
            && bytes > 0
        {
            return self.trim(id, bytes / 2);
        }
        let greedy = self
            .sessions
            .iter()
            .filter(|(_, session)| !session.kind.is_asker() || session.closing.is_none())
            .max_by_key(|(_, session)| session.mailbox.bytes())
            .map(|(index, session)| name(index, session));
        greedy.is_some_and(|id| {
            let (behind_bytes, held) = (self.behind_bytes(id), self.mail_bytes);
            if self.abridge(id) || self.overflow(id) {
                return self.mail_bytes < held;
            }
            self.cut_off(id, CloseReason::TooSlow { behind_bytes })
        })
    }

    /// Takes everything from a client that does not read; its next write ends it. Whether that freed anything.
    fn cut_off(&mut self, id: SessionId, reason: CloseReason) -> bool {
        self.close(id, reason);
        let Some(session) = self.session_mut(id) else {
            return false;
        };
        let freed = session.mailbox.drop_messages();
        self.mail_bytes = self.mail_bytes.saturating_sub(freed);
        freed > 0
    }

    /// Sessions that are to be ended although their socket takes nothing: cut off, or beyond what is kept.
    pub fn lost_sessions(&self) -> Vec<SessionId> {
        let lost = self.sessions.iter().filter(|(_, session)| {
            session.blocked
                && (session.is_cut_off()
                    || session.mailbox.bytes() > MAIL_BYTES_MAX
                    || session.has_lost(&self.views))
        });
        lost.map(|(index, session)| name(index, session)).collect()
    }
}

fn name(index: usize, session: &Session) -> SessionId {
    SessionId {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        generation: session.generation,
    }
}
