//! How often a login, or what came before one, was refused, by reason. For the metrics; what clients, the log and those
//! who read class `security` are told is elsewhere.

use std::sync::atomic::{AtomicU64, Ordering};

use super::door::RefusedCause;
use crate::policy::credential::LoginFailure;

/// What metrics call the reasons.
const REASONS: [&str; 19] = [
    "no_username",
    "unknown_user",
    "address",
    "no_secret",
    "no_certificate",
    "wrong_certificate",
    "wrong_secret",
    "no_challenge",
    "no_key",
    "wrong_key",
    "md5_forbidden",
    "plain_forbidden",
    "md5_of_hash",
    "session_limit",
    "already_logged_in",
    "failed_logins",
    "early_request",
    "bad_format",
    "defect",
];

/// The place of a reason in [`REASONS`].
const fn place(cause: &RefusedCause) -> usize {
    match cause {
        RefusedCause::Login { failure, .. } => match failure {
            LoginFailure::NoUsername => 0,
            LoginFailure::UnknownUser => 1,
            LoginFailure::Address => 2,
            LoginFailure::NoSecret => 3,
            LoginFailure::NoCertificate => 4,
            LoginFailure::WrongCertificate => 5,
            LoginFailure::WrongSecret => 6,
            LoginFailure::NoChallenge => 7,
            LoginFailure::NoKey => 8,
            LoginFailure::WrongKey => 9,
            LoginFailure::Md5Forbidden => 10,
            LoginFailure::PlainForbidden => 11,
            LoginFailure::Md5OfHash => 12,
        },
        RefusedCause::SessionLimit(Some(_)) => 13,
        RefusedCause::SessionLimit(None) => 14,
        RefusedCause::RateLimit => 15,
        RefusedCause::NotAllowed { .. } => 16,
        RefusedCause::BadFormat => 17,
        RefusedCause::Defect => 18,
    }
}

/// Counted by the threads that decide logins, read by any.
#[derive(Debug, Default)]
pub struct LoginRefusals([AtomicU64; REASONS.len()]);

impl LoginRefusals {
    /// One more was refused.
    pub fn count(&self, cause: &RefusedCause) {
        if let Some(counter) = self.0.get(place(cause)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Each reason with its count.
    pub fn now(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        REASONS.into_iter().zip(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::limit::Full;

    #[test]
    fn each_reason_is_counted_under_its_name() {
        let login = |failure| RefusedCause::Login {
            failure,
            response: Box::default(),
            challenge: Box::default(),
        };
        let refusals = LoginRefusals::default();
        for (times, cause) in [
            (1, login(LoginFailure::NoUsername)),
            (2, login(LoginFailure::WrongSecret)),
            (3, login(LoginFailure::Md5OfHash)),
            (4, RefusedCause::SessionLimit(Some(Full::User))),
            (5, RefusedCause::SessionLimit(None)),
            (6, RefusedCause::RateLimit),
            (7, RefusedCause::Defect),
        ] {
            for _ in 0..times {
                refusals.count(&cause);
            }
        }
        let counted = refusals.now().filter(|(_, count)| *count > 0);
        assert_eq!(
            counted.collect::<Vec<_>>(),
            [
                ("no_username", 1),
                ("wrong_secret", 2),
                ("md5_of_hash", 3),
                ("session_limit", 4),
                ("already_logged_in", 5),
                ("failed_logins", 6),
                ("defect", 7),
            ]
        );
        let names: std::collections::HashSet<_> = REASONS.into();
        assert_eq!(names.len(), REASONS.len());
    }
}
