//! A seeded simulation: random clients and a random Asterisk around a hub, every byte stream cut at random, the
//! connection to Asterisk lost at random, and the promises checked after every step.
//!
//! `AMIMUX_SIM_SEEDS` sets how many seeds are run, `AMIMUX_SIM_SEED` runs a single one.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "a broken promise fails the test, and what a run was made of is worth knowing"
)]

mod hub_harness;
mod simulation;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use self::simulation::Tally;

/// Two million steps: some half a minute in a debug build on one processor.
const SEEDS: u64 = 1500;

/// From so many seeds on, everything must have happened often.
const LIVELY: u64 = 400;

/// Most threads that share the seeds.
const THREADS_MAX: usize = 4;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs one seed after the other until there are none left.
fn run_some(next: &AtomicU64, end: u64) -> Tally {
    let mut tally = Tally::default();
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return tally;
        }
        match catch_unwind(AssertUnwindSafe(|| simulation::run(seed))) {
            Ok(one) => tally.add(&one),
            Err(_) => panic!(
                "seed {seed} broke a promise; repeat it with: AMIMUX_SIM_SEED={seed} cargo test --test sim"
            ),
        }
    }
}

#[test]
fn promises_hold_in_random_worlds() {
    let seeds = match number("AMIMUX_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("AMIMUX_SIM_SEEDS").unwrap_or(SEEDS),
    };
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut tally = Tally::default();
    std::thread::scope(|scope| {
        let threads = (0..threads.min(THREADS_MAX))
            .map(|_| scope.spawn(|| run_some(&next, seeds.end)))
            .collect::<Vec<_>>();
        for thread in threads {
            tally.add(&thread.join().expect("every seed keeps the promises"));
        }
    });
    println!("{} seeds: {tally:?}", seeds.end - seeds.start);
    if seeds.end - seeds.start >= LIVELY {
        assert!(tally.is_lively(), "the simulation is too tame: {tally:?}");
    }
}
