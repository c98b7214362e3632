//! From a client's bytes to a decision: framing, look-up in the action table, permission, guards, and then
//! either an answer made here or a message rebuilt for Asterisk, in the session's queue. And the fair way
//! from the queues to Asterisk.

use std::time::Duration;

use bytes::{Buf, BytesMut};

use super::late::LateAction;
use super::ring::{InFlight, Internal, Owner, Progress, Route};
use super::session::{Local, Pending, Queued, Session, SessionId, Stage};
use super::{Hub, Notice, Now};
use crate::policy::action::{Action, Handling, ReplyShape};
use crate::policy::class::Classes;
use crate::policy::event_mask;
use crate::policy::guard;
use crate::protocol::action_id::TokenKind;
use crate::protocol::limits::UNKNOWN_ACTION_TEXT_BYTES_MAX;
use crate::protocol::rebuild::{Rewrite, rebuild};
use crate::protocol::request::Request;
use crate::protocol::request_framer::{Defect, RequestEnd};
use crate::protocol::writer::Text;

/// Private messages of one client beyond which its input is left alone until it has read some.
pub(super) const MAIL_HIGH_BYTES: usize = 256 * 1024;

/// Input of one client beyond which its socket is left alone.
const INPUT_HIGH_BYTES: usize = 256 * 1024;

/// Requests parsed in one go before others have a turn.
const REQUESTS_PER_TURN: usize = 256;

/// How long after a UserEvent its echo may come.
const ECHO_WITHIN: Duration = Duration::from_secs(60);

/// How much longer than its own Timeout an Originate may take to tell its outcome.
const ORIGINATE_GRACE: Duration = Duration::from_secs(15);

/// Asterisk's own default for Originate's Timeout.
const ORIGINATE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// Most synchronous Originates of one session whose outcome has not come.
const ORIGINATES_MAX: usize = 256;

/// Why a request is answered with an error, and the text of it.
enum Denied {
    /// The client may not do this, or sent what no client should: the administrator is told.
    Refused(Box<[u8]>),
    /// It cannot be done, through no fault of the client's worth a line in the log.
    Unable(Box<[u8]>),
}

impl Denied {
    fn refused(text: &[u8]) -> Self {
        Self::Refused(text.into())
    }

    fn unable(text: &[u8]) -> Self {
        Self::Unable(text.into())
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
        let wants = !session.stalled && session.input.len() < INPUT_HIGH_BYTES;
        session.stalled |= !wants;
        wants
    }

    /// The next session whose input can be taken again.
    pub fn next_resumed(&mut self) -> Option<SessionId> {
        self.resumed.pop()
    }

