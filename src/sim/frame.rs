//! Writing frames as the PBX sends them: replies to one session, and the outbox of broadcast events.

use std::fmt::Display;
use std::io::Write;

use super::channel::{Bridge, Channel};
use crate::policy::class::Classes;

/// A frame being written; [`Frame::end`] closes it. Values are written as they are: a PBX does not check them either.
pub(super) struct Frame<'a> {
    bytes: &'a mut Vec<u8>,
    action_id: &'a [u8],
    mark: Option<Mark<'a>>,
}

struct Mark<'a> {
    ends: &'a mut Vec<(Classes, usize)>,
    classes: Classes,
    padding: usize,
}

impl Frame<'_> {
    /// One header.
    pub(super) fn header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.prefixed("", name, value)
    }

    /// One header whose value is a number or anything else that can be printed.
    pub(super) fn show(self, name: &str, value: impl Display) -> Self {
        // Writing to a vector cannot fail.
        let _ = write!(self.bytes, "{name}: {value}\r\n");
        self
    }

    /// One header whose name has a prefix (`Dest`, `LocalOne`).
    pub(super) fn prefixed(self, prefix: &str, name: &str, value: impl AsRef<[u8]>) -> Self {
        for part in [
            prefix.as_bytes(),
            name.as_bytes(),
            b": ",
            value.as_ref(),
            b"\r\n",
        ] {
            self.bytes.extend_from_slice(part);
        }
        self
    }

    /// A line, or several, exactly as given.
    pub(super) fn raw(self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// The requester's ActionID, if it sent one.
    pub(super) fn action_id(self) -> Self {
        self.action_id_in(usize::MAX)
    }

    /// As [`Frame::action_id`], built in a buffer of `size` bytes as many handlers of Asterisk do: what does not fit
    /// is lost, the line end included.
    pub(super) fn action_id_in(self, size: usize) -> Self {
        if !self.action_id.is_empty() {
            let line = [b"ActionID: ", self.action_id, b"\r\n"].concat();
            let kept = line.get(..size.saturating_sub(1)).unwrap_or(&line);
            self.bytes.extend_from_slice(kept);
        }
        self
    }

    /// The channel block, every name with `prefix` before it (`main/manager_channels.c`).
    pub(super) fn channel(self, prefix: &str, channel: &Channel) -> Self {
        channel.write(self, prefix)
    }

    /// The bridge block.
    pub(super) fn bridge(self, bridge: &Bridge) -> Self {
        bridge.write(self)
    }

    /// Closes the frame with its blank line.
    pub(super) fn end(mut self) {
        let mark = self.mark.take();
        if let Some(mark) = &mark
            && mark.padding > 0
        {
            self.bytes.extend_from_slice(b"Padding: ");
            self.bytes.resize(self.bytes.len() + mark.padding, b'x');
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.bytes.extend_from_slice(b"\r\n");
        if let Some(mark) = mark {
            mark.ends.push((mark.classes, self.bytes.len()));
        }
    }
}

/// Broadcast frames in the order in which they were made, each with the classes that may read it.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    ends: Vec<(Classes, usize)>,
    /// Bytes of a `Padding` header added to every event; 0 for none.
    pub(super) padding: usize,
}

impl Outbox {
    /// Begins a broadcast event.
    pub(super) fn event(&mut self, name: &str, classes: Classes) -> Frame<'_> {
        let _ = write!(self.bytes, "Event: {name}\r\nPrivilege: {classes},all\r\n");
        Frame {
            bytes: &mut self.bytes,
            action_id: b"",
            mark: Some(Mark {
                ends: &mut self.ends,
                classes,
                padding: self.padding,
            }),
        }
    }

    /// Adds a frame that exists already.
    pub(super) fn push(&mut self, classes: Classes, frame: &[u8]) {
        self.bytes.extend_from_slice(frame);
        self.ends.push((classes, self.bytes.len()));
    }

    /// Every frame.
    pub(super) fn frames(&self) -> impl Iterator<Item = (Classes, &[u8])> {
        let mut start = 0;
        self.ends.iter().map(move |(classes, end)| {
            let frame = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            (*classes, frame)
        })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all frames together.
    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// The reply to one action, all its frames.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) bytes: Vec<u8>,
    action_id: Vec<u8>,
}

impl Reply {
    pub(super) fn new(action_id: &[u8]) -> Self {
        Self {
            bytes: Vec::new(),
            action_id: action_id.to_vec(),
        }
    }

    /// A frame that has no line yet.
    pub(super) fn bare(&mut self) -> Frame<'_> {
        Frame {
            bytes: &mut self.bytes,
            action_id: &self.action_id,
            mark: None,
        }
    }

    /// Begins a response, with the ActionID.
    pub(super) fn response(&mut self, kind: &str) -> Frame<'_> {
        self.bare().header("Response", kind).action_id()
    }

    /// A whole response with a message.
    pub(super) fn message(&mut self, kind: &str, message: impl AsRef<[u8]>) {
        self.response(kind).header("Message", message).end();
    }

    /// A whole success.
    pub(super) fn success(&mut self, message: &str) {
        self.message("Success", message);
    }

    /// A whole error.
    pub(super) fn error(&mut self, message: impl AsRef<[u8]>) {
        self.message("Error", message);
    }

    /// The head of a list.
    pub(super) fn list_start(&mut self, message: &str) {
        let head = self.response("Success").header("EventList", "start");
        head.header("Message", message).end();
    }

    /// Begins an item of a list: only `Event:`, for each action puts the ActionID in its own place.
    pub(super) fn item(&mut self, event: &str) -> Frame<'_> {
        self.bare().header("Event", event)
    }

    /// Begins the end of a list; some have more headers.
    pub(super) fn list_end(&mut self, event: &str, items: usize) -> Frame<'_> {
        let end = self.item(event).action_id();
        end.header("EventList", "Complete").show("ListItems", items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_buffers_lose_the_line_end() {
        let cut = |length: usize| {
            let mut reply = Reply::new("i".repeat(length).as_bytes());
            reply.item("X").action_id_in(256).end();
            String::from_utf8(reply.bytes).unwrap()
        };
        assert!(cut(243).ends_with("i\r\n\r\n"));
        assert!(cut(244).ends_with("i\r\r\n"));
        assert!(cut(300).ends_with("i\r\n"));
        assert!(!cut(300).ends_with("\r\n\r\n"));
    }

    #[test]
    fn outbox_keeps_frames_apart() {
        let mut outbox = Outbox::default();
        outbox.event("A", Classes::CALL).header("X", "1").end();
        outbox.padding = 3;
        let both = Classes::SYSTEM.union(Classes::USER);
        outbox.event("B", both).end();
        let frames: Vec<_> = outbox.frames().collect();
        assert_eq!(
            frames[0].1,
            b"Event: A\r\nPrivilege: call,all\r\nX: 1\r\n\r\n"
        );
        assert_eq!(
            frames[1],
            (
                both,
                &b"Event: B\r\nPrivilege: system,user,all\r\nPadding: xxx\r\n\r\n"[..]
            )
        );
    }
}
