//! What became of the reloads of the configuration: whoever reloads says so here, and the metrics show it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Told by whoever reloads, read by any thread.
#[derive(Debug)]
pub struct ReloadOutcomes {
    succeeded: AtomicU64,
    failed: AtomicU64,
    was_successful: AtomicBool,
    /// Seconds since 1970.
    succeeded_at: AtomicU64,
}

/// The outcomes at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reloads {
    /// Reloads that took effect.
    pub succeeded: u64,
    /// Reloads that changed nothing, because of errors.
    pub failed: u64,
    /// Whether the last attempt took effect; the start is one.
    pub was_successful: bool,
    /// When the configuration in force was read, since 1970.
    pub succeeded_at: Duration,
}

impl ReloadOutcomes {
    /// The program has begun, with a configuration read at `now` (since 1970).
    pub const fn begin(now: Duration) -> Self {
        Self {
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            was_successful: AtomicBool::new(true),
            succeeded_at: AtomicU64::new(now.as_secs()),
        }
    }

    /// A reload took effect at `now` (since 1970).
    pub fn succeed(&self, now: Duration) {
        self.succeeded.fetch_add(1, Ordering::Relaxed);
        self.succeeded_at.store(now.as_secs(), Ordering::Relaxed);
        self.was_successful.store(true, Ordering::Relaxed);
    }

    /// A reload was given up: everything stays as it was.
    pub fn fail(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.was_successful.store(false, Ordering::Relaxed);
    }

    /// What there was until now.
    pub fn now(&self) -> Reloads {
        Reloads {
            succeeded: self.succeeded.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            was_successful: self.was_successful.load(Ordering::Relaxed),
            succeeded_at: Duration::from_secs(self.succeeded_at.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_outcome_counts() {
        let outcomes = ReloadOutcomes::begin(Duration::from_secs(7));
        let expect = |succeeded, failed, was_successful, at| {
            let expected = Reloads {
                succeeded,
                failed,
                was_successful,
                succeeded_at: Duration::from_secs(at),
            };
            assert_eq!(outcomes.now(), expected);
        };
        expect(0, 0, true, 7);
        outcomes.fail();
        expect(0, 1, false, 7);
        outcomes.succeed(Duration::from_secs(9));
        expect(1, 1, true, 9);
    }
}
