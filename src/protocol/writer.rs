//! Writes AMI messages. What is written consists of [`Text`] only, which cannot hold a line end: no value,
//! wherever it came from, can add a header or end a message.

use bytes::{BufMut, BytesMut};

/// Text without CR, LF or NUL. Copying it copies a reference.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// `bytes` as text; `None` if they hold CR, LF or NUL.
    pub const fn new(bytes: &'a [u8]) -> Option<Self> {
        if is_text(bytes) {
            Some(Self(bytes))
        } else {
            None
        }
    }

    /// A text of the program's own.
    ///
    /// # Panics
    /// If it holds CR, LF or NUL; in a constant, at compile time.
    pub const fn fixed(text: &'static str) -> Text<'static> {
        assert!(
            is_text(text.as_bytes()),
            "fixed texts hold no CR, LF or NUL"
        );
        Text(text.as_bytes())
    }

    /// The text itself.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

impl std::fmt::Debug for Text<'_> {
    /// Shows the length only: a text may be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

/// Whether `bytes` can stand in one line.
pub(super) const fn is_text(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        if matches!(*first, b'\r' | b'\n' | 0) {
            return false;
        }
        rest = tail;
    }
    true
}

/// Writes one message at the end of a buffer, header by header.
#[must_use = "a message without finish() has no end"]
pub struct MessageWriter<'o> {
    out: &'o mut BytesMut,
}

impl<'o> MessageWriter<'o> {
    /// Begins a response; `action_id` is left out where the client sent none.
    pub fn response(out: &'o mut BytesMut, result: Text<'_>, action_id: Option<Text<'_>>) -> Self {
        Self { out }
            .header(Text(b"Response"), result)
            .action_id(action_id)
    }

    /// Begins an event.
    pub fn event(out: &'o mut BytesMut, name: Text<'_>) -> Self {
        Self { out }.header(Text(b"Event"), name)
    }

    /// Begins an action, the ActionID first: Asterisk repeats it even in answers to what it cannot read whole.
    pub fn action(out: &'o mut BytesMut, name: Text<'_>, action_id: Option<Text<'_>>) -> Self {
        Self { out }
            .action_id(action_id)
            .header(Text(b"Action"), name)
    }

    /// Adds a header. The blank after the colon is there for an empty value, too.
    pub fn header(self, name: Text<'static>, value: Text<'_>) -> Self {
        put_line(self.out, &[name.0, b": ", value.0]);
        self
    }

    /// Adds a line as it stands: for lists of lines that are no fixed headers.
    pub fn line(self, text: Text<'_>) -> Self {
        put_line(self.out, &[text.0]);
        self
    }

    /// Ends the message.
    pub fn finish(self) {
        self.out.put_slice(b"\r\n");
    }

    fn action_id(self, action_id: Option<Text<'_>>) -> Self {
        match action_id {
            Some(value) => self.header(Text(b"ActionID"), value),
            None => self,
        }
    }
}

fn put_line(out: &mut BytesMut, parts: &[&[u8]]) {
    let size: usize = parts.iter().map(|part| part.len()).sum();
    out.reserve(size + 2);
    for part in parts {
        out.put_slice(part);
    }
    out.put_slice(b"\r\n");
}
