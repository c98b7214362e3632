//! Listeners: coming in, reading on, falling behind, and going.

use std::sync::Arc;

use bytes::BytesMut;

use super::{Fetched, Kind, Place};
use crate::hub::log::LogPosition;
use crate::hub::requests::MAIL_HIGH_BYTES;
use crate::hub::session::{CloseReason, SessionId, find_mut};
use crate::hub::slow::MAIL_BYTES_MAX;
use crate::hub::view::{ViewId, ViewKey};
use crate::hub::{Admission, Hub, Now};
use crate::policy::user::ActionIds;

/// Changes of view that a listener may have before it; one that has more leaves out what lies between them.
const SWITCHES_MAX: usize = 8;

impl Hub {
    /// Takes in a user without a socket. Its events are collected from here on, or from where it had read to, as far as
    /// that is kept.
    pub fn attach_listener(
        &mut self,
        now: Now,
        mut admission: Admission,
        resume: Option<Place>,
    ) -> SessionId {
        admission.input = BytesMut::new();
        let revoked = self.resolve_user(&mut admission);
        let (mask, classes) = (
            admission.events,
            admission.events.within(admission.user.read),
        );
        let key = ViewKey {
            classes,
            all_action_ids: admission.user.action_ids == ActionIds::All,
            filters: Arc::clone(&admission.user.event_filters),
        };
        let view = self.views.subscribe(&key);
        let cursor = resume.and_then(|place| self.resumed_at(view, place));
        let place = (view, cursor.unwrap_or_else(|| self.end_of(view)));
        let id = self.open(now, Kind::Listener(Box::default()), admission, place);
        let missed = resume.is_some() && cursor.is_none() && !classes.is_empty();
        if let Some(session) = self.session_mut(id) {
            session.mask = mask;
            session.classes = classes;
        }
        if missed {
            self.read_on(id, |mailbox, _, _| mailbox.tell_unknown_gap());
        }
        if !classes.is_empty() {
            self.ensure_classes(now, classes);
        }
        if let Some(why) = revoked {
            self.close(id, CloseReason::Reloaded { why });
        }
        self.end_turn(now);
        id
    }

    /// Where a listener of `view` goes on that comes back, if nothing is missing from there on. It is the listener
    /// that says where it was: only where an event ends is believed.
    fn resumed_at(&self, view: ViewId, place: Place) -> Option<LogPosition> {
        let view = self.views.get(view)?;
        let position = LogPosition(place.position);
        let kept = (view.log.base()..=view.log.end()).contains(&position);
        (view.number == place.view && kept && view.log.rest_of_event(position).is_empty())
            .then_some(position)
    }

    /// Ends a listener.
    pub fn leave(&mut self, now: Now, id: SessionId) {
        if self.session(id).is_some_and(|s| s.kind.is_listener()) {
            self.close(id, CloseReason::Expired);
            self.end_turn(now);
        }
    }

    /// Hands over what waits for a listener, about `bytes_max` bytes; nothing if that is nothing. `take` returns whether
    /// somebody took it: else it waits on.
    pub fn hand_events(
        &mut self,
        now: Now,
        id: SessionId,
        bytes_max: usize,
        take: impl FnOnce(Fetched) -> bool,
    ) {
        let fetched = self.waiting_events(id, bytes_max);
        let bytes = fetched.bytes.len();
        if take(fetched) && bytes > 0 {
            self.wrote(now, id, bytes);
        }
    }

    pub(super) fn waiting_events(&mut self, id: SessionId, bytes_max: usize) -> Fetched {
        let mut fetched = Fetched::default();
        if !self.collect(id, bytes_max, &mut fetched) && self.abridge(id) {
            fetched = Fetched::default();
            self.collect(id, bytes_max, &mut fetched);
        }
        fetched
    }

    fn collect(&self, id: SessionId, bytes_max: usize, fetched: &mut Fetched) -> bool {
        let Some(session) = self.session(id) else {
            return true;
        };
        let (ends, views) = (&mut fetched.ends, &self.views);
        let each = |end, view, position: LogPosition| {
            let place = Place {
                view: views.get(view).map_or(0, |view| view.number),
                position: position.0,
            };
            ends.push((end, place));
        };
        let bytes = &mut fetched.bytes;
        session
            .mailbox
            .collect(views, bytes_max, bytes, each)
            .is_ok()
    }

    /// A listener leaves out all that waits for it, and is told how much that was. `false`: it is none.
    pub(in crate::hub) fn abridge(&mut self, id: SessionId) -> bool {
        let is_listener = self.session(id).is_some_and(|s| s.kind.is_listener());
        if is_listener {
            self.read_on(id, |mailbox, views, switched| {
                // Its views are there as long as it is.
                let _ = mailbox.leave_out_all(views, switched);
            });
        }
        is_listener
    }

    /// A private message was added for one without a socket: it may be one too many.
    pub(in crate::hub) fn bound_mail(&mut self, id: SessionId) {
        let Some(session) = self.session(id) else {
            return;
        };
        let bytes = session.mailbox.bytes();
        match session.kind {
            Kind::Listener(_) if bytes > MAIL_HIGH_BYTES && self.web.heavy.last() != Some(&id) => {
                self.web.heavy.push(id);
            }
            Kind::Asker(_) if bytes > MAIL_BYTES_MAX => {
                self.overflow(id);
            }
            _ => {}
        }
    }

    /// Those that were added too many private messages leave them out.
    pub(in crate::hub) fn abridge_heavy(&mut self) {
        for id in std::mem::take(&mut self.web.heavy) {
            if self
                .session(id)
                .is_some_and(|session| session.mailbox.bytes() > MAIL_HIGH_BYTES)
            {
                self.abridge(id);
            }
        }
    }

    /// A session may have been given another view: a listener moves over at once where nothing lies before that.
    pub(in crate::hub) fn listen_elsewhere(&mut self, id: SessionId) {
        if self.listener_mut(id).is_none() {
            return;
        }
        self.park_elsewhere(id);
        self.read_on(id, |mailbox, _, switched| mailbox.advance(0, switched));
        let switches = self
            .session(id)
            .map_or(0, |session| session.mailbox.switches().count());
        if switches > SWITCHES_MAX {
            self.abridge(id);
        }
    }

    /// Enters a listener among the readers of the view that it reads.
    pub(in crate::hub) fn list(&mut self, id: SessionId) {
        if let Some(session) = find_mut(&mut self.sessions, id)
            && let Some(view) = self.views.get_mut(session.mailbox.view())
        {
            view.polled.insert((session.mailbox.cursor(), id.index));
        }
    }

    /// Takes it out. `false`: it is no listener.
    pub(in crate::hub) fn unlist(&mut self, id: SessionId) -> bool {
        let Some(session) = find_mut(&mut self.sessions, id).filter(|s| s.kind.is_listener())
        else {
            return false;
        };
        if let Some(view) = self.views.get_mut(session.mailbox.view()) {
            view.polled.remove(&(session.mailbox.cursor(), id.index));
        }
        true
    }
}
