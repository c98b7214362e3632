//! What the shell around a hub does, with sockets whose fullness is drawn by lot.

use amimux::hub::{CloseReason, Outcome, SessionId, Slices};

use super::world::World;

impl World {
    /// What the shell does after every call into the hub.
    pub(super) fn after_turn(&mut self) {
        let held = self.hub.held_bytes();
        assert!(held <= self.memory_limit, "{held} bytes are held");
        while let Some(id) = self.hub.next_dirty() {
            self.flush_id(id);
        }
        self.drain_web();
        while self.hub.next_resumed().is_some() || self.hub.next_notice().is_some() {}
        if self.random.once_in(3) || self.hub.must_sweep() {
            self.sweep();
        }
        self.compile_filters();
    }

    /// Filters are compiled elsewhere, and ready at any later time; now and then that fails.
    fn compile_filters(&mut self) {
        if self.random.once_in(4)
            && let Some(draft) = self.hub.next_filter_draft()
        {
            self.drafts.push(draft.run());
        }
        if self.random.once_in(4)
            && let Some(drafted) = self.drafts.pop()
        {
            self.hub.filter_drafted(self.now, drafted);
        }
        if self.build.is_none() {
            self.build = self.hub.next_filter_build(self.now);
        }
        if self.random.once_in(8)
            && let Some(build) = self.build.take()
        {
            let built = (!self.random.once_in(20)).then(|| build.run());
            self.hub.filters_built(self.now, built);
        }
    }

    /// Filters that sessions add are compiled, one behind the other, until there are none.
    pub(super) fn compile_all(&mut self) {
        while let Some(drafted) = self.drafts.pop() {
            self.hub.filter_drafted(self.now, drafted);
            self.after_turn();
        }
        while let Some(draft) = self.hub.next_filter_draft() {
            self.hub.filter_drafted(self.now, draft.run());
            self.after_turn();
        }
    }

    pub(super) fn sweep(&mut self) {
        let mut ids = Vec::new();
        self.hub.begin_sweep(&mut ids);
        for id in ids {
            self.flush_id(id);
        }
        self.hub.swept();
        for id in self.hub.lost_sessions() {
            let index = self.actors.iter().position(|actor| actor.id == id);
            self.cut_off(index.expect("a lost session is known"));
        }
    }

    pub(super) fn cut_off(&mut self, index: usize) {
        self.tally.cut_off += 1;
        self.actors[index].gone = true;
        self.hub
            .remove(self.actors[index].id, CloseReason::Disconnected);
    }

    pub(super) fn flush_id(&mut self, id: SessionId) {
        if let Some(index) = self.actors.iter().position(|actor| actor.id == id) {
            self.flush(index, false);
        }
    }

    /// Writes to a client until it is caught up or its socket is full. `all`: it reads everything.
    pub(super) fn flush(&mut self, index: usize, all: bool) {
        let actor = &mut self.actors[index];
        if actor.gone || (actor.blocked && (!all || actor.stopped)) {
            return;
        }
        loop {
            let full =
                actor.stopped || (!all && self.random.once_in(if actor.lazy { 2 } else { 12 }));
            let mut slices = Slices::new();
            let outcome = self.hub.gather(actor.id, &mut slices);
            let bytes = slices.concat();
            drop(slices);
            match outcome {
                Outcome::Write => {
                    let length = if full {
                        self.random.piece(bytes.len())
                    } else {
                        bytes.len()
                    };
                    self.hub.wrote(self.now, actor.id, length);
                    let settled = !self.unsettled;
                    actor
                        .reader
                        .receive(&bytes[..length], &self.pbx.happened, settled);
                    if full {
                        actor.blocked = true;
                        break self.hub.set_blocked(self.now, actor.id, true);
                    }
                }
                Outcome::CaughtUp => {
                    if !self.hub.turn_over(self.now, actor.id) {
                        actor.blocked = false;
                        break self.hub.set_blocked(self.now, actor.id, false);
                    }
                }
                Outcome::Finished => {
                    assert!(
                        actor.reader.finished || actor.ended_input || actor.revoked,
                        "closed without reason"
                    );
                    assert!(actor.reader.is_between_messages());
                    actor.reader.finished |= actor.ended_input;
                    actor.gone = true;
                    break self.hub.remove(actor.id, CloseReason::Disconnected);
                }
                Outcome::FellOff { .. } => break self.cut_off(index),
            }
        }
    }
}
