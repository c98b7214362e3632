//! Writing to clients: the sweep over those that are caught up, its pacing, and the slow path for a client
//! whose socket is full. Events of one turn leave in one write per client, straight from the shared log.

use std::io::{ErrorKind, IoSlice};
use std::rc::Rc;
use std::time::Duration;

use arrayvec::ArrayVec;

use super::clients::Client;
use super::shell::Shell;
use crate::hub::log::SLICES_MAX;
use crate::hub::{CloseReason, Outcome, SessionId, Slices};
use crate::transport::socket::wait_for_client;

/// Writes to one client in one go; what is left is for the client's own task, so that others have their turn.
const WRITES_PER_TURN: usize = 4;

/// How long a client that is being closed may leave its last answers unread: once or twice this.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(5);

/// A short sweep is followed by a pause of this many times its length, up to [`SHORT_PAUSE_MAX`].
const SHORT_PAUSES: u32 = 8;

/// Where a pause does no harm: nobody sees a millisecond.
const SHORT_PAUSE_MAX: Duration = Duration::from_millis(1);

/// When the next sweep may begin: by duty cycle. After a sweep that took T, the next begins no sooner than T
/// later, with a ceiling: half of the time at most goes into sweeps, and the busier it is, the larger each
/// write. After a short one the pause is longer in proportion, so that few clients are swept as seldom as many.
/// The first event after a quiet time leaves in the turn in which it came.
#[derive(Debug)]
pub(super) struct Pace {
    delay_max: Duration,
    not_before: Duration,
}

impl Pace {
    pub(super) const fn new(delay_max: Duration) -> Self {
        Self {
            delay_max,
            not_before: Duration::ZERO,
        }
    }

    /// From here on, the longest pause.
    pub(super) const fn limit_delay(&mut self, delay_max: Duration) {
        self.delay_max = delay_max;
    }

    fn allows(&self, now: Duration) -> bool {
        now >= self.not_before
    }

    fn swept(&mut self, began: Duration, ended: Duration) {
        let took = ended.saturating_sub(began);
        let pause = (took * SHORT_PAUSES).min(SHORT_PAUSE_MAX).max(took);
        self.not_before = ended + pause.min(self.delay_max);
    }

    /// When the next sweep may begin.
    pub(super) const fn next_at(&self) -> Duration {
        self.not_before
    }
}

/// What became of an attempt to write.
enum Attempt {
    Done,
    Full,
    Ended,
}

impl Shell {
    /// Sweeps if there is something and the pace allows it; if it does not, the timer will.
    pub(super) fn sweep_if_due(self: &Rc<Self>) {
        {
            let hub = self.hub.borrow();
            if !hub.has_grown() {
                return;
            }
            if !self.pace.borrow().allows(self.now().since_start) && !hub.must_sweep() {
                return;
            }
        }
        let began = self.now().since_start;
        let mut ids = std::mem::take(&mut *self.sweep_list.borrow_mut());
        self.hub.borrow_mut().begin_sweep(&mut ids);
        for id in ids.drain(..) {
            self.flush(id);
        }
        self.hub.borrow_mut().swept();
        *self.sweep_list.borrow_mut() = ids;
        let ended = self.now().since_start;
        self.hub
            .borrow_mut()
            .count_sweep(ended.saturating_sub(began));
        self.pace.borrow_mut().swept(began, ended);
    }

    /// Writes to a client what there is; if its socket is full, its own task takes over.
    pub(super) fn flush(self: &Rc<Self>, id: SessionId) {
        let Some(client) = self.clients.borrow().get(id) else {
            return;
        };
        if matches!(self.write_some(id, &client), Attempt::Full) {
            let now = self.now();
            self.hub.borrow_mut().set_blocked(now, id, true);
            self.drain_later(id, client);
        }
    }

    /// Starts the task of a client whose socket is full.
    pub(super) fn drain_later(self: &Rc<Self>, id: SessionId, client: Rc<Client>) {
        self.blocked.set(self.blocked.get() + 1);
        wait_for_client(client.stream.socket(), self.write_timeout(id), true);
        tokio::task::spawn_local(Rc::clone(self).drain(id, client));
    }

