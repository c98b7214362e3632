//! Whether the process does its work: `/healthz` says whether each hub's thread turns, `/readyz` whether clients can be
//! served.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

/// A thread beats each second; with less than this without a beat it is only busy.
const STILL_AFTER: Duration = Duration::from_secs(5);

/// How often the beats are looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The beats of the hubs' threads, as they were seen.
#[derive(Debug, Default)]
pub(super) struct Beats(HashMap<String, Beat>);

#[derive(Debug, Clone, Copy)]
struct Beat {
    beats: u64,
    changed_at: Duration,
}

/// A check of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    pub(super) part: String,
    /// What is wrong with it.
    pub(super) fault: Option<String>,
}

impl Beats {
    /// Looks at these threads, at `now` since the program's start; any others are forgotten.
    pub(super) fn look<'a>(&mut self, now: Duration, hubs: impl Iterator<Item = (&'a str, u64)>) {
        let mut seen = HashMap::new();
        for (name, beats) in hubs {
            let before = self.0.get(name).filter(|before| before.beats == beats);
            let beat = before.copied().unwrap_or(Beat {
                beats,
                changed_at: now,
            });
            seen.insert(name.to_owned(), beat);
        }
        self.0 = seen;
    }

    /// What is wrong with the thread of that upstream.
    pub(super) fn fault(&self, now: Duration, name: &str) -> Option<String> {
        let still = now.saturating_sub(self.0.get(name)?.changed_at);
        let seconds = still.as_secs();
        (still >= STILL_AFTER).then(|| format!("its thread has stood still for {seconds} s"))
    }
}

/// Whether that is well, and a line for each part.
pub(super) fn verdict(checks: &[Check], is_well: impl Fn(&[Check]) -> bool) -> (bool, String) {
    let mut text = String::new();
    for Check { part, fault } in checks {
        // Writing to text does not fail.
        let _ = match fault {
            None => writeln!(text, "ok {part}"),
            Some(fault) => writeln!(text, "failed {part}: {fault}"),
        };
    }
    (is_well(checks), text)
}

/// Every part is well.
pub(super) fn all(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.fault.is_none())
}

/// Some part is well.
pub(super) fn any(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.fault.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_without_a_beat_for_five_seconds_stands_still() {
        let mut beats = Beats::default();
        let at = Duration::from_secs;
        beats.look(at(10), [("a", 3), ("b", 3)].into_iter());
        beats.look(at(14), [("a", 4), ("b", 3)].into_iter());
        assert_eq!(beats.fault(at(14), "b"), None);
        let fault = beats.fault(at(15), "b");
        assert_eq!(fault.as_deref(), Some("its thread has stood still for 5 s"));
        assert_eq!(beats.fault(at(15), "a"), None);
        assert_eq!(beats.fault(at(99), "never seen"), None);
        // One that was taken out and comes back begins anew.
        beats.look(at(16), [("a", 4)].into_iter());
        beats.look(at(30), [("a", 5), ("b", 3)].into_iter());
        assert_eq!(beats.fault(at(34), "b"), None);
    }

    #[test]
    fn each_part_has_a_line() {
        let check = |part: &str, fault: Option<&str>| Check {
            part: part.to_owned(),
            fault: fault.map(str::to_owned),
        };
        let checks = [check("a", None), check("b", Some("away"))];
        let text = "ok a\nfailed b: away\n".to_owned();
        assert_eq!(verdict(&checks, all), (false, text.clone()));
        assert_eq!(verdict(&checks, any), (true, text));
        assert!(!verdict(&checks[1..], any).0 && verdict(&checks[..1], all).0);
    }
}
