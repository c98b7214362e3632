//! Sessions without a socket, for those who come over HTTP. A *listener* stands for the session: it has the rights,
//! the event mask and the filters, and its events wait in the view's log until they are fetched, so that one that
//! waits costs a cursor. Each request is an *asker*: a session of one request, whose answer is collected; what it
//! changes (`Events`, `Filter`) is its listener's. Askers of one listener run at the same time, as requests of one
//! HTTP session do in Asterisk. HTTP itself is served on a thread of its own, which has a [`WebHub`] for each Asterisk.

mod desk;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::registry::LoginGuard;
use crate::hub::{Admission, SessionId};
pub use crate::hub::{Answer, Fetched, Place};

pub(super) use self::desk::Desk;

/// Calls that wait for a hub's thread at most; beyond it, who calls waits.
pub const WEB_CALLS_MAX: usize = 1024;

/// Why a call has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WebError {
    /// The listener has ended: its user logged off elsewhere, it was replaced, or Asterisk went away and its user has
    /// `onupstreamloss = close`.
    #[error("the session has ended")]
    SessionEnded,
    /// The hub's thread is ending.
    #[error("amimux is shutting down")]
    ShuttingDown,
    /// The session has as many requests under way as it may have (`maxqueued`).
    #[error("too many requests of this session are under way")]
    TooMany,
}

/// One who has proved who it is.
#[derive(Debug)]
pub struct Entrant {
    /// Who it is. `events` is the mask that its events are collected with from now on.
    pub admission: Admission,
    /// Whether the answer to `Login` is wanted; those who log in by HTTP's own means get none.
    pub wants_answer: bool,
    /// Where it had read to, if it comes back: it goes on from there as far as the log still reaches, and is told by
    /// an event `MuxEventsSkipped` where it does not.
    pub resume: Option<Place>,
    /// Its login, counted for as long as the listener lives.
    pub login: LoginGuard,
}

/// One who is in.
#[derive(Debug)]
pub struct Entered {
    /// Its listener.
    pub listener: SessionId,
    /// The answer to `Login`, as AMI has it; empty where none was wanted.
    pub answer: BytesMut,
}

/// A call to a hub's thread.
#[derive(Debug)]
pub enum WebCall {
    /// Somebody comes in.
    Enter(Box<Entrant>, oneshot::Sender<Result<Entered, WebError>>),
    /// A request: exactly one AMI message, its lines ending in CR LF and a blank line behind them. A `WaitEvent` waits
    /// for `wait_max` at most. When nobody waits for the answer any more, the request is given up.
    Ask {
        /// Whose request.
        listener: SessionId,
        /// The message.
        request: Bytes,
        /// Longest wait of a `WaitEvent`.
        wait_max: Duration,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<Answer, WebError>>,
    },
    /// Fetches events, when there are any, or nothing after `wait`. One fetches at a time: a newer one ends the older.
    Fetch {
        /// Whose events.
        listener: SessionId,
        /// About how many bytes at most.
        bytes_max: usize,
        /// How long to wait for the first.
        wait: Duration,
        /// Where they go.
        reply: oneshot::Sender<Result<Fetched, WebError>>,
    },
    /// A session has expired, or was logged off.
    Leave(SessionId),
}

/// The way to the thread of one Asterisk, for those who serve HTTP.
#[derive(Debug, Clone)]
pub struct WebHub(mpsc::Sender<WebCall>);

impl WebHub {
    /// A way, and its other end for the hub's thread.
    pub fn new() -> (Self, mpsc::Receiver<WebCall>) {
        let (sender, receiver) = mpsc::channel(WEB_CALLS_MAX);
        (Self(sender), receiver)
    }

    /// Lets somebody in.
    ///
    /// Cancel safe: a listener for whom nobody waits any more goes.
    ///
    /// # Errors
    /// The hub is ending.
    pub async fn enter(&self, entrant: Entrant) -> Result<Entered, WebError> {
        self.call(|reply| WebCall::Enter(Box::new(entrant), reply))
            .await
    }

    /// Has a request answered.
    ///
    /// Cancel safe: the request is given up.
    ///
    /// # Errors
    /// The session has ended, has too many requests, or the hub is ending.
    pub async fn ask(
        &self,
        listener: SessionId,
        request: Bytes,
        wait_max: Duration,
    ) -> Result<Answer, WebError> {
        self.call(|reply| WebCall::Ask {
            listener,
            request,
            wait_max,
            reply,
        })
        .await
    }

    /// Fetches events.
    ///
    /// Cancel safe: what was not taken is fetched again.
    ///
    /// # Errors
    /// The session has ended, or the hub is ending.
    pub async fn fetch(
        &self,
        listener: SessionId,
        bytes_max: usize,
        wait: Duration,
    ) -> Result<Fetched, WebError> {
        self.call(|reply| WebCall::Fetch {
            listener,
            bytes_max,
            wait,
            reply,
        })
        .await
    }

    /// Ends a session. `false`: the hub has too much to do just now; try again.
    pub fn leave(&self, listener: SessionId) -> bool {
        !matches!(
            self.0.try_send(WebCall::Leave(listener)),
            Err(mpsc::error::TrySendError::Full(_))
        )
    }

    async fn call<T>(
        &self,
        call: impl FnOnce(oneshot::Sender<Result<T, WebError>>) -> WebCall,
    ) -> Result<T, WebError> {
        let (reply, result) = oneshot::channel();
        self.0
            .send(call(reply))
            .await
            .map_err(|_| WebError::ShuttingDown)?;
        result.await.unwrap_or(Err(WebError::ShuttingDown))
    }
}
