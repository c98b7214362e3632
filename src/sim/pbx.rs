//! The simulated PBX itself: connections and time go in, bytes come out. No socket, no clock.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::BytesMut;

use super::actions::{self, Execution, Outcome};
use super::connection::{Connection, ConnectionId};
use super::faults::Faults;
use super::frame::Reply;
use super::options::PbxOptions;
use super::wire::{Fault, Message};
use super::world::World;
use crate::policy::class::Classes;

/// Most bytes of requests that may wait on one connection; more close it.
const INPUT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// From here on a connection should not be read from.
const INPUT_BYTES_ENOUGH: usize = 256 * 1024;
/// Bytes that a flood keeps in front of its reader.
const FLOOD_BYTES: usize = 256 * 1024;
/// Actions kept by [`Pbx::executed`]; the older half goes when there are more.
const EXECUTED_MAX: usize = 100_000;

/// An action that arrived, as the PBX parsed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// The connection it came on.
    pub connection: ConnectionId,
    /// The action's name as written; empty when the message had none.
    pub action: Vec<u8>,
    /// Every line of the message in order; a line without a colon has an empty value.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A PBX that speaks AMI. All times are counted from the same start and never go back.
#[derive(Debug)]
pub struct Pbx {
    pub(super) world: World,
    pub(super) connections: BTreeMap<ConnectionId, Connection>,
    pub(super) faults: Faults,
    next_connection: u64,
    boot_announced: bool,
    executed: Vec<Executed>,
    nothing: BytesMut,
}

impl Pbx {
    /// A PBX that starts at time zero.
    pub fn new(options: PbxOptions) -> Self {
        Self {
            boot_announced: options.boot_delay.is_zero(),
            world: World::new(options, Duration::ZERO),
            connections: BTreeMap::new(),
            faults: Faults::default(),
            next_connection: 0,
            executed: Vec::new(),
            nothing: BytesMut::new(),
        }
    }

    /// A client connects; the banner is in its output at once. While the PBX is shut down it is closed without a byte.
    pub fn connect(&mut self, now: Duration) -> ConnectionId {
        self.next_connection += 1;
        let id = ConnectionId(self.next_connection);
        let mut connection = Connection::new(now, self.world.options.output_bytes_max);
        if self.faults.down {
            connection.close();
        }
        self.connections.insert(id, connection);
        self.tick(now);
        id
    }

    /// Bytes from a client. Whatever actions they complete are run, unless an earlier one is still running.
    pub fn input(&mut self, id: ConnectionId, now: Duration, bytes: &[u8]) {
        if let Some(connection) = self.connections.get_mut(&id) {
            if connection.closing {
                return;
            }
            connection.reader.push(bytes);
            if connection.reader.waiting() > INPUT_BYTES_MAX {
                connection.close();
            }
        }
        self.tick(now);
    }

    /// What waits to be sent to a connection; the caller takes it away. Empty for a connection that is not there.
    pub fn output(&mut self, id: ConnectionId) -> &mut BytesMut {
        let Some(connection) = self.connections.get_mut(&id) else {
            self.nothing.clear();
            return &mut self.nothing;
        };
        if connection.blocked.is_none() && !self.faults.frozen {
            connection.pour(FLOOD_BYTES);
        }
        &mut connection.output
    }

    /// Whether a connection should be closed by the PBX's side once its output has been sent.
    pub fn wants_close(&self, id: ConnectionId) -> bool {
        self.connections
            .get(&id)
            .is_none_or(|connection| connection.closing)
    }

    /// Whether a connection should be read from: not while a great deal of its input still waits.
    pub fn wants_input(&self, id: ConnectionId) -> bool {
        let connection = self.connections.get(&id);
        connection.is_some_and(|connection| connection.reader.waiting() < INPUT_BYTES_ENOUGH)
    }

    /// Whether an action of this connection is still running.
    pub fn is_busy(&self, id: ConnectionId) -> bool {
        let connection = self.connections.get(&id);
        connection.is_some_and(|connection| connection.blocked.is_some())
    }

    /// Whether the PBX gave a connection up because its reader was too far behind; nothing more should be sent to it.
    pub fn was_dropped(&self, id: ConnectionId) -> bool {
        let connection = self.connections.get(&id);
        connection.is_some_and(|connection| connection.dropped)
    }

    /// Connections that have output or are to be closed.
    pub fn pending(&self) -> impl Iterator<Item = ConnectionId> {
        let connections = self.connections.iter();
        connections
            .filter(|(_, connection)| {
                !connection.output.is_empty() || connection.closing || connection.flood.is_some()
            })
            .map(|(id, _)| *id)
    }

    /// A connection has gone.
    pub fn disconnect(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
    }

