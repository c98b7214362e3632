//! A program of operations around a hub: each byte of the input names an operation or says how it is done. Clients of
//! several users come, send actions whole, in pieces or as mere bytes, read little or not, and vanish; Asterisk answers
//! well or oddly, or sends any bytes; filters are compiled at any time; the connection breaks; time passes. After every
//! operation memory is within its limit; what each client receives is whole messages, its own and in order, and shows no
//! token; and at rest everybody is answered.

mod asterisk;
mod client;
mod rest;
mod sockets;

use std::sync::Arc;
use std::time::Duration;

use amimux::config::settings::{General, Upstream};
use amimux::hub::{Admission, CloseReason, FilterBuild, FilterDrafted, Hub, Now};
use amimux::policy::event_mask::EventMask;
use bytes::BytesMut;

use self::asterisk::Asterisk;
use self::client::Client;
use crate::hub_harness::{NONCE, connection, general, upstream};

/// Longest program: a few hundred operations find what thousands do.
const BYTES_MAX: usize = 2048;

/// Most clients at a time.
const CLIENTS_MAX: usize = 12;

pub fn hold(data: &[u8]) {
    let nonce = format!("{NONCE:016x}");
    if data.len() > BYTES_MAX || memchr::memmem::find(data, nonce.as_bytes()).is_some() {
        return;
    }
    let mut program = Program(data);
    let mut world = World::new(&mut program);
    world.connect();
    world.converse();
    while let Some(operation) = program.next() {
        world.step(operation, &mut program);
    }
    world.come_to_rest();
}

/// The bytes that are left of the input.
pub(super) struct Program<'a>(&'a [u8]);

impl Program<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// The next byte as a number; zero behind the end.
    fn number(&mut self) -> usize {
        self.next().unwrap_or(0).into()
    }

    /// A length, then so many bytes.
    fn bytes(&mut self) -> Vec<u8> {
        let length = self.number().min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes.to_vec()
    }
}

pub(super) struct World {
    hub: Hub,
    now: Now,
    memory_limit: usize,
    connected: bool,
    asterisk: Asterisk,
    clients: Vec<Client>,
    build: Option<FilterBuild>,
    drafts: Vec<FilterDrafted>,
}

impl World {
    fn new(program: &mut Program<'_>) -> Self {
        let sizes = program.number();
        let general = General {
            retention_bytes: 1 << (9 + sizes % 8),
            memory_limit_bytes: 1 << (14 + 2 * (sizes / 8 % 4)),
            max_queued: 1 + sizes / 32,
            frame_bytes_max: 4096,
            ..general()
        };
        let upstream = Upstream {
            window: 1 + sizes % 5,
            ..upstream()
        };
        Self {
            memory_limit: general.memory_limit_bytes,
            hub: Hub::new(Arc::new(general), Arc::new(upstream), NONCE),
            now: Now {
                since_start: Duration::from_secs(1000),
                wall: Duration::from_secs(1_700_000_000),
            },
            connected: false,
            asterisk: Asterisk::default(),
            clients: Vec::new(),
            build: None,
            drafts: Vec::new(),
        }
    }

    fn step(&mut self, operation: u8, program: &mut Program<'_>) {
        let how = usize::from(operation >> 4);
        match operation & 15 {
            0 => self.join(program.number()),
            1 => self.ask(program, how.is_multiple_of(2)),
            2 => self.say_bytes(program),
            3 => self.say(program, how),
            4 => self.asterisk.read(self.hub.outbound(), program.number()),
            5 => {
                self.asterisk.answer(program.number());
            }
            6 => self.asterisk.happen(how, program.number()),
            7 => self.asterisk.write_bytes(&program.bytes()),
            8 => self.asterisk_is_heard(1 + program.number() * (1 + how)),
            9 => self.pass(Duration::from_millis(program.number() as u64)),
            10 => self.pass(Duration::from_secs(program.number() as u64)),
            11 => self.set_room(program, how),
            12 => self.compile_filters(how),
            13 if how.is_multiple_of(4) => self.lose("it broke"),
            13 => self.converse(),
            14 => self.leave(program, how),
            _ => self.sweep(),
        }
        self.after_turn();
    }

    fn join(&mut self, how: usize) {
        let present = self.clients.iter().filter(|client| !client.gone).count();
        if present >= CLIENTS_MAX {
            return;
        }
        let number = self.clients.len();
        let user = client::user(how % 6);
        let events = match how / 6 % 3 {
            0 => EventMask::Everything,
            1 => EventMask::Some(user.read),
            _ => EventMask::Off,
        };
        let id = self.hub.attach(
            self.now,
            Admission {
                account: user.name.as_bytes().into(),
                user: Arc::new(user.clone()),
                connection: connection(),
                action_id: None,
                events,
                challenge: None,
                challenge_random: 7,
                input: BytesMut::new(),
            },
        );
        self.clients.push(Client::new(number, id, user));
    }

