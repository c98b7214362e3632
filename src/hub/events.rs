//! Broadcast events: decided once per view and appended to its log. The few that carry an ActionID
//! (`OriginateResponse`, the echo of a `UserEvent`) are shown as they were to those who may see it, and
//! without it to everybody else.

use std::borrow::Cow;
use std::ops::Range;

use arrayvec::ArrayVec;
use bytes::BytesMut;

use super::late::LateAction;
use super::link::{Booted, Phase};
use super::session::SessionId;
use super::statistics::ActionOutcome;
use super::{Hub, Now};
use crate::policy::class::Classes;
use crate::policy::user::ActionIds;
use crate::protocol::action_id::TokenKind;
use crate::protocol::frame::Frame;
use crate::protocol::writer::{MessageWriter, Text};

/// Events that repeat the ActionID of the action that made them. Elsewhere one is content.
const CARRIERS: [&[u8]; 3] = [b"OriginateResponse", b"UserEvent", b"SIPQualifyPeerDone"];

type Parts<'a> = ArrayVec<&'a [u8], 8>;

impl Hub {
    /// An event with a Privilege: for every view that wants all its classes.
    pub(super) fn broadcast(&mut self, now: Now, frame: Frame<'_>, name: &[u8], classes: Classes) {
        self.pulse.count_event();
        self.statistics.upstream_events += 1;
        if classes.contains_all(Classes::SYSTEM) && self.note_system_event(now, name, frame) {
            return;
        }
        if classes.contains_all(Classes::SECURITY) && self.is_about_us(frame) {
            return;
        }
        if CARRIERS.contains(&name)
            && let Some(line) = frame.action_id()
            && let Some((sequence, kind)) = frame
                .bytes()
                .get(line.value.clone())
                .and_then(|value| self.mint.parse(value))
        {
            if kind == TokenKind::SynchronousOriginate {
                self.originate_outcome(now, sequence, frame);
            } else {
                let action = self.late.take(sequence);
                if !self.is_disabled(name) {
                    self.broadcast_with_id(now, frame, classes, (line.line, line.value), action);
                }
            }
            return;
        }
        if self.is_disabled(name) {
            return;
        }
        let stamp = self.stamp(now, frame);
        let mut parts = Parts::new();
        self.cut(frame, 0..frame.bytes().len(), stamp.as_deref(), &mut parts);
        let shown = whole(&parts);
        self.views
            .for_each_wanting(classes, Frame::new(&shown), |_, view| view.append(&parts));
    }

    pub(super) fn is_disabled(&self, name: &[u8]) -> bool {
        self.general
            .disabled_events
            .iter()
            .any(|disabled| disabled.as_bytes() == name)
    }

    /// A Timestamp line to be added, if `timestampevents` wants one and Asterisk sent none.
    fn stamp(&self, now: Now, frame: Frame<'_>) -> Option<String> {
        (self.general.timestamp_events == Some(true) && frame.timestamp_line().is_none()).then(
            || {
                format!(
                    "Timestamp: {}.{:06}\r\n",
                    now.wall.as_secs(),
                    now.wall.subsec_micros()
                )
            },
        )
    }

