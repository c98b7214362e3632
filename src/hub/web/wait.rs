//! Waiting for events: by a `WaitEvent`, or by a follower that fetches them. One waits for a listener at a time, and the
//! listener stands in a list of its view, so that an event wakes those that it is for and nobody looks at the others.

use std::time::Duration;

use super::asker::Reply;
use super::{NotAsked, WebOutput};
use crate::hub::kept::KEEP_FOR;
use crate::hub::local::WAIT_MAX;
use crate::hub::log::LogPosition;
use crate::hub::session::{CloseReason, SessionId, Waiting};
use crate::hub::statistics::ActionOutcome;
use crate::hub::view::ViewId;
use crate::hub::{Hub, Now};
use crate::policy::event_mask::EventMask;

/// Who waits for a listener's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waiter {
    /// A `WaitEvent` of this asker.
    Asker(SessionId),
    /// A follower outside.
    Follower,
}

/// One who waits, and where it is listed.
#[derive(Debug, Clone)]
pub(super) struct Parked {
    who: Waiter,
    deadline: Duration,
    view: ViewId,
    /// Its place among those who wait for an event of the view.
    index: usize,
}

impl Hub {
    /// Waits for events of a listener, for `wait` at most; then comes [`WebOutput::Fetch`]. Whoever waited for them
    /// before gets nothing.
    ///
    /// # Errors
    /// The listener has ended.
    pub fn follow(&mut self, now: Now, id: SessionId, wait: Duration) -> Result<(), NotAsked> {
        let Some(session) = self
            .session(id)
            .filter(|session| session.kind.is_listener() && session.closing.is_none())
        else {
            return Err(NotAsked::Ended);
        };
        // Long enough for one that is lost at the end of its wait.
        let until = now
            .since_start
            .saturating_add(wait)
            .saturating_add(KEEP_FOR);
        self.views.keep(session.view, until);
        self.replace(id);
        self.park(now, id, Waiter::Follower, wait);
        self.end_turn(now);
        Ok(())
    }

    /// A `WaitEvent` has its turn. `false`: its listener has ended, and there is nothing to wait for.
    pub(in crate::hub) fn ask_to_wait(
        &mut self,
        now: Now,
        id: SessionId,
        timeout: Option<Duration>,
    ) -> bool {
        let Some(asker) = self.asker_mut(id) else {
            return false;
        };
        let (listener, wait_max) = (asker.listener, asker.wait_max.min(WAIT_MAX));
        if self.session(listener).is_none() || self.is_closing(listener) {
            return false;
        }
        if let Some(session) = self.session_mut(id) {
            session.waiting = Some(Waiting {
                from: LogPosition::default(),
                mail_number: 0,
                deadline: None,
            });
        }
        self.replace(listener);
        let silent = self
            .session(listener)
            .filter(|session| session.classes.is_empty());
        if let Some(read) = silent.map(|session| session.user.read) {
            self.ensure_classes(now, EventMask::Everything.within(read));
            self.set_mask(listener, EventMask::Everything);
        }
        let wait = timeout.map_or(wait_max, |timeout| timeout.min(wait_max));
        self.park(now, listener, Waiter::Asker(id), wait);
        true
    }

    /// Whoever waits for a listener's events gets nothing: another does now.
    fn replace(&mut self, id: SessionId) {
        match self.unpark(id, None) {
            Some(Waiter::Asker(asker)) => self.end_asked_wait(asker, Some(Reply::Nothing)),
            Some(Waiter::Follower) => self.web.outputs.push_back(WebOutput::Replaced(id)),
            None => {}
        }
    }

