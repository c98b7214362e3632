//! amimux itself ends, in two steps: first nothing new is taken up, while Asterisk may still answer what it has; then
//! what is left gets an error, whoever reads `system` is told as by Asterisk, and every session is closed.

use bytes::BytesMut;

use super::ring::Owner;
use super::session::CloseReason;
use super::{Hub, Now};
use crate::policy::class::Classes;
use crate::protocol::frame::Frame;
use crate::protocol::writer::{MessageWriter, Text};

/// What a request is told that Asterisk will not answer any more.
const ENDED: &str = "Connection ended: amimux is shutting down";

impl Hub {
    /// amimux is about to end: from here on no request is taken up, and what has not gone to Asterisk is answered with an
    /// error. What Asterisk has is answered as it comes: [`Hub::is_drained`] tells when all is. Then, or when that takes
    /// too long: [`Hub::shut_down`].
    pub fn begin_shut_down(&mut self, now: Now) {
        self.ending = true;
        self.turns.clear();
        self.fail_queued(now, ENDED);
        for id in self.waiters.clone() {
            self.wake_waiting(now, id);
        }
        self.end_turn(now);
    }

    /// Whether amimux is about to end, and nothing that a client asked is with Asterisk any more.
    pub fn is_drained(&self) -> bool {
        let is_owed = |owner: &Owner| matches!(owner, Owner::Session { .. });
        self.ending
            && self.originates.is_empty()
            && !self.ring.iter().any(|entry| is_owed(&entry.owner))
    }

    /// Ends every session: amimux itself ends. What was asked and not answered is answered with an error first.
    pub fn shut_down(&mut self, now: Now) {
        self.ending = true;
        self.turns.clear();
        let failed = self.fail_in_flight(now, ENDED) + self.fail_queued(now, ENDED);
        for id in self.waiters.clone() {
            self.wake_waiting(now, id);
        }
        let mut event = BytesMut::new();
        write_shutdown(&mut event, failed == 0);
        self.broadcast(now, Frame::new(&event), b"Shutdown", Classes::SYSTEM);
        for id in self.session_ids() {
            self.close(id, CloseReason::Shutdown);
        }
        self.end_turn(now);
    }
}

/// Asterisk's event when it ends (`main/asterisk.c`, `really_quit`): cleanly where nothing was cut short.
fn write_shutdown(out: &mut BytesMut, cleanly: bool) {
    let how = if cleanly { "Cleanly" } else { "Uncleanly" };
    MessageWriter::event(out, Text::fixed("Shutdown"))
        .header(Text::fixed("Privilege"), Text::fixed("system,all"))
        .header(Text::fixed("Shutdown"), Text::fixed(how))
        .header(Text::fixed("Restart"), Text::fixed("False"))
        .finish();
}
