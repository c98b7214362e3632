//! Drives a hub without sockets: a scripted Asterisk on one side, clients that collect their bytes on the
//! other, and a clock that stands still until it is told to go on.
//!
//! Messages are written in one line here: `|` stands for the end of a line, and the blank line is added.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each test file uses its part, and a broken assumption fails the test"
)]

mod asterisk;
mod settings;
mod web;

use std::sync::Arc;
use std::time::Duration;

use amimux::hub::{Admission, CloseReason, Hub, Notice, Now, Outcome, SessionId, Slices};
use amimux::policy::event_mask::EventMask;
use amimux::policy::user::User;
use bytes::BytesMut;

pub use self::asterisk::Asked;
use self::asterisk::Asterisk;
pub use self::settings::{connection, general, upstream, user};
pub use self::web::Handed;
use amimux::config::settings::{General, Upstream};

/// The random number in every token; no client may ever see its hex digits.
pub const NONCE: u64 = 0xfeed_face_cafe_beef;
const NONCE_HEX: &[u8] = b"feedfacecafebeef";

/// One message on the wire.
pub fn wire(message: &str) -> Vec<u8> {
    let mut bytes = message.replace('|', "\r\n").into_bytes();
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes
}

/// A client as seen from its own side.
#[derive(Debug)]
pub struct Client {
    pub id: SessionId,
    received: Vec<u8>,
    /// How far `received` was handed to the test.
    taken: usize,
    /// Most bytes its socket takes at a time.
    pub piece: usize,
    /// How many bytes its socket takes before it is full.
    pub room: usize,
    /// It does not read: its socket is full.
    pub stuck: bool,
    pub closed: Option<Outcome>,
}

/// A hub with all that belongs to it.
pub struct Bench {
    pub hub: Hub,
    pub now: Now,
    pub asterisk: Asterisk,
    pub clients: Vec<Client>,
    pub notices: Vec<Notice>,
    /// Filters are not compiled together yet.
    pub hold_filters: bool,
    pub web: Handed,
}

impl Bench {
    /// A hub that is connected and ready.
    pub fn new() -> Self {
        Self::with(general(), upstream())
    }

    /// The same with these settings.
    pub fn with(general: General, upstream: Upstream) -> Self {
        let mut bench = Self::away(general, upstream);
        bench.connect();
        assert!(bench.hub.is_ready());
        bench
    }

    /// A hub that was never connected.
    pub fn away(general: General, upstream: Upstream) -> Self {
        Self {
            hub: Hub::new(Arc::new(general), Arc::new(upstream), NONCE),
            now: Now {
                since_start: Duration::from_secs(1000),
                wall: Duration::from_secs(1_700_000_000),
            },
            asterisk: Asterisk::default(),
            clients: Vec::new(),
            notices: Vec::new(),
            hold_filters: false,
            web: Handed::default(),
        }
    }

    /// Connects: banner, login, action table, FullyBooted.
    pub fn connect(&mut self) {
        self.hub.upstream_connected(self.now);
        self.asterisk.restart();
        self.feed(b"Asterisk Call Manager/11.0.0\r\n");
    }

    /// The connection to Asterisk breaks.
    pub fn lose(&mut self, cause: &str) {
        self.asterisk.restart();
        self.hub.upstream_lost(self.now, cause);
        self.settle();
    }

    /// A client of that user logs in; returns its number.
    pub fn login(&mut self, user: User) -> usize {
        self.login_with(user, EventMask::Everything, b"")
    }

    /// The same with an event mask, and with input that came together with the login.
    pub fn login_with(&mut self, user: User, events: EventMask, input: &[u8]) -> usize {
        let admission = Admission {
            account: user.name.as_bytes().into(),
            user: Arc::new(user),
            connection: connection(),
            action_id: None,
            events,
            challenge: None,
            challenge_random: 7,
            input: BytesMut::from(input),
        };
        let id = self.hub.attach(self.now, admission);
        self.clients.push(Client {
            id,
            received: Vec::new(),
            taken: 0,
            piece: usize::MAX,
            room: usize::MAX,
            stuck: false,
            closed: None,
        });
        self.settle();
        self.clients.len() - 1
    }

    /// A client that is logged in, its login's answers read.
    pub fn client(&mut self, user: User) -> usize {
        let client = self.login(user);
        let got = self.got(client);
        assert_eq!(got[0], "Response: Success|Message: Authentication accepted");
        client
    }

    /// The client sends one message.
    pub fn send(&mut self, client: usize, message: &str) {
        self.raw(client, &wire(message));
    }

    /// The client sends these bytes.
    pub fn raw(&mut self, client: usize, bytes: &[u8]) {
        let id = self.clients[client].id;
        self.hub.client_bytes(self.now, id, bytes);
        self.settle();
    }

    /// The client ends its input.
    pub fn end_input(&mut self, client: usize) {
        let id = self.clients[client].id;
        self.hub.client_end_of_input(self.now, id);
        self.settle();
    }

    /// The client's connection breaks.
    pub fn vanish(&mut self, client: usize) {
        let id = self.clients[client].id;
        self.hub.remove(id, CloseReason::Disconnected);
        self.clients[client].closed = Some(Outcome::Finished);
        self.settle();
    }

    /// What the client received since it was last asked: whole messages in one line each.
    pub fn got(&mut self, client: usize) -> Vec<String> {
        let bytes = self.got_bytes(client);
        messages(&bytes)
    }

    /// The same as bytes.
    pub fn got_bytes(&mut self, client: usize) -> Vec<u8> {
        let client = &mut self.clients[client];
        let bytes = client.received[client.taken..].to_vec();
        client.taken = client.received.len();
        bytes
    }