    /// Every connection, logged in or not, in the order in which they came.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionId> {
        self.connections.keys().copied()
    }

    /// Calls that are up now, and channels.
    pub fn active(&self) -> (usize, usize) {
        (self.world.calls.len(), self.world.channels.len())
    }

    /// The actions that arrived so far, oldest first, when [`PbxOptions::record`] is set.
    pub fn executed(&self) -> &[Executed] {
        &self.executed
    }

    /// Sends a frame, whatever it says, to every session that has all of these classes.
    pub fn broadcast(&mut self, classes: Classes, frame: &[u8]) {
        self.world.outbox.push(classes, frame);
        self.distribute();
    }

    /// When [`Pbx::tick`] must be called next.
    pub fn next_deadline(&self) -> Option<Duration> {
        if self.faults.frozen || self.faults.down {
            return None;
        }
        let timeout = self.world.options.auth_timeout;
        let connections = self.connections.values();
        let connections = connections.filter_map(|connection| connection.deadline(timeout));
        let boot = self
            .world
            .started
            .saturating_add(self.world.options.boot_delay);
        let boot = (!self.boot_announced).then_some(boot);
        connections
            .chain(self.world.next_deadline())
            .chain(boot)
            .min()
    }

    /// Time goes on: calls proceed, waiting actions end, requests that waited are run.
    pub fn tick(&mut self, now: Duration) {
        if self.faults.frozen || self.faults.down {
            return;
        }
        loop {
            let more = self.world.advance(now);
            self.distribute();
            if !more {
                break;
            }
        }
        if !self.boot_announced && self.world.booted() {
            self.boot_announced = true;
            self.announce_boot();
        }
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            self.greet(id);
            self.check_timeouts(id);
            self.run_waiting(id);
        }
    }

    /// Sends the banner to a connection that has not had it.
    fn greet(&mut self, id: ConnectionId) {
        let version = self.world.options.ami_version;
        if let Some(connection) = self.connections.get_mut(&id)
            && !std::mem::replace(&mut connection.greeted, true)
        {
            connection.send(format!("Asterisk Call Manager/{version}\r\n").as_bytes());
        }
    }

    /// Puts a new world in the place of the old one.
    pub(super) fn replace_world(&mut self, world: World) {
        self.boot_announced = world.booted();
        self.world = world;
    }

    fn announce_boot(&mut self) {
        let uptime = self.world.now.saturating_sub(self.world.started).as_secs();
        let event = self.world.outbox.event("FullyBooted", Classes::SYSTEM);
        let event = event.header("Status", "Fully Booted");
        event
            .show("Uptime", uptime)
            .show("LastReload", uptime)
            .end();
        self.distribute();
    }

    /// Hands the events of the outbox to the sessions.
    fn distribute(&mut self) {
        if !self.world.outbox.is_empty() {
            for connection in self.connections.values_mut() {
                for (classes, frame) in self.world.outbox.frames() {
                    connection.deliver(classes, frame);
                }
            }
            self.world.outbox.clear();
        }
        self.end_originates();
    }

    /// Runs the messages that wait on a connection, one after another, as long as none of them blocks.
    fn run_waiting(&mut self, id: ConnectionId) {
        loop {
            let Some(connection) = self.connections.get_mut(&id) else {
                return;
            };
            if connection.closing || connection.blocked.is_some() {
                return;
            }
            let Some(message) = connection.reader.next_message() else {
                return;
            };
            self.execute(id, &message);
            self.distribute();
        }
    }

    fn execute(&mut self, id: ConnectionId, message: &Message) {
        self.record(id, message);
        let name_in_use = self.name_in_use(message);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let mut execution = Execution {
            world: &mut self.world,
            session: &mut connection.session,
            connection: id,
            message,
            reply: Reply::new(message.get("ActionID")),
            name_in_use,
        };
        let outcome = match message.fault {
            None => actions::process(&mut execution),
            Some(fault) => {
                execution.reply.error(match fault {
                    Fault::TooManyLines => "Too many lines in message or allocation failure",
                    Fault::LineTooLong => "Failed to parse message: line too long",
                });
                Outcome::Done
            }
        };
        let reply = execution.reply.bytes;
        if self.faults.swallows_reply() {
            return;
        }
        for _ in 0..self.faults.copies_of_reply() {
            connection.send(&reply);
        }
        match outcome {
            Outcome::Done => {}
            Outcome::Close => connection.close(),
            Outcome::Block(blocked) => connection.blocked = Some(blocked),
        }
    }

    /// Whether a session of the named user is there already. Only logins ask.
    fn name_in_use(&self, message: &Message) -> bool {
        let name = message.get("Username");
        let mut connections = self.connections.values();
        !name.is_empty()
            && connections.any(|connection| {
                let session = connection.session.name.as_deref();
                session.is_some_and(|session| session.eq_ignore_ascii_case(name))
            })
    }

    fn record(&mut self, id: ConnectionId, message: &Message) {
        if !self.world.options.record {
            return;
        }
        if self.executed.len() >= EXECUTED_MAX {
            self.executed.drain(..EXECUTED_MAX / 2);
        }
        let split = |line: &Vec<u8>| match memchr::memchr(b':', line) {
            Some(colon) => {
                let (name, value) = line.split_at(colon);
                let value = value.strip_prefix(b":").unwrap_or(value);
                (name.to_vec(), value.trim_ascii_start().to_vec())
            }
            None => (line.clone(), Vec::new()),
        };
        self.executed.push(Executed {
            connection: id,
            action: message.action().to_vec(),
            headers: message.lines.iter().map(split).collect(),
        });
    }
}