    /// The task of a client whose socket is full: it drains, then rejoins the sweep.
    ///
    /// Cancel safe: the hub keeps how far the client was written.
    async fn drain(self: Rc<Self>, id: SessionId, client: Rc<Client>) {
        let mut was_closing = false;
        loop {
            tokio::select! {
                ready = client.stream.writable() => if ready.is_err() { break },
                () = client.gone.cancelled() => break,
                () = tokio::time::sleep(LAST_WORDS_WITHIN) => {
                    // One that is to be closed may take a while to read its last answers, but not for ever.
                    if was_closing {
                        self.end(id, CloseReason::Disconnected);
                        break;
                    }
                    was_closing = self.hub.borrow().is_closing(id);
                    continue;
                }
            }
            match self.write_some(id, &client) {
                Attempt::Full => {}
                Attempt::Done => {
                    let now = self.now();
                    self.hub.borrow_mut().set_blocked(now, id, false);
                    wait_for_client(client.stream.socket(), self.write_timeout(id), false);
                    // What came while it was being set free.
                    self.flush(id);
                    break;
                }
                Attempt::Ended => break,
            }
            // Draining makes room for answers, and so for requests that were left unread.
            self.settle();
        }
        self.blocked.set(self.blocked.get().saturating_sub(1));
        self.settle();
    }

    /// The `writetimeout` of a session's user.
    pub(super) fn write_timeout(&self, id: SessionId) -> Duration {
        let hub = self.hub.borrow();
        hub.user(id)
            .map_or(Duration::ZERO, |user| user.write_timeout)
    }

    fn write_some(self: &Rc<Self>, id: SessionId, client: &Client) -> Attempt {
        let mut writes = 0;
        let now = self.now();
        loop {
            match self.write_once(id, client) {
                Ok((Outcome::Write, written)) => {
                    self.hub.borrow_mut().wrote(now, id, written);
                    writes += 1;
                    if writes >= WRITES_PER_TURN {
                        return Attempt::Full;
                    }
                }
                Ok((Outcome::CaughtUp, _)) => {
                    if !self.hub.borrow_mut().turn_over(now, id) {
                        return match client.stream.try_flush() {
                            Ok(()) => Attempt::Done,
                            Err(error) => self.not_written(id, &error),
                        };
                    }
                }
                Ok((Outcome::Finished, _)) => {
                    // Its last words may still wait to be sent.
                    if let Err(error) = client.stream.try_flush() {
                        return self.not_written(id, &error);
                    }
                    self.end(id, CloseReason::Disconnected);
                    return Attempt::Ended;
                }
                Ok((Outcome::FellOff { behind_bytes }, _)) => {
                    self.end(id, CloseReason::TooSlow { behind_bytes });
                    return Attempt::Ended;
                }
                Err(error) => return self.not_written(id, &error),
            }
        }
    }

    fn not_written(self: &Rc<Self>, id: SessionId, error: &std::io::Error) -> Attempt {
        if error.kind() == ErrorKind::WouldBlock {
            return Attempt::Full;
        }
        self.end(id, CloseReason::Disconnected);
        Attempt::Ended
    }

    fn write_once(&self, id: SessionId, client: &Client) -> std::io::Result<(Outcome, usize)> {
        let hub = self.hub.borrow();
        let mut slices = Slices::new();
        let outcome = hub.gather(id, &mut slices);
        if outcome != Outcome::Write {
            return Ok((outcome, 0));
        }
        let written = if let [one] = slices.as_slice() {
            client.stream.try_write(one)?
        } else {
            let vectors = slices
                .iter()
                .map(|slice| IoSlice::new(slice))
                .collect::<ArrayVec<_, SLICES_MAX>>();
            client.stream.try_write_vectored(&vectors)?
        };
        if self.is_tapped.get() {
            self.tap_received(id, slices.iter().copied(), written);
        }
        Ok((outcome, written))
    }

    /// Ends a client: its tasks stop, the hub forgets it, and its socket is closed in good order.
    pub(super) fn end(self: &Rc<Self>, id: SessionId, reason: CloseReason) {
        let Some(client) = self.clients.borrow_mut().remove(id) else {
            return;
        };
        client.gone.cancel();
        // From here on it does not count as logged in, however long its socket takes to close.
        drop(client.login.take());
        self.hub.borrow_mut().remove(id, reason);
        if self.is_tapped.get() {
            self.tap_gone(id);
        }
        let encrypted = client.stream.is_encrypted();
        let close = async move { client.stream.close().await };
        if encrypted {
            self.closing.spawn_local(close);
        } else {
            tokio::task::spawn_local(close);
        }
    }
}
