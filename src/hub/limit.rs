//! How often each limit was reached, for the metrics: everything that a client can make grow has one. What happens at
//! it is told to the client, and to the log where it is worth a line; here it is only counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// What may not grow further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Connections that are not logged in: one was closed.
    AuthLimit,
    /// The time for a login: a connection was closed.
    AuthTimeout,
    /// Requests before a login: a connection was closed.
    EarlyRequests,
    /// Failed logins from one address: a login was refused unseen.
    FailedLogins,
    /// Sessions in all, or of one user: a login was refused.
    SessionLimit,
    /// Sessions from one address: a login was refused.
    AddressLimit,
    /// Connections over HTTP: one was closed.
    HttpConnections,
    /// Sessions over HTTP that are not logged in: one ended, or one was refused.
    HttpSessions,
    /// Requests of one session without answer: its input is left alone for a while.
    MaxQueued,
    /// Actions of one session that are with Asterisk: its next one waits.
    MaxInFlight,
    /// Input of one session that is not parsed yet: its socket is left alone for a while.
    Input,
    /// Answers that one session has not read: its input is left alone for a while.
    Answers,
    /// Synchronous Originates of one session: one was refused.
    Originates,
    /// Filters of one session, their size or their cost: a `Filter` was refused.
    Filters,
    /// Events kept for slow readers: a session ended.
    Retention,
    /// The same, of a user with `onslow = skip`: a session missed some, and was told.
    Skipped,
    /// The time in which a socket must take something: a session ended.
    WriteTimeout,
    /// Memory for slow readers in all: the largest log was cut, or a session ended.
    MemoryLimit,
    /// The length of one message from Asterisk: it was dropped.
    MaxMessage,
    /// Lines for the log in one turn: some were dropped.
    LogLines,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 20] = [
        // Before a login; their number is in `of_entrance`.
        Self::AuthLimit,
        Self::AuthTimeout,
        Self::EarlyRequests,
        Self::FailedLogins,
        Self::SessionLimit,
        Self::AddressLimit,
        Self::HttpConnections,
        Self::HttpSessions,
        Self::MaxQueued,
        Self::MaxInFlight,
        Self::Input,
        Self::Answers,
        Self::Originates,
        Self::Filters,
        Self::Retention,
        Self::Skipped,
        Self::WriteTimeout,
        Self::MemoryLimit,
        Self::MaxMessage,
        Self::LogLines,
    ];

    /// Those that hold before a login.
    pub const fn of_entrance() -> &'static [Self] {
        Self::ALL.split_at(8).0
    }

    /// Those that hold for sessions.
    pub const fn of_sessions() -> &'static [Self] {
        Self::ALL.split_at(8).1
    }

    /// What metrics call it: the option that sets it, where there is one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthLimit => "authlimit",
            Self::AuthTimeout => "authtimeout",
            Self::EarlyRequests => "early_requests",
            Self::FailedLogins => "failedlogins",
            Self::SessionLimit => "sessionlimit",
            Self::AddressLimit => "addresslimit",
            Self::HttpConnections => "http_connections",
            Self::HttpSessions => "http_sessions",
            Self::MaxQueued => "maxqueued",
            Self::MaxInFlight => "maxinflight",
            Self::Input => "input",
            Self::Answers => "answers",
            Self::Originates => "originates",
            Self::Filters => "filters",
            Self::Retention => "retention",
            Self::Skipped => "retention_skipped",
            Self::WriteTimeout => "writetimeout",
            Self::MemoryLimit => "memorylimit",
            Self::MaxMessage => "maxmessage",
            Self::LogLines => "log_lines",
        }
    }
}

/// A limit on sessions that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// `sessionlimit` of `[general]`.
    All,
    /// `addresslimit`.
    Address,
    /// `sessionlimit` of the user.
    User,
}

impl Full {
    /// What is counted.
    pub const fn limit(self) -> Limit {
        match self {
            Self::All | Self::User => Limit::SessionLimit,
            Self::Address => Limit::AddressLimit,
        }
    }

    /// What is logged; clients are told "Too many sessions".
    pub const fn reason(self) -> &'static str {
        match self {
            Self::All => "sessionlimit of [general] reached",
            Self::Address => "addresslimit reached",
            Self::User => "sessionlimit of the user reached",
        }
    }
}

/// How often each was reached. Counted by the thread that it belongs to, read by any.
#[derive(Debug, Default)]
pub struct LimitCounters([AtomicU64; Limit::ALL.len()]);

impl LimitCounters {
    /// It was reached once more.
    pub fn count(&self, limit: Limit) {
        if let Some(counter) = self.0.get(limit as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often it was reached.
    pub fn reached(&self, limit: Limit) -> u64 {
        let counter = self.0.get(limit as usize);
        counter.map_or(0, |counter| counter.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_a_place_and_a_name_of_its_own() {
        let counters = LimitCounters::default();
        for (place, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, place, "{limit:?}");
            for _ in 0..=place {
                counters.count(limit);
            }
        }
        let mut names = Vec::new();
        for (place, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(counters.reached(limit), place as u64 + 1, "{limit:?}");
            names.push(limit.name());
        }
        assert_eq!(Limit::of_entrance().last(), Some(&Limit::HttpSessions));
        assert_eq!(Limit::of_sessions().first(), Some(&Limit::MaxQueued));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Limit::ALL.len());
    }
}
