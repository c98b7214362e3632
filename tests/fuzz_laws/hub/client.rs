//! A client: what it asks, and what it may be sent.

use std::sync::Arc;

use amimux::hub::SessionId;
use amimux::policy::class::Classes;
use amimux::policy::event_filter::EventFilters;
use amimux::policy::user::{ActionIds, OnSlow, User};

use crate::hub_harness::{NONCE, user as almighty};

/// What clients ask, less the ActionID.
const ACTIONS: [&str; 20] = [
    "Ping",
    "Getvar\r\nVariable: v",
    "QueueStatus",
    "UserEvent\r\nUserEvent: x",
    "Originate\r\nChannel: Local/1@x\r\nApplication: NoOp\r\nAsync: true",
    "Originate\r\nChannel: Local/1@x\r\nApplication: NoOp",
    "Events\r\nEventMask: on",
    "Events\r\nEventMask: off",
    "Events\r\nEventMask: call",
    "Filter\r\nOperation: Add\r\nFilter: !N: [0-9]*7[^0-9]",
    "Filter\r\nOperation: Add\r\nMatchCriteria: action(exclude),header(N),method(ends_with)\r\nFilter: 3",
    "Filter\r\nOperation: Add\r\nFilter: ((",
    "WaitEvent\r\nTimeout: 3",
    "ListCommands",
    "Challenge\r\nAuthType: MD5",
    "Nonsense",
    "Command\r\nCommand: core show uptime",
    "Hangup\r\nChannel: x",
    "Getvar\r\nVariable: a\rb",
    "Logoff",
];

/// The action whose answer comes whenever it comes.
const SYNCHRONOUS: usize = 5;

/// One of six users: one who may do everything, others with fewer rights, filters or other habits.
pub(super) fn user(number: usize) -> User {
    let mut user = almighty(&format!("user{number}"));
    match number {
        1 => {
            user.read = Classes::CALL;
            user.write = Classes::CALL.union(Classes::ORIGINATE);
            user.on_slow = OnSlow::Skip;
        }
        2 => {
            let mut filters = EventFilters::default();
            let pattern = "!N: [0-9]*5\r";
            filters
                .push("", "eventfilter", pattern)
                .expect("understood");
            user.event_filters = Arc::new(filters);
            user.on_slow = OnSlow::Skip;
            user.max_in_flight = 1;
        }
        3 => {
            user.read = Classes::NONE;
            user.write = Classes::USER;
        }
        4 => user.action_ids = ActionIds::All,
        5 => {
            user.read = Classes::USER.union(Classes::SYSTEM);
            user.max_in_flight = 2;
        }
        _ => {}
    }
    user
}

pub(super) struct Client {
    number: usize,
    pub(super) id: SessionId,
    user: User,
    /// What it has not yet sent.
    pub(super) out: Vec<u8>,
    asked: usize,
    synchronous: Vec<usize>,
    /// The number of its latest action that was answered, and whether it was its latest answer.
    answered: Option<usize>,
    last_event: Option<usize>,
    received: Vec<u8>,
    /// Most bytes that its socket takes at a time; none if it is full.
    pub(super) room: usize,
    pub(super) blocked: bool,
    pub(super) ended_input: bool,
    pub(super) said_goodbye: bool,
    pub(super) gone: bool,
    /// It has sent only whole actions of ours.
    pub(super) is_predictable: bool,
}

impl Client {
    pub(super) fn new(number: usize, id: SessionId, user: User) -> Self {
        Self {
            number,
            id,
            user,
            out: Vec::new(),
            asked: 0,
            synchronous: Vec::new(),
            answered: None,
            last_event: None,
            received: Vec::new(),
            room: usize::MAX,
            blocked: false,
            ended_input: false,
            said_goodbye: false,
            gone: false,
            is_predictable: true,
        }
    }

    /// Has an action of ours to send.
    pub(super) fn ask(&mut self, choice: usize) -> usize {
        let choice = choice % ACTIONS.len();
        let (number, serial) = (self.number, self.asked);
        self.asked += 1;
        if choice == SYNCHRONOUS {
            self.synchronous.push(serial);
        }
        self.said_goodbye |= ACTIONS[choice] == "Logoff";
        let action = ACTIONS[choice];
        let user = &self.user.name;
        let text = format!("ActionID: r{number}-{serial}-{user}\r\nAction: {action}\r\n\r\n");
        self.out.extend_from_slice(text.as_bytes());
        serial
    }

    /// Bytes arrive. `clean`: Asterisk has sent nothing but what it sends; `once`: and no answer twice.
    pub(super) fn receive(&mut self, bytes: &[u8], clean: bool, once: bool) {
        self.received.extend_from_slice(bytes);
        let nonce = format!("{NONCE:016x}");
        while let Some(end) = memchr::memmem::find(&self.received, b"\r\n\r\n") {
            let message: Vec<_> = self.received.drain(..end + 4).collect();
            let text = String::from_utf8_lossy(&message[..end]).into_owned();
            // Where Asterisk's messages run into each other, an answer's ActionID may become part of some event.
            if clean {
                assert!(!text.contains(&nonce), "a token was shown: {text}");
                self.check(&text, once);
            }
        }
    }

    fn check(&mut self, text: &str, once: bool) {
        assert!(!text.contains("forged"), "{text}");
        let event = text.starts_with("Event: ");
        assert!(event || text.starts_with("Response: "), "torn: {text}");
        let get = |name: &str| {
            let mut lines = text.split("\r\n");
            lines.find_map(|line| line.strip_prefix(name))
        };
        if let Some(number) = get("N: ") {
            let number = number.parse().expect("a number");
            assert!(self.last_event < Some(number), "again or too late: {text}");
            self.last_event = Some(number);
        }
        let Some(id) = get("ActionID: r") else { return };
        if !self.is_predictable || event && self.user.action_ids == ActionIds::All {
            return;
        }
        let mut parts = id.splitn(3, '-');
        let mut part = || parts.next().expect("an ActionID of ours");
        let (client, serial, user) = (part(), part(), part());
        // An event shows it to all sessions of the user.
        let own = client == self.number.to_string() || event && user == self.user.name;
        assert!(own, "not for client {}: {text}", self.number);
        let serial: usize = serial.parse().expect("an ActionID of ours");
        if event || self.synchronous.contains(&serial) {
            return;
        }
        assert!(serial < self.asked, "never asked: {text}");
        assert!(
            self.answered <= Some(serial),
            "too late: {text}, behind {:?}",
            self.answered
        );
        assert!(
            !once || self.answered < Some(serial),
            "answered twice: {text}"
        );
        self.answered = Some(serial);
    }

    pub(super) fn is_between_messages(&self) -> bool {
        self.received.is_empty()
    }

    /// Whether the action of that number was answered, and none behind it.
    pub(super) fn is_answered(&self, serial: usize) -> bool {
        self.answered == Some(serial)
    }
}
