//! The taps of one hub's thread, and the sessions that they follow.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use bytes::{Buf, BytesMut};

use super::split::Splitter;
use super::{Direction, TapBegin, TapSender, TapTarget, Tapped};
use crate::hub::SessionId;
use crate::protocol::request_framer::RequestFramer;
use crate::session::shell::Shell;

/// Sessions that the taps of one hub follow at most, so that they cost its thread little.
const FOLLOWED_MAX: usize = 100;

/// One tap.
#[derive(Debug)]
struct Tap {
    target: TapTarget,
    sender: TapSender,
}

impl Tap {
    fn wants(&self, id: SessionId, user: &str) -> bool {
        match &self.target {
            TapTarget::User(name) => name.eq_ignore_ascii_case(user),
            TapTarget::Session(session) => *session == id,
        }
    }
}

/// A session that is followed.
#[derive(Debug)]
struct Followed {
    user: Arc<str>,
    framer: RequestFramer,
    /// What it sent of a request that is not whole.
    sent: BytesMut,
    received: Splitter,
}

/// All taps of one hub.
#[derive(Debug)]
pub(in crate::session) struct Taps {
    upstream: Arc<str>,
    taps: Vec<Tap>,
    sessions: HashMap<SessionId, Followed>,
}

impl Taps {
    /// Nobody taps that upstream.
    pub(in crate::session) fn new(upstream: &str) -> Self {
        Self {
            upstream: upstream.into(),
            taps: Vec::new(),
            sessions: HashMap::new(),
        }
    }

    /// Follows a session; `false` if there are too many.
    fn follow(&mut self, id: SessionId, followed: impl FnOnce() -> Followed) -> bool {
        let is_full = self.sessions.len() >= FOLLOWED_MAX;
        match self.sessions.entry(id) {
            Entry::Occupied(_) => {}
            Entry::Vacant(_) if is_full => return false,
            Entry::Vacant(entry) => drop(entry.insert(followed())),
        }
        true
    }

    fn sent(&mut self, id: SessionId, bytes: &[u8], at: std::time::Duration) {
        let Some(followed) = self.sessions.get_mut(&id) else {
            return;
        };
        followed.sent.extend_from_slice(bytes);
        while let Some(end) = followed.framer.next(&mut followed.sent) {
            let text = followed.sent.get(..end.text).unwrap_or_default();
            let show = Show {
                upstream: &self.upstream,
                id,
                user: &followed.user,
                at,
            };
            // Nothing but a blank line is no request.
            if !text.is_empty() {
                show.to(&self.taps, Direction::Sent, text, 0);
            }
            let consumed = end.consumed.min(followed.sent.len());
            followed.sent.advance(consumed);
        }
    }

    fn received<'a>(
        &mut self,
        id: SessionId,
        parts: impl Iterator<Item = &'a [u8]>,
        mut written: usize,
        at: std::time::Duration,
    ) {
        let Some(followed) = self.sessions.get_mut(&id) else {
            return;
        };
        let show = Show {
            upstream: &self.upstream,
            id,
            user: &followed.user,
            at,
        };
        for part in parts {
            let part = part.get(..written).unwrap_or(part);
            written -= part.len();
            followed.received.push(part, |message, left_out| {
                show.to(&self.taps, Direction::Received, message, left_out);
            });
        }
    }
}

/// Whose message is shown.
struct Show<'a> {
    upstream: &'a Arc<str>,
    id: SessionId,
    user: &'a Arc<str>,
    at: std::time::Duration,
}

impl Show<'_> {
    fn to(&self, taps: &[Tap], direction: Direction, message: &[u8], left_out: usize) {
        for tap in taps.iter().filter(|tap| tap.wants(self.id, self.user)) {
            let copy = || Tapped {
                upstream: Arc::clone(self.upstream),
                session: self.id,
                user: Arc::clone(self.user),
                direction,
                at: self.at,
                message: message.into(),
                left_out,
                missed_before: 0,
                room: None,
            };
            tap.sender.offer(copy, message.len());
        }
    }
}

impl Shell {
    /// Begins a tap, which lasts until its reader goes.
    pub(in crate::session) fn tap(&self, target: TapTarget, sender: TapSender) -> TapBegin {
        self.end_taps();
        let ids = match &target {
            TapTarget::User(name) => self.hub.borrow().sessions_of(name),
            TapTarget::Session(id) => vec![*id],
        };
        self.taps.borrow_mut().taps.push(Tap { target, sender });
        self.is_tapped.set(true);
        let mut begin = TapBegin::default();
        for id in ids {
            if self.hub.borrow().user_of(id).is_none() {
                continue;
            }
            if self.follow(id, None) {
                begin.followed += 1;
            } else {
                begin.left_alone += 1;
            }
        }
        begin
    }

    /// A session has come while somebody taps; `input` is what it sent behind its login.
    pub(in crate::session) fn tap_newcomer(&self, id: SessionId, input: &[u8]) {
        let is_wanted = {
            let (hub, taps) = (self.hub.borrow(), self.taps.borrow());
            let user = hub.user_of(id).unwrap_or_default();
            taps.taps.iter().any(|tap| tap.wants(id, user))
        };
        if is_wanted && self.follow(id, Some(input)) {
            self.tap_sent(id, input);
        }
    }

    /// `input` is given for a session whose input nobody has looked at.
    fn follow(&self, id: SessionId, input: Option<&[u8]>) -> bool {
        let hub = self.hub.borrow();
        let begin = || {
            let (framer, sent) = match input {
                Some(_) => Default::default(),
                None => hub.unread_input(id),
            };
            Followed {
                user: hub.user_of(id).unwrap_or_default().into(),
                framer,
                sent,
                // One whose socket is not full has been written whole messages.
                received: Splitter::new(hub.is_blocked(id)),
            }
        };
        self.taps.borrow_mut().follow(id, begin)
    }

    /// A client has sent something, and somebody taps.
    pub(in crate::session) fn tap_sent(&self, id: SessionId, bytes: &[u8]) {
        let at = self.clock.now().wall;
        self.taps.borrow_mut().sent(id, bytes, at);
    }

    /// A client was written that many bytes of these, and somebody taps.
    pub(in crate::session) fn tap_received<'a>(
        &self,
        id: SessionId,
        parts: impl IntoIterator<Item = &'a [u8]>,
        written: usize,
    ) {
        let at = self.clock.now().wall;
        let mut taps = self.taps.borrow_mut();
        taps.received(id, parts.into_iter(), written, at);
    }

    /// A session has gone, and with it the taps of it alone.
    pub(in crate::session) fn tap_gone(&self, id: SessionId) {
        let mut taps = self.taps.borrow_mut();
        taps.sessions.remove(&id);
        taps.taps.retain(|tap| tap.target != TapTarget::Session(id));
        self.is_tapped.set(!taps.taps.is_empty());
    }

    /// Ends the taps that nobody reads any more, and follows nobody for them.
    pub(in crate::session) fn end_taps(&self) {
        if !self.is_tapped.get() {
            return;
        }
        let mut taps = self.taps.borrow_mut();
        let Taps { taps, sessions, .. } = &mut *taps;
        let before = taps.len();
        taps.retain(|tap| !tap.sender.is_closed());
        if taps.len() < before {
            sessions.retain(|id, followed| taps.iter().any(|tap| tap.wants(*id, &followed.user)));
        }
        self.is_tapped.set(!taps.is_empty());
    }
}
