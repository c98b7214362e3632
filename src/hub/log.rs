//! A view's log: the bytes of every event that its members see, once, in order.
//! Positions count bytes since the view began; a client is a cursor into the log.
//! The log knows nothing of clients: who is slow, and what to do about it, is the hub's affair.

use std::collections::VecDeque;
use std::ops::Range;

use arrayvec::ArrayVec;
use bytes::{Bytes, BytesMut};
use memchr::memmem;

/// Most slices that one write takes (`IOV_MAX` is larger; more gains nothing).
pub const SLICES_MAX: usize = 64;

/// A scatter list for one write.
pub type Slices<'a> = ArrayVec<&'a [u8], SLICES_MAX>;

/// How much is allocated at a time for the bytes of coming events.
const CHUNK_BYTES: usize = 64 * 1024;

/// What every event ends with, and nothing else in it: a blank line.
pub(super) const MESSAGE_END: &[u8] = b"\r\n\r\n";

/// Memory beyond this is not kept for other logs: a turn fills a quarter of it.
const SPARE_BYTES_MAX: usize = 1024 * 1024;

/// A place in a view's log, in bytes since the view began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LogPosition(pub u64);

impl LogPosition {
    /// How many bytes lie between an earlier position and this one.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The position so many bytes further on.
    pub(super) fn plus(self, bytes: usize) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX)),
        )
    }
}

/// What one turn appended, contiguous, so that a client that is caught up gets it in one plain write.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) start: LogPosition,
    /// How many events came before it since the view began.
    pub(super) events_before: u64,
    pub(super) bytes: Bytes,
}

impl Batch {
    fn end(&self) -> LogPosition {
        self.start.plus(self.bytes.len())
    }

    /// Where `position` lies in the bytes.
    fn offset(&self, position: LogPosition) -> usize {
        usize::try_from(position.since(self.start))
            .unwrap_or(usize::MAX)
            .min(self.bytes.len())
    }
}

/// The log of one view.
#[derive(Debug, Clone, Default)]
pub struct ViewLog {
    pub(super) batches: VecDeque<Batch>,
    pub(super) open: BytesMut,
    pub(super) open_start: LogPosition,
    pub(super) open_events: u64,
    /// How many events were sealed since the view began.
    pub(super) sealed_events: u64,
    pub(super) retained_bytes: usize,
}

impl ViewLog {
    /// Appends one event, given in parts.
    pub fn append(&mut self, parts: &[&[u8]]) {
        let size = parts.iter().map(|part| part.len()).sum::<usize>();
        if self.open.capacity() - self.open.len() < size {
            self.open.reserve(size.max(CHUNK_BYTES));
        }
        for part in parts {
            self.open.extend_from_slice(part);
        }
        self.open_events += 1;
        self.retained_bytes += size;
    }

    /// Ends a turn: what was appended since the last call becomes readable.
    pub fn seal(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let bytes = self.open.split().freeze();
        let start = self.open_start;
        self.open_start = start.plus(bytes.len());
        self.batches.push_back(Batch {
            start,
            events_before: self.sealed_events,
            bytes,
        });
        self.sealed_events += std::mem::take(&mut self.open_events);
    }

    /// The position behind the last event.
    pub fn end(&self) -> LogPosition {
        self.open_start.plus(self.open.len())
    }

    /// The position of the oldest byte that is still there.
    pub fn base(&self) -> LogPosition {
        self.batches
            .front()
            .map_or(self.open_start, |batch| batch.start)
    }

    /// How many events there have been.
    pub const fn event_count(&self) -> u64 {
        self.sealed_events + self.open_events
    }

    /// How many bytes are kept.
    pub const fn retained_bytes(&self) -> usize {
        self.retained_bytes
    }