    /// Adds the bytes of `range` to `parts`, with the Timestamp line put in or left out as configured.
    fn cut<'a>(
        &self,
        frame: Frame<'a>,
        range: Range<usize>,
        stamp: Option<&'a str>,
        parts: &mut Parts<'a>,
    ) {
        let bytes = frame.bytes();
        let slice = |range: Range<usize>| bytes.get(range).unwrap_or_default();
        let edit = match (stamp, self.general.timestamp_events) {
            (Some(stamp), _) => frame.after_privilege().map(|at| (at..at, stamp.as_bytes())),
            (None, Some(false)) => frame.timestamp_line().map(|line| (line, &b""[..])),
            (None, _) => None,
        };
        match edit {
            // A line that is put in may stand right at the end: behind Privilege comes the ActionID.
            Some((gap, text)) if (range.start..=range.end).contains(&gap.start) => {
                parts.push(slice(range.start..gap.start));
                parts.push(text);
                parts.push(slice(gap.end..range.end));
            }
            _ => parts.push(slice(range)),
        }
    }

    fn broadcast_with_id(
        &mut self,
        now: Now,
        frame: Frame<'_>,
        classes: Classes,
        (line, value): (Range<usize>, Range<usize>),
        action: Option<LateAction>,
    ) {
        let bytes = frame.bytes();
        let stamp = self.stamp(now, frame);
        let mut without = Parts::new();
        self.cut(frame, 0..line.start, stamp.as_deref(), &mut without);
        without.push(bytes.get(line.end..).unwrap_or_default());
        let own = action.as_ref().and_then(|action| action.action_id.clone());
        let with = own.as_deref().map(|own| {
            let mut parts = Parts::new();
            self.cut(frame, 0..value.start, stamp.as_deref(), &mut parts);
            parts.push(own);
            parts.push(bytes.get(value.end..).unwrap_or_default());
            parts
        });
        let mut appended = Vec::new();
        // A filter sees what a bare Asterisk would show: the ActionID as its client wrote it.
        let shown = whole(with.as_ref().unwrap_or(&without));
        self.views
            .for_each_wanting(classes, Frame::new(&shown), |id, view| match &with {
                Some(with) if view.key.all_action_ids => view.append(with),
                _ => {
                    let start = view.log.end();
                    view.append(&without);
                    appended.push((id, start, view.log.end()));
                }
            });
        let (Some(with), Some(action)) = (with, action) else {
            return;
        };
        for id in self.by_user.get(&action.user).cloned().unwrap_or_default() {
            let Some(session) = self.session_mut(id) else {
                continue;
            };
            let sees = id == action.session || session.user.action_ids == ActionIds::User;
            let Some((_, start, end)) = appended
                .iter()
                .find(|(view, ..)| sees && *view == session.view)
            else {
                continue;
            };
            let before = session.mailbox.bytes();
            session.mailbox.replace(*start, *end, &with);
            let added = session.mailbox.bytes().saturating_sub(before);
            self.mail_bytes += added;
            self.mark_dirty(id);
        }
    }

    /// The outcome of a synchronous Originate: the answer that its client is waiting for; nobody else sees it.
    fn originate_outcome(&mut self, now: Now, sequence: u64, frame: Frame<'_>) {
        let success = frame.get("Response") == Some(b"Success".as_slice());
        let (outcome, text) = if success {
            (ActionOutcome::Success, "Originate successfully queued")
        } else {
            (ActionOutcome::Error, "Originate failed")
        };
        self.end_originate(now, sequence, outcome, text);
    }

    pub(super) fn end_originate(
        &mut self,
        now: Now,
        sequence: u64,
        outcome: ActionOutcome,
        text: &'static str,
    ) {
        let Some(originate) = self.originates.remove(&sequence) else {
            return;
        };
        self.statistics.finish(outcome, 1);
        let success = outcome == ActionOutcome::Success;
        let id = originate.session;
        self.post(id, |out| {
            let result = Text::fixed(if success { "Success" } else { "Error" });
            let action_id = originate.action_id.as_deref().and_then(Text::new);
            MessageWriter::response(out, result, action_id)
                .header(Text::fixed("Message"), Text::fixed(text))
                .finish();
        });
        self.originate_settled(now, id);
    }

    pub(super) fn originate_settled(&mut self, now: Now, id: SessionId) {
        if let Some(session) = self.session_mut(id) {
            session.originates = session.originates.saturating_sub(1);
        }
        self.give_turn(id);
        self.pump(now, id);
    }

    /// Learns what a `system` event says about Asterisk itself. `true`: it is announced by the hub, once.
    fn note_system_event(&mut self, now: Now, name: &[u8], frame: Frame<'_>) -> bool {
        match name {
            b"FullyBooted" => {
                let seconds = |header| {
                    frame
                        .get(header)
                        .and_then(|value| std::str::from_utf8(value).ok())
                        .and_then(|value| value.trim().parse().ok())
                        .unwrap_or(0)
                };
                if self.link.booted.is_none() {
                    self.link.booted = Some(Booted {
                        heard: now.since_start,
                        uptime: seconds("Uptime"),
                        last_reload: seconds("LastReload"),
                    });
                    self.link.announcement = Some(frame.bytes().to_vec());
                    self.announce_booted();
                }
                true
            }
            b"Reload" => {
                if let Some(booted) = &mut self.link.booted
                    && frame.get("Module") == Some(b"All".as_slice())
                {
                    booted.uptime += (now.since_start.saturating_sub(booted.heard)).as_secs();
                    booted.heard = now.since_start;
                    booted.last_reload = 0;
                }
                self.link.relearn();
                false
            }
            b"Load" | b"Unload" => {
                self.link.relearn();
                false
            }
            _ => false,
        }
    }

    /// Tells the clients that Asterisk is there, once their actions can be run.
    pub(super) fn announce_booted(&mut self) {
        if self.link.phase != Phase::Ready {
            return;
        }
        if let Some(announcement) = self.link.announcement.take() {
            self.append_own_event(Classes::SYSTEM, &announcement);
        }
    }

    /// Asterisk never said that it has booted: its user may not read `system`. Clients wait for it all the same.
    pub(super) fn assume_booted(&mut self, now: Now) {
        let booted = Booted {
            heard: now.since_start,
            uptime: 0,
            last_reload: 0,
        };
        self.link.booted = Some(booted);
        let mut event = BytesMut::new();
        write_fully_booted(&mut event, booted, now);
        self.append_own_event(Classes::SYSTEM, &event);
    }

    /// An event of these classes from the hub itself.
    pub(super) fn append_own_event(&mut self, classes: Classes, event: &[u8]) {
        self.views
            .for_each_wanting(classes, Frame::new(event), |_, view| view.append(&[event]));
    }

    /// What a client that reads `system` is told right after its login.
    pub(super) fn tell_state(&mut self, now: Now, id: SessionId) {
        match (&self.link.phase, self.link.booted) {
            (Phase::Ready, Some(booted)) => {
                self.post(id, |out| write_fully_booted(out, booted, now));
            }
            (Phase::Down { cause }, _) => {
                let cause = cause.clone();
                let name = self.upstream.name.clone();
                self.post(id, |out| write_lost(out, &name, &cause));
            }
            // It is told with everybody, as soon as Asterisk says so.
            _ => {}
        }
    }
}

