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
pub enum End {
    /// With a blank line.
    Headers,
    /// With a blank line behind any line end.
    Text,
    /// With the mark of an old `Command`.
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
#[derive(Debug, Clone)]
pub struct UpstreamFramer {
    frame_bytes_max: usize,
    end_mark: bool,
    state: State,
    blank_line: Finder<'static>,
}

impl UpstreamFramer {
    /// A framer that refuses messages of more than `frame_bytes_max` bytes (at least 128).
    pub fn new(frame_bytes_max: usize) -> Self {
        Self {
            frame_bytes_max: frame_bytes_max.max(FRAME_BYTES_MAX_LEAST),
            end_mark: true,
            state: State::Between,
            blank_line: Finder::new(TEXT_END),
        }
    }

    /// Refuses messages of more than so many bytes (at least 128) from here on.
    pub fn limit_frames(&mut self, frame_bytes_max: usize) {
        self.frame_bytes_max = frame_bytes_max.max(FRAME_BYTES_MAX_LEAST);
    }

    /// Whether `Response: Follows` ends at `--END COMMAND--` (the default). Only Asterisk 13 and older write it
    /// (AMI 1 and 2 in the banner). Switch it off for newer ones: there a line of that kind can only come out of
    /// a forged value, and would swallow everything behind it.
    pub const fn expect_end_mark(&mut self, expected: bool) {
        self.end_mark = expected;
    }

    /// How the oversized message ends of which the rest is being skipped; `None` where none is. Whatever else it knows,
    /// another framer finds out from the unconsumed input.
    pub const fn skipping(&self) -> Option<End> {
        match self.state {
            State::Skipping { end } => Some(end),
            State::Between | State::Within { .. } => None,
        }
    }

    /// Skips the rest of a message that ends so.
    pub const fn skip_rest(&mut self, end: End) {
        self.state = State::Skipping { end };
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
        // Nearly everything.
        if input.starts_with(EVENT) {
            return self.search(input, End::Headers, 0);
        }
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
        match end {
            End::Headers => self.find_end_of_headers(bytes),
            End::Text => self.blank_line.find(bytes).map(|at| at + TEXT_END.len()),
            End::Command => memmem::find(bytes, COMMAND_END).map(|at| at + COMMAND_END.len()),
        }
    }

