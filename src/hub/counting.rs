//! The places where the hub counts: numbers of its own thread, which [`Hub::survey`](super::Hub::survey) copies.
//! Every request is counted when it comes, and once more, by its outcome, when it is over.

use std::collections::VecDeque;
use std::time::Duration;

use super::ring::Owner;
use super::session::{Local, Pending, Stage};
use super::statistics::ActionOutcome;
use super::{Hub, Now};

impl Hub {
    /// The shell took so many bytes to Asterisk.
    pub const fn count_sent(&mut self, bytes: u64) {
        self.statistics.upstream_bytes_out += bytes;
    }

    /// The shell measured how long a call of [`Hub::upstream_received`] took.
    pub const fn count_turn(&mut self, took: Duration) {
        self.statistics.turns += 1;
        self.statistics.turn_time = self.statistics.turn_time.saturating_add(took);
    }

    /// The shell measured how long a sweep took.
    pub const fn count_sweep(&mut self, took: Duration) {
        self.statistics.sweeps += 1;
        self.statistics.sweep_time = self.statistics.sweep_time.saturating_add(took);
    }

    /// An action goes to Asterisk, whose request came at that time.
    pub(super) fn count_forwarded(&mut self, now: Now, queued_at: Duration) {
        self.statistics.forwarded += 1;
        let waited = now.since_start.saturating_sub(queued_at);
        self.statistics.waits.add(waited);
    }

    /// A request cannot be done, though no rule forbids it.
    pub(super) fn count_unable(&mut self) {
        let outcome = if self.link.accepts_actions() {
            ActionOutcome::Unable
        } else {
            ActionOutcome::Unavailable
        };
        self.statistics.finish(outcome, 1);
    }

    /// A request was answered here. Refusals were counted when they were decided.
    pub(super) fn count_local(&mut self, local: &Local) {
        if local.is_uncounted_request() {
            self.statistics.finish(ActionOutcome::Here, 1);
        }
    }

    /// What another process has left open counts as having come here: its outcome will.
    pub(super) fn count_carried(&mut self) {
        let open = self.sessions.iter();
        let open: u64 = open.map(|(_, session)| count_open(&session.pending)).sum();
        self.statistics.requests += open + self.originates.len() as u64;
    }

    /// Nobody is left to be answered these.
    pub(super) fn count_abandoned(&mut self, pending: &VecDeque<Pending>) {
        let open = count_open(pending);
        if open > 0 {
            self.statistics.finish(ActionOutcome::Abandoned, open);
        }
    }

    /// Something of the reply to the oldest action came: the first time, Asterisk has begun its answer.
    pub(super) fn note_begun(&mut self) {
        let at = self.link.received_at;
        if let Some(front) = self.ring.front_mut()
            && !front.begun
        {
            front.begun = true;
            if matches!(front.owner, Owner::Session { .. }) {
                let took = at.saturating_sub(front.sent_at);
                self.statistics.latencies.add(took);
            }
        }
    }

    /// The oldest request is the hub's own, and is answered: if nothing was ahead of it, that tells how fast Asterisk is.
    pub(super) fn note_round_trip(&mut self) {
        if self.link.probe == Some(self.ring.front_sequence())
            && let Some(front) = self.ring.front()
        {
            let took = self.link.received_at.saturating_sub(front.sent_at);
            self.link.round_trip = Some(took);
        }
    }

    /// What became of the oldest action, now that its reply is over.
    pub(super) fn front_outcome(&self) -> Option<ActionOutcome> {
        let front = self.ring.front()?;
        Some(if front.is_error {
            ActionOutcome::Error
        } else {
            ActionOutcome::Success
        })
    }
}

/// How many of these have no outcome yet.
fn count_open(pending: &VecDeque<Pending>) -> u64 {
    let is_open = |pending: &&Pending| match &pending.stage {
        Stage::Local(local) => local.is_uncounted_request(),
        Stage::Queued(_) | Stage::Sent => true,
    };
    pending.iter().filter(is_open).count() as u64
}

impl Local {
    /// Whether it is a request of the client that is not counted yet.
    const fn is_uncounted_request(&self) -> bool {
        !matches!(
            self,
            Self::LoggedIn(_) | Self::Listening(_) | Self::Refuse(..)
        )
    }
}
