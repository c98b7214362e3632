//! What can be made to go wrong on purpose: silence, forged and repeated frames, shutdown and restart.

use std::time::Duration;

use super::connection::ConnectionId;
use super::flood::Flood;
use super::pbx::Pbx;
use super::world::World;
use crate::policy::class::Classes;

/// The switches that are on.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) frozen: bool,
    pub(super) down: bool,
    unanswered: u64,
    repeated: u64,
}

impl Faults {
    /// Whether the reply at hand is to be thrown away.
    pub(super) const fn swallows_reply(&mut self) -> bool {
        let swallows = self.unanswered > 0;
        self.unanswered = self.unanswered.saturating_sub(1);
        swallows
    }

    /// How often the reply at hand is sent.
    pub(super) const fn copies_of_reply(&mut self) -> u32 {
        let copies = if self.repeated > 0 { 2 } else { 1 };
        self.repeated = self.repeated.saturating_sub(1);
        copies
    }
}

impl Pbx {
    /// While frozen, the PBX takes input and does nothing at all: no reply, no event, no progress of calls.
    /// What waited is done at the first [`Pbx::tick`] afterwards.
    pub const fn freeze(&mut self, frozen: bool) {
        self.faults.frozen = frozen;
    }

    /// The next `count` actions are run, but their replies are never sent; none of them blocks its connection.
    pub const fn leave_unanswered(&mut self, count: u64) {
        self.faults.unanswered = count;
    }

    /// The replies to the next `count` actions are sent twice.
    pub const fn repeat_replies(&mut self, count: u64) {
        self.faults.repeated = count;
    }

    /// Puts bytes, whatever they are, into the output of a connection.
    pub fn inject(&mut self, id: ConnectionId, bytes: &[u8]) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.send(bytes);
        }
    }

    /// Sends `count` realistic events to one connection, as fast as [`Pbx::output`] is taken from it.
    /// Replies come between them. Nothing happens if the session may see none of them.
    pub fn flood(&mut self, id: ConnectionId, count: u64) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.flood = Flood::new(&self.world.options, connection.session.mask, count);
        }
    }

    /// Closes one connection from the PBX's side, without a message.
    pub fn kick(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.close();
        }
    }

    /// Shuts the PBX down: an event to those who may see it, then every connection is closed. Until
    /// [`Pbx::restart`], new connections are closed at once.
    pub fn shut_down(&mut self) {
        let mut outbox = super::frame::Outbox::default();
        let event = outbox.event("Shutdown", Classes::SYSTEM);
        let event = event.header("Shutdown", "Cleanly");
        event.header("Restart", "False").end();
        for (classes, frame) in outbox.frames() {
            self.broadcast(classes, frame);
        }
        for connection in self.connections.values_mut() {
            connection.close();
        }
        self.faults.down = true;
    }

    /// Starts the PBX again at `now` with the same options and nothing of its old state.
    pub fn restart(&mut self, now: Duration) {
        let mut options = self.world.options.clone();
        options.seed = options.seed.wrapping_add(1);
        self.replace_world(World::new(options, now));
        self.faults.down = false;
    }
}
