//! What one client still has to be written: its cursor into a view's log, and its private messages,
//! each with the position at which it belongs. Order is Asterisk's order, whole messages only,
//! however the writes are cut. A change of view is a message too: behind it the cursor is in another log.

mod collect;
mod skip;

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};

use super::log::{LogPosition, Slices};
use super::view::{ViewId, Views};

pub(super) use self::skip::Missed;

/// Where reading goes on behind a private message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// In the same log, at this position: the message's own, or behind what it takes the place of.
    Continue(LogPosition),
    /// In another view's log.
    Switch(ViewId, LogPosition),
}

impl Then {
    /// The view and the position at which reading goes on, from a message of `view`.
    const fn place(self, view: ViewId) -> (ViewId, LogPosition) {
        match self {
            Self::Continue(position) => (view, position),
            Self::Switch(other, position) => (other, position),
        }
    }
}

/// A private message (or several that belong at one place).
#[derive(Debug, Clone)]
pub(super) struct Mail {
    /// Grows from message to message; what was put in between has that of a neighbour.
    pub(super) number: u64,
    pub(super) at: LogPosition,
    pub(super) then: Then,
    pub(super) bytes: BytesMut,
    /// It tells of events that were skipped here.
    pub(super) gap: Option<Missed>,
}

/// A reader has lost events: the log no longer has what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FellOff;

/// Whether a write took a client into another view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Switched {
    /// The view left.
    pub(super) from: ViewId,
    /// The view entered.
    pub(super) to: ViewId,
}

/// The cursor and the private messages of one client.
#[derive(Debug, Clone)]
pub(super) struct Mailbox {
    pub(super) view: ViewId,
    pub(super) cursor: LogPosition,
    pub(super) mail: VecDeque<Mail>,
    /// How many messages were ever put in: gives each a number that stays.
    pub(super) posted: u64,
    /// Nothing comes behind this position (in the view chosen last): the session is ending.
    pub(super) until: Option<LogPosition>,
    /// Some of the first message's bytes were written, but not all.
    pub(super) begun: bool,
    pub(super) bytes: usize,
    /// What the client was told that it missed, since it was last asked.
    pub(super) told: Option<Missed>,
}

impl Mailbox {
    /// A mailbox that reads `view` from `cursor` on.
    pub(super) const fn new(view: ViewId, cursor: LogPosition) -> Self {
        Self {
            view,
            cursor,
            mail: VecDeque::new(),
            posted: 1,
            until: None,
            begun: false,
            bytes: 0,
            told: None,
        }
    }

    /// The view that is being read now (the latest one chosen may lie behind a switch).
    pub(super) const fn view(&self) -> ViewId {
        self.view
    }

    /// How far the view's log was read.
    pub(super) const fn cursor(&self) -> LogPosition {
        self.cursor
    }

    /// How many bytes of private messages wait.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether no private message and no switch waits.
    pub(super) fn is_empty(&self) -> bool {
        self.mail.is_empty()
    }

    /// The number that the next message will get, for [`Mailbox::insert`].
    pub(super) const fn next_number(&self) -> u64 {
        self.posted
    }

    /// Ends what the client is written at this position (in the view chosen last): later messages are dropped.
    pub(super) fn end_at(&mut self, position: LogPosition) {
        self.until.get_or_insert(position);
    }

    /// Adds to the messages that belong at `at` (in the view chosen last): `write` appends whole messages.
    pub(super) fn post(&mut self, at: LogPosition, write: impl FnOnce(&mut BytesMut)) {
        if self.until.is_some() {
            return;
        }
        let joins = self.mail.back().is_some_and(|last| {
            last.at == at && last.then == Then::Continue(at) && last.gap.is_none()
        });
        if !joins {
            self.push(at, Then::Continue(at));
        }
        if let Some(last) = self.mail.back_mut() {
            let before = last.bytes.len();
            write(&mut last.bytes);
            self.bytes += last.bytes.len().saturating_sub(before);
        }
    }

    /// Puts `bytes` in the place of the log from `at` to `skip_to`.
    pub(super) fn replace(&mut self, at: LogPosition, skip_to: LogPosition, parts: &[&[u8]]) {
        if self.until.is_some() {
            return;
        }
        self.push(at, Then::Continue(skip_to));
        if let Some(mail) = self.mail.back_mut() {
            for part in parts {
                mail.bytes.extend_from_slice(part);
                self.bytes += part.len();
            }
        }
    }

    /// From `at` on, reads another view from `to` on.
    pub(super) fn switch(&mut self, at: LogPosition, view: ViewId, to: LogPosition) {
        self.push(at, Then::Switch(view, to));
    }

