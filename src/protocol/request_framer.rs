//! Finds where requests from a client begin and end, by the rules of Asterisk's reader (`main/manager.c`,
//! `get_input` and `do_message`), but with nothing left over for Asterisk to read differently: lines that are too
//! long or too many leave the buffer, and bytes that Asterisk would take otherwise than a reader of text are
//! reported. It works in the read buffer, looks at each byte once, and keeps that buffer bounded.

use bytes::{Buf, BytesMut};

use super::limits::{REQUEST_LINE_BYTES_MAX, REQUEST_LINES_MAX};

/// What is wrong with a request. Of several the first named here is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// A line of more than 1,024 bytes, terminator included.
    LineTooLong,
    /// More than 128 lines.
    TooManyLines,
    /// NUL, or CR that is not part of a line's end.
    ForbiddenByte,
}

/// One whole request at the start of the buffer.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestEnd {
    /// Bytes of the request's kept lines at the start of the buffer, each with its line end.
    pub text: usize,
    /// Bytes to drop from the buffer afterwards: the text and the blank line.
    pub consumed: usize,
    /// How many lines were kept.
    pub lines: usize,
    /// Why the request must be refused, if it must.
    pub defect: Option<Defect>,
}

/// Splits what a client sends. The caller drops [`RequestEnd::consumed`] bytes before the next call, and
/// otherwise only appends to the buffer.
#[derive(Debug, Clone, Default)]
pub struct RequestFramer {
    /// Where the line under way begins; before it are the kept lines.
    line_start: usize,
    /// How far the line under way holds no LF.
    searched: usize,
    lines: usize,
    /// The line under way is too long: its bytes are dropped as they come.
    discarding: bool,
    line_too_long: bool,
    too_many_lines: bool,
    forbidden_byte: bool,
}

/// What a [`RequestFramer`] knows of the input before it, in plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FramerState {
    /// Bytes of the lines that are kept, at the start of the input.
    pub kept_bytes: usize,
    /// Bytes that hold no further end of a line.
    pub searched_bytes: usize,
    /// How many lines are kept.
    pub lines: usize,
    /// The line under way is too long.
    pub discarding: bool,
    /// A line was too long.
    pub line_too_long: bool,
    /// There were too many lines.
    pub too_many_lines: bool,
    /// A kept line has a byte that it must not have.
    pub forbidden_byte: bool,
}

impl RequestFramer {
    /// What it knows of the input.
    pub const fn state(&self) -> FramerState {
        FramerState {
            kept_bytes: self.line_start,
            searched_bytes: self.searched,
            lines: self.lines,
            discarding: self.discarding,
            line_too_long: self.line_too_long,
            too_many_lines: self.too_many_lines,
            forbidden_byte: self.forbidden_byte,
        }
    }

    /// A framer that knows this of an input of `input_bytes` bytes; `None` where that cannot be.
    pub fn of_state(state: FramerState, input_bytes: usize) -> Option<Self> {
        let sound = state.kept_bytes <= input_bytes
            && state.searched_bytes <= input_bytes
            && state.lines <= REQUEST_LINES_MAX;
        sound.then_some(Self {
            line_start: state.kept_bytes,
            searched: state.searched_bytes,
            lines: state.lines,
            discarding: state.discarding,
            line_too_long: state.line_too_long,
            too_many_lines: state.too_many_lines,
            forbidden_byte: state.forbidden_byte,
        })
    }

    /// The next request, or `None` until more bytes came. Lines that are too long or too many are removed from
    /// `input`, whose length after `None` is therefore bounded by 129 lines of 1,024 bytes.
    pub fn next(&mut self, input: &mut BytesMut) -> Option<RequestEnd> {
        // Kept lines are packed at the start, up to `line_start`; `read` is where the unread bytes begin.
        let mut read = self.line_start;
        let mut search = self.searched.max(read);
        while let Some(found) = memchr::memchr(b'\n', input.get(search..).unwrap_or_default()) {
            let end = search + found + 1;
            let line = input.get(read..end).unwrap_or_default();
            let text = line_text(line);
            if text.is_empty() && !self.discarding {
                return Some(self.finish(input, read, end));
            }
            if self.keeps(line, text) {
                if read > self.line_start {
                    input.copy_within(read..end, self.line_start);
                }
                self.line_start += end - read;
            }
            (read, search) = (end, end);
        }
        self.pause(input, read);
        None
    }

    /// Whether a whole line stays in the buffer; records what is wrong with it.
    fn keeps(&mut self, line: &[u8], text: &[u8]) -> bool {
        if std::mem::take(&mut self.discarding) || line.len() > REQUEST_LINE_BYTES_MAX {
            self.line_too_long = true;
            return false;
        }
        if self.lines == REQUEST_LINES_MAX {
            self.too_many_lines = true;
            return false;
        }
        self.forbidden_byte |= memchr::memchr2(0, b'\r', text).is_some();
        self.lines += 1;
        true
    }

