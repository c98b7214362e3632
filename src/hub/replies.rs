//! What Asterisk sends, frame by frame: events with a Privilege go to the views, everything else belongs to
//! the action whose reply is being read. Order and token are checked both: a forged or stray response never
//! answers somebody else's action.

use bytes::{Buf, BytesMut};

use super::limit::Limit;
use super::link::Phase;
use super::ring::{InFlight, Owner, Progress, Route};
use super::session::{SessionId, Stage, find_mut};
use super::statistics::ActionOutcome;
use super::{Hub, Notice, Now, Originate};
use crate::policy::action::ReplyShape;
use crate::policy::privilege::event_classes;
use crate::protocol::action_id::TokenKind;
use crate::protocol::frame::{Frame, FrameKind, ListState};
use crate::protocol::upstream_framer::Step;
use crate::protocol::writer::{MessageWriter, Text};

impl Hub {
    /// The buffer that bytes from Asterisk are read into; then call [`Hub::upstream_received`].
    pub const fn inbound(&mut self) -> &mut BytesMut {
        &mut self.inbound
    }

    /// Takes what was read from Asterisk: one turn.
    pub fn upstream_received(&mut self, now: Now) {
        self.link.received_at = now.since_start;
        if self.link.phase == Phase::Greeting && !self.read_banner(now) {
            return;
        }
        let mut inbound = std::mem::take(&mut self.inbound);
        let mut consumed = 0;
        // After a refusal or a loss, what is left belongs to a connection that is being given up.
        while self.link.drop_cause_is_none() {
            let rest = inbound.get(consumed..).unwrap_or_default();
            match self.framer.next(rest) {
                Step::Incomplete => break,
                Step::Skip(length) => consumed += length,
                Step::Frame { length } => {
                    self.statistics.upstream_messages += 1;
                    self.route(now, Frame::new(rest.get(..length).unwrap_or_default()));
                    consumed += length;
                }
                Step::Oversized { length } => {
                    self.statistics.upstream_messages += 1;
                    self.oversized(now, Frame::new(rest.get(..length).unwrap_or_default()));
                    consumed += length;
                }
            }
        }
        self.statistics.upstream_bytes_in += consumed as u64;
        inbound.advance(consumed.min(inbound.len()));
        self.inbound = inbound;
        self.end_turn(now);
    }

    fn route(&mut self, now: Now, frame: Frame<'_>) {
        if let Some(head) = frame.event_head() {
            match head.privilege.and_then(event_classes) {
                Some(classes) => self.broadcast(now, frame, head.name, classes),
                None => self.item(now, frame),
            }
        } else if frame.kind() == FrameKind::Response {
            self.response(now, frame);
        } else {
            self.raw_text(frame);
        }
    }

    /// The sequence number of the token that a frame carries as its ActionID: `None` without a token of ours.
    fn sequence_of(&self, frame: Frame<'_>) -> Option<(u64, TokenKind)> {
        let line = frame.action_id()?;
        self.mint.parse(frame.bytes().get(line.value)?)
    }

    fn response(&mut self, now: Now, frame: Frame<'_>) {
        match self.sequence_of(frame) {
            Some((sequence, _)) if self.ring.contains(sequence) => {
                while self.ring.front_sequence() != sequence {
                    self.skip_front(now);
                }
                self.front_response(now, frame);
            }
            None if self.reply_has_begun() => self.deliver(frame),
            _ => self.unroutable(frame),
        }
    }

    fn reply_has_begun(&self) -> bool {
        self.ring
            .front()
            .is_some_and(|front| front.progress != Progress::Waiting)
    }

    fn front_response(&mut self, now: Now, frame: Frame<'_>) {
        let Some(front) = self.ring.front_mut() else {
            return;
        };
        let is_error = frame.name() == b"Error";
        front.is_error |= is_error;
        if let Owner::Internal(what) = front.owner {
            self.note_round_trip();
            self.ring.pop();
            self.internal_reply(now, what, frame);
            return;
        }
        if front.progress == Progress::Waiting
            && frame.name() == b"Success"
            && matches!(
                front.owner,
                Owner::Session {
                    route: Route::SynchronousOriginate(_),
                    ..
                }
            )
        {
            self.await_outcome(now);
            return;
        }
        let opens = front.progress == Progress::Waiting && opens_list(front, frame);
        let irregular = front.shape == ReplyShape::Irregular;
        if opens {
            front.progress = Progress::List(0);
        } else if irregular {
            // Also where a list was open: some end in a response instead of their last event.
            front.progress = Progress::Open;
        }
        if is_error {
            self.late.take(self.ring.front_sequence());
        }
        self.deliver(frame);
        if !opens && !irregular {
            self.finish_front(now, self.front_outcome());
        }
    }

