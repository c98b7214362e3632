//! Skipping: a client that reads too slowly leaves out the events that wait for it and goes on with those to come.
//! Its private messages stay, what is half written is finished, and one event says how much was left out.

use std::ops::Range;

use bytes::BytesMut;
use memchr::memmem;

use super::{FellOff, Mail, Mailbox, Switched, Then};
use crate::hub::log::{LogPosition, MESSAGE_END, ViewLog};
use crate::hub::view::{ViewId, Views};
use crate::protocol::writer::{MessageWriter, Text};

/// Events that a client was not sent, because it read too slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::hub) struct Missed {
    /// How many.
    pub(in crate::hub) events: u64,
    /// How many bytes they had.
    pub(in crate::hub) bytes: u64,
    /// There may be more, nobody knows how many.
    pub(in crate::hub) uncounted: bool,
}

impl Missed {
    /// Adds what stands in that part of a log; returns whether anything does.
    fn add(&mut self, log: &ViewLog, range: Range<LogPosition>) -> bool {
        if range.start >= range.end {
            return false;
        }
        self.bytes = self.bytes.saturating_add(range.end.since(range.start));
        self.events = self.events.saturating_add(log.events_in(range));
        true
    }

    /// Both together.
    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            events: self.events.saturating_add(other.events),
            bytes: self.bytes.saturating_add(other.bytes),
            uncounted: self.uncounted || other.uncounted,
        }
    }

    /// The event that says so.
    fn write(self, out: &mut BytesMut) {
        let (events, bytes) = (self.events.to_string(), self.bytes.to_string());
        let (events, bytes) = (Text::new(events.as_bytes()), Text::new(bytes.as_bytes()));
        let (events, bytes) = if self.uncounted {
            (None, None)
        } else {
            (events, bytes)
        };
        let unknown = Text::fixed("unknown");
        MessageWriter::event(out, Text::fixed("MuxEventsSkipped"))
            .header(Text::fixed("Privilege"), Text::fixed("system,all"))
            .header(Text::fixed("Messages"), events.unwrap_or(unknown))
            .header(Text::fixed("Bytes"), bytes.unwrap_or(unknown))
            .finish();
    }
}

impl Mailbox {
    /// Skips all events that wait: the cursor goes to the present end. Private messages stay, in their order, and what
    /// is half written is finished. Where the first of the events stood there is one that says how many were missed.
    ///
    /// # Errors
    /// A view is gone; nothing was changed then that matters, as its reader is to be ended.
    pub(in crate::hub) fn skip(&mut self, views: &Views) -> Result<(), FellOff> {
        self.keep_half_written(views)?;
        let (mut missed, mut place) = (Missed::default(), None);
        let (mut view, mut cursor) = (self.view, self.cursor);
        // From where on the messages are in `view`, and how far it is read.
        let mut target = self.run_end(views, 0, view)?;
        self.cursor = target;
        for index in 0..self.mail.len() {
            let next_run = self.run_end_behind(views, index)?;
            let Some(mail) = self.mail.get_mut(index) else {
                break;
            };
            if missed.add(views.log(view)?, cursor..mail.at) {
                place.get_or_insert((index, target));
            }
            (view, cursor) = mail.then.place(view);
            mail.at = target;
            if let Some(next) = next_run {
                target = next;
            }
            mail.then = match mail.then {
                Then::Continue(_) => Then::Continue(target),
                Then::Switch(to, _) => Then::Switch(to, target),
            };
        }
        if missed.add(views.log(view)?, cursor..target) {
            place.get_or_insert((self.mail.len(), target));
        }
        if let Some((index, at)) = place {
            self.tell(index, at, missed);
        }
        Ok(())
    }