    /// The number of a client that is there.
    fn chosen(&self, program: &mut Program<'_>) -> Option<usize> {
        let choice = program.number();
        let present = (0..self.clients.len()).filter(|index| !self.clients[*index].gone);
        let present: Vec<_> = present.collect();
        present.get(choice % present.len().max(1)).copied()
    }

    /// A client has an action to send: at once, or later in pieces.
    fn ask(&mut self, program: &mut Program<'_>, at_once: bool) {
        let index = self.chosen(program);
        let action = program.number();
        if let Some(index) = index {
            self.clients[index].ask(action);
            if at_once {
                self.send(index, usize::MAX);
            }
        }
    }

    /// A client sends any bytes: from now on nobody knows what it is to be answered.
    fn say_bytes(&mut self, program: &mut Program<'_>) {
        let index = self.chosen(program);
        let bytes = program.bytes();
        if let Some(index) = index {
            self.clients[index].is_predictable = false;
            self.clients[index].out.extend_from_slice(&bytes);
            self.send(index, usize::MAX);
        }
    }

    /// A client sends some of what it has to send.
    fn say(&mut self, program: &mut Program<'_>, how: usize) {
        if let Some(index) = self.chosen(program) {
            self.send(index, 1 + how * how);
        }
    }

    fn send(&mut self, index: usize, most: usize) {
        let client = &mut self.clients[index];
        if client.gone || client.ended_input || !self.hub.wants_input(client.id) {
            return;
        }
        let length = most.min(client.out.len());
        let bytes: Vec<_> = client.out.drain(..length).collect();
        if !bytes.is_empty() {
            self.hub.client_bytes(self.now, client.id, &bytes);
        }
    }

    fn leave(&mut self, program: &mut Program<'_>, how: usize) {
        let Some(index) = self.chosen(program) else {
            return;
        };
        let client = &mut self.clients[index];
        if how.is_multiple_of(2) {
            client.gone = true;
            self.hub.remove(client.id, CloseReason::Disconnected);
        } else if !client.ended_input {
            client.ended_input = true;
            self.hub.client_end_of_input(self.now, client.id);
        }
    }

    fn connect(&mut self) {
        self.connected = true;
        self.asterisk.connect();
        self.hub.upstream_connected(self.now);
    }

    fn lose(&mut self, cause: &str) {
        if self.connected {
            self.connected = false;
            self.asterisk.lose();
            self.hub.upstream_lost(self.now, cause);
        }
    }

    fn asterisk_is_heard(&mut self, most: usize) {
        if self.connected {
            let bytes = self.asterisk.deliver(most);
            self.hub.inbound().extend_from_slice(&bytes);
            self.hub.upstream_received(self.now);
        }
    }

    /// Everything that is on its way between the hub and Asterisk arrives and is dealt with.
    fn converse(&mut self) {
        for _ in 0..10_000 {
            if !self.connected {
                return;
            }
            self.asterisk.read(self.hub.outbound(), usize::MAX);
            while self.asterisk.answer(0) {}
            if self.asterisk.is_idle() {
                return;
            }
            self.asterisk_is_heard(usize::MAX);
            self.after_turn();
        }
        panic!("the hub and Asterisk do not come to rest");
    }

    /// Time passes; what is due is done when it is due.
    fn pass(&mut self, time: Duration) {
        let end = self.now.since_start + time;
        for _ in 0..1000 {
            let due = [self.hub.next_deadline(), self.reconnect_at()];
            let Some(at) = due.into_iter().flatten().min().filter(|at| *at <= end) else {
                break;
            };
            self.go_to(at);
            if self.reconnect_at().is_some_and(|due| due <= at) {
                self.connect();
            }
            self.hub.tick(self.now);
            self.after_turn();
        }
        self.go_to(end);
    }

    fn reconnect_at(&self) -> Option<Duration> {
        self.hub.reconnect_at().filter(|_| !self.connected)
    }

    fn go_to(&mut self, at: Duration) {
        let step = at.saturating_sub(self.now.since_start);
        self.now.since_start += step;
        self.now.wall += step;
    }

    /// Filters are compiled elsewhere, and ready at any later time; now and then that fails.
    fn compile_filters(&mut self, how: usize) {
        match how % 4 {
            0 => {
                let draft = self.hub.next_filter_draft();
                self.drafts.extend(draft.map(|draft| draft.run()));
            }
            1 => {
                if let Some(drafted) = self.drafts.pop() {
                    self.hub.filter_drafted(self.now, drafted);
                }
            }
            2 if self.build.is_none() => self.build = self.hub.next_filter_build(self.now),
            _ => {
                if let Some(build) = self.build.take() {
                    let built = (how != 3).then(|| build.run());
                    self.hub.filters_built(self.now, built);
                }
            }
        }
    }
}
