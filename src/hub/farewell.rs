//! The end of a session that would go on, if only its connection could move to another process.

use super::session::{CloseReason, SessionId};
use super::{Hub, Now};
use crate::policy::class::Classes;
use crate::protocol::writer::{MessageWriter, Text};

impl Hub {
    /// Ends a session because amimux restarts. It is told by the event with which Asterisk says so of itself
    /// (`main/asterisk.c`, `really_quit`), if it sees events of class system.
    pub fn end_for_restart(&mut self, now: Now, id: SessionId) {
        let Some(session) = self.session(id).filter(|session| session.closing.is_none()) else {
            return;
        };
        if session.classes.contains_any(Classes::SYSTEM) {
            self.post(id, |out| {
                MessageWriter::event(out, Text::fixed("Shutdown"))
                    .header(Text::fixed("Privilege"), Text::fixed("system,all"))
                    .header(Text::fixed("Shutdown"), Text::fixed("Cleanly"))
                    .header(Text::fixed("Restart"), Text::fixed("True"))
                    .finish();
            });
        }
        self.close(id, CloseReason::Shutdown);
        self.end_turn(now);
    }
}
