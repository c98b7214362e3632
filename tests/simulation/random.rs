//! Numbers that look random: drawn from a seed (SplitMix64), or from bytes that a fuzzer chose.

use std::collections::VecDeque;

#[derive(Debug, Clone)]
pub struct Random {
    seed: u64,
    chosen: VecDeque<u8>,
}

impl Random {
    /// Numbers that repeat with their seed.
    pub fn of_seed(seed: u64) -> Self {
        Self {
            seed,
            chosen: VecDeque::new(),
        }
    }

    /// Numbers made of these bytes, and behind them of a fixed seed.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self {
            seed: 1,
            chosen: bytes.iter().copied().collect(),
        }
    }

    /// Whether there are bytes left that were chosen.
    pub fn is_chosen(&self) -> bool {
        !self.chosen.is_empty()
    }

    pub fn next(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`: of one chosen byte, or two where one is too small.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = bound.max(1);
        let Some(low) = self.chosen.pop_front() else {
            return (self.next() % bound as u64) as usize;
        };
        let high = (bound > 256).then(|| self.chosen.pop_front()).flatten();
        (usize::from(low) | usize::from(high.unwrap_or(0)) << 8) % bound
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// How many of `available` bytes go through at a time: often few, sometimes all.
    pub fn piece(&mut self, available: usize) -> usize {
        match self.below(4) {
            0 => available,
            1 => available.min(1 + self.below(8)),
            _ => available.min(1 + self.below(400)),
        }
    }
}