    fn park(&mut self, now: Now, id: SessionId, who: Waiter, wait: Duration) {
        let Some(session) = self.session(id) else {
            return;
        };
        // It is looked at again before this turn ends.
        let at_once = session.mailbox.has_something(&self.views);
        let wait = if at_once { Duration::ZERO } else { wait };
        let (view, deadline) = (session.view, now.since_start.saturating_add(wait));
        let index = self.stand_in(view, id);
        self.web.deadlines.insert((deadline, id));
        if let Some(listener) = self.listener_mut(id) {
            listener.parked = Some(Parked {
                who,
                deadline,
                view,
                index,
            });
        }
    }

    /// Lists a listener among those that wait for an event of the view; its place there.
    fn stand_in(&mut self, view: ViewId, id: SessionId) -> usize {
        let Some(view) = self.views.get_mut(view) else {
            return 0;
        };
        view.waiting.push(id);
        view.waiting.len() - 1
    }

    fn stand_out(&mut self, view: ViewId, index: usize, id: SessionId) {
        let Some(waiting) = self.views.get_mut(view).map(|view| &mut view.waiting) else {
            return;
        };
        // Those that an event has woken are off the list already.
        if waiting.get(index) != Some(&id) {
            return;
        }
        waiting.swap_remove(index);
        if let Some(moved) = waiting.get(index).copied()
            && let Some(parked) = self
                .listener_mut(moved)
                .and_then(|moved| moved.parked.as_mut())
        {
            parked.index = index;
        }
    }

    /// Takes whoever waits for a listener's events off all lists; where `only` is given, only that asker.
    pub(super) fn unpark(&mut self, id: SessionId, only: Option<SessionId>) -> Option<Waiter> {
        let listener = self.listener_mut(id)?;
        let fits = |parked: &mut Parked| only.is_none_or(|only| parked.who == Waiter::Asker(only));
        let parked = listener.parked.take_if(fits)?;
        self.web.deadlines.remove(&(parked.deadline, id));
        self.stand_out(parked.view, parked.index, id);
        Some(parked.who)
    }

    /// The listener sees another view from here on: so does who waits for its events.
    pub(super) fn park_elsewhere(&mut self, id: SessionId) {
        let Some(view) = self.session(id).map(|session| session.view) else {
            return;
        };
        let Some(parked) = self
            .listener_mut(id)
            .and_then(|listener| listener.parked.take())
        else {
            return;
        };
        self.stand_out(parked.view, parked.index, id);
        let index = self.stand_in(view, id);
        if let Some(listener) = self.listener_mut(id) {
            listener.parked = Some(Parked {
                view,
                index,
                ..parked
            });
        }
    }

    /// Wakes those who wait for what this turn brought, or have waited long enough.
    pub(in crate::hub) fn wake_listeners(&mut self, now: Now) {
        for id in self.views.take_waiting() {
            self.wake(id);
        }
        while let Some((deadline, id)) = self.web.deadlines.first().copied()
            && deadline <= now.since_start
        {
            self.web.deadlines.pop_first();
            self.wake(id);
        }
    }

    /// When [`Hub::wake_listeners`] has something to do by time.
    pub(in crate::hub) fn listeners_deadline(&self) -> Option<Duration> {
        self.web.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Whoever waits for a listener's events need not wait any longer.
    pub(super) fn wake(&mut self, id: SessionId) {
        match self.unpark(id, None) {
            Some(Waiter::Asker(asker)) => self.end_asked_wait(asker, None),
            Some(Waiter::Follower) => self.web.outputs.push_back(WebOutput::Fetch(id)),
            None => {}
        }
    }

    /// A `WaitEvent` is over, with the events that there are or with `reply`.
    fn end_asked_wait(&mut self, id: SessionId, reply: Option<Reply>) {
        let Some(session) = self.session_mut(id) else {
            return;
        };
        session.waiting = None;
        let action_id = session.pending.pop_front().and_then(|head| head.action_id);
        if let Some(asker) = self.asker_mut(id) {
            asker.reply = reply.unwrap_or(Reply::Events(action_id));
        }
        self.statistics.finish(ActionOutcome::Here, 1);
        self.close(id, CloseReason::EndOfInput);
    }
}
