//! A dry run of a user's event filters over recorded traffic: what of it the user would be sent, and which filter, class
//! or option decides. The decisions are made by the very functions that a client's events go through.

use std::ops::Range;

use crate::policy::class::Classes;
use crate::policy::event_filter::{Decided, EventFilter, EventFilters};
use crate::policy::privilege::event_classes;
use crate::protocol::frame::{Frame, FrameKind};
use crate::protocol::upstream_framer::{Step, UpstreamFramer};

/// Longest header that is shown, in characters.
pub const HEADER_CHARACTERS_MAX: usize = 40;

/// How every Asterisk's banner begins. It is a line of its own, without a blank line behind it.
const BANNER_START: &[u8] = b"Asterisk Call Manager/";

/// Headers that nearly every event has, and that do not tell it from others.
const COMMON_HEADERS: [&[u8]; 4] = [b"Privilege:", b"Timestamp:", b"SystemName:", b"ActionID:"];

/// The events of recorded traffic.
#[derive(Debug)]
pub struct Capture {
    bytes: Vec<u8>,
    events: Vec<Range<usize>>,
    /// Messages longer than the bound; they are left out.
    pub oversized: usize,
    /// Bytes at the end that are no whole message.
    pub unfinished: usize,
}

impl Capture {
    /// Finds the events in what came from Asterisk or from amimux; banners, answers and requests are passed over. Text
    /// without a single CR LF was written by an editor: its line ends are put right, and a blank line is added at its end.
    /// Messages of more than `frame_bytes_max` bytes are left out.
    pub fn read(bytes: Vec<u8>, frame_bytes_max: usize) -> Self {
        let mut capture = Self {
            bytes: with_line_ends(bytes),
            events: Vec::new(),
            oversized: 0,
            unfinished: 0,
        };
        capture.unfinished = capture.split(frame_bytes_max);
        capture
    }

    /// The events in their order.
    pub fn events(&self) -> impl Iterator<Item = Frame<'_>> {
        self.events
            .iter()
            .map(|range| Frame::new(self.bytes.get(range.clone()).unwrap_or_default()))
    }

    /// Whether there is no event at all.
    pub const fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Notes where the events are; returns how many bytes are left over.
    fn split(&mut self, frame_bytes_max: usize) -> usize {
        let mut framer = UpstreamFramer::new(frame_bytes_max);
        let mut at = 0;
        loop {
            let rest = self.bytes.get(at..).unwrap_or_default();
            if rest.starts_with(BANNER_START) {
                at += memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
                framer.reset();
                continue;
            }
            match framer.next(rest) {
                Step::Incomplete => return rest.len(),
                Step::Skip(length) => at += length,
                Step::Oversized { length } => {
                    self.oversized += 1;
                    at += length;
                }
                Step::Frame { length } => {
                    let frame = Frame::new(rest.get(..length).unwrap_or_default());
                    if frame.kind() == FrameKind::Event {
                        self.events.push(at..at + length);
                    }
                    at += length;
                }
            }
        }
    }
}

/// The text with the line ends of AMI, unless it has them.
fn with_line_ends(bytes: Vec<u8>) -> Vec<u8> {
    if bytes.is_empty() || memchr::memmem::find(&bytes, b"\r\n").is_some() {
        return bytes;
    }
    let mut text = Vec::with_capacity(bytes.len() + bytes.len() / 16 + 4);
    for line in bytes
        .strip_suffix(b"\n")
        .unwrap_or(&bytes)
        .split(|byte| *byte == b'\n')
    {
        text.extend_from_slice(line);
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}

/// What becomes of one event.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// Part of an answer, since it has no classes: it goes to who asked, past classes and filters.
    Answer,
    /// Nobody is sent it: `disabledevents` names it.
    Disabled,
    /// The user does not read all of its classes: these are missing.
    Class(Classes),
    /// The filters decide.
    Filters(Decided<'a>),
}

/// What decides about events for one user.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    /// The classes of events that the user reads.
    pub read: Classes,
    /// The user's filters.
    pub filters: &'a EventFilters,
    /// Names of events that nobody is sent.
    pub disabled: &'a [String],
}

