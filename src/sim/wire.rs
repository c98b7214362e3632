//! How the simulated PBX reads its clients: line by line with Asterisk's own limits and oddities
//! (`main/manager.c`, `get_input` and `do_message`). Deliberately not the proxy's parser, so that each checks the other.

use bytes::{Buf, BytesMut};

use crate::protocol::request::header_value;

/// The input buffer of a session: no line, its terminator included, may be longer.
const BUFFER_BYTES: usize = 1024;
/// `AST_MAX_MANHEADERS`.
const LINES_MAX: usize = 128;

/// Why a message is answered with an error without being looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    TooManyLines,
    LineTooLong,
}

/// One message as Asterisk has it in memory: its lines as C strings, without line ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) lines: Vec<Vec<u8>>,
    pub(super) fault: Option<Fault>,
}

impl Message {
    /// The first header of that name; empty when there is none.
    pub(super) fn get(&self, name: &'static str) -> &[u8] {
        self.all(name).next().unwrap_or_default()
    }

    /// Every header of that name.
    pub(super) fn all(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.lines
            .iter()
            .filter_map(move |line| header_value(line, name))
    }

    /// The first `Action` that is not empty; empty when there is none.
    pub(super) fn action(&self) -> &[u8] {
        let mut actions = self.all("Action");
        actions.find(|value| !value.is_empty()).unwrap_or_default()
    }

    /// Whether a header says yes (`ast_true`).
    pub(super) fn is_true(&self, name: &'static str) -> bool {
        is_true(self.get(name))
    }
}

/// What Asterisk takes for yes.
pub(super) fn is_true(value: &[u8]) -> bool {
    ["yes", "true", "y", "t", "1", "on"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// The reading side of one connection.
#[derive(Debug, Default)]
pub(super) struct Reader {
    bytes: BytesMut,
    current: Message,
    line_too_long: bool,
}

impl Reader {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes that wait to be read.
    pub(super) fn waiting(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
    }

    /// The next whole message, if there is one.
    pub(super) fn next_message(&mut self) -> Option<Message> {
        loop {
            let line = self.next_line()?;
            if line.is_empty() {
                return Some(self.finish());
            }
            if self.current.lines.len() < LINES_MAX {
                self.current.lines.push(line);
            } else {
                self.current.fault = Some(Fault::TooManyLines);
            }
        }
    }

    /// A message with too many lines leaves the mark of a long line for the next message, as in Asterisk.
    fn finish(&mut self) -> Message {
        let mut message = std::mem::take(&mut self.current);
        if message.fault.is_none() && std::mem::take(&mut self.line_too_long) {
            message.fault = Some(Fault::LineTooLong);
        }
        message
    }

    fn next_line(&mut self) -> Option<Vec<u8>> {
        loop {
            let window = self.bytes.get(..BUFFER_BYTES).unwrap_or(&self.bytes);
            if let Some(end) = memchr::memchr(b'\n', window) {
                let text = window.get(..end).unwrap_or_default();
                let text = text.strip_suffix(b"\r").unwrap_or(text);
                let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
                let line = text.to_vec();
                self.bytes.advance(end + 1);
                return Some(line);
            }
            if window.len() < BUFFER_BYTES {
                return None;
            }
            self.bytes.advance(BUFFER_BYTES - 1);
            self.line_too_long = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8]) -> Vec<(Vec<String>, Option<Fault>)> {
        let mut reader = Reader::default();
        let mut messages = Vec::new();
        for byte in input {
            reader.push(&[*byte]);
            while let Some(message) = reader.next_message() {
                let lines = message.lines.iter();
                let lines = lines.map(|line| String::from_utf8_lossy(line).into_owned());
                messages.push((lines.collect(), message.fault));
            }
        }
        let mut whole = Reader::default();
        whole.push(input);
        let at_once = std::iter::from_fn(|| whole.next_message()).count();
        assert_eq!(at_once, messages.len(), "the same however it is cut");
        messages
    }

    fn shape(input: &[u8]) -> Vec<(usize, Option<Fault>)> {
        let messages = read(input).into_iter();
        messages
            .map(|(lines, fault)| (lines.len(), fault))
            .collect()
    }

    #[test]
    fn line_ends_and_nul() {
        type Lines = &'static [&'static [&'static str]];
        let cases: [(&str, &[u8], Lines); 6] = [
            ("crlf", b"A: 1\r\nB: 2\r\n\r\n", &[&["A: 1", "B: 2"]]),
            ("lf", b"A: 1\n\n", &[&["A: 1"]]),
            (
                "bare cr is data",
                b"A: a\rB: b\r\r\n\r\n",
                &[&["A: a\rB: b\r"]],
            ),
            ("nul cuts", b"A: nu\0l\r\n\r\n", &[&["A: nu"]]),
            (
                "nul at start ends",
                b"A: 1\r\n\0B: 2\r\nC: 3\r\n\r\n",
                &[&["A: 1"], &["C: 3"]],
            ),
            ("blank lines are messages", b"\r\n\n", &[&[], &[]]),
        ];
        for (name, input, expected) in cases {
            let got: Vec<Vec<String>> = read(input).into_iter().map(|(lines, _)| lines).collect();
            assert_eq!(got, expected, "{name}");
        }
    }

    #[test]
    fn long_lines() {
        let message = |length: usize| {
            let mut bytes = b"Action: Ping\r\n".to_vec();
            bytes.resize(bytes.len() + length, b'y');
            bytes.extend_from_slice(b"\r\nX: 1\r\n\r\n");
            bytes
        };
        let long = Some(Fault::LineTooLong);
        assert_eq!(shape(&message(1022)), [(3, None)]);
        assert_eq!(
            shape(&message(1023)),
            [(1, long), (1, None)],
            "the CR left over ends it"
        );
        assert_eq!(shape(&message(1024)), [(3, long)], "the tail is a line");
        assert_eq!(
            shape(&message(2046)),
            [(1, long), (1, None)],
            "any multiple of 1023"
        );
        assert_eq!(shape(&message(3000)), [(3, long)]);
    }

    #[test]
    fn too_many_lines() {
        let message = |lines: usize| [b"A: b\r\n".repeat(lines), b"\r\n".to_vec()].concat();
        assert_eq!(shape(&message(128)), [(128, None)]);
        assert_eq!(shape(&message(129)), [(128, Some(Fault::TooManyLines))]);
        let mut both = vec![b'y'; 1500];
        both.extend_from_slice(b"\r\n");
        both.extend(message(129));
        both.extend(message(1));
        both.extend(message(1));
        let expected = [
            (128, Some(Fault::TooManyLines)),
            (1, Some(Fault::LineTooLong)),
            (1, None),
        ];
        assert_eq!(
            shape(&both),
            expected,
            "the mark of the long line is left for the next"
        );
    }

    #[test]
    fn look_up() {
        let lines = [
            "Action:",
            "action: Ping",
            "ActionID:",
            "ActionID: 5",
            "Async: TRUE",
        ];
        let message = Message {
            lines: lines.iter().map(|line| line.as_bytes().to_vec()).collect(),
            fault: None,
        };
        assert_eq!(message.action(), b"Ping");
        assert_eq!(message.get("ActionID"), b"");
        assert!(message.is_true("Async"));
        assert!(!message.is_true("Nothing"));
    }
}
