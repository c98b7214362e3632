//! The task that administers: it takes the requests of all hubs and those of the control socket, which it opens, moves
//! and removes as the configuration says.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::administration::{Administration, Asker};
use super::client::DEFAULT_PATH;
use super::control_socket;
use super::order::Order;
use super::socket_file::{SocketError, SocketFile};
use crate::config::settings::ControlSocket;
use crate::protocol::request::Request;
use crate::session::control::HubControl;
use crate::session::errands::ErrandCall;
use crate::session::live::Live;
use crate::session::registry::Registry;
use crate::session::shell::Clock;

/// Requests on their way from the hubs at most; beyond it, they wait there.
const ERRANDS_MAX: usize = 64;

/// How often events are counted.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// What administers.
#[derive(Debug)]
pub struct Service {
    /// What is in force.
    pub live: Live,
    /// Who is logged in.
    pub registry: Registry,
    /// Where the daemon takes its orders.
    pub orders: mpsc::Sender<Order>,
    /// The clock of the process.
    pub clock: Clock,
}

/// How often a control socket is tried that cannot be had.
const RETRY_EVERY: Duration = Duration::from_millis(250);

/// Attempts before it is logged. The process before has the socket until it has ended.
const QUIET_ATTEMPTS: u32 = 12;

/// A control socket that is open.
type Socket = (SocketFile, UnixListener);

/// The control socket as it is wanted, and as it is.
#[derive(Default)]
struct Door {
    at: Option<PathBuf>,
    socket: Option<Socket>,
    attempts: u32,
}

impl Door {
    /// Opens, moves or closes it.
    fn follow(&mut self, wanted: Option<PathBuf>) {
        if wanted != self.at {
            // The old one is removed first: it may have the same name.
            *self = Self {
                at: wanted,
                ..Self::default()
            };
        }
        if let (Some(path), None) = (&self.at, &self.socket) {
            self.attempts = self.attempts.saturating_add(1);
            self.socket = open(path, self.attempts == QUIET_ATTEMPTS);
        }
    }

    /// Resolves when it is time to try again.
    async fn retry(&self) {
        if self.at.is_none() || self.socket.is_some() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(RETRY_EVERY).await;
    }
}

impl Service {
    /// Runs until `cancel`, on a `LocalSet`.
    pub async fn run(self, cancel: CancellationToken) {
        let (errands, calls) = mpsc::channel(ERRANDS_MAX);
        let mut live = self.live.clone();
        let administration = Rc::new(Administration::new(
            self.live,
            self.registry,
            self.orders,
            self.clock,
        ));
        let tasks = [
            tokio::task::spawn_local(take_errands(Rc::clone(&administration), calls)),
            tokio::task::spawn_local(sample(Rc::clone(&administration))),
        ];
        let mut known = Vec::new();
        let connections = Rc::default();
        let mut door = Door::default();
        loop {
            let rules = live.now();
            for (_, ways) in rules.upstreams() {
                tell(&mut known, &ways.control, &errands);
            }
            let wanted = path(&rules.general.control_socket);
            drop(rules);
            door.follow(wanted);
            let changed = tokio::select! {
                () = cancel.cancelled() => false,
                () = live.changed() => true,
                () = accept(door.socket.as_ref(), &administration, &connections) => true,
                () = door.retry() => true,
            };
            if !changed {
                break;
            }
        }
        for task in tasks {
            task.abort();
        }
    }
}

/// Has a hub send its administrators' requests, if it does not yet.
fn tell(known: &mut Vec<HubControl>, control: &HubControl, errands: &mpsc::Sender<ErrandCall>) {
    known.retain(|other| !other.is_closed());
    if known.iter().any(|other| other.is_same(control)) {
        return;
    }
    known.push(control.clone());
    let (control, errands) = (control.clone(), errands.clone());
    // It may take its time: others do not wait for it.
    tokio::task::spawn_local(async move {
        // A thread that has ended asks nothing.
        let _ = control.send_errands(errands).await;
    });
}

async fn accept(
    socket: Option<&Socket>,
    administration: &Rc<Administration>,
    connections: &Rc<Cell<usize>>,
) {
    match socket {
        Some((file, listener)) => {
            control_socket::serve(file, listener, administration, connections).await;
        }
        None => std::future::pending().await,
    }
}

/// Where the control socket is to be.
fn path(wanted: &ControlSocket) -> Option<PathBuf> {
    match wanted {
        ControlSocket::At(path) => Some(path.clone()),
        ControlSocket::Off => None,
        ControlSocket::Usual => {
            let path = Path::new(DEFAULT_PATH);
            let has_directory = path.parent().is_some_and(Path::is_dir);
            has_directory.then(|| path.to_owned())
        }
    }
}

fn open(path: &Path, is_told: bool) -> Option<Socket> {
    let opened = SocketFile::bind(path).and_then(|(file, listener)| {
        let listener = UnixListener::from_std(listener).map_err(SocketError::from)?;
        Ok((file, listener))
    });
    match opened {
        Ok(socket) => {
            info!(name: "control-open", path = %path.display(), "the control socket is open");
            Some(socket)
        }
        Err(error) => {
            if is_told {
                error!(name: "control-unusable", path = %path.display(), %error, "there is no control socket");
            }
            None
        }
    }
}

async fn sample(administration: Rc<Administration>) {
    loop {
        administration.sample();
        tokio::time::sleep(SAMPLE_EVERY).await;
    }
}

async fn take_errands(administration: Rc<Administration>, mut calls: mpsc::Receiver<ErrandCall>) {
    while let Some(call) = calls.recv().await {
        let administration = Rc::clone(&administration);
        tokio::task::spawn_local(async move {
            let ErrandCall {
                upstream,
                errand,
                reply,
            } = call;
            let asker = Asker {
                name: format!("user {}, {}", errand.user, errand.address),
                session: Some((upstream, errand.session)),
                action_id: errand.action_id,
            };
            let request = Request::new(&errand.request);
            let answer = administration.answer(&asker, request).await;
            // The session's hub may have ended.
            drop(reply.send(answer));
        });
    }
}
