//! What goes wrong beside lost connections: an Asterisk that stands still, one that is lost before it was ready,
//! clients that never read again.

use std::time::Duration;

use amimux::hub::CloseReason;

use super::world::World;

/// Asterisk stands still for so long at most: it is not yet given up (`responsetimeout` is 30 s), but a client's mask is no
/// longer waited for.
const STALL_MILLISECONDS: usize = 25_000;

impl World {
    /// Every step: what was begun earlier takes its course.
    pub(super) fn suffer(&mut self) {
        self.pause = self.pause.saturating_sub(1);
        if let Some(steps) = self.doomed.as_mut() {
            *steps = steps.saturating_sub(1);
            if *steps == 0 {
                self.doomed = None;
                self.tally.early_losses += usize::from(!self.hub.is_ready());
                self.lose();
            }
        }
    }

    /// Of a new connection it is drawn by lot whether it lasts; it may break at any point of the login.
    pub(super) fn draw_fate(&mut self) {
        self.doomed = self.random.once_in(3).then(|| 1 + self.random.below(40));
    }

    /// Asterisk reads and answers nothing for some steps. What it wrote before still arrives.
    pub(super) fn pause(&mut self) {
        self.pause = self.random.below(40);
        self.tally.stalls += 1;
    }

    /// Asterisk stands still for longer than clients wait for their masks, and goes on.
    pub(super) fn stall(&mut self) {
        if !self.pbx.connected {
            return;
        }
        self.finish_calls();
        self.pbx.stalled = true;
        self.tally.stalls += 1;
        self.unsettle();
        for _ in 0..1 + self.random.below(20) {
            match self.random.below(4) {
                0 => self.talk(),
                1 => self.say(),
                2 => self.read(),
                _ => self.sweep(),
            }
        }
        let time = Duration::from_millis(self.random.below(STALL_MILLISECONDS) as u64);
        self.pass(time);
        if let Some(cause) = self.hub.drop_requested() {
            self.lose_for(&cause);
            return;
        }
        self.pbx.stalled = false;
        self.finish_calls();
    }

    /// Nobody can be held to have everything before Asterisk was asked for everything anew.
    pub(super) fn unsettle(&mut self) {
        self.unsettled = true;
        for actor in &mut self.actors {
            actor.reader.from = None;
        }
        for listener in &mut self.web {
            listener.reader.from = None;
        }
    }

    /// A client never reads again, while its connection stays.
    pub(super) fn stop_reading(&mut self) {
        if let Some(index) = self.any() {
            self.actors[index].stopped = true;
            self.actors[index].quiet = true;
            self.tally.stopped += 1;
        }
    }

    /// Who does not read, and is owed something, has been given up in time. The others go now.
    pub(super) fn check_stopped(&mut self) {
        for (index, actor) in self.actors.iter_mut().enumerate() {
            if actor.stopped && !actor.gone {
                let behind = self.hub.behind_bytes(actor.id);
                // One that is being closed is given some seconds for its last answers by the shell.
                assert!(
                    behind == 0 || self.hub.is_closing(actor.id),
                    "client {index} does not read, is {behind} bytes behind, and is still there"
                );
                actor.gone = true;
                self.hub.remove(actor.id, CloseReason::Disconnected);
            }
        }
    }
}
