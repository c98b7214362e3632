//! Writes the answers of administration: a response, or a list that follows Asterisk's convention (`EventList`), every
//! message with the ActionID of the request.

use std::fmt::{Display, Write};

use bytes::{BufMut, BytesMut};

/// An answer that is being written.
#[derive(Debug)]
pub(super) struct Composer {
    out: BytesMut,
    action_id: Option<Box<[u8]>>,
    items: usize,
}

/// A message that is being written.
#[derive(Debug)]
#[must_use = "a message without end() has no end"]
pub(super) struct Fields<'c>(&'c mut BytesMut);

impl Composer {
    /// The answer to a request with that ActionID.
    pub(super) fn new(action_id: Option<&[u8]>) -> Self {
        Self {
            out: BytesMut::new(),
            action_id: action_id.map(Box::from),
            items: 0,
        }
    }

    /// The whole answer.
    pub(super) fn finish(self) -> BytesMut {
        self.out
    }

    fn begin(&mut self, kind: &'static str, name: &'static str) -> Fields<'_> {
        let fields = Fields(&mut self.out).put(kind, name);
        match &self.action_id {
            Some(id) => fields.put_bytes("ActionID", id),
            None => fields,
        }
    }

    /// Begins the response of something that was done.
    pub(super) fn success(&mut self) -> Fields<'_> {
        self.begin("Response", "Success")
    }

    /// Begins the response of something that was not done.
    pub(super) fn error(&mut self, text: impl Display) -> Fields<'_> {
        self.begin("Response", "Error").put("Message", text)
    }

    /// The response with which a list starts.
    pub(super) fn start_list(&mut self, message: &'static str) {
        self.success()
            .put("EventList", "start")
            .put("Message", message)
            .end();
    }

    /// Begins an item of a list.
    pub(super) fn item(&mut self, event: &'static str) -> Fields<'_> {
        self.items += 1;
        self.begin("Event", event)
    }

    /// Begins the event that ends a list.
    pub(super) fn complete(&mut self, event: &'static str) -> Fields<'_> {
        let items = self.items;
        self.begin("Event", event)
            .put("EventList", "Complete")
            .put("ListItems", items)
    }
}

impl Fields<'_> {
    /// Adds a header. What would end the line becomes a blank.
    pub(super) fn put(self, name: &'static str, value: impl Display) -> Self {
        // Writing to memory does not fail.
        let _ = write!(self.0, "{name}: ");
        let begin = self.0.len();
        let _ = write!(self.0, "{value}");
        self.end_line(begin)
    }

    /// Adds a header whose value a client has written.
    fn put_bytes(self, name: &'static str, value: &[u8]) -> Self {
        let _ = write!(self.0, "{name}: ");
        let begin = self.0.len();
        self.0.put_slice(value);
        self.end_line(begin)
    }

    /// Adds a header if there is a value.
    pub(super) fn put_some(self, name: &'static str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    /// Adds a header that says yes or no.
    pub(super) fn put_flag(self, name: &'static str, value: bool) -> Self {
        self.put(name, if value { "Yes" } else { "No" })
    }

    /// Adds a header for each value.
    pub(super) fn put_each(
        self,
        name: &'static str,
        values: impl IntoIterator<Item = impl Display>,
    ) -> Self {
        let values = values.into_iter();
        values.fold(self, |fields, value| fields.put(name, value))
    }

    /// Ends the message.
    pub(super) fn end(self) {
        self.0.put_slice(b"\r\n");
    }

    fn end_line(self, begin: usize) -> Self {
        for byte in self.0.get_mut(begin..).unwrap_or_default() {
            if matches!(*byte, b'\r' | b'\n' | 0) {
                *byte = b' ';
            }
        }
        self.0.put_slice(b"\r\n");
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_has_the_action_id_and_no_value_adds_a_line() {
        let mut composer = Composer::new(Some(b"4 2"));
        composer.start_list("Things will follow");
        let thing = composer.item("MuxThing").put("Name", "a\r\n\r\nEvent: b\0");
        thing
            .put_flag("Big", true)
            .put_some("No", None::<u8>)
            .put_each("N", [1, 2])
            .end();
        composer.complete("MuxThingsComplete").end();
        let expected = "Response: Success\r\nActionID: 4 2\r\nEventList: start\r\nMessage: Things will follow\r\n\r\n\
            Event: MuxThing\r\nActionID: 4 2\r\nName: a    Event: b \r\nBig: Yes\r\nN: 1\r\nN: 2\r\n\r\n\
            Event: MuxThingsComplete\r\nActionID: 4 2\r\nEventList: Complete\r\nListItems: 1\r\n\r\n";
        assert_eq!(composer.finish(), expected.as_bytes());
    }

    #[test]
    fn without_an_action_id_there_is_none() {
        let mut composer = Composer::new(None);
        composer.error(format_args!("no {}", "way")).end();
        assert_eq!(
            composer.finish(),
            &b"Response: Error\r\nMessage: no way\r\n\r\n"[..]
        );
    }
}
