//! A seeded simulation: random clients and a random Asterisk around a hub, every byte stream cut at random, the
//! connection to Asterisk lost at random, and the promises checked after every step.
//!
//! `AMIMUX_SIM_SEEDS` sets how many seeds are run, `AMIMUX_SIM_SEED` runs a single one.

mod hub_harness;
mod simulation;

use std::panic::{AssertUnwindSafe, catch_unwind};

/// So many that the test takes a few seconds in a debug build.
const SEEDS: u64 = 400;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn promises_hold_in_random_worlds() {
    let seeds = match number("AMIMUX_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("AMIMUX_SIM_SEEDS").unwrap_or(SEEDS),
    };
    let mut tally = simulation::Tally::default();
    for seed in seeds.clone() {
        match catch_unwind(AssertUnwindSafe(|| simulation::run(seed))) {
            Ok(one) => tally.add(&one),
            Err(_) => panic!(
                "seed {seed} broke a promise; repeat it with: AMIMUX_SIM_SEED={seed} cargo test --test sim"
            ),
        }
    }
    println!("{} seeds: {tally:?}", seeds.end - seeds.start);
    if seeds.end - seeds.start >= SEEDS {
        assert!(tally.is_lively(), "the simulation is too tame: {tally:?}");
    }
}
