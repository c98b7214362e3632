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
#[derive(Debug, Default)]
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

impl RequestFramer {
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
