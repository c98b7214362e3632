//! A set of small numbers.

/// Numbers from 0 up to a fixed bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// An empty set of numbers below `bound`.
    pub(super) fn new(bound: usize) -> Self {
        Self {
            words: vec![0; bound.div_ceil(64)],
        }
    }

    pub(super) fn contains(&self, number: usize) -> bool {
        self.words
            .get(number / 64)
            .is_some_and(|word| word & mask(number) != 0)
    }

    /// Adds a number; `true`: it is new.
    pub(super) fn insert(&mut self, number: usize) -> bool {
        let Some(word) = self.words.get_mut(number / 64) else {
            return false;
        };
        let is_new = *word & mask(number) == 0;
        *word |= mask(number);
        is_new
    }

    pub(super) fn remove(&mut self, number: usize) {
        if let Some(word) = self.words.get_mut(number / 64) {
            *word &= !mask(number);
        }
    }

    pub(super) fn clear(&mut self) {
        self.words.fill(0);
    }

    /// Becomes the same as another set of the same bound.
    pub(super) fn copy_from(&mut self, other: &Self) {
        self.words.clone_from(&other.words);
    }
}

const fn mask(number: usize) -> u64 {
    1 << (number % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_and_go() {
        let mut bits = Bits::new(65);
        assert!(!bits.contains(64) && bits.insert(64) && !bits.insert(64));
        assert!(bits.contains(64) && !bits.contains(0) && !bits.contains(1000));
        assert!(!bits.insert(1000));
        let mut other = Bits::new(65);
        other.copy_from(&bits);
        bits.remove(64);
        assert!(!bits.contains(64) && other.contains(64));
        other.clear();
        assert_eq!(bits, other);
    }
}