    /// Looks for LF CR LF and then at the byte before it: a search for all four bytes stops at the CR LF of each line.
    fn find_end_of_headers(&self, bytes: &[u8]) -> Option<usize> {
        let mut from = 0;
        loop {
            let at = from + self.blank_line.find(bytes.get(from..)?)?;
            if at.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b'\r') {
                return Some(at + TEXT_END.len());
            }
            from = at + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fuzzing::{Cuts, Found, frames};
    use super::*;
    use proptest::prelude::*;

    const BOUND: usize = 512;

    fn whole(input: &[u8]) -> Vec<Found> {
        frames(input, BOUND, std::iter::once(input.len()))
    }

    fn frame(bytes: &[u8]) -> Found {
        Found::Frame(bytes.to_vec())
    }

    #[test]
    fn ends_of_messages() {
        let cases: &[(&str, &[u8], &[Found])] = &[
            ("plain", b"Event: A\r\nB: c\r\n\r\n", &[frame(b"Event: A\r\nB: c\r\n\r\n")]),
            (
                "a text that ends in LF",
                b"Response: Error\r\nMessage: nosuch\n\r\n\r\nEvent: A\r\n\r\n",
                &[frame(b"Response: Error\r\nMessage: nosuch\n\r\n\r\n"), frame(b"Event: A\r\n\r\n")],
            ),
            ("LF LF is data", b"Event: A\r\nB: c\n\nd\r\n\r\n", &[frame(b"Event: A\r\nB: c\n\nd\r\n\r\n")]),
            (
                "two blank lines",
                b"Response: Success\r\n\r\n\r\nEvent: A\r\n\r\n",
                &[frame(b"Response: Success\r\n\r\n"), Found::Skipped(2), frame(b"Event: A\r\n\r\n")],
            ),
            (
                "raw text",
                b"IAX2/a 1\nIAX2/b 2\n\r\nEvent: A\r\n\r\n",
                &[frame(b"IAX2/a 1\nIAX2/b 2\n\r\n"), frame(b"Event: A\r\n\r\n")],
            ),
            ("raw text with CR LF", b"what\r\nelse\r\n\r\n", &[frame(b"what\r\nelse\r\n\r\n")]),
            ("text that begins as a message does", b"Even\n\r\nX", &[frame(b"Even\n\r\n")]),
            ("other case is text", b"event: A\n\r\n", &[frame(b"event: A\n\r\n")]),
            (
                "the old Command",
                b"Response: Follows\r\nPrivilege: Command\r\na\r\n\r\nb\n--END COMMAND--\r\n\r\nEvent: A\r\n\r\n",
                &[
                    frame(b"Response: Follows\r\nPrivilege: Command\r\na\r\n\r\nb\n--END COMMAND--\r\n\r\n"),
                    frame(b"Event: A\r\n\r\n"),
                ],
            ),
            ("only Follows has the mark", b"Response: FollowsX\r\n\r\n", &[frame(b"Response: FollowsX\r\n\r\n")]),
            ("nothing yet", b"Event: A\r\nB: c\r\n\r", &[]),
        ];
        for (name, input, expected) in cases {
            assert_eq!(whole(input), *expected, "{name}");
            assert_eq!(
                frames(input, BOUND, std::iter::repeat(1)),
                *expected,
                "{name}, byte by byte"
            );
        }
    }

    #[test]
    fn oversized_messages_are_skipped_whole() {
        let message =
            |length: usize| [b"Event: ".as_slice(), &vec![b'x'; length - 11], b"\r\n\r\n"].concat();
        assert_eq!(
            whole(&message(BOUND)),
            [frame(&message(BOUND))],
            "at the bound"
        );
        for over in 1..6 {
            let input = [message(BOUND + over), b"Event: A\r\n\r\n".to_vec()].concat();
            let head = input[..BOUND - 3].to_vec();
            let expected = [
                Found::Oversized(head),
                Found::Skipped(over + 3),
                frame(b"Event: A\r\n\r\n"),
            ];
            assert_eq!(whole(&input), expected, "{over} over");
            assert_eq!(
                frames(&input, BOUND, std::iter::repeat(1)),
                expected,
                "{over} over, byte by byte"
            );
        }
    }

    #[test]
    fn without_the_end_mark_follows_is_a_response_like_others() {
        let input = b"Response: Follows\r\nX: y\r\n\r\nEvent: A\r\n\r\n";
        let mut framer = UpstreamFramer::new(BOUND);
        assert_eq!(framer.next(input), Step::Incomplete);
        framer.reset();
        framer.expect_end_mark(false);
        assert_eq!(framer.next(input), Step::Frame { length: 27 });
    }

    #[test]
    fn reset_forgets_the_message_under_way() {
        let mut framer = UpstreamFramer::new(BOUND);
        assert_eq!(framer.next(b"some text"), Step::Incomplete);
        framer.reset();
        assert_eq!(framer.next(b"Event: A\n\r\n"), Step::Incomplete);
    }

    /// One message of any shape, as `Found`.
    fn message() -> impl Strategy<Value = Found> {
        let line = "[ -~]{0,40}";
        let headers = prop::collection::vec("[A-Za-z]{1,12}: ?([ -~]|\n){0,60}", 0..6);
        let head = prop::sample::select(vec!["Event: ", "Response: "]);
        let ordinary = (head, "[A-Z][a-z]{0,10}", headers).prop_map(|(head, name, headers)| {
            let lines: String = headers
                .iter()
                .map(|header| format!("{header}\r\n"))
                .collect();
            frame(format!("{head}{name}\r\n{lines}\r\n").as_bytes())
        });
        let text = prop::collection::vec("[a-z ]{1,30}", 1..5)
            .prop_map(|lines| frame(format!("~{}\n\r\n", lines.join("\n")).as_bytes()));
        let follows = prop::collection::vec(line, 0..6).prop_map(|lines| {
            let text = lines.join("\r\n");
            frame(format!("Response: Follows\r\n{text}\n--END COMMAND--\r\n\r\n").as_bytes())
        });
        let stray = (1_usize..4).prop_map(|count| Found::Skipped(2 * count));
        prop_oneof![4 => ordinary, 1 => text, 1 => follows, 1 => stray]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn messages_come_out_as_they_went_in(messages in prop::collection::vec(message(), 0..12), seed: u64) {
            let mut expected: Vec<Found> = Vec::new();
            let mut input = Vec::new();
            for message in messages {
                match (expected.last_mut(), message) {
                    (Some(Found::Skipped(sum)), Found::Skipped(more)) => {
                        *sum += more;
                        input.extend(b"\r\n".repeat(more / 2));
                    }
                    (_, Found::Frame(bytes)) => {
                        input.extend_from_slice(&bytes);
                        expected.push(Found::Frame(bytes));
                    }
                    (_, other) => {
                        if let Found::Skipped(length) = other {
                            input.extend(b"\r\n".repeat(length / 2));
                        }
                        expected.push(other);
                    }
                }
            }
            prop_assert_eq!(&frames(&input, 4096, std::iter::once(input.len())), &expected);
            prop_assert_eq!(&frames(&input, 4096, Cuts::new(seed)), &expected);
        }
    }
}