    /// Adds the sealed bytes of `range` to `slices`, as far as they fit. `false`: the range begins before
    /// the oldest byte kept, so its reader has lost events.
    #[must_use]
    pub fn read<'a>(&'a self, range: Range<LogPosition>, slices: &mut Slices<'a>) -> bool {
        if range.start >= range.end {
            return true;
        }
        if range.start < self.base() {
            return false;
        }
        let first = self
            .batches
            .partition_point(|batch| batch.end() <= range.start);
        for batch in self.batches.range(first..) {
            if batch.start >= range.end || slices.is_full() {
                break;
            }
            let (from, to) = (batch.offset(range.start), batch.offset(range.end));
            if let Some(bytes) = batch.bytes.get(from..to) {
                slices.push(bytes);
            }
        }
        true
    }

    /// Hands the sealed events of `range` to `each`, one by one, with the position behind each, until it returns
    /// `false`. `false`: the range begins before the oldest byte kept.
    #[must_use]
    pub fn events(
        &self,
        range: Range<LogPosition>,
        mut each: impl FnMut(&[u8], LogPosition) -> bool,
    ) -> bool {
        if range.start >= range.end {
            return true;
        }
        if range.start < self.base() {
            return false;
        }
        let first = self
            .batches
            .partition_point(|batch| batch.end() <= range.start);
        for batch in self.batches.range(first..) {
            let (from, to) = (batch.offset(range.start), batch.offset(range.end));
            let mut rest = batch.bytes.get(from..to).unwrap_or_default();
            let mut position = batch.start.plus(from);
            while !rest.is_empty() {
                let end = memmem::find(rest, MESSAGE_END)
                    .map_or(rest.len(), |found| found + MESSAGE_END.len());
                let (event, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
                position = position.plus(end);
                if !each(event, position) {
                    return true;
                }
                rest = behind;
            }
            if batch.end() >= range.end {
                break;
            }
        }
        true
    }

    /// The rest of the event in which `position` stands; nothing where one begins.
    pub fn rest_of_event(&self, position: LogPosition) -> &[u8] {
        let Some(batch) = self.batch_at(position) else {
            return &[];
        };
        let at = batch.offset(position);
        // The position may stand within the end itself, or right behind one. Batches hold whole events.
        let from = at.saturating_sub(MESSAGE_END.len());
        let behind = batch.bytes.get(from..).unwrap_or_default();
        let end = memmem::find(behind, MESSAGE_END)
            .map_or(batch.bytes.len(), |found| from + found + MESSAGE_END.len());
        match at {
            0 => &[],
            _ => batch.bytes.get(at..end).unwrap_or_default(),
        }
    }

    /// How many events end in that part of the log. It must be kept still.
    pub fn events_in(&self, range: Range<LogPosition>) -> u64 {
        self.events_before(range.end)
            .saturating_sub(self.events_before(range.start))
    }

    /// How many events had ended at `position` since the view began.
    fn events_before(&self, position: LogPosition) -> u64 {
        if position >= self.end() {
            return self.sealed_events + self.open_events;
        }
        let Some(batch) = self.batch_at(position) else {
            return self.sealed_events;
        };
        let before = batch
            .bytes
            .get(..batch.offset(position))
            .unwrap_or_default();
        batch.events_before + memmem::find_iter(before, MESSAGE_END).count() as u64
    }

    /// The sealed batch that has the byte at `position`.
    fn batch_at(&self, position: LogPosition) -> Option<&Batch> {
        let index = self
            .batches
            .partition_point(|batch| batch.end() <= position);
        self.batches
            .get(index)
            .filter(|batch| batch.start <= position)
    }

    /// Whether what is appended next needs memory.
    pub fn is_bare(&self) -> bool {
        self.open.capacity() == 0
    }

    /// Takes memory that another log has no use for.
    pub fn adopt(&mut self, memory: BytesMut) {
        if self.is_bare() {
            self.open = memory;
        }
    }

    /// Forgets everything sealed: every member has it. Its memory is for the next log that needs some: the system would
    /// take it back, and clear it before it gives it out again.
    pub fn clear(&mut self) -> Option<BytesMut> {
        let last = self.batches.pop_back();
        self.batches.clear();
        self.retained_bytes = self.open.len();
        if !self.open.is_empty() {
            return None;
        }
        // It has a share of the memory.
        self.open = BytesMut::new();
        let mut memory = last?.bytes.try_into_mut().ok()?;
        memory.clear();
        // What was made for one large turn is not kept for the small ones.
        (!memory.try_reclaim(SPARE_BYTES_MAX + 1)).then_some(memory)
    }

    /// The oldest byte that would be there after [`ViewLog::retain`].
    pub fn base_within(&self, bytes_max: usize) -> LogPosition {
        let mut left = self.retained_bytes;
        for batch in &self.batches {
            if left <= bytes_max {
                return batch.start;
            }
            left -= batch.bytes.len();
        }
        self.open_start
    }

    /// Forgets the oldest batches until no more than `bytes_max` are kept. Returns whether any went.
    pub fn retain(&mut self, bytes_max: usize) -> bool {
        let mut trimmed = false;
        while self.retained_bytes > bytes_max {
            let Some(batch) = self.batches.pop_front() else {
                break;
            };
            self.retained_bytes -= batch.bytes.len();
            trimmed = true;
        }
        trimmed
    }

    /// Forgets what lies wholly before `position`.
    pub fn forget_before(&mut self, position: LogPosition) {
        while let Some(batch) = self.batches.front() {
            if batch.end() > position {
                break;
            }
            self.retained_bytes -= batch.bytes.len();
            self.batches.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(log: &ViewLog, from: u64, to: u64) -> Option<String> {
        let mut slices = Slices::new();
        log.read(LogPosition(from)..LogPosition(to), &mut slices)
            .then(|| {
                slices
                    .iter()
                    .map(|slice| String::from_utf8_lossy(slice).into_owned())
                    .collect()
            })
    }

    #[test]
    fn positions_survive_batches_and_trimming() {
        let mut log = ViewLog::default();
        log.append(&[b"one", b"-"]);
        log.seal();
        log.append(&[b"two-"]);
        log.append(&[b"three-"]);
        assert_eq!(text(&log, 0, 99).unwrap(), "one-", "open bytes are unseen");
        log.seal();
        assert_eq!(log.end(), LogPosition(14));
        assert_eq!(text(&log, 0, 14).unwrap(), "one-two-three-");
        assert_eq!(text(&log, 2, 6).unwrap(), "e-tw");
        assert_eq!(text(&log, 14, 14).unwrap(), "");
        assert!(log.retain(10));
        assert_eq!(log.base(), LogPosition(4));
        assert_eq!(text(&log, 3, 14), None, "fell off the end");
        assert_eq!(text(&log, 4, 14).unwrap(), "two-three-");
        log.forget_before(LogPosition(13));
        assert_eq!(log.retained_bytes(), 10, "a batch goes as a whole");
        log.clear();
        assert_eq!((log.base(), log.retained_bytes()), (LogPosition(14), 0));
    }

    #[test]
    fn what_is_missed_can_be_counted_and_what_was_begun_can_be_finished() {
        let mut log = ViewLog::default();
        let events = ["A: 1\r\n\r\n", "B: 2\r\nb: 3\r\n\r\n", "C: 4\r\n\r\n"];
        for turn in [&events[..2], &events[2..], &events[..]] {
            for event in turn {
                log.append(&[event.as_bytes()]);
            }
            log.seal();
        }
        let all = events.concat().repeat(2);
        let mut ends = vec![0];
        for event in events.iter().chain(&events) {
            ends.push(ends.last().unwrap() + event.len());
        }
        for at in 0..=all.len() {
            let position = LogPosition(at as u64);
            let end = *ends.iter().find(|end| **end >= at).unwrap();
            assert_eq!(
                log.rest_of_event(position),
                &all.as_bytes()[at..end],
                "{at}"
            );
            let count = ends.iter().filter(|end| **end > at).count();
            assert_eq!(log.events_in(position..log.end()), count as u64, "{at}");
        }
        let second = LogPosition(ends[2] as u64);
        assert_eq!(log.base_within(all.len()), LogPosition(0));
        assert_eq!(log.base_within(all.len() - 1), second);
        assert!(log.retain(all.len() - 1));
        assert_eq!(log.base(), second);
        assert_eq!(log.events_in(second..log.end()), 4);
        assert_eq!(log.base_within(0), log.end());
    }

    #[test]
    fn memory_is_given_on_unless_it_is_large_or_in_use() {
        let spare = |bytes: usize| {
            let mut log = ViewLog::default();
            log.append(&[&vec![b'x'; bytes]]);
            log.seal();
            log.clear()
        };
        let mut other = ViewLog::default();
        assert!(other.is_bare());
        other.adopt(spare(300_000).unwrap());
        assert!(!other.is_bare());
        other.append(&[b"one"]);
        other.seal();
        assert_eq!(text(&other, 0, 3).unwrap(), "one");
        assert!(spare(2 * SPARE_BYTES_MAX).is_none());
        other.append(&[b"two"]);
        assert!(other.clear().is_none(), "what is not sealed yet stays");
        other.seal();
        assert_eq!(text(&other, 3, 6).unwrap(), "two");
    }

    #[test]
    fn a_read_takes_no_more_slices_than_fit() {
        let mut log = ViewLog::default();
        for _ in 0..200 {
            log.append(&[b"x"]);
            log.seal();
        }
        assert_eq!(text(&log, 0, 200).unwrap().len(), SLICES_MAX);
    }
}
