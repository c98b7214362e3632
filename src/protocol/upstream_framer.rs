//! Finds where messages from Asterisk begin and end, in place: it looks at the read buffer and says how many
//! bytes at its start are one message. It copies nothing, allocates nothing for a message, and looks at each byte
//! once, however the bytes arrive.

use memchr::memmem::{self, Finder};

const RESPONSE: &[u8] = b"Response:";
const EVENT: &[u8] = b"Event:";
/// The head of `Command`'s answer from Asterisk 13 and older.
const FOLLOWS: &[u8] = b"Response: Follows\r\n";

/// The end of a message with headers. LF LF and LF CR LF inside it are data (some `Message:` texts end in LF).
const MESSAGE_END: &[u8] = b"\r\n\r\n";
/// The end of raw text: a blank line after a line that ended in LF or CR LF.
const TEXT_END: &[u8] = b"\n\r\n";
/// The end of the old `Command` answer, whose text may hold blank lines.
const COMMAND_END: &[u8] = b"--END COMMAND--\r\n\r\n";

/// Smallest bound on a message, so that a head always holds its first line.
const FRAME_BYTES_MAX_LEAST: usize = 128;

/// What stands at the start of the input.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Step {
    /// More bytes are needed.
    Incomplete,
    /// These many bytes at the start are no message (stray line ends between messages, or the rest of an
    /// oversized one): drop them.
    Skip(usize),
    /// The first `length` bytes are one whole message, blank line included.
    Frame {
        /// In bytes.
        length: usize,
    },
    /// The message at the start is longer than the bound; `length` bytes of it are here (its head, for routing).
    /// Drop them; what follows of it will be skipped.
    Oversized {
        /// In bytes; a little less than the bound.
        length: usize,
    },
}

/// How a message ends, known from its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Headers,
    Text,
    Command,
}

impl End {
    const fn mark(self) -> &'static [u8] {
        match self {
            Self::Headers => MESSAGE_END,
            Self::Text => TEXT_END,
            Self::Command => COMMAND_END,
        }
    }

    /// Bytes at the end of searched input that may be the beginning of the mark.
    const fn overlap(self) -> usize {
        self.mark().len() - 1
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a message, or too few bytes of it to tell how it ends.
    Between,
    /// In a message whose first `searched` bytes do not hold its end.
    Within { end: End, searched: usize },
    /// In the rest of an oversized message.
    Skipping { end: End },
}

/// Splits what Asterisk sends. It remembers how far it has searched, relative to the start of the unconsumed
/// input: the caller removes exactly the bytes that each [`Step`] names, and passes what is left, perhaps grown.
#[derive(Debug)]
pub struct UpstreamFramer {
    frame_bytes_max: usize,
    end_mark: bool,
    state: State,
    message_end: Finder<'static>,
}

impl UpstreamFramer {
    /// A framer that refuses messages of more than `frame_bytes_max` bytes (at least 128).
    pub fn new(frame_bytes_max: usize) -> Self {
        Self {
            frame_bytes_max: frame_bytes_max.max(FRAME_BYTES_MAX_LEAST),
            end_mark: true,
            state: State::Between,
            message_end: Finder::new(MESSAGE_END),
        }
    }

    /// Whether `Response: Follows` ends at `--END COMMAND--` (the default). Only Asterisk 13 and older write it
    /// (AMI 1 and 2 in the banner). Switch it off for newer ones: there a line of that kind can only come out of
    /// a forged value, and would swallow everything behind it.
    pub const fn expect_end_mark(&mut self, expected: bool) {
        self.end_mark = expected;
    }

    /// Forgets what it was in: for a new connection.
    pub const fn reset(&mut self) {
        self.state = State::Between;
    }

    /// What stands at the start of `input`. Call again after consuming, until it is [`Step::Incomplete`].
    pub fn next(&mut self, input: &[u8]) -> Step {
        match self.state {
            State::Between => self.begin(input),
            State::Within { end, searched } => self.search(input, end, searched),
            State::Skipping { end } => self.skip(input, end),
        }
    }

    fn begin(&mut self, input: &[u8]) -> Step {
        let stray = input
            .iter()
            .take_while(|byte| matches!(byte, b'\r' | b'\n'))
            .count();
        if stray > 0 {
            return Step::Skip(stray);
        }
        match self.classify(input) {
            Some(end) => self.search(input, end, 0),
            None => Step::Incomplete,
        }
    }

    /// How the message ends; `None` while its first bytes leave that open.
    fn classify(&self, input: &[u8]) -> Option<End> {
        if self.end_mark && input.starts_with(FOLLOWS) {
            return Some(End::Command);
        }
        let open = |head: &[u8]| input.len() < head.len() && head.starts_with(input);
        if open(EVENT) || open(RESPONSE) || (self.end_mark && open(FOLLOWS)) {
            return None;
        }
        if input.starts_with(EVENT) || input.starts_with(RESPONSE) {
            return Some(End::Headers);
        }
        Some(End::Text)
    }

    fn search(&mut self, input: &[u8], end: End, searched: usize) -> Step {
        let bounded = input.get(..self.frame_bytes_max).unwrap_or(input);
        let start = searched.saturating_sub(end.overlap()).min(bounded.len());
        if let Some(found) = self.find(bounded.get(start..).unwrap_or_default(), end) {
            self.state = State::Between;
            return Step::Frame {
                length: start + found,
            };
        }
        if input.len() > bounded.len() {
            self.state = State::Skipping { end };
            return Step::Oversized {
                length: bounded.len() - end.overlap(),
            };
        }
        self.state = State::Within {
            end,
            searched: bounded.len(),
        };
        Step::Incomplete
    }

    fn skip(&mut self, input: &[u8], end: End) -> Step {
        if let Some(found) = self.find(input, end) {
            self.state = State::Between;
            return Step::Skip(found);
        }
        match input.len().saturating_sub(end.overlap()) {
            0 => Step::Incomplete,
            length => Step::Skip(length),
        }
    }

    /// Where the first end mark in `bytes` is over.
    fn find(&self, bytes: &[u8], end: End) -> Option<usize> {
        let found = match end {
            End::Headers => self.message_end.find(bytes),
            End::Text | End::Command => memmem::find(bytes, end.mark()),
        };
        found.map(|start| start + end.mark().len())
    }
}
