//! What the threads of the soak have in common: the numbered events, what was counted, what went wrong.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Every event of a soak has a number, from which all else about it follows: two in three are `call`.
pub fn is_call(number: u64) -> bool {
    !number.is_multiple_of(3)
}

/// The bytes of one numbered event.
pub fn event(number: u64) -> String {
    let class = if is_call(number) { "call" } else { "user" };
    let fill = "x".repeat((number * 37 % 400) as usize);
    format!(
        "Event: Soak\r\nPrivilege: {class},all\r\nN: {number}\r\nDigit: {}\r\nFill: {fill}\r\n\r\n",
        number % 10
    )
}

#[derive(Debug, Default)]
pub struct Shared {
    /// Clients begin no new session, and look for what they still have to get.
    pub ending: AtomicBool,
    /// The last event has happened, over a connection that stays.
    pub complete: AtomicBool,
    /// Everybody goes home.
    pub stop: AtomicBool,
    /// The number that the next event gets.
    pub next: AtomicU64,
    /// How far the client that sees everything has read.
    pub seen: AtomicU64,
    pub sessions: AtomicU64,
    pub events: AtomicU64,
    pub answers: AtomicU64,
    pub errors: AtomicU64,
    pub gaps: AtomicU64,
    pub resets: AtomicU64,
    pub given_up: AtomicU64,
    pub refused: AtomicU64,
    /// Numbers that may be missing, because the connection to Asterisk broke while they were under way.
    uncertain: Mutex<Vec<Range<u64>>>,
    /// Numbers that somebody is missing: who, and which.
    missing: Mutex<Vec<(String, Range<u64>)>>,
    failures: Mutex<Vec<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }

    pub fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    pub fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Relaxed)
    }

    pub fn fail(&self, text: String) {
        lock(&self.failures).push(text);
    }

    pub fn failures(&self) -> Vec<String> {
        lock(&self.failures).clone()
    }

    pub fn doubt(&self, range: Range<u64>) {
        lock(&self.uncertain).push(range);
    }

    pub fn miss(&self, who: &str, range: Range<u64>) {
        lock(&self.missing).push((who.to_owned(), range));
    }

    /// What somebody is missing although nothing broke. `wanted` is judged by the one who misses.
    pub fn unexplained(&self) -> Vec<(String, Range<u64>)> {
        let uncertain = lock(&self.uncertain);
        let within = |range: &Range<u64>| {
            uncertain
                .iter()
                .any(|doubt| doubt.start <= range.start && range.end <= doubt.end)
        };
        let missing = lock(&self.missing);
        missing
            .iter()
            .filter(|(_, range)| !within(range))
            .cloned()
            .collect()
    }

    /// Sleeps, but no longer than the soak lasts.
    pub fn rest(&self, time: Duration) {
        let begin = Instant::now();
        while begin.elapsed() < time && !self.is_over() {
            std::thread::sleep(Duration::from_millis(50).min(time));
        }
    }
}
