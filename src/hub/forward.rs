//! From a decision to Asterisk: an action is rebuilt, waits in its session's queue, and goes when its client
//! has its turn and Asterisk's window has room.

use std::borrow::Cow;
use std::time::Duration;

use bytes::BytesMut;

use super::late::LateAction;
use super::limit::{Limit, LimitCounters};
use super::requests::Denied;
use super::ring::{InFlight, Internal, Owner, Progress, Route};
use super::session::{Pending, Queued, Session, SessionId, Stage};
use super::{Hub, Now};
use crate::policy::action::{Action, Handling, ReplyShape};
use crate::policy::class::Classes;
use crate::policy::guard::{missing_destination, variables_without_escalation};
use crate::protocol::action_id::TokenKind;
use crate::protocol::rebuild::{Rewrite, rebuild};
use crate::protocol::request::Request;
use crate::protocol::writer::Text;

/// How long after a UserEvent its echo may come.
const ECHO_WITHIN: Duration = Duration::from_secs(60);

/// How much longer than its own Timeout an Originate may take to tell its outcome.
const ORIGINATE_GRACE: Duration = Duration::from_secs(15);

/// Asterisk's own default for Originate's Timeout.
const ORIGINATE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// Most synchronous Originates of one session whose outcome has not come.
const ORIGINATES_MAX: usize = 256;

impl Hub {
    /// Rebuilds an action for Asterisk, as it is to go there; or says why it cannot go. `text` is the request as it came.
    pub(super) fn forward(
        &self,
        now: Now,
        session: &Session,
        action: &Action,
        request: Request<'_>,
        text: &[u8],
    ) -> Result<Stage, Denied> {
        let mut rewrite = Rewrite {
            action_id_in_place: false,
            drop: &[],
            append: &[],
        };
        let mut added: Vec<(&str, Cow<'_, [u8]>)> = Vec::new();
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
                    check_synchronous(session, request, &self.limits)?;
                    route = Route::SynchronousOriginate(limit);
                    rewrite.drop = &["Async"];
                    added.push(("Async", Cow::Borrowed(b"true")));
                    if let Some(values) = variables_without_escalation(request) {
                        rewrite.drop = &["Async", "Variable"];
                        added.extend(values.into_iter().map(|value| ("Variable", value.into())));
                    }
                }
                for (name, value) in &session.user.set_variables {
                    let pair = format!("{name}={}", escaped(value));
                    added.push(("Variable", pair.into_bytes().into()));
                }
            }
            _ => {}
        }
        let append = added
            .iter()
            .filter_map(|(name, value)| Some((Text::new(name.as_bytes())?, Text::new(value)?)))
            .collect::<Vec<_>>();
        rewrite.append = &append;
        let outgoing = rebuild(request, &rewrite)
            .map_err(|error| Denied::format(error.to_string().into_bytes()))?;
        if !self.link.accepts_actions() {
            return Err(Denied::Unable(self.away_text(now)));
        }
        Ok(Stage::Queued(Box::new(Queued {
            text: text.into(),
            outgoing,
            route,
            shape,
            list_end: action.list_end,
            late,
        })))
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

    /// Gives a session a place in the fair queue, unless it has one or nothing to send. Those of one request have their
    /// place with their listener.
    pub(super) fn give_turn(&mut self, id: SessionId) {
        let Some(session) = self.session_mut(id) else {
            return;
        };
        if !session.has_turn && next_to_send(session).is_some() {
            session.has_turn = true;
            if session.kind.is_asker() {
                self.queue_asker(id);
            } else {
                self.turns.push(id);
            }
        }
    }

    /// Sends to Asterisk what the window allows, the clients in turn.
    pub(super) fn dispatch(&mut self, now: Now) {
        if self.link.phase != super::link::Phase::Ready || !self.link.drop_cause_is_none() {
            return;
        }
        while self.ring.len() < self.upstream.window {
            let Some(id) = self.turns.pop() else {
                return;
            };
            let Some(id) = self.whose_turn(id) else {
                continue;
            };
            let Some(session) = self.session_mut(id) else {
                continue;
            };
            session.has_turn = false;
            if let Some(index) = next_to_send(session)
                && let Some(pending) = session.pending.get_mut(index)
                && let Stage::Queued(queued) = std::mem::replace(&mut pending.stage, Stage::Sent)
            {
                let action_id = pending.action_id.clone();
                session.in_flight += 1;
                let user = session.user_key.clone();
                self.note_sent(id);
                self.send(now, id, *queued, action_id, user);
            }
            self.give_turn(id);
            self.offer_turn(id);
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
                    session: self.owner(id),
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
fn check_synchronous(
    session: &Session,
    request: Request<'_>,
    limits: &LimitCounters,
) -> Result<(), Denied> {
    if !request.get_or_empty("PreDialGoSub").is_empty() {
        return Err(Denied::unable(
            b"PreDialGoSub needs a synchronous Originate, which amimux does not forward: it would block every client",
        ));
    }
    if let Some(text) = missing_destination(request) {
        return Err(Denied::unable(text.as_bytes()));
    }
    if session.originates >= ORIGINATES_MAX {
        limits.count(Limit::Originates);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_escaped_for_asterisks_splitting() {
        assert_eq!(escaped(r#"a,"b"\c"#), r#"a\,\"b\"\\c"#);
    }
}
