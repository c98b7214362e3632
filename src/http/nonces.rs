//! The nonces that we have issued for Digest access, and how far each has been used. Asterisk takes any number that a
//! client makes up as a nonce, and a nonce as a session's cookie (`main/manager.c`, `auth_http_callback`); here a nonce is
//! of 128 random bits, issued by us, of a type of its own, and each count of it is good for one request.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::hex;

/// How long a nonce can be used, from when it was issued on (Asterisk's rule: more than 62 s is too old).
pub const LIFE: Duration = Duration::from_secs(62);

/// Most nonces kept that nobody has used, and as many that somebody has. Those are apart so that who asks for nonces
/// without end pushes out nobody who has proved to have a secret.
pub const NONCES_MAX: usize = 4096;

/// A nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce(u128);

impl Nonce {
    /// A nonce of that number.
    pub const fn new(number: u128) -> Self {
        Self(number)
    }

    /// The nonce of exactly 32 hexadecimal digits.
    pub fn parse(text: &[u8]) -> Option<Self> {
        hex::parse(text).map(Self)
    }
}

impl std::fmt::Display for Nonce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::text(self.0))
    }
}

/// What a nonce is good for. Whatever it is but fresh, a client that has proved its secret is sent a new one with
/// `stale=true`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// This use of it is good, and was its last of this count or a lower one.
    Fresh,
    /// It is too old.
    Stale,
    /// This count of it, or a higher one, has been used; without counts, it has been used at all.
    Replayed,
    /// We did not issue it, or so long ago that it is forgotten.
    Unknown,
}

#[derive(Debug)]
struct Known {
    issued: Duration,
    /// The highest count that was used; zero before the first.
    count: u32,
    used: bool,
}

/// Nonces issued, at most twice [`NONCES_MAX`].
#[derive(Debug, Default)]
pub struct Nonces {
    known: HashMap<Nonce, Known>,
    /// In the order in which they were issued. Some of them have been used since.
    issued: VecDeque<Nonce>,
    /// In the order in which they were first used.
    used: VecDeque<Nonce>,
}

impl Nonces {
    /// Issues a nonce. `now` is a time that never goes back, `random` a number that nobody can guess.
    pub fn issue(&mut self, now: Duration, random: u128) -> Nonce {
        let nonce = Nonce(random);
        if self.issued.len() == NONCES_MAX
            && let Some(oldest) = self.issued.pop_front()
            && self.known.get(&oldest).is_some_and(|known| !known.used)
        {
            self.known.remove(&oldest);
        }
        let fresh = Known {
            issued: now,
            count: 0,
            used: false,
        };
        if self.known.insert(nonce, fresh).is_none() {
            self.issued.push_back(nonce);
        }
        nonce
    }

    /// Uses `nonce` once, with that count; `None` where the client sent no `qop`. To be called for credentials that
    /// were proved only: it uses the nonce up.
    pub fn check(&mut self, nonce: Nonce, count: Option<u32>, now: Duration) -> Freshness {
        let Some(known) = self.known.get_mut(&nonce) else {
            return Freshness::Unknown;
        };
        if now.saturating_sub(known.issued) > LIFE {
            return Freshness::Stale;
        }
        let replayed = match count {
            Some(count) => count <= known.count,
            None => known.used,
        };
        if replayed {
            return Freshness::Replayed;
        }
        known.count = count.unwrap_or(u32::MAX);
        if !std::mem::replace(&mut known.used, true) {
            self.keep_used(nonce);
        }
        Freshness::Fresh
    }

    fn keep_used(&mut self, nonce: Nonce) {
        if self.used.len() == NONCES_MAX
            && let Some(oldest) = self.used.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.used.push_back(nonce);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn counts_rise_from_the_first_on() {
        let mut nonces = Nonces::default();
        let nonce = nonces.issue(at(100), 7);
        assert_eq!(nonce.to_string(), "00000000000000000000000000000007");
        for (count, expected) in [
            (Some(0), Freshness::Replayed),
            (Some(1), Freshness::Fresh),
            (Some(1), Freshness::Replayed),
            (Some(2), Freshness::Fresh),
            (Some(9), Freshness::Fresh),
            (Some(5), Freshness::Replayed),
            (None, Freshness::Replayed),
            (Some(u32::MAX), Freshness::Fresh),
            (Some(u32::MAX), Freshness::Replayed),
        ] {
            assert_eq!(nonces.check(nonce, count, at(101)), expected, "{count:?}");
        }
        let once = nonces.issue(at(100), 8);
        assert_eq!(nonces.check(once, None, at(101)), Freshness::Fresh);
        assert_eq!(nonces.check(once, None, at(101)), Freshness::Replayed);
        assert_eq!(nonces.check(once, Some(1), at(101)), Freshness::Replayed);
        assert_eq!(
            nonces.check(Nonce::new(9), Some(1), at(101)),
            Freshness::Unknown
        );
    }

    #[test]
    fn a_nonce_lives_62_seconds() {
        let mut nonces = Nonces::default();
        let nonce = nonces.issue(at(100), 7);
        assert_eq!(nonces.check(nonce, Some(1), at(162)), Freshness::Fresh);
        let late = at(162) + Duration::from_millis(1);
        assert_eq!(nonces.check(nonce, Some(2), late), Freshness::Stale);
        assert_eq!(
            nonces.check(nonce, Some(2), at(162)),
            Freshness::Fresh,
            "looking does not use it"
        );
    }

    #[test]
    fn a_flood_of_requests_for_nonces_does_not_push_out_one_in_use() {
        let mut nonces = Nonces::default();
        let used = nonces.issue(at(1), 1);
        let unused = nonces.issue(at(1), 2);
        assert_eq!(nonces.check(used, Some(1), at(1)), Freshness::Fresh);
        for random in 0..10_000 {
            nonces.issue(at(2), 10 + random);
        }
        assert_eq!(nonces.check(used, Some(2), at(3)), Freshness::Fresh);
        assert_eq!(nonces.check(unused, Some(1), at(3)), Freshness::Unknown);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        /// However they are issued and used, each count is good once and what is kept is bounded.
        #[test]
        fn bounded_and_good_once(seed: u64, uses in prop::collection::vec((0..20_u128, prop::option::of(0..6_u32)), 1..60), flood in 0..9000_u128) {
            let mut nonces = Nonces::default();
            for random in 0..20 {
                nonces.issue(at(0), random);
            }
            let mut seen: HashMap<u128, u32> = HashMap::new();
            for (random, count) in uses {
                let last = seen.get(&random).copied();
                let good = match count {
                    Some(count) => count > last.unwrap_or(0),
                    None => last.is_none(),
                };
                let expected = if good { Freshness::Fresh } else { Freshness::Replayed };
                prop_assert_eq!(nonces.check(Nonce(random), count, at(1)), expected);
                if good {
                    seen.insert(random, count.unwrap_or(u32::MAX));
                }
            }
            for random in 0..flood {
                let nonce = nonces.issue(at(2), u128::from(seed) << 64 | random | 1 << 40);
                if random % 2 == 0 {
                    prop_assert_eq!(nonces.check(nonce, Some(1), at(2)), Freshness::Fresh);
                }
            }
            prop_assert!(nonces.known.len() <= 2 * NONCES_MAX);
            prop_assert!(nonces.issued.len() <= NONCES_MAX && nonces.used.len() <= NONCES_MAX);
        }
    }
}
