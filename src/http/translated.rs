//! Events in the form that streams have, kept for a moment: whoever follows the same view is sent the same text, so that an
//! event is turned into JSON once for all of them and not once for each.

use std::collections::{HashMap, VecDeque};

use bytes::{Bytes, BytesMut};

use super::{json, sse};
use crate::session::web::Place;

/// Events kept at most.
const ENTRIES_MAX: usize = 256;

/// Bytes that they and their texts take at most.
const BYTES_MAX: usize = 1024 * 1024;

/// A view and a position in it.
type Key = (u64, u64);

#[derive(Debug)]
struct Entry {
    message: Box<[u8]>,
    text: Bytes,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.message.len() + self.text.len()
    }
}

/// The events that were translated last.
#[derive(Debug, Default)]
pub(super) struct Translated {
    entries: HashMap<Key, Entry>,
    /// Those that were translated first at the beginning.
    order: VecDeque<Key>,
    bytes: usize,
}

impl Translated {
    /// A message as a stream has it, with the place behind it as its identifier.
    pub(super) fn text(&mut self, place: Place, message: &[u8]) -> Bytes {
        let key = (place.view, place.position);
        let known = self.entries.get(&key);
        // A message of one follower alone has the place of the event before it.
        if let Some(entry) = known.filter(|entry| *entry.message == *message) {
            return entry.text.clone();
        }
        let is_new = known.is_none();
        let text = translate(place, message);
        if is_new {
            let (message, text) = (message.into(), text.clone());
            self.keep(key, Entry { message, text });
        }
        text
    }

    fn keep(&mut self, key: Key, entry: Entry) {
        let bytes = entry.bytes();
        if bytes > BYTES_MAX {
            return;
        }
        while self.order.len() >= ENTRIES_MAX || self.bytes + bytes > BYTES_MAX {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            let gone = self.entries.remove(&oldest);
            self.bytes -= gone.map_or(0, |gone| gone.bytes());
        }
        self.bytes += bytes;
        self.order.push_back(key);
        self.entries.insert(key, entry);
    }
}

fn translate(place: Place, message: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(message.len() * 2);
    let id = sse::id_of(place);
    for event in json::events(message) {
        sse::write_event(Some(&id), event.to_string().as_bytes(), &mut out);
    }
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(position: u64) -> Place {
        Place { view: 1, position }
    }

    fn message(fill: usize) -> Vec<u8> {
        format!("Event: A\r\nFill: {}\r\n\r\n", "x".repeat(fill)).into_bytes()
    }

    #[test]
    fn the_second_follower_is_sent_the_same_text() {
        let mut translated = Translated::default();
        let first = translated.text(place(10), b"Event: A\r\nN: 1\r\n\r\n");
        assert_eq!(
            first,
            &b"id: 1-10\ndata: {\"Event\":\"A\",\"N\":\"1\"}\n\n"[..]
        );
        let second = translated.text(place(10), b"Event: A\r\nN: 1\r\n\r\n");
        assert_eq!(second, first);
        assert_eq!(second.as_ptr(), first.as_ptr());
        let other = translated.text(place(11), b"Event: A\r\nN: 1\r\n\r\n");
        assert_eq!(
            other,
            &b"id: 1-11\ndata: {\"Event\":\"A\",\"N\":\"1\"}\n\n"[..]
        );
    }

    #[test]
    fn a_message_of_one_follower_alone_is_nobody_elses() {
        let mut translated = Translated::default();
        let event = translated.text(place(10), b"Event: A\r\n\r\n");
        let own = translated.text(place(10), b"Event: MuxEventsSkipped\r\n\r\n");
        assert_eq!(
            own,
            &b"id: 1-10\ndata: {\"Event\":\"MuxEventsSkipped\"}\n\n"[..]
        );
        let again = translated.text(place(10), b"Event: A\r\n\r\n");
        assert_eq!(again.as_ptr(), event.as_ptr());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        for (name, fill, count, kept) in [
            ("small ones by their number", 1, 1000, ENTRIES_MAX),
            ("large ones by their bytes", 100_000, 20, 5),
            ("one that is too large not at all", BYTES_MAX, 3, 0),
        ] {
            let mut translated = Translated::default();
            for position in 0..count {
                translated.text(place(position), &message(fill));
                assert!(translated.bytes <= BYTES_MAX, "{name}");
            }
            assert_eq!(translated.entries.len(), kept, "{name}");
            assert_eq!(translated.order.len(), kept, "{name}");
            let bytes: usize = translated.entries.values().map(Entry::bytes).sum();
            assert_eq!(translated.bytes, bytes, "{name}");
            let newest = translated.entries.contains_key(&(1, count - 1));
            assert_eq!(newest, kept > 0, "{name}");
        }
    }
}
