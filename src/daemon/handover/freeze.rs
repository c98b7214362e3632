//! The side that hands over: ports and threads stand still, and what they have is packed. Until it is let go of, nothing
//! is lost: a [`Frozen`] that is dropped goes on.

use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::parcel::{HubState, Parcel, ParcelError, State, cookie};
use crate::session::control::{HubControl, HubGone};
use crate::session::entrance::Turnstile;
use crate::session::handover::{NotPacked, Packed, STILL_MAX, Verdict};
use crate::session::shell::Clock;

/// How long those who are just logging in may take. Whoever has not logged in then is closed with this process.
const LOGINS_WITHIN: Duration = Duration::from_secs(1);

/// How often they are counted.
const POLL: Duration = Duration::from_millis(5);

/// Why nothing could be packed.
#[derive(Debug, Error)]
pub(super) enum FreezeError {
    /// A thread has ended.
    #[error(transparent)]
    Gone(#[from] HubGone),
    /// A thread cannot.
    #[error(transparent)]
    NotPacked(#[from] NotPacked),
    /// What there is cannot be put together.
    #[error(transparent)]
    Parcel(#[from] ParcelError),
}

/// What can be handed over.
#[derive(Debug)]
pub(in crate::daemon) struct Going {
    /// The upstreams: the way to the thread, and what it is connected to, by its name.
    pub(in crate::daemon) hubs: Vec<(HubControl, String)>,
    /// The way in.
    pub(in crate::daemon) turnstile: Turnstile,
    /// Copies of the ports, by the names of what is served there.
    pub(in crate::daemon) ports: Vec<(String, OwnedFd)>,
    /// The time.
    pub(in crate::daemon) clock: Clock,
}

/// Everything, packed, while all stands still.
#[derive(Debug)]
pub(super) struct Frozen {
    pub(super) parcel: Parcel,
    /// How many clients go along.
    pub(super) clients: usize,
    /// Since when.
    pub(super) since: std::time::Instant,
    verdicts: Vec<Sender<Verdict>>,
    turnstile: Turnstile,
}

impl Frozen {
    /// Whether the threads still stand still, and will until this process has let go.
    ///
    /// # Errors
    /// It has taken too long.
    pub(super) fn may_still_go(&self) -> std::io::Result<()> {
        if self.since.elapsed() < STILL_MAX / 2 {
            Ok(())
        } else {
            Err(ErrorKind::TimedOut.into())
        }
    }

    /// Another process has everything: what is here is let go of.
    pub(super) fn let_go(mut self) {
        for verdict in std::mem::take(&mut self.verdicts) {
            // A thread that has ended has let go.
            let _ = verdict.send(Verdict::LetGo);
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        if !self.verdicts.is_empty() {
            self.turnstile.open();
            self.verdicts.clear();
        }
    }
}

/// Opens the turnstile again unless it is disarmed.
struct Reopen<'a>(Option<&'a Turnstile>);

impl Drop for Reopen<'_> {
    fn drop(&mut self) {
        if let Some(turnstile) = self.0 {
            turnstile.open();
        }
    }
}

impl Going {
    /// Lets nobody in any more, and waits for those who are logging in.
    pub(super) async fn close_ports(&self) {
        self.turnstile.close();
        let deadline = Instant::now() + LOGINS_WITHIN;
        while self.turnstile.inside() > 0 && Instant::now() < deadline {
            sleep(POLL).await;
        }
    }

    /// Ends the sessions with TLS, and waits until they are over.
    pub(super) async fn end_encrypted(&self) {
        let mut ending = JoinSet::new();
        for (hub, _) in &self.hubs {
            let hub = hub.clone();
            // One that has ended has none.
            ending.spawn(async move {
                let _ = hub.end_encrypted().await;
            });
        }
        while ending.join_next().await.is_some() {}
    }

    /// Stops everything and packs it.
    ///
    /// Cancel safe: everything goes on then.
    ///
    /// # Errors
    /// Something cannot be packed; everything goes on.
    pub(super) async fn freeze(&self) -> Result<Frozen, FreezeError> {
        let mut reopen = Reopen(Some(&self.turnstile));
        self.close_ports().await;
        let together = Arc::new(Barrier::new(self.hubs.len()));
        let mut verdicts = Vec::new();
        let mut packing = Vec::new();
        for (hub, target) in &self.hubs {
            let (sender, verdict): (_, Receiver<Verdict>) = channel();
            verdicts.push(sender);
            let (hub, together) = (hub.clone(), Arc::clone(&together));
            let packed = tokio::spawn(async move { hub.pack(together, verdict).await });
            packing.push((packed, target.clone()));
        }
        let mut hubs = Vec::new();
        for (packed, target) in packing {
            let packed = packed.await.map_err(|_| HubGone)???;
            hubs.push((packed, target));
        }
        let since = std::time::Instant::now();
        let (clients, parcel) = self.put_together(hubs)?;
        reopen.0 = None;
        Ok(Frozen {
            parcel,
            clients,
            since,
            verdicts,
            turnstile: self.turnstile.clone(),
        })
    }

    fn put_together(&self, hubs: Vec<(Packed, String)>) -> Result<(usize, Parcel), ParcelError> {
        let now = self.clock.now();
        let mut sockets: Vec<OwnedFd> = Vec::new();
        let mut clients = 0;
        let mut states = Vec::new();
        for (packed, target) in hubs {
            clients += packed.clients.len();
            sockets.extend(packed.clients);
            let connection = packed.connection.map(|(cookie, socket)| {
                sockets.push(socket);
                cookie
            });
            states.push(HubState {
                upstream: packed.upstream,
                target,
                connection,
                carried: packed.carried,
            });
        }
        let mut listeners = Vec::new();
        for (name, socket) in &self.ports {
            listeners.push((name.clone(), cookie(socket)?));
            sockets.push(socket.try_clone()?);
        }
        let state = State {
            since_start: now.since_start,
            wall: now.wall,
            hubs: states,
            listeners,
        };
        Ok((clients, Parcel::pack(&state, sockets)?))
    }
}
