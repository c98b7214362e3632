//! What a hub counts, for metrics and for administrators: plain numbers that its own thread adds to, copied when
//! somebody asks.

use std::time::Duration;

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
}

#[cfg(test)]
mod tests {
    use super::*;

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