    /// Asterisk broadcasts an event (or writes any other message).
    pub fn event(&mut self, message: &str) {
        self.feed(&wire(message));
    }

    /// Asterisk sends several messages in one turn.
    pub fn events(&mut self, messages: &[&str]) {
        let bytes = messages.iter().flat_map(|message| wire(message));
        self.feed(&bytes.collect::<Vec<_>>());
    }

    /// Bytes from Asterisk, read in one go.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.hub.inbound().extend_from_slice(bytes);
        self.hub.upstream_received(self.now);
        self.settle();
    }

    /// What clients' actions wait for Asterisk's answer, oldest first.
    pub fn asked(&self) -> Vec<String> {
        let waiting = self.asterisk.waiting.iter();
        waiting
            .filter(|asked| !["Ping", "Events", "ListCommands"].contains(&asked.action.as_str()))
            .map(Asked::show)
            .collect()
    }

    /// The ActionID of the oldest action that waits for Asterisk's answer.
    pub fn token(&self) -> String {
        self.asterisk.waiting[0].action_id.clone()
    }

    /// Asterisk answers its oldest action with these messages; `{id}` stands for its ActionID.
    pub fn answer(&mut self, messages: &[&str]) {
        let asked = self
            .asterisk
            .waiting
            .pop_front()
            .expect("an action to answer");
        let bytes = messages
            .iter()
            .flat_map(|message| wire(&message.replace("{id}", &asked.action_id)));
        self.feed(&bytes.collect::<Vec<_>>());
    }

    /// Asterisk answers its oldest action with a plain success.
    pub fn succeed(&mut self) {
        self.answer(&["Response: Success|ActionID: {id}|Message: done"]);
    }

    /// Time passes; what is due is done when it is due.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now.since_start + time;
        for _ in 0..10_000 {
            let Some(at) = self.hub.next_deadline().filter(|at| *at <= end) else {
                break;
            };
            let step = at.saturating_sub(self.now.since_start);
            self.now.since_start += step;
            self.now.wall += step;
            self.hub.tick(self.now);
            self.settle();
            if self.hub.next_deadline() == Some(at) && step.is_zero() {
                panic!("the deadline {at:?} does not go away: a timer would spin");
            }
        }
        let step = end.saturating_sub(self.now.since_start);
        self.now.since_start += step;
        self.now.wall += step;
    }

    /// Does what the shell does after each call: writes to clients, lets Asterisk read and answer what is the
    /// hub's own, collects notices, and does what is due at once.
    pub fn settle(&mut self) {
        for _ in 0..1000 {
            self.flush_all();
            if let Some(draft) = self.hub.next_filter_draft() {
                self.hub.filter_drafted(self.now, draft.run());
                continue;
            }
            let answers = self.asterisk.read(self.hub.outbound());
            let due = self.hub.next_deadline().is_some_and(|at| at.is_zero());
            if answers.is_empty() && !due {
                return;
            }
            if due {
                self.hub.tick(self.now);
            }
            if !answers.is_empty() {
                self.hub.inbound().extend_from_slice(&answers);
                self.hub.upstream_received(self.now);
            }
        }
        panic!("the hub does not come to rest");
    }

    fn flush_all(&mut self) {
        while let Some(id) = self.hub.next_dirty() {
            if let Some(index) = self.clients.iter().position(|client| client.id == id) {
                self.flush(index);
            }
        }
        self.hand_out();
        if self.hub.has_grown() {
            let mut ids = Vec::new();
            self.hub.begin_sweep(&mut ids);
            for id in ids {
                if let Some(index) = self.clients.iter().position(|client| client.id == id) {
                    self.flush(index);
                }
            }
            self.hub.swept();
        }
        if !self.hold_filters
            && let Some(build) = self.hub.next_filter_build(self.now)
        {
            self.hub.filters_built(self.now, Some(build.run()));
        }
        while self.hub.next_resumed().is_some() {}
        while let Some(notice) = self.hub.next_notice() {
            self.notices.push(notice);
        }
    }

    /// Writes to a client what there is, in pieces as its socket takes them.
    pub fn flush(&mut self, index: usize) {
        let client = &mut self.clients[index];
        if client.closed.is_some() {
            return;
        }
        while !client.stuck {
            let mut slices = Slices::new();
            let outcome = self.hub.gather(client.id, &mut slices);
            let bytes = slices.concat();
            drop(slices);
            match outcome {
                Outcome::Write => {
                    let written = bytes.len().min(client.piece).min(client.room);
                    client.room -= written;
                    client.stuck = client.room == 0;
                    client.received.extend_from_slice(&bytes[..written]);
                    self.hub.wrote(self.now, client.id, written);
                }
                Outcome::CaughtUp => {
                    if !self.hub.turn_over(self.now, client.id) {
                        break;
                    }
                }
                Outcome::Finished | Outcome::FellOff { .. } => {
                    self.hub.remove(client.id, CloseReason::Disconnected);
                    client.closed = Some(outcome);
                    break;
                }
            }
        }
        self.hub.set_blocked(self.now, client.id, client.stuck);
        let leaked = memchr::memmem::find(&client.received, NONCE_HEX);
        assert_eq!(leaked, None, "client {index} was shown a token");
    }

    /// The client reads again, until it has everything.
    pub fn unstick(&mut self, client: usize) {
        self.clients[client].stuck = false;
        self.flush(client);
        self.settle();
    }
}

/// Bytes taken apart into whole messages, each in one line; part of a message at the end fails the test.
pub fn messages(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut messages = text.split("\r\n\r\n").collect::<Vec<_>>();
    assert_eq!(messages.pop(), Some(""), "part of a message: {text:?}");
    messages
        .into_iter()
        .map(|message| message.replace("\r\n", "|"))
        .collect()
}
