//! The side that takes over: what another process had becomes hubs, sessions and ports of this one. All of it is made
//! before anything is promised, and nothing is read or written before the other process has let go.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

use super::parcel::{HubState, ParcelError, Sockets, State};
use super::socket::{Predecessor, RefusedError};
use super::store::{self, Stored};
use crate::config::settings::{General, Upstream};
use crate::hub::carry::{CarryError, Unpacked};
use crate::hub::{CloseReason, Hub, Now};
use crate::policy::user::Users;
use crate::session::handover::Returned;
use crate::session::registry::Registry;
use crate::session::shell::Clock;

/// What follows from a state in the store that cannot be used.
const COLD: &str =
    "cannot go on where amimux was before the restart: clients have to connect again";

/// How the parcel came.
#[derive(Debug)]
enum Way {
    /// From the service manager; the process before is gone.
    Store,
    /// From a process that waits.
    Socket(Predecessor),
}

/// What another process handed over, until all of it is taken.
#[derive(Debug)]
pub(in crate::daemon) struct Arrival {
    way: Way,
    state: State,
    sockets: Sockets,
    bytes: u64,
    clients: usize,
    clock: Clock,
}

/// A hub with its sockets, before anything is read or written.
#[derive(Debug)]
pub(in crate::daemon) struct Moved {
    /// The hub.
    pub(in crate::daemon) hub: Hub,
    /// Its clients.
    pub(in crate::daemon) clients: Vec<Returned>,
    /// Its connection to Asterisk.
    pub(in crate::daemon) connection: Option<TcpStream>,
}

impl Moved {
    /// A hub without any.
    pub(in crate::daemon) const fn nothing(hub: Hub) -> Self {
        Self {
            hub,
            clients: Vec::new(),
            connection: None,
        }
    }
}

impl Arrival {
    /// What the service manager kept in its store. A state that cannot be used is logged; its clients are told by the end of
    /// their connections, and amimux starts without it.
    ///
    /// # Errors
    /// It cannot be used; the ports can. The store keeps these open until it is cleared, so no others can take their place.
    pub(in crate::daemon) fn from_store(stored: Stored) -> Result<Self, Vec<TcpListener>> {
        let count = stored.sockets.len();
        let ports = stored.ports();
        let opened = stored.open().map_err(ParcelError::from);
        let arrival = opened.and_then(|(parcel, missing)| {
            if missing > 0 {
                warn!(
                    missing,
                    "the service manager did not keep all sockets: FileDescriptorStoreMax= of the service must be larger"
                );
            }
            let bytes = parcel.bytes();
            Ok(Self::new(Way::Store, parcel.unpack()?, bytes))
        });
        match arrival {
            Ok(arrival) => Ok(arrival),
            Err(error) => {
                error!(sockets = count, "{error}; {COLD}");
                clear_store();
                Err(ports)
            }
        }
    }

    /// Asks the process at that path for what it has; `None`: there is none.
    ///
    /// # Errors
    /// It does not hand over, or what it hands over cannot be used. It goes on.
    pub(in crate::daemon) fn from_socket(path: &Path) -> Result<Option<Self>, RefusedError> {
        let Some((predecessor, parcel)) = Predecessor::ask(path)? else {
            return Ok(None);
        };
        let bytes = parcel.bytes();
        match parcel.unpack() {
            Ok(unpacked) => Ok(Some(Self::new(Way::Socket(predecessor), unpacked, bytes))),
            Err(error) => {
                predecessor.refuse(&error.to_string());
                Err(RefusedError::Unusable(error))
            }
        }
    }

    fn new(way: Way, (state, sockets): (State, Sockets), bytes: u64) -> Self {
        let clock = Clock::go_on(since_start(&state));
        Self {
            way,
            state,
            sockets,
            bytes,
            clients: 0,
            clock,
        }
    }

    /// The clock of the process before, which goes on.
    pub(in crate::daemon) const fn clock(&self) -> Clock {
        self.clock
    }

    /// The ports, by the names of what is served there.
    pub(in crate::daemon) fn take_ports(&mut self) -> Vec<(String, TcpListener)> {
        let listeners = std::mem::take(&mut self.state.listeners);
        let taken = listeners.into_iter().filter_map(|(name, cookie)| {
            let socket = self.sockets.take(cookie)?;
            Some((name, socket.into()))
        });
        taken.collect()
    }

    /// The hub of that upstream, if there was one of its name.
    ///
    /// # Errors
    /// It cannot be used, and the process before can go on instead.
    pub(in crate::daemon) fn take_hub(
        &mut self,
        general: &Arc<General>,
        upstream: &Arc<Upstream>,
        users: &Arc<Users>,
        registry: &Registry,
    ) -> Result<Option<Moved>, CarryError> {
        let mut hubs = self.state.hubs.iter();
        let Some(place) = hubs.position(|hub| hub.upstream == upstream.name) else {
            return Ok(None);
        };
        let HubState {
            target,
            connection,
            carried,
            ..
        } = self.state.hubs.swap_remove(place);
        let connection = connection
            .and_then(|cookie| self.sockets.take(cookie))
            .filter(|_| target == super::target(upstream) && carried.is_connected())
            .map(TcpStream::from);
        let now = self.clock.now();
        let unpacked = Hub::unpack(
            Arc::clone(general),
            Arc::clone(upstream),
            users,
            carried,
            connection.is_some(),
            now,
        );
        let Unpacked { mut hub, sessions } = match (unpacked, &self.way) {
            (Ok(unpacked), _) => unpacked,
            (Err(error), Way::Socket(_)) => return Err(error),
            (Err(error), Way::Store) => {
                error!(upstream = upstream.name, "{error}; {COLD}");
                return Ok(None);
            }
        };
        let mut clients = Vec::new();
        for (cookie, id) in sessions {
            let socket = self.sockets.take(cookie).map(TcpStream::from);
            let user = hub.user(id).map(Arc::clone);
            let address = hub.address(id);
            match (socket, user, address) {
                (Some(socket), Some(user), Some(address)) => clients.push(Returned {
                    id,
                    socket,
                    login: registry.log_in(&user, address),
                }),
                // Its socket did not come along.
                _ => hub.remove(id, CloseReason::Disconnected),
            }
        }
        self.clients += clients.len();
        Ok(Some(Moved {
            hub,
            clients,
            connection,
        }))
    }

    /// Makes it final: from here on everything is this process's own. Sockets that nobody took are closed.
    ///
    /// # Errors
    /// The process before goes on instead: nothing may be read or written.
    pub(in crate::daemon) fn finish(self) -> Result<(), RefusedError> {
        let pause = pause(&self.state, self.clock.now());
        let way = match self.way {
            Way::Store => {
                clear_store();
                "the service manager"
            }
            Way::Socket(predecessor) => {
                predecessor.take()?;
                "the process before"
            }
        };
        info!(
            name: "took-over",
            clients = self.clients,
            state_bytes = self.bytes,
            pause_ms = format_args!("{:.1}", pause.as_secs_f64() * 1000.0),
            closed = self.sockets.len(),
            "went on where amimux was before the restart, with what came from {way}"
        );
        self.sockets.close();
        Ok(())
    }
}

fn clear_store() {
    if let Err(error) = store::clear() {
        warn!(%error, "the service manager's store cannot be cleared");
    }
}

/// How long everything stood still, by the clock on the wall: the only one that both processes have.
fn pause(state: &State, now: Now) -> Duration {
    now.since_start.saturating_sub(state.since_start)
}

/// What the clock of the process before would show now.
fn since_start(state: &State) -> Duration {
    let wall = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    state.since_start + wall.saturating_sub(state.wall)
}
