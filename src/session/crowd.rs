//! Who gives way when there are too many of something: the host that has the most of them loses its oldest, so that
//! whoever makes many pushes out its own.

use std::collections::{BTreeSet, HashMap};

use crate::policy::host::Host;

/// What many hosts have, in order of age: the oldest is the smallest.
#[derive(Debug)]
pub struct Crowd<T> {
    of_host: HashMap<Host, BTreeSet<T>>,
    /// Every host, the one with the most at the end.
    counts: BTreeSet<(usize, Host)>,
    count: usize,
}

impl<T> Default for Crowd<T> {
    fn default() -> Self {
        Self {
            of_host: HashMap::new(),
            counts: BTreeSet::new(),
            count: 0,
        }
    }
}

impl<T: Ord + Copy> Crowd<T> {
    /// One more.
    pub fn insert(&mut self, host: Host, one: T) {
        let own = self.of_host.entry(host).or_default();
        let before = own.len();
        if own.insert(one) {
            self.count += 1;
            self.counts.remove(&(before, host));
            self.counts.insert((before + 1, host));
        }
    }

    /// One less, if it is there.
    pub fn remove(&mut self, host: Host, one: T) {
        let Some(own) = self.of_host.get_mut(&host) else {
            return;
        };
        let before = own.len();
        if !own.remove(&one) {
            return;
        }
        self.count -= 1;
        self.counts.remove(&(before, host));
        match before - 1 {
            0 => {
                self.of_host.remove(&host);
            }
            left => {
                self.counts.insert((left, host));
            }
        }
    }

    /// How many there are.
    pub const fn count(&self) -> usize {
        self.count
    }

    /// How many that host has.
    pub fn count_of(&self, host: Host) -> usize {
        self.of_host.get(&host).map_or(0, BTreeSet::len)
    }

    /// The oldest of that host.
    pub fn oldest_of(&self, host: Host) -> Option<T> {
        self.of_host.get(&host)?.first().copied()
    }

    /// Which one gives way to a newcomer, and whose it is: the oldest of the host with the most; the newcomer's own, if
    /// no host has more.
    pub fn gives_way_to(&self, newcomer: Host) -> Option<(Host, T)> {
        let &(most, host) = self.counts.last()?;
        let host = match self.count_of(newcomer) >= most {
            true => newcomer,
            false => host,
        };
        Some((host, self.oldest_of(host)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Host = Host::V4(1);
    const B: Host = Host::V4(2);
    const C: Host = Host::V4(3);

    #[test]
    fn the_host_with_the_most_gives_way() {
        let mut crowd = Crowd::default();
        assert_eq!(crowd.gives_way_to(A), None);
        for (host, one) in [(A, 5), (A, 1), (A, 3), (B, 0), (B, 2), (A, 3)] {
            crowd.insert(host, one);
        }
        assert_eq!((crowd.count(), crowd.count_of(A)), (5, 3));
        assert_eq!(crowd.gives_way_to(C), Some((A, 1)));
        assert_eq!(crowd.gives_way_to(B), Some((A, 1)));
        crowd.remove(A, 1);
        // Two each: whoever comes takes a place of its own.
        assert_eq!(crowd.gives_way_to(A), Some((A, 3)));
        assert_eq!(crowd.gives_way_to(B), Some((B, 0)));
        crowd.remove(A, 1);
        crowd.remove(C, 1);
        crowd.remove(A, 3);
        assert_eq!(crowd.gives_way_to(C), Some((B, 0)));
        for (host, one) in [(A, 5), (B, 0), (B, 2)] {
            crowd.remove(host, one);
        }
        assert_eq!(crowd.gives_way_to(C), None);
        assert!(crowd.of_host.is_empty() && crowd.counts.is_empty() && crowd.count() == 0);
    }
}
