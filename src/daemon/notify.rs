//! What the service manager is told, by the protocol of `sd_notify(3)`: when amimux is ready, how it does, and, by the
//! watchdog, that every thread still turns. Without a service manager nothing happens here.

use std::collections::HashMap;
use std::time::Duration;

use sd_notify::NotifyState;
use tracing::{debug, error};

use crate::session::live::{Live, Rules};
use crate::session::registry::Registry;
use crate::session::shell::Clock;

/// How often the state is looked at: the longest time between a change and the status that tells of it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked whether the hubs' threads have begun.
const BEGIN_POLL: Duration = Duration::from_millis(5);

/// A thread beats each second; with less than this without a beat it is only busy.
const STILL_AFTER: Duration = Duration::from_secs(5);

/// How much of the last second's rate goes into the rate that is shown.
const RATE_WEIGHT: f64 = 0.2;

/// How long the service manager may take for one message.
const TOLD_WITHIN: Duration = Duration::from_secs(2);

/// What is watched.
pub(super) struct Watched {
    /// What is in force: the hubs' threads.
    pub(super) live: Live,
    /// Who is logged in.
    pub(super) registry: Registry,
    /// The time.
    pub(super) clock: Clock,
}

impl Watched {
    /// Says that amimux is ready once every hub's thread turns, and from then on how it does, for ever.
    ///
    /// Cancel safe: what is on its way to the service manager then still reaches it.
    pub(super) async fn keep_informed(self) {
        if !is_supervised() {
            return;
        }
        let is_beginning =
            |rules: &Rules| rules.upstreams().any(|(_, ways)| ways.pulse.beats() == 0);
        while is_beginning(&self.live.now()) {
            tokio::time::sleep(BEGIN_POLL).await;
        }
        let mut now = self.clock.now().since_start;
        let mut rate = Rate::new(now, self.events());
        let mut status = self.status(0.0);
        tell(format!("READY=1\nSTATUS={status}\n")).await;
        let mut watchdog = sd_notify::watchdog_enabled().map(|limit| Watchdog::new(limit, now));
        let look_every = watchdog
            .as_ref()
            .map_or(LOOK_EVERY, |watchdog| watchdog.every.min(LOOK_EVERY));
        let mut told_at = now;
        loop {
            tokio::time::sleep(look_every).await;
            now = self.clock.now().since_start;
            if let Some(watchdog) = &mut watchdog {
                self.feed(watchdog, now).await;
            }
            if now.saturating_sub(told_at) < LOOK_EVERY {
                continue;
            }
            told_at = now;
            let changed = self.status(rate.per_second(now, self.events()));
            if changed != status {
                status = changed;
                tell(format!("STATUS={status}\n")).await;
            }
        }
    }

    async fn feed(&self, watchdog: &mut Watchdog, now: Duration) {
        let rules = self.live.now();
        let beats = rules
            .upstreams()
            .map(|(name, ways)| (name, ways.pulse.beats()));
        match watchdog.look(now, beats) {
            Verdict::Feed => tell("WATCHDOG=1\n".to_owned()).await,
            Verdict::Still(upstream) => {
                error!(
                    upstream,
                    "the thread of this upstream stands still: the service manager's watchdog is not fed"
                );
            }
            Verdict::Wait => {}
        }
    }

    fn events(&self) -> u64 {
        let rules = self.live.now();
        let events = rules.upstreams().map(|(_, ways)| ways.pulse.events());
        events.fold(0, u64::wrapping_add)
    }

    fn status(&self, events_per_second: f64) -> String {
        let rules = self.live.now();
        let connected = rules
            .upstreams()
            .filter(|(_, ways)| ways.pulse.is_connected());
        format!(
            "{} of {} upstreams connected, {} clients, {events_per_second:.0} events/s",
            connected.count(),
            rules.upstreams().count(),
            self.registry.count(),
        )
    }
}

/// The program is about to read its configuration again.
pub(super) async fn reloading() {
    // The time tells a reload from a readiness said before it.
    let time = NotifyState::monotonic_usec_now().map(|time| format!("{time}\n"));
    tell(format!("RELOADING=1\n{}", time.unwrap_or_default())).await;
}

/// It has read it.
pub(super) async fn reloaded() {
    tell("READY=1\n".to_owned()).await;
}

/// It is ending.
pub(super) async fn stopping() {
    tell("STOPPING=1\nSTATUS=ending\n".to_owned()).await;
}

fn is_supervised() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some_and(|name| !name.is_empty())
}

/// Says one thing, from another thread: a service manager that does not read would stop this one.
async fn tell(text: String) {
    if !is_supervised() {
        return;
    }
    let told = tokio::task::spawn_blocking(move || {
        sd_notify::notify(&[NotifyState::Custom(text.trim_end())])
    });
    match tokio::time::timeout(TOLD_WITHIN, told).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => debug!(%error, "the service manager cannot be told"),
        Ok(Err(_)) | Err(_) => debug!("the service manager does not listen"),
    }
}

/// Events per second, smoothed.
struct Rate {
    at: Duration,
    events: u64,
    per_second: f64,
}

impl Rate {
    const fn new(at: Duration, events: u64) -> Self {
        Self {
            at,
            events,
            per_second: 0.0,
        }
    }

