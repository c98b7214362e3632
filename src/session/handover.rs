//! How a hub's thread hands over to the same thread of another process. It packs what it has between two turns and then
//! stands still, so that nothing is read or written, until it hears what became of it: either the other process has
//! everything, and this one lets go of it without a word to anybody, or it goes on as if nothing had happened.

use std::collections::HashMap;
use std::net::TcpStream as StdTcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::net::sockopt::socket_cookie;
use thiserror::Error;
use tokio::sync::{Barrier, oneshot};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::debug;

use super::registry::LoginGuard;
use super::shell::Shell;
use crate::hub::carry::Carried;
use crate::hub::{CloseReason, SessionId};
use crate::transport::stream::Stream;

/// How long a thread stands still at most: then it goes on.
pub const STILL_MAX: Duration = Duration::from_secs(20);

/// How long a connection to Asterisk that cannot go along is waited for, until no action is with Asterisk.
const IDLE_WITHIN: Duration = Duration::from_secs(2);

/// How often that is looked at.
const IDLE_POLL: Duration = Duration::from_millis(2);

/// How long clients with TLS may take to read their last answers.
const ENCRYPTED_WITHIN: Duration = Duration::from_secs(3);

/// Turns that other tasks get before it is packed: those that were sent something before have taken it then.
const TURNS_BEFORE: usize = 4;

/// What becomes of a thread that stands still. Without any, it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was handed over: go on.
    GoOn,
    /// Another process has everything: let go of it.
    LetGo,
}

/// Pack everything, and stand still.
#[derive(Debug)]
pub struct PackCall {
    /// Where the threads wait for each other, so that none stands still for another's sake.
    pub(super) together: Arc<Barrier>,
    /// Where the packed goes.
    pub(super) reply: oneshot::Sender<Result<Packed, NotPacked>>,
    /// What then becomes of the thread.
    pub(super) verdict: Receiver<Verdict>,
}

/// A hub, packed. The sockets are copies: the thread keeps its own.
#[derive(Debug)]
pub struct Packed {
    /// The name of the upstream.
    pub upstream: String,
    /// What the hub knows. Its sessions are named by the cookies of their sockets.
    pub carried: Carried,
    /// The sockets of clients.
    pub clients: Vec<OwnedFd>,
    /// The connection to Asterisk and its cookie, if it can go along.
    pub connection: Option<(u64, OwnedFd)>,
}

