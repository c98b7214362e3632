//! A world of a hub, an Asterisk and many clients, in which everything happens in random order.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "each test uses its part, and a broken assumption fails it"
)]

mod actions;
mod faults;
mod pbx;
mod random;
mod reader;
mod rest;
mod restart;
mod shell;
mod web;
mod world;

use self::random::Random;
pub use self::restart::Packed;
use self::world::World;

/// What a run was made of, so that a simulation in which nothing happens does not pass for one.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    pub steps: usize,
    pub answers: usize,
    pub events: usize,
    pub failures: usize,
    pub losses: usize,
    /// Losses before Asterisk was ready.
    pub early_losses: usize,
    pub stalls: usize,
    pub stopped: usize,
    pub cut_off: usize,
    pub gaps: usize,
    pub clients: usize,
    /// Events that came to listeners.
    pub fetched: usize,
    /// How often another process went on.
    pub restarts: usize,
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.answers += other.answers;
        self.events += other.events;
        self.failures += other.failures;
        self.losses += other.losses;
        self.early_losses += other.early_losses;
        self.stalls += other.stalls;
        self.stopped += other.stopped;
        self.cut_off += other.cut_off;
        self.gaps += other.gaps;
        self.clients += other.clients;
        self.fetched += other.fetched;
        self.restarts += other.restarts;
    }

    /// Whether enough happened to mean anything.
    pub fn is_lively(&self) -> bool {
        self.answers > 20_000
            && self.events > 20_000
            && self.failures > 200
            && self.losses > 50
            && self.early_losses > 20
            && self.stalls > 100
            && self.stopped > 50
            && self.cut_off > 5
            && self.gaps > 5
            && self.clients > 500
            && self.fetched > 5_000
            && self.restarts > 1_000
    }
}

/// Runs one world.
pub fn run(seed: u64) -> Tally {
    let mut world = World::new(Random::of_seed(seed));
    world.live();
    world.come_to_rest();
    world.tally()
}

/// Packs the hub of a world in the middle of its life.
pub fn pack(seed: u64) -> Packed {
    let mut world = World::new(Random::of_seed(seed));
    world.live();
    world.pack()
}

/// Runs the world that these bytes choose; behind them, what has to come to rest does so by a fixed lot.
pub fn run_chosen(bytes: &[u8]) {
    let mut world = World::new(Random::of_bytes(bytes));
    world.live_as_chosen();
    world.come_to_rest();
}
