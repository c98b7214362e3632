//! Reading without a socket: whole messages are copied out, each with the place behind it.

use bytes::BytesMut;
use memchr::memmem;

use super::{FellOff, Mailbox};
use crate::hub::log::{LogPosition, MESSAGE_END};
use crate::hub::view::{ViewId, Views};

/// Copies whole messages as far as there is room.
struct Collector<'a, F> {
    out: &'a mut BytesMut,
    bytes_max: usize,
    taken: usize,
    each: F,
}

impl<F: FnMut(usize, ViewId, LogPosition)> Collector<'_, F> {
    /// Takes one message. `false`: there is no room for it.
    fn take(&mut self, message: &[u8], (view, position): (ViewId, LogPosition)) -> bool {
        if self.taken > 0 && self.taken + message.len() > self.bytes_max {
            return false;
        }
        self.out.extend_from_slice(message);
        self.taken += message.len();
        (self.each)(self.out.len(), view, position);
        true
    }
}

impl Mailbox {
    /// Appends to `out` what comes next, whole messages of about `bytes_max` bytes in all; `each` is told where each of
    /// them ends in `out`, and where reading goes on behind it. How many bytes that were, for [`Mailbox::advance`].
    ///
    /// # Errors
    /// The log no longer has what comes next.
    pub(in crate::hub) fn collect(
        &self,
        views: &Views,
        bytes_max: usize,
        out: &mut BytesMut,
        each: impl FnMut(usize, ViewId, LogPosition),
    ) -> Result<usize, FellOff> {
        let mut collector = Collector {
            out,
            bytes_max,
            taken: 0,
            each,
        };
        let (mut view, mut cursor) = (self.view, self.cursor);
        for mail in &self.mail {
            let mut full = false;
            let there = views.log(view)?.events(cursor..mail.at, |event, position| {
                full = !collector.take(event, (view, position));
                !full
            });
            if !there {
                return Err(FellOff);
            }
            let place = mail.then.place(view);
            let mut rest: &[u8] = &mail.bytes;
            while !full && !rest.is_empty() {
                let end = memmem::find(rest, MESSAGE_END)
                    .map_or(rest.len(), |found| found + MESSAGE_END.len());
                let (message, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
                full = !collector.take(message, place);
                rest = behind;
            }
            if full {
                return Ok(collector.taken);
            }
            (view, cursor) = place;
        }
        let end = self.end(views, view)?;
        let log = views.log(view)?;
        let there = log.events(cursor..end, |event, position| {
            collector.take(event, (view, position))
        });
        if there {
            Ok(collector.taken)
        } else {
            Err(FellOff)
        }
    }

    /// Whether something waits to be read.
    pub(in crate::hub) fn has_something(&self, views: &Views) -> bool {
        !self.mail.is_empty()
            || views
                .log(self.view)
                .is_ok_and(|log| log.end() > self.cursor)
    }
}
