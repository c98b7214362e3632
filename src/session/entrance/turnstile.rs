//! Stops the ports for a while: those who come wait in the kernel's queue. Those who were let in before go on with their
//! logins, and are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// Lets connections in, or not. Shared by all ports.
#[derive(Debug, Clone)]
pub struct Turnstile(Arc<State>);

#[derive(Debug)]
struct State {
    is_open: watch::Sender<bool>,
    inside: AtomicUsize,
}

/// Somebody who was let in, until it is dropped.
#[derive(Debug)]
pub(super) struct Inside(Turnstile);

impl Default for Turnstile {
    fn default() -> Self {
        Self(Arc::new(State {
            is_open: watch::Sender::new(true),
            inside: AtomicUsize::new(0),
        }))
    }
}

impl Turnstile {
    /// Lets nobody in until [`Turnstile::open`].
    pub fn close(&self) {
        self.0.is_open.send_replace(false);
    }

    /// Lets everybody in again.
    pub fn open(&self) {
        self.0.is_open.send_replace(true);
    }

    /// Whether anybody is let in.
    pub(super) fn is_open(&self) -> bool {
        *self.0.is_open.borrow()
    }

    /// How many are inside who have not logged in.
    pub fn inside(&self) -> usize {
        self.0.inside.load(Ordering::Relaxed)
    }

    /// Waits until it is in that state.
    ///
    /// Cancel safe.
    pub(super) async fn is(&self, open: bool) {
        let mut seen = self.0.is_open.subscribe();
        // The sender is here.
        let _ = seen.wait_for(|is_open| *is_open == open).await;
    }

    /// Lets one in.
    pub(super) fn enter(&self) -> Inside {
        self.0.inside.fetch_add(1, Ordering::Relaxed);
        Inside(self.clone())
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.0.inside.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn it_opens_and_closes_and_counts() {
        let turnstile = Turnstile::default();
        let is = |open| {
            let mut wait = pin!(turnstile.is(open));
            wait.as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_ready()
        };
        assert!(is(true) && !is(false));
        let guests = [(); 2].map(|()| turnstile.enter());
        turnstile.close();
        assert!(is(false) && !is(true));
        assert_eq!(turnstile.inside(), 2);
        drop(guests);
        assert_eq!(turnstile.inside(), 0);
        turnstile.open();
        assert!(is(true));
    }
}
