//! What the shell around a hub does, with sockets that take as much as the program says.

use amimux::hub::{CloseReason, Outcome, SessionId, Slices};

use super::{Program, World};

impl World {
    /// What the shell does after every call into the hub.
    pub(super) fn after_turn(&mut self) {
        for _ in 0..1000 {
            let held = self.hub.held_bytes();
            assert!(held <= self.memory_limit, "{held} bytes are held");
            while let Some(id) = self.hub.next_dirty() {
                self.flush_id(id);
            }
            while self.hub.next_resumed().is_some() || self.hub.next_notice().is_some() {}
            if self.hub.must_sweep() {
                self.sweep();
            }
            if self.connected
                && let Some(cause) = self.hub.drop_requested()
            {
                self.lose(&cause);
                continue;
            }
            if self.hub.next_deadline().is_some_and(|at| at.is_zero()) {
                self.hub.tick(self.now);
                continue;
            }
            return;
        }
        panic!("the hub does not come to rest");
    }

    pub(super) fn sweep(&mut self) {
        let mut ids = Vec::new();
        self.hub.begin_sweep(&mut ids);
        for id in ids {
            self.flush_id(id);
        }
        self.hub.swept();
        for id in self.hub.lost_sessions() {
            let index = self.clients.iter().position(|client| client.id == id);
            self.cut_off(index.expect("a lost session is known"));
        }
    }

    fn cut_off(&mut self, index: usize) {
        self.clients[index].gone = true;
        let id = self.clients[index].id;
        self.hub.remove(id, CloseReason::Disconnected);
    }

    fn flush_id(&mut self, id: SessionId) {
        if let Some(index) = self.clients.iter().position(|client| client.id == id) {
            self.flush(index);
        }
    }

    /// The socket of a client is full, takes a few bytes at a time, or everything.
    pub(super) fn set_room(&mut self, program: &mut Program<'_>, how: usize) {
        let Some(index) = self.chosen(program) else {
            return;
        };
        let client = &mut self.clients[index];
        match how {
            0..=3 => client.room = 0,
            4..=9 => client.room = 1 + program.number(),
            _ => client.room = usize::MAX,
        }
        client.blocked = false;
        self.flush(index);
    }

    /// Writes to a client until it is caught up or its socket is full: one that takes few bytes is full after them.
    pub(super) fn flush(&mut self, index: usize) {
        let client = &mut self.clients[index];
        if client.gone || client.blocked {
            return;
        }
        let clean = !self.asterisk.is_unpredictable;
        let once = !self.asterisk.answered_twice;
        loop {
            let mut slices = Slices::new();
            let outcome = self.hub.gather(client.id, &mut slices);
            let bytes = slices.concat();
            drop(slices);
            match outcome {
                Outcome::Write => {
                    let length = bytes.len().min(client.room);
                    self.hub.wrote(self.now, client.id, length);
                    client.receive(&bytes[..length], clean, once);
                    if client.room < usize::MAX {
                        client.blocked = true;
                        break self.hub.set_blocked(self.now, client.id, true);
                    }
                }
                Outcome::CaughtUp => {
                    if !self.hub.turn_over(self.now, client.id) {
                        break self.hub.set_blocked(self.now, client.id, false);
                    }
                }
                Outcome::Finished => {
                    assert!(client.is_between_messages(), "closed within a message");
                    let reason = client.said_goodbye || client.ended_input;
                    assert!(reason || !client.is_predictable, "closed without reason");
                    break self.cut_off(index);
                }
                Outcome::FellOff { .. } => break self.cut_off(index),
            }
        }
    }
}
