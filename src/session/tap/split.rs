//! Cuts what a client is written into messages. What is kept of a message is bounded.

use memchr::memmem;

/// Bytes of one message that are kept.
pub(super) const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// What ends a message.
const END: &[u8] = b"\r\n\r\n";

/// The message under way.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    kept: Vec<u8>,
    left_out: usize,
    /// The last bytes of it, three at most: its end may begin in them.
    tail: Vec<u8>,
    /// It began before anybody looked: it is not shown.
    is_partial: bool,
}

impl Splitter {
    /// Begins at the start of a message, or within one.
    pub(super) fn new(is_partial: bool) -> Self {
        Self {
            is_partial,
            ..Self::default()
        }
    }

    /// Takes bytes, and tells of each message that ends in them, and how many bytes of it were left out.
    pub(super) fn push(&mut self, mut bytes: &[u8], mut each: impl FnMut(&[u8], usize)) {
        while !bytes.is_empty() {
            let Some((message, rest)) =
                (self.find_end(bytes)).and_then(|end| bytes.split_at_checked(end))
            else {
                self.keep(bytes);
                return;
            };
            self.keep(message);
            if !self.is_partial && !self.kept.trim_ascii().is_empty() {
                each(&self.kept, self.left_out);
            }
            self.kept.clear();
            self.tail.clear();
            (self.left_out, self.is_partial) = (0, false);
            bytes = rest;
        }
    }

    /// How many of these bytes belong to the message under way, if it ends in them.
    fn find_end(&self, bytes: &[u8]) -> Option<usize> {
        let head = bytes.get(..END.len() - 1).unwrap_or(bytes);
        let joint = [self.tail.as_slice(), head].concat();
        memmem::find(&joint, END)
            .map(|at| at + END.len() - self.tail.len())
            .or_else(|| memmem::find(bytes, END).map(|at| at + END.len()))
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MESSAGE_BYTES_MAX.saturating_sub(self.kept.len());
        let (kept, rest) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        if !self.is_partial {
            self.kept.extend_from_slice(kept);
            self.left_out += rest.len();
        }
        self.tail.extend_from_slice(
            bytes
                .get(bytes.len().saturating_sub(3)..)
                .unwrap_or_default(),
        );
        self.tail.drain(..self.tail.len().saturating_sub(3));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(parts: &[&[u8]], is_partial: bool) -> Vec<(Vec<u8>, usize)> {
        let mut splitter = Splitter::new(is_partial);
        let mut messages = Vec::new();
        for part in parts {
            splitter.push(part, |message, left_out| {
                messages.push((message.to_vec(), left_out));
            });
        }
        messages
    }

    #[test]
    fn what_began_before_is_not_shown() {
        let parts: [&[u8]; 2] = [b"B: 1\r\n\r", b"\nA: 2\r\n\r\nA: 3\r\n"];
        assert_eq!(split(&parts, true), [(b"A: 2\r\n\r\n".to_vec(), 0)]);
    }

    #[test]
    fn a_long_message_is_cut_and_its_end_found() {
        let long = vec![b'x'; MESSAGE_BYTES_MAX + 10];
        let messages = split(&[&long, b"\r\n", b"\r\nA: 1\r\n\r\n"], false);
        assert_eq!(messages.len(), 2);
        assert_eq!(
            (messages[0].0.len(), messages[0].1),
            (MESSAGE_BYTES_MAX, 14)
        );
        assert_eq!(messages[1].0, b"A: 1\r\n\r\n");
    }

    proptest! {
        #[test]
        fn messages_come_out_whole_however_writes_are_cut(
            messages in prop::collection::vec("[A-Z]{1,5}: [a-z\r]{0,9}[a-z]", 0..8),
            sizes in prop::collection::vec(1..9_usize, 1..200),
        ) {
            let whole: Vec<Vec<u8>> = messages.iter().map(|m| format!("{m}\r\n\r\n").into_bytes()).collect();
            let stream = whole.concat();
            let (mut rest, mut parts) = (stream.as_slice(), Vec::new());
            for size in sizes.iter().cycle() {
                if rest.is_empty() { break }
                let (part, left) = rest.split_at((*size).min(rest.len()));
                parts.push(part);
                rest = left;
            }
            let came: Vec<_> = split(&parts, false).into_iter().map(|(message, _)| message).collect();
            prop_assert_eq!(came, whole);
        }
    }
}