    /// Leaves out everything that waits, private messages too, and goes on at the present end of the view chosen last:
    /// for one that reads whole messages only, and all of them events. One message says how many were left out.
    ///
    /// # Errors
    /// A view is gone; its reader is to be ended.
    pub(in crate::hub) fn leave_out_all(
        &mut self,
        views: &Views,
        switched: &mut dyn FnMut(Switched),
    ) -> Result<(), FellOff> {
        let mut missed = Missed::default();
        for mail in std::mem::take(&mut self.mail) {
            missed.add(views.log(self.view)?, self.cursor..mail.at);
            missed = missed.and(mail.gap.unwrap_or_else(|| Missed {
                events: memmem::find_iter(&mail.bytes, MESSAGE_END).count() as u64,
                bytes: mail.bytes.len() as u64,
                uncounted: false,
            }));
            let (view, position) = mail.then.place(self.view);
            self.cursor = position;
            if matches!(mail.then, Then::Switch(..)) {
                let from = std::mem::replace(&mut self.view, view);
                switched(Switched { from, to: view });
            }
        }
        self.bytes = 0;
        let end = self.end(views, self.view)?;
        missed.add(views.log(self.view)?, self.cursor..end);
        self.cursor = self.cursor.max(end);
        if missed != Missed::default() {
            self.tell(0, self.cursor, missed);
        }
        Ok(())
    }

    /// Says before everything else that events were missed, nobody knows how many.
    pub(in crate::hub) fn tell_unknown_gap(&mut self) {
        let missed = Missed {
            uncounted: true,
            ..Missed::default()
        };
        self.tell(0, self.cursor, missed);
    }

    /// The rest of an event of which a part was written becomes a private message: the log may lose it.
    fn keep_half_written(&mut self, views: &Views) -> Result<(), FellOff> {
        if self.mail.front().is_some_and(|mail| mail.at <= self.cursor) {
            return Ok(());
        }
        let rest = views.log(self.view)?.rest_of_event(self.cursor);
        if rest.is_empty() {
            return Ok(());
        }
        self.cursor = self.cursor.plus(rest.len());
        self.bytes += rest.len();
        self.begun = true;
        self.mail.push_front(Mail {
            number: self.number_before(0),
            at: self.cursor,
            then: Then::Continue(self.cursor),
            bytes: BytesMut::from(rest),
            gap: None,
        });
        Ok(())
    }

    /// A number for what is put before the message at `index`, behind all that were there before that one.
    fn number_before(&self, index: usize) -> u64 {
        let next = self.mail.get(index).map_or(self.posted, |mail| mail.number);
        let before = index.checked_sub(1).and_then(|index| self.mail.get(index));
        let least = before.map_or(0, |mail| mail.number);
        next.saturating_sub(1).max(least)
    }

    /// How far `view` is read, whose messages begin at `index`: up to the next change of view, or to its end.
    fn run_end(&self, views: &Views, index: usize, view: ViewId) -> Result<LogPosition, FellOff> {
        let switch = self
            .mail
            .range(index.min(self.mail.len())..)
            .find(|mail| matches!(mail.then, Then::Switch(..)));
        match switch {
            Some(mail) => Ok(mail.at),
            None => self.end(views, view),
        }
    }

    /// If the message at `index` leads to another view, how far that is read.
    fn run_end_behind(&self, views: &Views, index: usize) -> Result<Option<LogPosition>, FellOff> {
        match self.mail.get(index).map(|mail| mail.then) {
            Some(Then::Switch(view, _)) => self.run_end(views, index + 1, view).map(Some),
            _ => Ok(None),
        }
    }

    /// Puts in before the message at `index` how much was missed; or adds it to what is not told yet.
    fn tell(&mut self, index: usize, at: LogPosition, missed: Missed) {
        let begun = usize::from(self.begun);
        let untold = self
            .mail
            .iter_mut()
            .skip(begun)
            .find_map(|mail| Some((mail.gap.as_mut()?, &mut mail.bytes)));
        if let Some((gap, bytes)) = untold {
            *gap = gap.and(missed);
            self.bytes = self.bytes.saturating_sub(bytes.len());
            bytes.clear();
            gap.write(bytes);
            self.bytes += bytes.len();
            return;
        }
        let mut bytes = BytesMut::new();
        missed.write(&mut bytes);
        self.bytes += bytes.len();
        let gap = Mail {
            number: self.number_before(index),
            at,
            then: Then::Continue(at),
            bytes,
            gap: Some(missed),
        };
        self.mail.insert(index, gap);
    }
}
