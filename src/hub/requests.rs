//! From a client's bytes to a decision: framing, look-up in the action table, permission, guards, and then
//! either an answer made here or, by [`super::forward`], a message rebuilt for Asterisk.

use std::borrow::Cow;
use std::time::Duration;

use bytes::{Buf, BytesMut};

use super::filter::filter_of;
use super::limit::Limit;
use super::reports::{audit_allowed, audit_refused};
use super::security::Happening;
use super::session::{Local, Pending, SessionId, Stage};
use super::{Hub, Notice, Now};
use crate::policy::action::Handling;
use crate::policy::decision::{Refusal, Rule, decide};
use crate::policy::event_mask;
use crate::protocol::request::Request;
use crate::protocol::request_framer::{Defect, RequestEnd};

/// Private messages of one client beyond which its input is left alone until it has read some.
pub(super) const MAIL_HIGH_BYTES: usize = 256 * 1024;

/// Input of one client beyond which its socket is left alone.
const INPUT_HIGH_BYTES: usize = 256 * 1024;

/// Requests parsed in one go before others have a turn.
const REQUESTS_PER_TURN: usize = 256;

/// Why a request is answered with an error, and the text of it.
pub(super) enum Denied {
    /// The client may not do this, or sent what no client should: the administrator is told.
    Refused(Refusal),
    /// It cannot be done, through no fault of the client's worth a line in the log.
    Unable(Box<[u8]>),
}

impl Denied {
    /// The message as a whole is none that may go on.
    pub(super) fn format(text: impl Into<Cow<'static, [u8]>>) -> Self {
        Self::Refused(Refusal {
            message: text.into(),
            rule: Rule::Format,
        })
    }