    /// The input is used up but for a line under way, from `read` on: moves that to the kept lines, or drops it.
    fn pause(&mut self, input: &mut BytesMut, read: usize) {
        let partial = input.len().saturating_sub(read);
        // With its terminator it would be at least one byte longer.
        if self.discarding || partial >= REQUEST_LINE_BYTES_MAX {
            self.discarding = true;
            self.line_too_long = true;
            input.truncate(self.line_start);
        } else if read > self.line_start {
            input.copy_within(read.., self.line_start);
            input.truncate(self.line_start + partial);
        }
        self.searched = input.len();
    }

    /// A blank line stands from `blank` to `end`: closes the gap that dropped lines left, by moving the kept lines
    /// up. Moving the rest of the buffer down instead could cost its whole length for each small request.
    fn finish(&mut self, input: &mut BytesMut, blank: usize, end: usize) -> RequestEnd {
        let text = self.line_start;
        let gap = blank - text;
        if gap > 0 {
            input.copy_within(..text, gap);
            input.advance(gap);
        }
        let done = std::mem::take(self);
        RequestEnd {
            text,
            consumed: end - gap,
            lines: done.lines,
            defect: done.defect(),
        }
    }

    const fn defect(&self) -> Option<Defect> {
        if self.line_too_long {
            Some(Defect::LineTooLong)
        } else if self.too_many_lines {
            Some(Defect::TooManyLines)
        } else if self.forbidden_byte {
            Some(Defect::ForbiddenByte)
        } else {
            None
        }
    }
}

