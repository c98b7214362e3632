//! Who may come in: what the AMI port and HTTP both need to decide a login, so that both decide alike and count
//! together. The decision itself is [`Door`]'s; here are the things that it looks at. Shared by all threads.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use tokio::sync::Semaphore;

use super::live::Live;
use super::registry::Registry;
use super::reports::Visitor;
use super::shell::Clock;
use crate::hub::Now;
use crate::hub::door::{Door, Known, Refused, RefusedCause, Step};
use crate::hub::limit::{Full, Limit, LimitCounters};
use crate::policy::credential::Verification;
use crate::policy::failed_logins::FailedLogins;
use crate::policy::user::User;

/// Secrets that are compared with hashes at a time, each with the memory that its hash asks for: enough for all
/// clients after a restart, and no flood of logins takes more.
const VERIFICATIONS_MAX: usize = 2;

/// What a login is decided with.
#[derive(Debug, Clone)]
pub struct Gate {
    /// What is in force: the users, the limits, and the way to those who may read what happened before a login.
    pub live: Live,
    /// Who is logged in.
    pub registry: Registry,
    /// The clock.
    pub clock: Clock,
    /// What checks the secrets of users with a hash.
    pub verifier: Verifier,
    /// How many logins may still fail, by address.
    pub failed_logins: Arc<Mutex<FailedLogins>>,
    /// How often each limit was reached that holds before a login.
    pub limits: Arc<LimitCounters>,
}

impl Gate {
    /// What logins into that are decided with; nobody is logged in.
    pub fn new(live: Live, clock: Clock) -> Self {
        let rules = live.now();
        let general = &rules.general;
        let failed_logins = FailedLogins::new(general.failed_logins, general.failed_login_period);
        Self {
            registry: Registry::default(),
            clock,
            verifier: Verifier::default(),
            failed_logins: Arc::new(Mutex::new(failed_logins)),
            limits: Arc::default(),
            live,
        }
    }

    /// The limit that one more session of that user from there would exceed.
    pub fn full(&self, user: &User, address: IpAddr) -> Option<Full> {
        let limits = self.live.now().session_limits();
        self.registry.full(user, address, limits)
    }

    /// What the door of a client at that address does next, with its input or with the outcome of a check.
    pub fn step(
        &self,
        door: &mut Door,
        address: IpAddr,
        now: Now,
        verified: Option<bool>,
        out: &mut BytesMut,
    ) -> Step {
        let rules = self.live.now();
        let step = self.with_failed_logins(|failed_logins| {
            let mut known = Known {
                users: &rules.users,
                address,
                in_use: &|user: &User| self.registry.is_in_use(user),
                full: &|user: &User| self.registry.full(user, address, rules.session_limits()),
                failed_logins,
            };
            match verified {
                Some(right) => door.verified(now.since_start, right, &mut known, out),
                None => door.step(now.since_start, &mut known, out),
            }
        });
        if matches!(step, Step::Close) && door.has_asked_too_much() {
            self.limits.count(Limit::EarlyRequests);
        }
        step
    }

    /// Asks or tells those who count failed logins.
    pub fn with_failed_logins<T>(&self, ask: impl FnOnce(&mut FailedLogins) -> T) -> T {
        let failed_logins = self.failed_logins.lock();
        ask(&mut failed_logins.unwrap_or_else(PoisonError::into_inner))
    }

    /// Tells of all that the door has refused since it was last asked.
    pub fn tell_refusals(&self, door: &mut Door, now: Now, visitor: &mut Visitor) {
        while let Some(refused) = door.take_refused() {
            self.tell_refusal(&refused, now, visitor);
        }
    }

    /// Tells of one refusal: the log, and the clients that may know.
    pub fn tell_refusal(&self, refused: &Refused, now: Now, visitor: &mut Visitor) {
        match refused.cause {
            RefusedCause::RateLimit => self.limits.count(Limit::FailedLogins),
            RefusedCause::SessionLimit(Some(full)) => self.limits.count(full.limit()),
            _ => {}
        }
        visitor.refused(now, refused, &self.live.now());
    }
}

/// The turns of those who compare a secret with a hash, which is done beside the threads that others wait for.
#[derive(Debug, Clone)]
pub struct Verifier(Arc<Semaphore>);

impl Default for Verifier {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(VERIFICATIONS_MAX)))
    }
}

impl Verifier {
    /// Compares, when it is this one's turn.
    ///
    /// Cancel safe: one that waits leaves the queue; one that runs goes on to its end, and keeps its turn.
    pub async fn run(&self, verification: Verification) -> bool {
        let Ok(turn) = Arc::clone(&self.0).acquire_owned().await else {
            return false;
        };
        let compared = tokio::task::spawn_blocking(move || {
            let right = verification.run();
            drop(turn);
            right
        });
        compared.await.unwrap_or(false)
    }
}
