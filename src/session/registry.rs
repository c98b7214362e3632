//! Who is logged in, over all hubs: for `allowmultiplelogin = no` and for the limits on sessions.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;

use crate::hub::limit::Full;
use crate::policy::host::Host;
use crate::policy::user::User;

/// How many sessions there may be; 0 is no limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionLimits {
    /// In all.
    pub all: usize,
    /// From one host.
    pub per_host: usize,
}

/// How many sessions there are. Shared by all threads.
#[derive(Debug, Clone, Default)]
pub struct Registry(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    all: AtomicUsize,
    users: DashMap<Box<str>, usize>,
    hosts: DashMap<Host, usize>,
}

impl Registry {
    /// Whether the user has a session.
    pub fn is_in_use(&self, user: &User) -> bool {
        self.0.users.contains_key(&key(user))
    }

    /// The limit that one more session of that user from there would exceed.
    pub fn full(&self, user: &User, address: IpAddr, limits: SessionLimits) -> Option<Full> {
        let counts = &self.0;
        let reached = |limit: usize, count: usize| limit > 0 && count >= limit;
        if reached(limits.all, counts.all.load(Ordering::Relaxed)) {
            return Some(Full::All);
        }
        let of_host = counts.hosts.get(&Host::at(address)).map(|count| *count);
        if reached(limits.per_host, of_host.unwrap_or_default()) {
            return Some(Full::Address);
        }
        let of_user = counts.users.get(&key(user)).map(|count| *count);
        reached(user.session_limit, of_user.unwrap_or_default()).then_some(Full::User)
    }

    /// How many sessions there are.
    pub fn count(&self) -> usize {
        self.0.all.load(Ordering::Relaxed)
    }

    /// Counts a session of that user until the guard is dropped.
    pub fn log_in(&self, user: &User, address: IpAddr) -> LoginGuard {
        let (user, host) = (key(user), Host::at(address));
        self.0.all.fetch_add(1, Ordering::Relaxed);
        *self.0.users.entry(user.clone()).or_insert(0) += 1;
        *self.0.hosts.entry(host).or_insert(0) += 1;
        LoginGuard {
            user,
            host,
            registry: self.clone(),
        }
    }
}

fn key(user: &User) -> Box<str> {
    user.name.to_ascii_lowercase().into()
}

/// One session of a user.
#[derive(Debug)]
pub struct LoginGuard {
    user: Box<str>,
    host: Host,
    registry: Registry,
}

impl Drop for LoginGuard {
    fn drop(&mut self) {
        let counts = &self.registry.0;
        counts.all.fetch_sub(1, Ordering::Relaxed);
        count_down(&counts.users, &self.user);
        count_down(&counts.hosts, &self.host);
    }
}

fn count_down<K: Eq + Hash>(counts: &DashMap<K, usize>, key: &K) {
    if let Some(mut count) = counts.get_mut(key) {
        *count -= 1;
    }
    counts.remove_if(key, |_, count| *count == 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::class::Classes;
    use crate::policy::fixtures::user;

    #[test]
    fn limits_hold_and_whoever_leaves_makes_room() {
        let registry = Registry::default();
        let limits = SessionLimits {
            all: 4,
            per_host: 2,
        };
        let any = user("any", Classes::NONE);
        let one = User {
            session_limit: 1,
            ..user("One", Classes::NONE)
        };
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        let (here, there) = (at("192.0.2.1"), at("2001:db8::1"));
        let first = registry.log_in(&one, here);
        assert!(registry.is_in_use(&one) && !registry.is_in_use(&any));
        assert_eq!(registry.full(&one, there, limits), Some(Full::User));
        let second = registry.log_in(&any, at("::ffff:192.0.2.1"));
        assert_eq!(registry.full(&any, here, limits), Some(Full::Address));
        let others = [there, at("2001:db8::2")].map(|address| registry.log_in(&any, address));
        assert_eq!(
            registry.full(&any, at("192.0.2.2"), limits),
            Some(Full::All)
        );
        drop(first);
        assert_eq!(registry.full(&one, here, limits), None);
        assert_eq!(registry.full(&one, there, limits), Some(Full::Address));
        drop((second, others));
        assert_eq!(registry.full(&any, there, limits), None);
        assert!(registry.0.users.is_empty() && registry.0.hosts.is_empty());
        let unlimited = Registry::default();
        let _session = unlimited.log_in(&any, here);
        assert_eq!(unlimited.full(&any, here, SessionLimits::default()), None);
    }
}