/// A line without its LF or CR LF.
fn line_text(line: &[u8]) -> &[u8] {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    text.strip_suffix(b"\r").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::super::fuzzing::{Cuts, FoundRequest, requests};
    use super::*;
    use proptest::prelude::*;

    fn whole(input: &[u8]) -> Vec<FoundRequest> {
        requests(input, std::iter::once(input.len()))
    }

    fn found(text: &[u8], defect: Option<Defect>) -> FoundRequest {
        let lines = text.iter().filter(|&&byte| byte == b'\n').count();
        FoundRequest {
            text: text.to_vec(),
            lines,
            defect,
        }
    }

    #[test]
    fn sound_requests() {
        let sound = |text: &[u8]| found(text, None);
        let (x1022, x1023) = ("x".repeat(1022), "x".repeat(1023));
        let most = "A: b\r\n".repeat(128);
        let cases: [(&str, String, Vec<FoundRequest>); 7] = [
            ("CR LF", "A: b\r\n\r\n".into(), vec![sound(b"A: b\r\n")]),
            (
                "LF and both",
                "a: b\nc: d\r\n\n".into(),
                vec![sound(b"a: b\nc: d\r\n")],
            ),
            (
                "stray blank lines",
                "\r\n\na\n\r\n".into(),
                vec![sound(b""), sound(b""), sound(b"a\n")],
            ),
            (
                "1,022 bytes and CR LF",
                format!("{x1022}\r\n\r\n"),
                vec![sound(format!("{x1022}\r\n").as_bytes())],
            ),
            (
                "1,023 bytes and LF",
                format!("{x1023}\n\n"),
                vec![sound(format!("{x1023}\n").as_bytes())],
            ),
            (
                "128 lines",
                format!("{most}\r\n"),
                vec![sound(most.as_bytes())],
            ),
            ("end within a request", "a: b\r\n".into(), vec![]),
        ];
        for (name, input, expected) in cases {
            assert_eq!(whole(input.as_bytes()), expected, "{name}");
            assert_eq!(
                requests(input.as_bytes(), std::iter::repeat(1)),
                expected,
                "{name}, byte by byte"
            );
        }
    }

    #[test]
    fn defects_and_what_is_kept() {
        use Defect::{ForbiddenByte, LineTooLong, TooManyLines};
        let (x1023, x1024) = ("x".repeat(1023), "x".repeat(1024));
        let most = "A: b\r\n".repeat(128);
        let cases: [(&str, String, &[u8], Defect); 9] = [
            (
                "1,023 bytes and CR LF",
                format!("a\r\n{x1023}\r\nc\r\n\r\n"),
                b"a\r\nc\r\n",
                LineTooLong,
            ),
            (
                "1,024 bytes and LF",
                format!("{x1024}\n\n"),
                b"",
                LineTooLong,
            ),
            (
                "129 lines",
                format!("{most}c\r\n\r\n"),
                most.as_bytes(),
                TooManyLines,
            ),
            (
                "too long before too many",
                format!("{most}{x1024}\na\0b\n\n"),
                most.as_bytes(),
                LineTooLong,
            ),
            (
                "NUL",
                "a: b\0c\r\n\r\n".into(),
                b"a: b\0c\r\n",
                ForbiddenByte,
            ),
            (
                "NUL first is not blank",
                "\0a\r\n\n".into(),
                b"\0a\r\n",
                ForbiddenByte,
            ),
            (
                "NUL alone is not blank",
                "\0\n\n".into(),
                b"\0\n",
                ForbiddenByte,
            ),
            ("bare CR", "a: b\rc\n\n".into(), b"a: b\rc\n", ForbiddenByte),
            (
                "CR CR LF is not blank",
                "a\n\r\r\n\n".into(),
                b"a\n\r\r\n",
                ForbiddenByte,
            ),
        ];
        for (name, input, kept, defect) in cases {
            // A defect ends with its request.
            let input = [input.as_bytes(), b"next\n\n"].concat();
            let expected = [found(kept, Some(defect)), found(b"next\n", None)];
            assert_eq!(whole(&input), expected, "{name}");
            assert_eq!(
                requests(&input, std::iter::repeat(1)),
                expected,
                "{name}, byte by byte"
            );
        }
    }

    #[test]
    fn an_endless_line_or_request_does_not_grow_the_buffer() {
        let mut framer = RequestFramer::default();
        let mut buffer = BytesMut::from(&b"ActionID: 1\r\n"[..]);
        for _ in 0..1000 {
            buffer.extend_from_slice(&[b'x'; 700]);
            assert_eq!(framer.next(&mut buffer), None);
            assert!(buffer.len() < 13 + 1024);
        }
        for _ in 0..1000 {
            buffer.extend_from_slice(&b"A: b\r\n".repeat(100));
            assert_eq!(framer.next(&mut buffer), None);
            assert!(buffer.len() < 13 + 128 * 6);
        }
        buffer.extend_from_slice(b"\r\nnext");
        let end = framer.next(&mut buffer).unwrap();
        assert_eq!((end.lines, end.defect), (128, Some(Defect::LineTooLong)));
        assert!(buffer.starts_with(b"ActionID: 1\r\nA: b\r\n"));
        assert_eq!(&buffer[end.consumed..], b"next");
    }

    /// The rules once more, on whole input and without regard to cost.
    fn by_the_rules(input: &[u8]) -> Vec<FoundRequest> {
        let mut requests = Vec::new();
        let (mut text, mut lines, mut defects) = (Vec::new(), 0, Vec::new());
        for line in input
            .split_inclusive(|&byte| byte == b'\n')
            .filter(|line| line.ends_with(b"\n"))
        {
            let bare = line
                .strip_suffix(b"\r\n")
                .or_else(|| line.strip_suffix(b"\n"))
                .unwrap();
            if bare.is_empty() {
                let first = [
                    Defect::LineTooLong,
                    Defect::TooManyLines,
                    Defect::ForbiddenByte,
                ]
                .into_iter()
                .find(|defect| defects.contains(defect));
                requests.push(FoundRequest {
                    text: std::mem::take(&mut text),
                    lines,
                    defect: first,
                });
                (lines, defects) = (0, Vec::new());
            } else if line.len() > 1024 {
                defects.push(Defect::LineTooLong);
            } else if lines == 128 {
                defects.push(Defect::TooManyLines);
            } else {
                if bare.contains(&0) || bare.contains(&b'\r') {
                    defects.push(Defect::ForbiddenByte);
                }
                text.extend_from_slice(line);
                lines += 1;
            }
        }
        requests
    }

    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let end = || prop::sample::select(vec![&b"\r\n"[..], b"\n", b"\r\r\n", b"\r", b""]);
        let line = prop_oneof![
            6 => "[A-C]{1,3}: ?[ -~]{0,8}".prop_map(String::into_bytes),
            3 => Just(Vec::new()),
            1 => prop::collection::vec(any::<u8>(), 0..6),
            1 => (1018_usize..1030).prop_map(|length| vec![b'x'; length]),
            1 => (1_usize..130).prop_map(|count| b"n\n".repeat(count)),
        ];
        prop::collection::vec(
            (line, end()).prop_map(|(line, end)| [&line, end].concat()),
            0..60,
        )
        .prop_map(|lines| lines.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn the_rules_hold_however_the_input_is_cut(input in stream(), seed: u64) {
            let expected = by_the_rules(&input);
            prop_assert_eq!(&whole(&input), &expected);
            prop_assert_eq!(&requests(&input, std::iter::repeat(1)), &expected);
            prop_assert_eq!(&requests(&input, Cuts::new(seed)), &expected);
        }
    }
}
