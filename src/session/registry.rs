//! Who is logged in, over all hubs: for `allowmultiplelogin = no`.

use std::sync::Arc;

use dashmap::DashMap;

use crate::policy::user::User;

/// How many sessions each user has. Shared by all threads.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    sessions: Arc<DashMap<Box<str>, usize>>,
}

impl Registry {
    /// Whether the user has a session.
    pub fn is_in_use(&self, user: &User) -> bool {
        self.sessions
            .contains_key(user.name.to_ascii_lowercase().as_str())
    }

    /// Counts a session of that user until the guard is dropped.
    pub fn log_in(&self, user: &User) -> LoginGuard {
        let key: Box<str> = user.name.to_ascii_lowercase().into();
        *self.sessions.entry(key.clone()).or_insert(0) += 1;
        LoginGuard {
            key,
            registry: self.clone(),
        }
    }
}

/// One session of a user.
#[derive(Debug)]
pub struct LoginGuard {
    key: Box<str>,
    registry: Registry,
}

impl Drop for LoginGuard {
    fn drop(&mut self) {
        if let Some(mut count) = self.registry.sessions.get_mut(&self.key) {
            *count -= 1;
        }
        self.registry
            .sessions
            .remove_if(&self.key, |_, count| *count == 0);
    }
}