    /// A synchronous Originate was taken: its answer waits for the OriginateResponse.
    fn await_outcome(&mut self, now: Now) {
        self.note_begun();
        let sequence = self.ring.front_sequence();
        if let Some(InFlight {
            owner:
                Owner::Session {
                    id,
                    action_id,
                    route: Route::SynchronousOriginate(limit),
                },
            ..
        }) = self.ring.front()
        {
            let (id, originate) = (
                *id,
                Originate {
                    session: *id,
                    action_id: action_id.clone(),
                    deadline: now.since_start + *limit,
                },
            );
            self.originates.insert(sequence, originate);
            if let Some(session) = self.session_mut(id) {
                session.originates += 1;
            }
        }
        self.finish_front(now, None);
    }

    /// An event without Privilege: part of the reply that is being read, or nobody's.
    fn item(&mut self, now: Now, frame: Frame<'_>) {
        let sequence = self.ring.front_sequence();
        let foreign = self
            .sequence_of(frame)
            .is_some_and(|(other, _)| other != sequence);
        let Some(front) = self.ring.front_mut().filter(|_| !foreign) else {
            self.unroutable(frame);
            return;
        };
        let ends = match front.progress {
            Progress::Waiting if !front.fenced => {
                self.unroutable(frame);
                return;
            }
            Progress::Waiting | Progress::Open => {
                front.progress = Progress::Open;
                false
            }
            Progress::List(items) => {
                front.progress = Progress::List(items.saturating_add(1));
                matches!(
                    frame.list_state(),
                    ListState::Complete | ListState::Cancelled
                ) || front
                    .list_end
                    .is_some_and(|name| name.as_bytes() == frame.name())
            }
        };
        self.deliver(frame);
        if ends {
            self.finish_front(now, self.front_outcome());
        }
    }

    /// Text without headers: part of the reply that is being read, or the whole of it, or nobody's.
    fn raw_text(&mut self, frame: Frame<'_>) {
        match self.ring.front_mut() {
            Some(front) if front.progress != Progress::Waiting || front.fenced => {
                if front.progress == Progress::Waiting {
                    front.progress = Progress::Open;
                }
                self.deliver(frame);
            }
            _ => self.unroutable(frame),
        }
    }

    fn oversized(&mut self, now: Now, head: Frame<'_>) {
        self.limits.count(Limit::MaxMessage);
        self.notice(Notice::Oversized {
            first_line: Self::first_line(head.bytes()),
        });
        if head.kind() == FrameKind::Response
            && let Some((sequence, _)) = self.sequence_of(head)
            && self.ring.contains(sequence)
        {
            while self.ring.front_sequence() != sequence {
                self.skip_front(now);
            }
            let text = format!(
                "The answer from Asterisk was longer than {} bytes (maxmessage)",
                self.general.frame_bytes_max
            );
            self.fail_front(now, &text, ActionOutcome::Unanswered);
        }
    }

    fn unroutable(&mut self, frame: Frame<'_>) {
        self.notice(Notice::Unroutable {
            first_line: Self::first_line(frame.bytes()),
        });
    }

    /// Hands a frame to the client whose reply is being read, its own ActionID restored to the byte.
    fn deliver(&mut self, frame: Frame<'_>) {
        self.note_begun();
        let sequence = self.ring.front_sequence();
        let Some(InFlight {
            owner:
                Owner::Session {
                    id,
                    action_id,
                    route,
                },
            ..
        }) = self.ring.front()
        else {
            return;
        };
        let kind = match route {
            Route::Deliver => TokenKind::Ordinary,
            Route::SynchronousOriginate(_) => TokenKind::SynchronousOriginate,
        };
        let token = self.mint.token(sequence, kind);
        let parts = restored(frame, token.as_bytes(), action_id.as_deref());
        let id = *id;
        let Some(session) = find_mut(&mut self.sessions, id) else {
            return;
        };
        let Some(view) = self.views.get(session.view) else {
            return;
        };
        let before = session.mailbox.bytes();
        session.mailbox.post(view.log.end(), |out| {
            for part in parts {
                out.extend_from_slice(part);
            }
        });
        self.mail_bytes += session.mailbox.bytes().saturating_sub(before);
        self.mark_dirty(id);
    }

    /// The oldest action is over: its place is free, and what waited behind it in its session goes on. Without an
    /// outcome, that is still to come.
    fn finish_front(&mut self, now: Now, outcome: Option<ActionOutcome>) {
        let Some(entry) = self.ring.pop() else {
            return;
        };
        if let Owner::Session { id, .. } = entry.owner {
            if let Some(outcome) = outcome {
                self.statistics.finish(outcome, 1);
            }
            self.settle(id);
            self.pump(now, id);
        }
    }