    pub(super) fn unable(text: &[u8]) -> Self {
        Self::Unable(text.into())
    }
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Hub {
    /// Bytes from a client.
    pub fn client_bytes(&mut self, now: Now, id: SessionId, bytes: &[u8]) {
        if let Some(session) = self.session_mut(id)
            && session.closing.is_none()
        {
            session.input.extend_from_slice(bytes);
            self.wake_waiting(now, id);
            self.pump(now, id);
            self.end_turn(now);
        }
    }

    /// The client has ended its input; what it asked is still answered.
    pub fn client_end_of_input(&mut self, now: Now, id: SessionId) {
        if let Some(session) = self.session_mut(id) {
            session.end_of_input = true;
            self.wake_waiting(now, id);
            self.pump(now, id);
            self.end_turn(now);
        }
    }

    /// Whether more input of this client can be taken now. After a `false`, [`Hub::next_resumed`] tells when.
    pub fn wants_input(&mut self, id: SessionId) -> bool {
        let Some(session) = self.session_mut(id) else {
            return false;
        };
        let full = session.input.len() >= INPUT_HIGH_BYTES;
        let wants = !session.stalled && !full;
        session.stalled |= !wants;
        if full {
            self.limits.count(Limit::Input);
        }
        wants
    }

    /// The next session whose input can be taken again: read it again.
    pub fn next_resumed(&mut self) -> Option<SessionId> {
        self.resumed.pop()
    }

    /// Answers what can be answered, and parses what there is room for, until neither is possible.
    pub(super) fn pump(&mut self, now: Now, id: SessionId) {
        let mut parsed = 0;
        self.answer_in_turn(now, id);
        // Where there is much to be logged, it is logged before more is done.
        let mut has_room = self.has_room_for_notices();
        while parsed < REQUESTS_PER_TURN && has_room && self.parse_one(now, id) {
            parsed += 1;
            self.answer_in_turn(now, id);
            has_room = self.has_room_for_notices();
        }
        if parsed == REQUESTS_PER_TURN || !has_room {
            self.put_off(id);
        }
        let room = self.has_room(id);
        let Some(session) = self.session_mut(id) else {
            return;
        };
        if room && session.stalled && session.closing.is_none() {
            session.stalled = false;
            self.resumed.push(id);
        }
        self.finish_if_ended(id);
        self.dispatch(now);
    }

    /// The rest of a session's input waits until others had their turn.
    fn put_off(&mut self, id: SessionId) {
        if let Some(session) = self.session_mut(id)
            && !session.backlogged
            && !session.input.is_empty()
        {
            session.backlogged = true;
            self.backlog.push(id);
        }
    }

    /// Goes on with the sessions whose input was put off.
    pub(super) fn take_backlog(&mut self, now: Now) {
        for id in std::mem::take(&mut self.backlog) {
            if let Some(session) = self.session_mut(id) {
                session.backlogged = false;
                self.pump(now, id);
            }
        }
    }

    fn has_room(&self, id: SessionId) -> bool {
        self.session(id).is_some_and(|session| {
            session.pending.len() < self.general.max_queued
                && session.mailbox.bytes() < MAIL_HIGH_BYTES
        })
    }

    /// Takes one request out of the input. `false`: there is none, or no room for it.
    fn parse_one(&mut self, now: Now, id: SessionId) -> bool {
        let (room, ending) = (self.has_room(id), self.ending);
        let Some(session) = self.session_mut(id) else {
            return false;
        };
        if ending || session.closing.is_some() || session.input.is_empty() || session.says_goodbye()
        {
            return false;
        }
        if !room {
            let is_new = !std::mem::replace(&mut session.stalled, true);
            if is_new {
                let queue = session.pending.len() >= self.general.max_queued;
                self.limits.count(if queue {
                    Limit::MaxQueued
                } else {
                    Limit::Answers
                });
            }
            return false;
        }
        let mut input = std::mem::take(&mut session.input);
        let end = session.framer.next(&mut input);
        if let Some(end) = &end {
            let text = input.get(..end.text).unwrap_or_default();
            let pending = self.decide(now, id, end, text);
            self.push_pending(id, pending);
            input.advance(end.consumed.min(input.len()));
        }
        if let Some(session) = self.session_mut(id) {
            // An idle client holds no buffer.
            session.input = if input.is_empty() {
                BytesMut::new()
            } else {
                input
            };
        }
        end.is_some()
    }

    /// What becomes of a request.
    fn decide(&mut self, now: Now, id: SessionId, end: &RequestEnd, text: &[u8]) -> Pending {
        let request = Request::new(text);
        let action_id = request.action_id().map(Box::from);
        let mut audit = None;
        let stage = match end.defect {
            Some(defect) => Err(Denied::format(defect_text(defect))),
            None => self.stage(now, id, text, &mut audit),
        };
        if let Some(record) = audit {
            self.notice(record);
        }
        let stage = stage.unwrap_or_else(|denied| self.denied(now, id, request, denied));
        if matches!(stage, Stage::Queued(_))
            && self
                .session(id)
                .is_some_and(|session| session.pending.len() >= session.user.max_in_flight)
        {
            self.limits.count(Limit::MaxInFlight);
        }
        Pending { action_id, stage }
    }

    /// What becomes of a request that was allowed and has not gone to Asterisk, under the rights that its session has now.
    pub(super) fn decide_again(&mut self, now: Now, id: SessionId, text: &[u8]) -> Stage {
        // That it was allowed is in the audit log already.
        let stage = self.stage(now, id, text, &mut None);
        stage.unwrap_or_else(|denied| self.denied(now, id, Request::new(text), denied))
    }

    /// The answer to a request that is denied; who is to be told of it is told.
    fn denied(&mut self, now: Now, id: SessionId, request: Request<'_>, denied: Denied) -> Stage {
        Stage::Local(match denied {
            Denied::Refused(refusal) => {
                let session = self.session(id);
                let audit = session.and_then(|s| audit_refused(s, request, &refusal.rule));
                self.notice_refused(now, id, request, &refusal);
                let happening = self.session(id).and_then(|session| {
                    let guards = session.user.rights.guards;
                    Happening::of_rule(&refusal.rule, request.action(), guards)
                });
                if let Some(record) = audit {
                    self.notice(record);
                }
                Local::Refuse(refusal.message.into(), happening)
            }
            Denied::Unable(text) => Local::Refuse(text, None),
        })
    }

    /// The stage that a request begins with, or the text of the error that answers it. `audit` becomes the
    /// record of a request that is allowed.
    fn stage(
        &self,
        now: Now,
        id: SessionId,
        text: &[u8],
        audit: &mut Option<Notice>,
    ) -> Result<Stage, Denied> {
        let session = self
            .session(id)
            .ok_or_else(|| Denied::unable(b"Permission denied"))?;
        let decision = decide(&self.table, &session.user, text)?;
        *audit = audit_allowed(session, &decision);
        let (action, request) = (decision.action, decision.request());
        let local = match action.handling {
            Handling::Login => Local::AlreadyAuthenticated,
            Handling::Logoff => Local::Logoff,
            Handling::Challenge => Local::Challenge(
                request
                    .get_or_empty("AuthType")
                    .eq_ignore_ascii_case(b"MD5"),
            ),
            Handling::Events => Local::Events(event_mask::parse(request.get_or_empty("EventMask"))),
            Handling::WaitEvent => Local::WaitEvent(wait_timeout(request.get_or_empty("Timeout"))),
            Handling::ListCommands => Local::ListCommands,
            Handling::Ping => Local::Ping,
            Handling::Filter => filter_of(request)?,
            Handling::Originate | Handling::UserEvent | Handling::Forward => {
                return self.forward(now, session, action, request, text);
            }
        };
        Ok(Stage::Local(local))
    }
}

/// `Timeout` of WaitEvent: C integer notation; absent, negative or no number is for ever.
fn wait_timeout(value: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?;
    let digits = text.trim_start().trim_start_matches('+');
    let (digits, radix) = match digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
    {
        Some(rest) => (rest, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (digits, 8),
        None => (digits, 10),
    };
    let end = digits
        .find(|character: char| !character.is_digit(radix))
        .unwrap_or(digits.len());
    let seconds = u32::from_str_radix(digits.get(..end)?, radix).ok()?;
    i32::try_from(seconds).ok()?;
    Some(Duration::from_secs(u64::from(seconds)))
}

/// What is wrong with a request as a whole, in Asterisk's words where it has them.
pub(super) const fn defect_text(defect: Defect) -> &'static [u8] {
    match defect {
        Defect::LineTooLong => b"Failed to parse message: line too long",
        Defect::TooManyLines => b"Too many lines in message or allocation failure",
        Defect::ForbiddenByte => {
            b"Failed to parse message: a line holds a NUL or a CR that does not end it"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_timeouts_are_read_as_c_does() {
        let cases: [(&[u8], Option<u64>); 9] = [
            (b"", None),
            (b"5", Some(5)),
            (b"-1", None),
            (b"0", Some(0)),
            (b"0x10", Some(16)),
            (b"010", Some(8)),
            (b"1abc", Some(1)),
            (b"abc", None),
            (b"99999999999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(
                wait_timeout(text),
                expected.map(Duration::from_secs),
                "{}",
                String::from_utf8_lossy(text)
            );
        }
    }
}
