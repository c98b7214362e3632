//! Actions whose ActionID comes back after their reply: in an `OriginateResponse`, or in the echo of a
//! `UserEvent`. A small bounded map from the token's number to what the client wrote.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::session::SessionId;

/// Most actions that are remembered; beyond it the oldest is forgotten (its event then shows no ActionID).
const REMEMBERED_MAX: usize = 16 * 1024;

/// What is remembered of such an action.
#[derive(Debug, Clone)]
pub(super) struct LateAction {
    /// Who asked. The session may have gone since.
    pub session: SessionId,
    /// The user that asked, in lower case.
    pub user: Box<str>,
    /// What the client called its action.
    pub action_id: Option<Box<[u8]>>,
}

/// The map.
#[derive(Debug, Clone, Default)]
pub(super) struct LateActions {
    pub(super) by_sequence: HashMap<u64, LateAction>,
    pub(super) order: VecDeque<(u64, Duration)>,
}

impl LateActions {
    /// Remembers an action until `deadline`.
    pub(super) fn remember(&mut self, sequence: u64, deadline: Duration, action: LateAction) {
        if self.order.len() >= REMEMBERED_MAX {
            self.forget_oldest();
        }
        self.by_sequence.insert(sequence, action);
        self.order.push_back((sequence, deadline));
    }

    /// What was remembered under that number; it is forgotten thereby.
    pub(super) fn take(&mut self, sequence: u64) -> Option<LateAction> {
        self.by_sequence.remove(&sequence)
    }

    /// Forgets what is overdue.
    pub(super) fn expire(&mut self, now: Duration) {
        while self.order.front().is_some_and(|(sequence, deadline)| {
            *deadline <= now || !self.by_sequence.contains_key(sequence)
        }) {
            self.forget_oldest();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.by_sequence.clear();
        self.order.clear();
    }

    fn forget_oldest(&mut self) {
        if let Some((sequence, _)) = self.order.pop_front() {
            self.by_sequence.remove(&sequence);
        }
    }
}