    /// Takes the oldest request that is with Asterisk out of its session's queue.
    pub(super) fn settle(&mut self, id: SessionId) {
        if let Some(session) = self.session_mut(id) {
            if let Some(index) = session
                .pending
                .iter()
                .position(|pending| matches!(pending.stage, Stage::Sent))
            {
                session.pending.remove(index);
            }
            session.in_flight = session.in_flight.saturating_sub(1);
        }
        self.note_settled(id, 1);
        self.give_turn(id);
    }

    /// A later action is being answered: Asterisk is done with the oldest one, whatever came of it.
    fn skip_front(&mut self, now: Now) {
        let Some(front) = self.ring.front() else {
            return;
        };
        match front.owner {
            Owner::Internal(super::ring::Internal::Events(classes)) => {
                self.ring.pop();
                self.classes_confirmed(now, classes);
            }
            Owner::Internal(_) | Owner::Abandoned => {
                self.ring.pop();
            }
            Owner::Session { .. } => {
                let text = "Asterisk gave no answer to this action";
                self.fail_front(now, text, ActionOutcome::Unanswered);
            }
        }
    }

    /// Ends the oldest action with an error, unless it was answered well enough.
    pub(super) fn fail_front(&mut self, now: Now, text: &str, outcome: ActionOutcome) {
        let sequence = self.ring.front_sequence();
        let mut outcome = Some(outcome);
        if let Some(InFlight {
            owner: Owner::Session { id, action_id, .. },
            progress,
            list_end,
            ..
        }) = self.ring.front()
        {
            let (id, progress, list_end) = (*id, *progress, *list_end);
            let action_id = action_id.clone();
            self.post_failure(id, action_id.as_deref(), progress, list_end, text);
            // An action that was answered may still be echoed.
            if progress == Progress::Waiting {
                self.late.take(sequence);
            }
            if progress == Progress::Open {
                outcome = self.front_outcome();
            }
        }
        self.finish_front(now, outcome);
    }

    /// The error for an action that Asterisk will not answer (any more). A list that was open is closed, too:
    /// some clients look at responses, others at the event that ends the list.
    pub(super) fn post_failure(
        &mut self,
        id: SessionId,
        action_id: Option<&[u8]>,
        progress: Progress,
        list_end: Option<&'static str>,
        text: &str,
    ) {
        if progress == Progress::Open {
            return;
        }
        let action_id = action_id.and_then(Text::new);
        let text = Text::new(text.as_bytes()).unwrap_or(Text::fixed("Asterisk gave no answer"));
        self.post(id, |out| {
            MessageWriter::response(out, Text::fixed("Error"), action_id)
                .header(Text::fixed("Message"), text)
                .finish();
            if let Progress::List(items) = progress {
                let items = items.to_string();
                let name = Text::fixed(list_end.unwrap_or("ListComplete"));
                let mut writer = MessageWriter::event(out, name);
                if let Some(action_id) = action_id {
                    writer = writer.header(Text::fixed("ActionID"), action_id);
                }
                writer = writer.header(Text::fixed("EventList"), Text::fixed("Cancelled"));
                if let Some(items) = Text::new(items.as_bytes()) {
                    writer = writer.header(Text::fixed("ListItems"), items);
                }
                writer.finish();
            }
        });
    }
}

/// Whether a first response says that a list follows. Asterisk 11 has no EventList on several lists: there
/// the message says it.
fn opens_list(front: &InFlight, frame: Frame<'_>) -> bool {
    match frame.list_state() {
        ListState::Start => true,
        ListState::None => {
            front.list_end.is_some()
                && frame.name() == b"Success"
                && frame.get("Message").is_some_and(|message| {
                    message
                        .to_ascii_lowercase()
                        .windows(b"will follow".len())
                        .any(|window| window == b"will follow")
                })
        }
        ListState::Complete | ListState::Cancelled => false,
    }
}

/// A frame with the client's own ActionID in the token's place, or without the line where it sent none.
fn restored<'a>(
    frame: Frame<'a>,
    token: &[u8],
    action_id: Option<&'a [u8]>,
) -> arrayvec::ArrayVec<&'a [u8], 3> {
    let bytes = frame.bytes();
    let whole = frame
        .action_id()
        .filter(|line| bytes.get(line.value.clone()) == Some(token))
        .map(|line| match action_id {
            Some(_) => line.value,
            None => line.line,
        });
    // A value with line ends can put an ActionID of its own before ours: ours is looked for by itself then.
    let range = whole.or_else(|| {
        let start = memchr::memmem::find(bytes, token)?;
        Some(start..start + token.len())
    });
    let mut parts = arrayvec::ArrayVec::new();
    match range {
        None => parts.push(bytes),
        Some(range) => {
            parts.push(bytes.get(..range.start).unwrap_or_default());
            parts.push(action_id.unwrap_or_default());
            parts.push(bytes.get(range.end..).unwrap_or_default());
        }
    }
    parts
}
