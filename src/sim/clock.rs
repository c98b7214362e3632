//! The simulated wall clock: the time since the start on top of a fixed date, printed in Asterisk's formats.

use std::fmt;
use std::time::Duration;

/// A moment of the simulated calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) Duration);

impl Moment {
    /// Whole seconds since 1970.
    pub(super) const fn seconds(self) -> u64 {
        self.0.as_secs()
    }

    /// `2026-11-20`.
    pub(super) const fn date(self) -> Date {
        Date(self.0.as_secs())
    }

    /// `22:13:59`.
    pub(super) const fn time(self) -> TimeOfDay {
        TimeOfDay(self.0.as_secs() % 86_400)
    }

    /// `2026-11-20 22:13:59`, as CDR and CEL have it.
    pub(super) fn date_time(self) -> String {
        format!("{} {}", self.date(), self.time())
    }

    /// `2026-11-20T22:13:59.424+0000`, as security events have it.
    pub(super) fn iso(self) -> String {
        let millis = self.0.subsec_millis();
        format!("{}T{}.{millis:03}+0000", self.date(), self.time())
    }

    /// `1795212364.751249`, as `Ping` has it.
    pub(super) fn timestamp(self) -> String {
        format!("{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}

/// The day on which a second since 1970 falls.
pub(super) struct Date(u64);

impl fmt::Display for Date {
    // The usual conversion from days to the proleptic Gregorian calendar, with years that begin in March.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = self.0 / 86_400 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 {
            shifted + 3
        } else {
            shifted - 9
        };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        write!(formatter, "{year:04}-{month:02}-{day:02}")
    }
}

/// Seconds since midnight, or a length of time, as `hh:mm:ss`.
pub(super) struct TimeOfDay(pub(super) u64);

impl fmt::Display for TimeOfDay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.0 / 3600, self.0 / 60 % 60, self.0 % 60);
        write!(formatter, "{hours:02}:{minutes:02}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar() {
        let cases = [
            (0, "1970-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:59"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_795_212_839, "2026-11-20 22:13:59"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(Moment(Duration::from_secs(seconds)).date_time(), expected);
        }
        let moment = Moment(Duration::from_micros(1_795_212_839_424_001));
        assert_eq!(moment.iso(), "2026-11-20T22:13:59.424+0000");
        assert_eq!(moment.timestamp(), "1795212839.424001");
    }
}
