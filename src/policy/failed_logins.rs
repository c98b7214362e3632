//! How many logins may fail from one address: a token bucket for each, which refills as time passes. Guessing
//! a secret takes many failures; a bucket that is empty makes them stop until it holds a token again.
//!
//! A bucket is no more than the moment at which it is full again: every failure puts that moment one share of
//! the period further off. The number of buckets is bounded. Those that are full again say nothing and are
//! forgotten; when there is no room even so, addresses without a bucket share a common one, so that nobody who
//! has many addresses can make room for a fresh start.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use super::host::Host;

/// Most addresses with a bucket of their own.
const BUCKETS_MAX: usize = 65_536;

/// Most full buckets that are forgotten in one call. More than one, so that they go faster than new ones come.
const FORGOTTEN_MAX: usize = 4;

/// The buckets of all addresses. Times are since any moment that stays the same.
#[derive(Debug)]
pub struct FailedLogins {
    burst: u32,
    /// The time in which one token comes back.
    share: Duration,
    buckets_max: usize,
    /// When each bucket is full again.
    full_at: HashMap<Host, Duration>,
    /// The same, those that are full first at the beginning.
    by_time: BTreeSet<(Duration, Host)>,
    /// The bucket of those that have none.
    common_full_at: Duration,
}

impl FailedLogins {
    /// Lets `burst` logins fail at once and as many again in each `period`. Without a burst (0) there is no limit.
    pub fn new(burst: u32, period: Duration) -> Self {
        Self::with_buckets(burst, period, BUCKETS_MAX)
    }

    /// Other limits hold from now on. Failures so far count on.
    pub fn set_limits(&mut self, burst: u32, period: Duration) {
        self.burst = burst;
        self.share = period.checked_div(burst).unwrap_or_default();
    }

    fn with_buckets(burst: u32, period: Duration, buckets_max: usize) -> Self {
        Self {
            burst,
            share: period.checked_div(burst).unwrap_or_default(),
            buckets_max,
            full_at: HashMap::new(),
            by_time: BTreeSet::new(),
            common_full_at: Duration::ZERO,
        }
    }

    /// A login begins: takes a token. False: there is none, and the login is to be refused without a look at it.
    #[must_use]
    pub fn begin(&mut self, address: IpAddr, now: Duration) -> bool {
        if self.burst == 0 {
            return true;
        }
        self.forget(now);
        let client = Host::at(address);
        let known = self.full_at.get(&client).copied();
        let own = known.is_some() || self.full_at.len() < self.buckets_max;
        let full_at = match own {
            true => known.unwrap_or(now),
            false => self.common_full_at,
        };
        let full_at = full_at.max(now).saturating_add(self.share);
        if full_at.saturating_sub(now) > self.share.saturating_mul(self.burst) {
            return false;
        }
        match own {
            true => self.set(client, full_at),
            false => self.common_full_at = full_at,
        }
        true
    }

    /// The login that began with a token was right: gives the token back.
    pub fn succeeded(&mut self, address: IpAddr, now: Duration) {
        let client = Host::at(address);
        if let Some(full_at) = self.full_at.get(&client).copied() {
            self.set(client, full_at.saturating_sub(self.share));
        } else if self.full_at.len() >= self.buckets_max {
            self.common_full_at = self.common_full_at.saturating_sub(self.share);
        }
        self.forget(now);
    }

    fn set(&mut self, client: Host, full_at: Duration) {
        if let Some(before) = self.full_at.insert(client, full_at) {
            self.by_time.remove(&(before, client));
        }
        self.by_time.insert((full_at, client));
    }

    /// Forgets some buckets that are full again.
    fn forget(&mut self, now: Duration) {
        for _ in 0..FORGOTTEN_MAX {
            let Some(&(full_at, client)) = self.by_time.first() else {
                return;
            };
            if full_at > now {
                return;
            }
            self.by_time.pop_first();
            self.full_at.remove(&client);
        }
    }
}

#[cfg(test)]
#[path = "failed_logins_tests.rs"]
mod tests;
