//! What a hub counts, for metrics and for administrators: plain numbers that its own thread adds to, copied when
//! somebody asks.

use std::time::Duration;

use crate::policy::decision::Rule;

/// The upper bounds of the buckets of [`Latencies`], in microseconds; beyond the last there is one more bucket.
pub const LATENCY_BOUNDS: [u64; 14] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    5_000_000, 30_000_000,
];

/// How long things took, in buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Latencies {
    /// How many were in each bucket; not summed up.
    pub counts: [u64; LATENCY_BOUNDS.len() + 1],
    /// All of them together.
    pub total: Duration,
}

impl Latencies {
    /// One more.
    pub fn add(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.total = self.total.saturating_add(took);
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// What was decided for a view, or for several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ViewCounts {
    /// Events that its members see.
    pub events: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Events of its classes that its filters held back.
    pub filtered: u64,
    /// Events times the sessions that each was for.
    pub deliveries: u64,
}

impl ViewCounts {
    /// Adds those of another.
    pub fn add(&mut self, other: Self) {
        self.events += other.events;
        self.bytes += other.bytes;
        self.filtered += other.filtered;
        self.deliveries += other.deliveries;
    }
}

/// What became of a client's request. Each has one of these in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActionOutcome {
    /// It was answered here, whatever the answer.
    Here,
    /// Asterisk answered it, and not with an error.
    Success,
    /// Asterisk answered it with an error.
    Error,
    /// A rule forbids it.
    Refused,
    /// Asterisk was not connected.
    Unavailable,
    /// It cannot be done for another reason: too many Originates, a filter that is none.
    Unable,
    /// The connection to Asterisk was lost while it waited.
    Lost,
    /// Asterisk gave no answer in time.
    TimedOut,
    /// Asterisk answered later requests, but not this one; or its answer was too long.
    Unanswered,
    /// Its client was gone first.
    Abandoned,
}

impl ActionOutcome {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Here,
        Self::Success,
        Self::Error,
        Self::Refused,
        Self::Unavailable,
        Self::Unable,
        Self::Lost,
        Self::TimedOut,
        Self::Unanswered,
        Self::Abandoned,
    ];

    /// What metrics call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Here => "answered_here",
            Self::Success => "success",
            Self::Error => "error",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Unable => "unable",
            Self::Lost => "lost",
            Self::TimedOut => "timeout",
            Self::Unanswered => "unanswered",
            Self::Abandoned => "abandoned",
        }
    }
}

/// What became of requests, events and bytes since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Messages that came from Asterisk, whatever they were.
    pub upstream_messages: u64,
    /// Events among them.
    pub upstream_events: u64,
    /// Bytes that came from Asterisk.
    pub upstream_bytes_in: u64,
    /// Bytes for Asterisk.
    pub upstream_bytes_out: u64,
    /// Bytes that clients were written.
    pub client_bytes_out: u64,
    /// Bytes that clients sent.
    pub client_bytes_in: u64,
    /// Requests that were answered here.
    pub answered_here: u64,
    /// Requests that were refused.
    pub refused: u64,
    /// Requests that were sent to Asterisk.
    pub forwarded: u64,
    /// Requests that Asterisk answered.
    pub answered: u64,
    /// Requests that got an error because Asterisk went away or gave no answer.
    pub failed: u64,
    /// How often the connection to Asterisk was lost or could not be made.
    pub losses: u64,
    /// How often it was made.
    pub connects: u64,
    /// How long Asterisk took to begin its answer.
    pub latencies: Latencies,
    /// How long requests waited for their turn to go to Asterisk.
    pub waits: Latencies,
    /// Requests of clients that are logged in.
    pub requests: u64,
    /// What became of them, in the order of [`ActionOutcome::ALL`].
    pub outcomes: [u64; ActionOutcome::ALL.len()],
    /// Those that were refused, in the order of [`Rule::KINDS`].
    pub refusals: [u64; Rule::KINDS.len()],
    /// Logins that succeeded.
    pub logins: u64,
    /// Turns: what Asterisk sent in one go was read and sorted.
    pub turns: u64,
    /// How long they took.
    pub turn_time: Duration,
    /// Sweeps: new events were written to those that they are for.
    pub sweeps: u64,
    /// How long they took.
    pub sweep_time: Duration,
}

impl Statistics {
    /// So many requests have come to this end.
    pub fn finish(&mut self, outcome: ActionOutcome, requests: u64) {
        let all = match outcome {
            ActionOutcome::Here => Some(&mut self.answered_here),
            ActionOutcome::Refused => Some(&mut self.refused),
            ActionOutcome::Success | ActionOutcome::Error => Some(&mut self.answered),
            ActionOutcome::Lost | ActionOutcome::TimedOut | ActionOutcome::Unanswered => {
                Some(&mut self.failed)
            }
            ActionOutcome::Unavailable | ActionOutcome::Unable | ActionOutcome::Abandoned => None,
        };
        if let Some(all) = all {
            *all += requests;
        }
        if let Some(count) = self.outcomes.get_mut(outcome as usize) {
            *count += requests;
        }
    }

    /// How many requests have come to that end.
    pub fn finished(&self, outcome: ActionOutcome) -> u64 {
        let count = self.outcomes.get(outcome as usize);
        count.copied().unwrap_or_default()
    }

    /// A rule forbade a request.
    pub fn refuse(&mut self, rule: &Rule) {
        self.finish(ActionOutcome::Refused, 1);
        if let Some(count) = self.refusals.get_mut(rule.kind()) {
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_outcome_and_rule_has_a_place_of_its_own() {
        let mut statistics = Statistics::default();
        for (place, outcome) in ActionOutcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, place, "{outcome:?}");
            statistics.finish(outcome, place as u64 + 1);
            assert_eq!(statistics.finished(outcome), place as u64 + 1);
        }
        assert_eq!(
            (statistics.answered_here, statistics.answered),
            (1, 2 + 3),
            "{statistics:?}"
        );
        assert_eq!((statistics.refused, statistics.failed), (4, 7 + 8 + 9));
        statistics.refuse(&Rule::Guard("originate"));
        assert_eq!(statistics.finished(ActionOutcome::Refused), 5);
        assert_eq!(statistics.refusals.iter().sum::<u64>(), 1);
        let names: std::collections::HashSet<_> =
            ActionOutcome::ALL.map(ActionOutcome::name).into();
        assert_eq!(names.len(), ActionOutcome::ALL.len());
    }

    #[test]
    fn each_duration_is_in_the_bucket_that_bounds_it() {
        let mut latencies = Latencies::default();
        for micros in [0, 250, 251, 30_000_000, 30_000_001] {
            latencies.add(Duration::from_micros(micros));
        }
        assert_eq!(latencies.count(), 5);
        assert_eq!(latencies.counts[..2], [2, 1]);
        assert_eq!(latencies.counts[13..], [1, 1]);
        assert_eq!(latencies.total, Duration::from_micros(60_000_502));
    }
}
