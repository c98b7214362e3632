//! A small seeded generator of random numbers (SplitMix64): the same seed gives the same calls, always.

/// The generator; its whole state is one number.
#[derive(Debug, Clone)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// 64 random bits.
    pub(super) const fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub(super) fn below(&mut self, bound: u32) -> u64 {
        ((self.bits() >> 32) * u64::from(bound)) >> 32
    }

    /// Whether an event of this probability happens.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A number in `0.0..1.0`.
    pub(super) fn unit(&mut self) -> f64 {
        let mantissa = u32::try_from(self.bits() >> 32).unwrap_or(0);
        f64::from(mantissa) / 4_294_967_296.0
    }

    /// An exponentially distributed number with this mean: the time between two independent calls.
    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -(1.0 - self.unit()).ln() * mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_numbers_and_within_bounds() {
        let (mut one, mut two) = (Random::new(7), Random::new(7));
        for _ in 0..1000 {
            assert_eq!(one.bits(), two.bits());
        }
        let mut seen = [false; 10];
        for _ in 0..1000 {
            seen[usize::try_from(one.below(10)).unwrap()] = true;
        }
        assert_eq!(seen, [true; 10]);
        assert_eq!(one.below(0), 0);
    }

    #[test]
    fn exponential_has_its_mean() {
        let mut random = Random::new(1);
        let sum: f64 = (0..10_000).map(|_| random.exponential(2.0)).sum();
        assert!((1.9..2.1).contains(&(sum / 10_000.0)), "{sum}");
    }
}
