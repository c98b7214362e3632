//! How many lines one client may cause in the log, and how many events it may cause about itself: so many in
//! a second; what is beyond that is counted, and the next line tells the count.

use std::time::Duration;

/// How long a share lasts.
const PERIOD: Duration = Duration::from_secs(1);

/// The share of one client.
#[derive(Debug, Clone)]
pub struct LineLimit {
    most: u32,
    begin: Option<Duration>,
    used: u32,
    suppressed: u64,
}

impl LineLimit {
    /// A limit of `most` lines in a second.
    pub const fn new(most: u32) -> Self {
        Self {
            most,
            begin: None,
            used: 0,
            suppressed: 0,
        }
    }

    /// Whether one more may be written at that time (since the program's start); if so, how many were
    /// suppressed since the last one.
    pub fn admit(&mut self, now: Duration) -> Option<u64> {
        if self.begin.is_none_or(|begin| now >= begin + PERIOD) {
            self.begin = Some(now);
            self.used = 0;
        }
        if self.used >= self.most {
            self.suppressed = self.suppressed.saturating_add(1);
            return None;
        }
        self.used += 1;
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_a_second_and_the_next_one_tells_what_was_left_out() {
        let mut limit = LineLimit::new(2);
        for (millis, expected) in [
            (100, Some(0)),
            (200, Some(0)),
            (300, None),
            (1_099, None),
            (1_100, Some(2)),
            (1_200, Some(0)),
            (1_300, None),
            (9_000, Some(1)),
        ] {
            assert_eq!(
                limit.admit(Duration::from_millis(millis)),
                expected,
                "{millis}"
            );
        }
    }
}