    /// The rate, with the count of events that there is now.
    fn per_second(&mut self, now: Duration, events: u64) -> f64 {
        let seconds = now.saturating_sub(self.at).as_secs_f64();
        let new = u32::try_from(events.wrapping_sub(self.events)).unwrap_or(u32::MAX);
        if seconds > 0.0 {
            self.per_second += (f64::from(new) / seconds - self.per_second) * RATE_WEIGHT;
        }
        (self.at, self.events) = (now, events);
        self.per_second
    }
}

/// Whether the service manager's watchdog is fed.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It is not time.
    Wait,
    /// It is time, and all threads turn.
    Feed,
    /// It is time, but this thread stands still; said once.
    Still(String),
}

/// Decides when the watchdog is fed.
struct Watchdog {
    /// Half of what the service manager waits for.
    every: Duration,
    patience: Duration,
    due_at: Duration,
    is_reported: bool,
    /// Of each thread the last count of beats, and when it was seen first.
    seen: HashMap<String, (u64, Duration)>,
}

impl Watchdog {
    /// A watchdog that bites after `limit` without food.
    fn new(limit: Duration, now: Duration) -> Self {
        let every = limit / 2;
        Self {
            every,
            patience: every.max(STILL_AFTER),
            due_at: now,
            is_reported: false,
            seen: HashMap::new(),
        }
    }

    /// Looks at the count of beats of each thread. Threads come and go with their upstreams.
    fn look<'a>(
        &mut self,
        now: Duration,
        threads: impl Iterator<Item = (&'a str, u64)>,
    ) -> Verdict {
        let mut still = None;
        let before = std::mem::take(&mut self.seen);
        for (thread, beats) in threads {
            let seen = match before.get(thread) {
                Some(seen) if seen.0 == beats => *seen,
                _ => (beats, now),
            };
            if now.saturating_sub(seen.1) >= self.patience {
                still.get_or_insert_with(|| thread.to_owned());
            }
            self.seen.insert(thread.to_owned(), seen);
        }
        if now < self.due_at {
            return Verdict::Wait;
        }
        match still {
            None => {
                self.due_at = now + self.every;
                self.is_reported = false;
                Verdict::Feed
            }
            Some(_) if self.is_reported => Verdict::Wait,
            Some(thread) => {
                self.is_reported = true;
                Verdict::Still(thread)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::limit::LimitCounters;
    use crate::session::live::fixtures;
    use std::sync::Arc;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_watchdog_is_fed_at_half_its_time_while_all_threads_beat() {
        let mut watchdog = Watchdog::new(seconds(30), seconds(100));
        let mut fed = Vec::new();
        for second in 100..160 {
            if watchdog.look(
                seconds(second),
                [("one", second), ("two", second * 2)].into_iter(),
            ) == Verdict::Feed
            {
                fed.push(second);
            }
        }
        assert_eq!(fed, [100, 115, 130, 145]);
    }

    #[test]
    fn a_thread_that_stands_still_is_reported_once_and_starves_the_watchdog() {
        let mut watchdog = Watchdog::new(seconds(20), seconds(0));
        let mut seen = Vec::new();
        for second in 0..60 {
            // The second thread stands still from second 12 to 40.
            let other = if (12..40).contains(&second) {
                12
            } else {
                second
            };
            let verdict = watchdog.look(
                seconds(second),
                [("one", second + 1), ("two", other + 1)].into_iter(),
            );
            if verdict != Verdict::Wait {
                seen.push((second, verdict));
            }
        }
        let expected = [
            (0, Verdict::Feed),
            (10, Verdict::Feed),
            (20, Verdict::Feed),
            (30, Verdict::Still("two".to_owned())),
            (40, Verdict::Feed),
            (50, Verdict::Feed),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_thread_that_is_busy_for_seconds_is_not_still() {
        let mut watchdog = Watchdog::new(seconds(2), seconds(0));
        let verdicts: Vec<_> = (0..7)
            .map(|second| watchdog.look(seconds(second), [("one", 1)].into_iter()))
            .collect();
        assert_eq!(verdicts[..5], [const { Verdict::Feed }; 5]);
        assert_eq!(
            verdicts[5..],
            [Verdict::Still("one".to_owned()), Verdict::Wait]
        );
    }

    #[test]
    fn the_rate_follows_the_events_smoothly() {
        let mut rate = Rate::new(seconds(0), 1_000);
        let first = rate.per_second(seconds(1), 1_100);
        assert!((first - 20.0).abs() < 0.01, "{first}");
        let later = (2..60).map(|second| rate.per_second(seconds(second), 1_000 + second * 100));
        let last = later.last().unwrap();
        assert!((last - 100.0).abs() < 0.1, "{last}");
        let same_time = rate.per_second(seconds(59), 6_900);
        assert!((same_time - last).abs() < f64::EPSILON, "{same_time}");
    }

    #[test]
    fn the_status_counts() {
        let live = fixtures::live("pbx", Arc::<LimitCounters>::default());
        let watched = Watched {
            live: live.clone(),
            registry: Registry::default(),
            clock: Clock::start(),
        };
        let status = |rate| watched.status(rate);
        assert!(status(0.0).starts_with("0 of 1 upstreams connected"));
        for (_, ways) in live.now().upstreams() {
            ways.pulse.beat(true);
        }
        assert_eq!(
            watched.status(479.6),
            "1 of 1 upstreams connected, 0 clients, 480 events/s"
        );
    }
}