/// The event that these parts make up; copied only where it was changed.
fn whole<'a>(parts: &Parts<'a>) -> Cow<'a, [u8]> {
    match parts.as_slice() {
        [one] => Cow::Borrowed(*one),
        several => Cow::Owned(several.concat()),
    }
}

/// Asterisk's event after a login (`main/manager.c`, `action_login`).
fn write_fully_booted(out: &mut BytesMut, booted: Booted, now: Now) {
    let since = now.since_start.saturating_sub(booted.heard).as_secs();
    let (uptime, last_reload) = (
        (booted.uptime + since).to_string(),
        (booted.last_reload + since).to_string(),
    );
    let none = Text::fixed("0");
    MessageWriter::event(out, Text::fixed("FullyBooted"))
        .header(Text::fixed("Privilege"), Text::fixed("system,all"))
        .header(
            Text::fixed("Uptime"),
            Text::new(uptime.as_bytes()).unwrap_or(none),
        )
        .header(
            Text::fixed("LastReload"),
            Text::new(last_reload.as_bytes()).unwrap_or(none),
        )
        .header(Text::fixed("Status"), Text::fixed("Fully Booted"))
        .finish();
}

/// The event that says that Asterisk is away.
pub(super) fn write_lost(out: &mut BytesMut, upstream: &str, cause: &str) {
    let unknown = Text::fixed("unknown");
    MessageWriter::event(out, Text::fixed("MuxUpstreamLost"))
        .header(Text::fixed("Privilege"), Text::fixed("system,all"))
        .header(
            Text::fixed("Upstream"),
            Text::new(upstream.as_bytes()).unwrap_or(unknown),
        )
        .header(
            Text::fixed("Cause"),
            Text::new(cause.as_bytes()).unwrap_or(unknown),
        )
        .finish();
}
