//! The fair queue: clients that have an action for Asterisk take turns, one action each.

use std::collections::VecDeque;

use super::session::SessionId;

/// Who is next.
#[derive(Debug, Clone, Default)]
pub(super) struct Turns {
    pub(super) queue: VecDeque<SessionId>,
}

impl Turns {
    /// Puts a client at the end. The caller sees to it that it is in only once.
    pub(super) fn push(&mut self, id: SessionId) {
        self.queue.push_back(id);
    }

    /// Whose turn it is.
    pub(super) fn pop(&mut self) -> Option<SessionId> {
        self.queue.pop_front()
    }

    /// Forgets everybody.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }
}
