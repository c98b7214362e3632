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

#[cfg(test)]
mod tests {
    use super::super::frame::Frame;
    use super::super::request::Request;
    use super::super::upstream_framer::{Step, UpstreamFramer};
    use super::*;
    use proptest::prelude::*;

    fn text(bytes: &str) -> Text<'_> {
        Text::new(bytes.as_bytes()).unwrap()
    }

    #[test]
    fn heads_and_order() {
        let mut out = BytesMut::from(&b"before"[..]);
        const MESSAGE: Text<'static> = Text::fixed("Message");
        MessageWriter::response(&mut out, text("Error"), Some(text("7")))
            .header(MESSAGE, text("no"))
            .finish();
        MessageWriter::response(&mut out, text("Success"), None)
            .header(MESSAGE, text(""))
            .finish();
        MessageWriter::event(&mut out, text("Hangup")).finish();
        MessageWriter::action(&mut out, text("Ping"), Some(text("t"))).finish();
        MessageWriter::action(&mut out, text("Ping"), None).finish();
        let expected = "beforeResponse: Error\r\nActionID: 7\r\nMessage: no\r\n\r\n\
            Response: Success\r\nMessage: \r\n\r\nEvent: Hangup\r\n\r\n\
            ActionID: t\r\nAction: Ping\r\n\r\nAction: Ping\r\n\r\n";
        assert_eq!(std::str::from_utf8(&out).unwrap(), expected);
    }

    #[test]
    fn line_ends_and_nul_are_no_text() {
        for bytes in [
            &b"\r"[..],
            b"\n",
            b"\0",
            b"a\rb",
            b"a\n",
            b"\r\n\r\nEvent: Fake",
            b"a\0",
        ] {
            assert_eq!(Text::new(bytes), None, "{bytes:?}");
        }
        for bytes in [&b""[..], b"a b", b"\t\x01\x1f\x7f", "é".as_bytes(), b"\xff"] {
            assert_eq!(Text::new(bytes).map(Text::as_bytes), Some(bytes));
        }
        assert!(std::panic::catch_unwind(|| Text::fixed("a\nb")).is_err());
        assert_eq!(format!("{:?}", text("secret")), "Text(6 bytes)");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_is_written_is_read_back(
            name in "[^\r\n\0]{1,20}", id in prop::option::of("[^\r\n\0]{1,20}"),
            values in prop::collection::vec("[^\r\n\0]{0,50}", 0..8), event: bool,
        ) {
            const X: Text<'static> = Text::fixed("X");
            let mut out = BytesMut::new();
            let id = id.as_deref().map(text);
            let writer = if event {
                MessageWriter::event(&mut out, text(&name))
            } else {
                MessageWriter::response(&mut out, text(&name), id)
            };
            values.iter().fold(writer, |writer, value| writer.header(X, text(value))).finish();
            prop_assert_eq!(UpstreamFramer::new(1 << 16).next(&out), Step::Frame { length: out.len() });
            let frame = Frame::new(&out);
            prop_assert_eq!(frame.name(), name.as_bytes());
            if !event {
                prop_assert_eq!(frame.get("actionid"), id.map(Text::as_bytes));
            }
            let read: Vec<&[u8]> = frame.lines().filter_map(|line| line.strip_prefix(b"X: ")).collect();
            prop_assert_eq!(read, values.iter().map(String::as_bytes).collect::<Vec<_>>());
        }

        #[test]
        fn actions_are_read_back(name in "[!-~]{1,20}", id in "[!-~]{1,20}", value in "[!-~]{1,20}") {
            let mut out = BytesMut::new();
            MessageWriter::action(&mut out, text(&name), Some(text(&id)))
                .header(Text::fixed("Key"), text(&value))
                .finish();
            let request = Request::new(out.strip_suffix(b"\r\n").unwrap());
            prop_assert_eq!(request.lines().count(), 3);
            prop_assert_eq!(request.action(), Some(name.as_bytes()));
            prop_assert_eq!(request.action_id(), Some(id.as_bytes()));
            prop_assert_eq!(request.get("key"), Some(value.as_bytes()));
        }
    }
}