/// The thread could not copy its sockets.
#[derive(Debug, Error)]
#[error(
    "the sockets cannot be copied: {0}; LimitNOFILE= or ulimit -Hn must allow twice as many as there are clients"
)]
pub struct NotPacked(#[from] std::io::Error);

/// A session that came with its socket from another process.
#[derive(Debug)]
pub struct Returned {
    /// Its name in the hub.
    pub id: SessionId,
    /// Its socket.
    pub socket: StdTcpStream,
    /// Its login, counted.
    pub login: LoginGuard,
}

fn copy(socket: impl AsFd) -> Result<(u64, OwnedFd), NotPacked> {
    let cookie = socket_cookie(&socket).map_err(std::io::Error::from)?;
    let copy = fcntl_dupfd_cloexec(&socket, 0).map_err(std::io::Error::from)?;
    Ok((cookie, copy))
}

impl Shell {
    /// Packs, stands still, and does what the verdict says.
    pub(super) async fn hand_over(self: &Rc<Self>, call: PackCall) {
        for _ in 0..TURNS_BEFORE {
            tokio::task::yield_now().await;
        }
        self.await_idle().await;
        // One that has ended comes never.
        let _ = tokio::time::timeout(IDLE_WITHIN * 2, call.together.wait()).await;
        let packed = self.pack();
        let (ids, packed) = match packed {
            Ok((ids, packed)) => (ids, Ok(packed)),
            Err(error) => (Vec::new(), Err(error)),
        };
        let is_packed = packed.is_ok();
        if call.reply.send(packed).is_err() || !is_packed {
            return;
        }
        // The whole thread waits: that is what keeps every socket untouched.
        if call.verdict.recv_timeout(STILL_MAX) == Ok(Verdict::LetGo) {
            self.let_go(&ids);
        }
    }

    /// An encrypted connection to Asterisk ends with this process: what is with Asterisk may come back first.
    async fn await_idle(self: &Rc<Self>) {
        let stream = self.upstream.borrow().clone();
        if !stream.is_some_and(|stream| stream.is_encrypted()) {
            return;
        }
        let deadline = tokio::time::Instant::now() + IDLE_WITHIN;
        while tokio::time::Instant::now() < deadline {
            let in_flight = self.hub.borrow().survey(self.now(), false).link.in_flight;
            if in_flight == 0 {
                return;
            }
            tokio::time::sleep(IDLE_POLL).await;
        }
    }

    fn pack(self: &Rc<Self>) -> Result<(Vec<SessionId>, Packed), NotPacked> {
        let mut along = HashMap::new();
        let mut clients = Vec::new();
        for (id, client) in self.clients.borrow().all() {
            if client.stream.is_encrypted() || self.hub.borrow().is_closing(id) {
                continue;
            }
            let (cookie, socket) = copy(client.stream.socket())?;
            along.insert(id, cookie);
            clients.push(socket);
        }
        let stream = self.upstream.borrow().clone();
        let connection = stream
            .filter(|stream| !stream.is_encrypted())
            .map(|stream| copy(stream.socket()))
            .transpose()?;
        let now = self.now();
        // A copy is taken apart: the hub itself goes on, should nobody take over.
        let copy = self.hub.borrow().clone();
        let carried = copy.pack(now, |id| along.get(&id).copied());
        let ids = along.into_keys().collect();
        let packed = Packed {
            upstream: self.name.clone(),
            carried,
            clients,
            connection,
        };
        Ok((ids, packed))
    }

    /// Forgets the connection to Asterisk and these clients. Their sockets live on in the other process, so they are closed
    /// here without being shut down.
    fn let_go(self: &Rc<Self>, ids: &[SessionId]) {
        *self.upstream.borrow_mut() = None;
        self.is_handed_over.cancel();
        for id in ids {
            let client = self.clients.borrow_mut().remove(*id);
            if let Some(client) = client {
                client.gone.cancel();
                drop(client.login.take());
            }
            self.hub.borrow_mut().remove(*id, CloseReason::Disconnected);
        }
        // They did not end, and nothing is to be read of it in the log.
        while self.hub.borrow_mut().next_notice().is_some() {}
        debug!(upstream = self.name, clients = ids.len(), "handed over");
    }

    /// Ends the sessions with TLS: their keys cannot go along. Returns when their clients have read their last answers, or
    /// have had time to.
    pub(super) async fn end_encrypted(self: &Rc<Self>) {
        let now = self.now();
        for (id, client) in self.clients.borrow().all() {
            if client.stream.is_encrypted() {
                self.hub.borrow_mut().end_for_restart(now, id);
            }
        }
        self.settle();
        let deadline = tokio::time::Instant::now() + ENCRYPTED_WITHIN;
        while self.is_encrypting() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(IDLE_POLL).await;
        }
    }

    fn is_encrypting(&self) -> bool {
        let clients = self.clients.borrow();
        let mut clients = clients.all();
        !self.closing.is_empty() || clients.any(|(_, client)| client.stream.is_encrypted())
    }

    /// Resolves when the connection to Asterisk has gone to another process.
    pub(crate) fn handed_over(&self) -> WaitForCancellationFutureOwned {
        self.is_handed_over.clone().cancelled_owned()
    }

    /// Takes in the clients that came from another process. Each is written to what is owed to it.
    pub fn take_back(self: &Rc<Self>, returned: Vec<Returned>) {
        for Returned { id, socket, login } in returned {
            let stream = socket
                .set_nonblocking(true)
                .and_then(|()| tokio::net::TcpStream::from_std(socket));
            match stream {
                Ok(socket) => self.serve(id, Stream::plain(socket), login),
                Err(_) => self.hub.borrow_mut().remove(id, CloseReason::Disconnected),
            }
        }
        let ids = self.hub.borrow().session_ids();
        for id in ids {
            let client = self.clients.borrow().get(id);
            match client.filter(|_| self.hub.borrow().is_blocked(id)) {
                Some(client) => self.drain_later(id, client),
                None => self.flush(id),
            }
        }
        self.settle();
    }
}
