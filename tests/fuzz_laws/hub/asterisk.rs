//! An Asterisk that answers in order, but not always as it should, and may send any bytes at any time.

use std::collections::VecDeque;

use bytes::BytesMut;

use super::super::decisions::answer_briefly;
use super::super::decisions::reader::{Message, Reader};

/// What the hub asks for itself.
const OWN: [&str; 5] = ["Challenge", "Login", "ListCommands", "Events", "Ping"];

#[derive(Default)]
pub(super) struct Asterisk {
    reader: Reader,
    asked: VecDeque<Message>,
    output: Vec<u8>,
    /// How many events there were.
    events: usize,
    /// It has sent bytes of which nobody knows what they are.
    pub(super) is_unpredictable: bool,
    /// It has answered some action twice.
    pub(super) answered_twice: bool,
}

impl Asterisk {
    pub(super) fn connect(&mut self) {
        self.write("Asterisk Call Manager/11.0.0\r\n");
    }

    /// The connection is gone, and what was on its way with it.
    pub(super) fn lose(&mut self) {
        self.reader = Reader::default();
        self.asked.clear();
        self.output.clear();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.asked.is_empty() && self.output.is_empty()
    }

    fn write(&mut self, text: &str) {
        self.output.extend_from_slice(text.as_bytes());
    }

    pub(super) fn write_bytes(&mut self, bytes: &[u8]) {
        self.is_unpredictable = true;
        self.output.extend_from_slice(bytes);
    }

    /// Reads some of what was sent.
    pub(super) fn read(&mut self, outbound: &mut BytesMut, most: usize) {
        let bytes = outbound.split_to(most.min(outbound.len()));
        for message in self.reader.read(&bytes) {
            assert!(!message.broken, "Asterisk would not look at it");
            self.asked.push_back(message);
        }
    }

    pub(super) fn deliver(&mut self, most: usize) -> Vec<u8> {
        let length = most.min(self.output.len());
        self.output.drain(..length).collect()
    }

    /// Answers the oldest action, well or oddly; whether there was one.
    pub(super) fn answer(&mut self, how: usize) -> bool {
        let Some(message) = self.asked.pop_front() else {
            return false;
        };
        let action = message.action();
        if OWN.contains(&action.as_str()) {
            self.output.extend(answer_briefly(&message));
            return true;
        }
        let id = String::from_utf8_lossy(message.get("ActionID")).into_owned();
        let id = format!("ActionID: {id}\r\n");
        let success = format!("Response: Success\r\n{id}");
        let fill = "x".repeat(how / 8 * 150);
        match how % 8 {
            0 if action == "QueueStatus" => self.write_list(&success, &id, 2),
            0 => self.output.extend(answer_briefly(&message)),
            1 => self.write(&format!("Response: Error\r\n{id}Message: no\r\n\r\n")),
            2 => self.write_list(&success, &id, how / 8),
            3 => {
                self.answered_twice = true;
                self.write(&format!("{success}Part: 1\r\n\r\n{success}Part: 2\r\n\r\n"));
            }
            4 => self.write("Response: Success\r\nMessage: nobody's\r\n\r\n"),
            5 => {
                self.write(&format!("{success}Variable: v\r\nValue: x\r\n\r\n"));
                if action == "Getvar" {
                    // A value that forges messages. They are for nobody.
                    self.write("Response: Success\r\nMessage: forged\r\n\r\n");
                    self.write("Event: QueueParams\r\nQueue: forged\r\n\r\nforged: text\r\n\r\n");
                }
            }
            6 => {}
            _ => self.write(&format!("{success}Value: {fill}\r\n\r\n")),
        }
        true
    }

    fn write_list(&mut self, success: &str, id: &str, items: usize) {
        self.write(&format!("{success}EventList: start\r\n\r\n"));
        for _ in 0..items {
            self.write(&format!("Event: QueueParams\r\n{id}Queue: q\r\n\r\n"));
        }
        self.write(&format!(
            "Event: QueueStatusComplete\r\n{id}EventList: Complete\r\nListItems: {items}\r\n\r\n"
        ));
    }

    /// An event for everybody who may see it; of those that can, some name an action that is being dealt with.
    pub(super) fn happen(&mut self, how: usize, size: usize) {
        let number = self.events;
        self.events += 1;
        let classes = ["call", "user", "system", "agent,call"][how % 4];
        let names = ["Newchannel", "UserEvent", "OriginateResponse", "Hangup"];
        let name = names[how / 4];
        let asked = self
            .asked
            .front()
            .filter(|_| (1..3).contains(&(how / 4)) && size % 2 == 1);
        let id = asked.map_or_else(String::new, |message| {
            let id = String::from_utf8_lossy(message.get("ActionID")).into_owned();
            format!("ActionID: {id}\r\n")
        });
        let fill = "x".repeat(size * 8);
        self.write(&format!(
            "Event: {name}\r\nPrivilege: {classes},all\r\n{id}N: {number}\r\nFill: {fill}\r\n\r\n"
        ));
    }
}