    /// Answers what can be answered, and parses what there is room for, until neither is possible.
    pub(super) fn pump(&mut self, now: Now, id: SessionId) {
        let mut parsed = 0;
        self.answer_in_turn(now, id);
        while parsed < REQUESTS_PER_TURN && self.parse_one(now, id) {
            parsed += 1;
            self.answer_in_turn(now, id);
        }
        if parsed == REQUESTS_PER_TURN {
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
        let room = self.has_room(id);
        let Some(session) = self.session_mut(id) else {
            return false;
        };
        if session.closing.is_some() || session.input.is_empty() {
            return false;
        }
        if !room {
            session.stalled = true;
            return false;
        }
        let mut input = std::mem::take(&mut session.input);
        let end = session.framer.next(&mut input);
        if let Some(end) = &end {
            let text = input.get(..end.text).unwrap_or_default();
            let pending = self.decide(now, id, end, Request::new(text));
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
    fn decide(
        &mut self,
        now: Now,
        id: SessionId,
        end: &RequestEnd,
        request: Request<'_>,
    ) -> Pending {
        let action_id = request.action_id().map(Box::from);
        let stage = self.stage(now, id, end, request).unwrap_or_else(|error| {
            if let Denied::Refused(reason) = &error {
                self.notice_refused(id, request, reason);
            }
            let (Denied::Refused(text) | Denied::Unable(text)) = error;
            Stage::Local(Local::Refuse(text))
        });
        Pending { action_id, stage }
    }

    /// The stage that a request begins with, or the text of the error that answers it.
    fn stage(
        &self,
        now: Now,
        id: SessionId,
        end: &RequestEnd,
        request: Request<'_>,
    ) -> Result<Stage, Denied> {
        if let Some(defect) = end.defect {
            return Err(Denied::refused(defect_text(defect)));
        }
        let Some(name) = request.action() else {
            return Err(Denied::unable(b"Missing action in request"));
        };
        let session = self
            .session(id)
            .ok_or_else(|| Denied::unable(b"Permission denied"))?;
        let action = self
            .table
            .get(name)
            .ok_or_else(|| Denied::Refused(unknown_text(name)))?;
        guard::check(action, &session.user, request)
            .map_err(|refusal| Denied::refused(refusal.message().as_bytes()))?;
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
            Handling::Filter => {
                return Err(Denied::unable(
                    b"Filter is not supported by this version of amimux",
                ));
            }
            Handling::Originate | Handling::UserEvent | Handling::Forward => {
                return self.forward(now, session, action, request);
            }
        };
        Ok(Stage::Local(local))
    }

    fn forward(
        &self,
        now: Now,
        session: &Session,
        action: &Action,
        request: Request<'_>,
    ) -> Result<Stage, Denied> {
        let mut rewrite = Rewrite {
            action_id_in_place: false,
            drop: &[],
            append: &[],
        };
        let mut variables = Vec::new();
        let mut route = Route::Deliver;
        let mut late = None;
        let mut shape = action.shape;
        match action.handling {
            Handling::UserEvent => {
                // Its echo repeats the headers as sent: the ActionID keeps its place and spelling.
                rewrite.action_id_in_place = true;
                late = Some(ECHO_WITHIN);
                if session.classes.contains_all(Classes::USER) {
                    // Asterisk sends the echo before it looks at the next request: so do answers made here.
                    shape = ReplyShape::Irregular;
                }
            }
            Handling::Originate => {
                let limit = originate_timeout(request) + ORIGINATE_GRACE;
                if is_true(request.get_or_empty("Async")) {
                    late = Some(limit);
                } else {
                    check_synchronous(session, request)?;
                    route = Route::SynchronousOriginate(limit);
                    rewrite.drop = &["Async"];
                    variables.push(("Async", "true".to_owned()));
                }
                for (name, value) in &session.user.set_variables {
                    variables.push(("Variable", format!("{name}={}", escaped(value))));
                }
            }
            _ => {}
        }
        let append = variables
            .iter()
            .filter_map(|(name, value)| {
                Some((Text::new(name.as_bytes())?, Text::new(value.as_bytes())?))
            })
            .collect::<Vec<_>>();
        rewrite.append = &append;
        let outgoing = rebuild(request, &rewrite)
            .map_err(|error| Denied::refused(error.to_string().as_bytes()))?;
        if !self.link.accepts_actions() {
            return Err(Denied::Unable(self.away_text(now)));
        }
        Ok(Stage::Queued(Box::new(Queued {
            outgoing,
            route,
            shape,
            list_end: action.list_end,
            late,
        })))
    }

    fn notice_refused(&mut self, id: SessionId, request: Request<'_>, reason: &[u8]) {
        let Some(session) = self.session(id) else {
            return;
        };
        let notice = Notice::Refused {
            user: session.user.name.clone(),
            address: session.address.to_string(),
            action: Self::first_line(request.action().unwrap_or_default()),
            reason: Self::first_line(reason),
        };
        self.notice(notice);
    }

    /// Puts a request at the end of its session's queue.
    pub(super) fn push_pending(&mut self, id: SessionId, pending: Pending) {
        let Some(session) = self.session_mut(id) else {
            return;
        };
        let queued = matches!(pending.stage, Stage::Queued(_));
        session.pending.push_back(pending);
        if queued {
            self.give_turn(id);
        }
    }

    /// Gives a session a place in the fair queue, unless it has one or nothing to send.
    pub(super) fn give_turn(&mut self, id: SessionId) {
        let Some(session) = self.session_mut(id) else {
            return;
        };
        if !session.has_turn && next_to_send(session).is_some() {
            session.has_turn = true;
            self.turns.push(id);
        }
    }

    /// Sends to Asterisk what the window allows, the clients in turn.
    pub(super) fn dispatch(&mut self, now: Now) {
        if self.link.phase != super::link::Phase::Ready {
            return;
        }
        while self.ring.len() < self.upstream.window {
            let Some(id) = self.turns.pop() else {
                return;
            };
            let Some(session) = self.session_mut(id) else {
                continue;
            };
            session.has_turn = false;
            let Some(index) = next_to_send(session) else {
                continue;
            };
            let Some(pending) = session.pending.get_mut(index) else {
                continue;
            };
            let Stage::Queued(queued) = std::mem::replace(&mut pending.stage, Stage::Sent) else {
                continue;
            };
            let action_id = pending.action_id.clone();
            session.in_flight += 1;
            let user = session.user_key.clone();
            self.send(now, id, *queued, action_id, user);
            self.give_turn(id);
        }
    }

    fn send(
        &mut self,
        now: Now,
        id: SessionId,
        queued: Queued,
        action_id: Option<Box<[u8]>>,
        user: Box<str>,
    ) {
        let kind = if matches!(queued.route, Route::SynchronousOriginate(_)) {
            self.ensure_classes(now, Classes::CALL);
            TokenKind::SynchronousOriginate
        } else {
            TokenKind::Ordinary
        };
        // What has no response with our token is told from the tail of a forged reply by a Ping before it.
        let fenced = queued.shape == ReplyShape::Irregular && queued.late.is_none();
        if fenced {
            self.send_internal(now, Internal::Ping, "Ping", &[]);
        }
        let sequence = self.ring.next_sequence();
        if let Some(within) = queued.late {
            self.late.remember(
                sequence,
                now.since_start + within,
                LateAction {
                    session: id,
                    user,
                    action_id: action_id.clone(),
                },
            );
        }
        self.ring.push(InFlight {
            owner: Owner::Session {
                id,
                action_id,
                route: queued.route,
            },
            sent_at: now.since_start,
            shape: queued.shape,
            list_end: queued.list_end,
            fenced,
            progress: Progress::Waiting,
        });
        queued
            .outgoing
            .write_to(&self.mint.token(sequence, kind), &mut self.outbound);
        if queued.shape == ReplyShape::Irregular {
            // Its reply has no end of its own: the answer to a Ping behind it shows that it is over.
            self.send_internal(now, Internal::Ping, "Ping", &[]);
        }
    }

    /// Bytes for Asterisk. The caller takes away what it has written.
    pub const fn outbound(&mut self) -> &mut BytesMut {
        &mut self.outbound
    }
}

/// The first request that may go to Asterisk now: nothing before it holds it back, and the session's limit allows it.
fn next_to_send(session: &Session) -> Option<usize> {
    if session.in_flight >= session.user.max_in_flight || session.originates >= ORIGINATES_MAX {
        return None;
    }
    for (index, pending) in session.pending.iter().enumerate() {
        match &pending.stage {
            Stage::Sent => {}
            Stage::Queued(_) => return Some(index),
            Stage::Local(local) if local.holds_back() => return None,
            Stage::Local(_) => {}
        }
    }
    None
}

/// A synchronous Originate is sent asynchronously, so that it does not block everybody: what only the
/// synchronous form can do is refused.
fn check_synchronous(session: &Session, request: Request<'_>) -> Result<(), Denied> {
    if !request.get_or_empty("PreDialGoSub").is_empty() {
        return Err(Denied::unable(
            b"PreDialGoSub needs a synchronous Originate, which amimux does not forward: it would block every client",
        ));
    }
    if session.originates >= ORIGINATES_MAX {
        return Err(Denied::unable(
            b"Too many synchronous Originates in progress",
        ));
    }
    Ok(())
}

fn originate_timeout(request: Request<'_>) -> Duration {
    std::str::from_utf8(request.get_or_empty("Timeout"))
        .ok()
        .and_then(|text| text.trim().parse::<u32>().ok())
        .map_or(ORIGINATE_TIMEOUT_DEFAULT, |milliseconds| {
            Duration::from_millis(u64::from(milliseconds))
        })
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

/// The words that Asterisk takes for true (`ast_true`).
fn is_true(value: &[u8]) -> bool {
    ["yes", "true", "y", "t", "1", "on"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// A variable's value, so that Asterisk's splitting at commas gives it back whole.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, ',' | '"' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
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

/// Asterisk's text for an action that does not exist, cut as there.
pub(super) fn unknown_text(name: &[u8]) -> Box<[u8]> {
    let mut text = b"Invalid/unknown command: ".to_vec();
    text.extend_from_slice(name);
    text.extend_from_slice(b". Use Action: ListCommands to show available commands.");
    text.truncate(UNKNOWN_ACTION_TEXT_BYTES_MAX);
    text.into()
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

    #[test]
    fn variables_are_escaped_for_asterisks_splitting() {
        assert_eq!(escaped(r#"a,"b"\c"#), r#"a\,\"b\"\\c"#);
    }
}