    /// Puts a message before the one that got `number`, at position `at`; but never into one that is half written,
    /// nor into events that were skipped.
    pub(super) fn insert(&mut self, number: u64, at: LogPosition, bytes: &[u8]) {
        let index = self
            .mail
            .partition_point(|mail| mail.number < number)
            .max(usize::from(self.begun));
        let before = index.checked_sub(1).and_then(|index| self.mail.get(index));
        let reached = before.map_or(self.cursor, |mail| match mail.then {
            Then::Continue(position) | Then::Switch(_, position) => position,
        });
        let at = at.max(reached);
        self.bytes += bytes.len();
        self.mail.insert(
            index,
            Mail {
                // Behind it goes what is put in before the same message later.
                number: number.saturating_sub(1),
                at,
                then: Then::Continue(at),
                bytes: BytesMut::from(bytes),
                gap: None,
            },
        );
    }

    fn push(&mut self, at: LogPosition, then: Then) {
        self.mail.push_back(Mail {
            number: self.posted,
            at,
            then,
            bytes: BytesMut::new(),
            gap: None,
        });
        self.posted += 1;
    }

    /// Drops every private message, for a client that will not be written any more; returns how many bytes they
    /// had. The switches stay: they count in the views that they lead to.
    pub(super) fn drop_messages(&mut self) -> usize {
        self.mail
            .retain(|mail| matches!(mail.then, Then::Switch(..)));
        self.begun = false;
        std::mem::take(&mut self.bytes)
    }

    /// Whether something that this client still has to be sent stands where its log is no longer kept; `base` tells
    /// from where on each view's is.
    ///
    /// # Errors
    /// The view that it reads last is gone.
    pub(super) fn lacks(
        &self,
        views: &Views,
        base: impl Fn(ViewId) -> LogPosition,
    ) -> Result<bool, FellOff> {
        let (mut view, mut cursor) = (self.view, self.cursor);
        for mail in &self.mail {
            if cursor < mail.at.min(base(view)) {
                return Ok(true);
            }
            (view, cursor) = mail.then.place(view);
        }
        Ok(cursor < self.end(views, view)?.min(base(view)))
    }

    /// Where the last log is read up to.
    fn end(&self, views: &Views, view: ViewId) -> Result<LogPosition, FellOff> {
        match self.until {
            Some(until) => Ok(until),
            None => Ok(views.log(view)?.end()),
        }
    }

    /// What the client was told that it missed, since this was last called.
    pub(super) const fn take_told(&mut self) -> Option<Missed> {
        self.told.take()
    }

    /// Every view that a waiting switch leads to.
    pub(super) fn switches(&self) -> impl Iterator<Item = ViewId> {
        self.mail.iter().filter_map(|mail| match mail.then {
            Then::Switch(view, _) => Some(view),
            Then::Continue(_) => None,
        })
    }

    /// Collects what is to be written next, in order, as far as it fits into one write.
    ///
    /// # Errors
    /// The log no longer has what this client has to be sent.
    pub(super) fn gather<'a>(
        &'a self,
        views: &'a Views,
        slices: &mut Slices<'a>,
    ) -> Result<(), FellOff> {
        let (mut view, mut cursor) = (self.view, self.cursor);
        for mail in &self.mail {
            if !views.log(view)?.read(cursor..mail.at, slices) {
                return Err(FellOff);
            }
            if slices.is_full() {
                return Ok(());
            }
            if !mail.bytes.is_empty() {
                slices.push(&mail.bytes);
            }
            (view, cursor) = mail.then.place(view);
            if slices.is_full() {
                return Ok(());
            }
        }
        let log = views.log(view)?;
        let end = self.end(views, view)?;
        if log.read(cursor..end, slices) {
            Ok(())
        } else {
            Err(FellOff)
        }
    }

    /// Says that `written` bytes of what [`Mailbox::gather`] gave are with the kernel. Switches that were
    /// passed are handed to `switched`, in order.
    pub(super) fn advance(&mut self, mut written: usize, switched: &mut dyn FnMut(Switched)) {
        loop {
            let Some(mail) = self.mail.front_mut() else {
                self.cursor.0 = self.cursor.0.saturating_add(written as u64);
                return;
            };
            let before = usize::try_from(mail.at.since(self.cursor)).unwrap_or(usize::MAX);
            if written < before {
                self.cursor.0 = self.cursor.0.saturating_add(written as u64);
                return;
            }
            self.cursor = self.cursor.max(mail.at);
            written -= before;
            let taken = written.min(mail.bytes.len());
            mail.bytes.advance(taken);
            written -= taken;
            self.bytes = self.bytes.saturating_sub(taken);
            self.begun = !mail.bytes.is_empty() && (self.begun || taken > 0);
            if !mail.bytes.is_empty() {
                return;
            }
            let then = mail.then;
            if let Some(gap) = mail.gap {
                self.told = Some(self.told.unwrap_or_default().and(gap));
            }
            self.mail.pop_front();
            match then {
                Then::Continue(position) => self.cursor = position,
                Then::Switch(to, position) => {
                    let from = std::mem::replace(&mut self.view, to);
                    self.cursor = position;
                    switched(Switched { from, to });
                }
            }
        }
    }
}