impl<'a> Judge<'a> {
    /// What becomes of this event.
    pub fn outcome(&self, event: Frame<'_>) -> Outcome<'a> {
        let Some(classes) = event.privilege().and_then(event_classes) else {
            return Outcome::Answer;
        };
        let name = event.name();
        if self
            .disabled
            .iter()
            .any(|disabled| disabled.as_bytes() == name)
        {
            return Outcome::Disabled;
        }
        if !self.read.contains_all(classes) {
            return Outcome::Class(self.missing(classes));
        }
        Outcome::Filters(self.filters.decide(event))
    }

    /// The classes that the user lacks; of an event that is for those only who read everything, all.
    fn missing(&self, classes: Classes) -> Classes {
        match classes {
            Classes::ALL => classes,
            some => Classes::from_bits(some.bits() & !self.read.bits()),
        }
    }
}

/// One event, and what becomes of it.
#[derive(Debug)]
pub struct Row<'a> {
    /// Its place among the events of the capture, from 1.
    pub number: usize,
    /// Its name; control characters are replaced by `?`.
    pub name: String,
    /// The first header that tells it from others, cut to [`HEADER_CHARACTERS_MAX`], printable as well; may be empty.
    pub header: String,
    /// What becomes of it.
    pub outcome: Outcome<'a>,
}

/// What one filter did.
#[derive(Debug)]
pub struct Tally<'a> {
    /// The filter.
    pub filter: &'a EventFilter,
    /// How many events it decided about. Where several filters speak of one event, the first in the order of their
    /// texts is named, and an exclude before any include.
    pub decided: usize,
    /// Whether it speaks of any event that came to the filters at all.
    pub matched: bool,
}

/// How often something happened.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// All events.
    pub events: usize,
    /// Sent to the user.
    pub sent: usize,
    /// [`Outcome::Answer`].
    pub answers: usize,
    /// [`Outcome::Disabled`].
    pub disabled: usize,
    /// [`Outcome::Class`].
    pub class: usize,
    /// Kept out by a filter.
    pub excluded: usize,
    /// Kept out because no filter takes them in.
    pub not_included: usize,
}

/// Every event of a capture with what becomes of it, and the sums.
#[derive(Debug)]
pub struct Trial<'a> {
    /// One for each event.
    pub rows: Vec<Row<'a>>,
    /// One for each filter, in the order of their texts.
    pub tallies: Vec<Tally<'a>>,
    /// The sums.
    pub counts: Counts,
}

impl<'a> Trial<'a> {
    /// Judges every event of the capture.
    pub fn run(judge: Judge<'a>, capture: &Capture) -> Self {
        let tallies = judge.filters.iter().map(|filter| Tally {
            filter,
            decided: 0,
            matched: false,
        });
        let mut trial = Self {
            rows: Vec::with_capacity(capture.events.len()),
            tallies: tallies.collect(),
            counts: Counts::default(),
        };
        for (index, event) in capture.events().enumerate() {
            let outcome = judge.outcome(event);
            trial.count(event, outcome);
            trial.rows.push(Row {
                number: index + 1,
                name: printable(event.name(), HEADER_CHARACTERS_MAX),
                header: telling_header(event),
                outcome,
            });
        }
        trial
    }

    fn count(&mut self, event: Frame<'_>, outcome: Outcome<'a>) {
        let counts = &mut self.counts;
        counts.events += 1;
        let decided = match outcome {
            Outcome::Answer => return counts.answers += 1,
            Outcome::Disabled => return counts.disabled += 1,
            Outcome::Class(_) => return counts.class += 1,
            Outcome::Filters(decided) => decided,
        };
        let by = match decided {
            Decided::Excluded(filter) => {
                counts.excluded += 1;
                Some(filter)
            }
            Decided::Included(filter) => {
                counts.sent += 1;
                Some(filter)
            }
            Decided::NotIncluded => {
                counts.not_included += 1;
                None
            }
            Decided::NotExcluded => {
                counts.sent += 1;
                None
            }
        };
        for tally in &mut self.tallies {
            if by.is_some_and(|filter| std::ptr::eq(filter, tally.filter)) {
                tally.decided += 1;
                tally.matched = true;
            } else if !tally.matched {
                tally.matched = tally.filter.matches(event);
            }
        }
    }
}

/// The first line that says something about this event alone.
fn telling_header(event: Frame<'_>) -> String {
    let line = event
        .lines()
        .skip(1)
        .find(|line| !COMMON_HEADERS.iter().any(|common| line.starts_with(common)));
    printable(line.unwrap_or_default(), HEADER_CHARACTERS_MAX)
}

/// The beginning of a text, with nothing in it that could steer a terminal.
fn printable(text: &[u8], characters_max: usize) -> String {
    // No character has more than four bytes.
    let beginning = text.get(..4 * characters_max).unwrap_or(text);
    String::from_utf8_lossy(beginning)
        .chars()
        .take(characters_max)
        .map(|character| match character.is_control() {
            true => '?',
            false => character,
        })
        .collect()
}

#[cfg(test)]
mod tests;
