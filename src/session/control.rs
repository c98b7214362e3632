//! The way to a hub's thread for those who administer it: questions and orders, answered between two turns.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use thiserror::Error;
use tokio::sync::{Barrier, mpsc, oneshot};

use super::handover::{NotPacked, PackCall, Packed, Verdict};
use super::shell::Shell;
use crate::hub::Reload;
use crate::hub::survey::HubReport;

/// Calls that wait for a hub's thread at most; beyond it, who calls waits.
const CALLS_MAX: usize = 64;

/// The hub's thread has ended, or is about to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("amimux is shutting down")]
pub struct HubGone;

/// A call to a hub's thread.
#[derive(Debug)]
pub enum HubCall {
    /// What there is.
    Report {
        /// Whether each session is wanted, too.
        with_sessions: bool,
        /// Where the answer goes.
        reply: oneshot::Sender<HubReport>,
    },
    /// Pack everything, and stand still.
    Pack(PackCall),
    /// End the sessions that cannot go to another process.
    EndEncrypted {
        /// Told when they are over.
        reply: oneshot::Sender<()>,
    },
    /// Other settings hold from here on.
    Reload {
        /// What they are.
        change: Box<Reload>,
        /// Told when they hold.
        reply: oneshot::Sender<()>,
    },
}

/// The way to the thread of one Asterisk.
#[derive(Debug, Clone)]
pub struct HubControl(mpsc::Sender<HubCall>);

impl HubControl {
    /// A way, and its other end for the hub's thread.
    pub fn new() -> (Self, mpsc::Receiver<HubCall>) {
        let (sender, receiver) = mpsc::channel(CALLS_MAX);
        (Self(sender), receiver)
    }

    /// Asks what there is.
    ///
    /// Cancel safe: nobody waits for the answer then.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn report(&self, with_sessions: bool) -> Result<HubReport, HubGone> {
        self.call(|reply| HubCall::Report {
            with_sessions,
            reply,
        })
        .await
    }

    /// Has the thread pack what it has, and stand still until the verdict comes: see [`PackCall`].
    ///
    /// Cancel safe: the thread goes on then.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn pack(
        &self,
        together: Arc<Barrier>,
        verdict: Receiver<Verdict>,
    ) -> Result<Result<Packed, NotPacked>, HubGone> {
        self.call(|reply| {
            HubCall::Pack(PackCall {
                together,
                reply,
                verdict,
            })
        })
        .await
    }

    /// Has the sessions with TLS ended, and returns when they are over.
    ///
    /// Cancel safe: they are ended all the same.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn end_encrypted(&self) -> Result<(), HubGone> {
        self.call(|reply| HubCall::EndEncrypted { reply }).await
    }

    /// Puts other settings in force, and returns when they are.
    ///
    /// Cancel safe: they come into force all the same, unless the thread was too busy to be told.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn reload(&self, change: Reload) -> Result<(), HubGone> {
        let change = Box::new(change);
        self.call(|reply| HubCall::Reload { change, reply }).await
    }

    async fn call<T>(
        &self,
        call: impl FnOnce(oneshot::Sender<T>) -> HubCall,
    ) -> Result<T, HubGone> {
        let (reply, answer) = oneshot::channel();
        self.0.send(call(reply)).await.map_err(|_| HubGone)?;
        answer.await.map_err(|_| HubGone)
    }
}

impl Shell {
    /// The task that answers those who administer, until the channel is closed.
    ///
    /// Cancel safe: a call is carried out as soon as it is received.
    pub async fn run_control(self: Rc<Self>, mut calls: mpsc::Receiver<HubCall>) {
        while let Some(call) = calls.recv().await {
            match call {
                HubCall::Report {
                    with_sessions,
                    reply,
                } => {
                    let report = self.hub.borrow().survey(self.now(), with_sessions);
                    // Whoever asked may have gone.
                    drop(reply.send(report));
                }
                HubCall::Pack(call) => self.hand_over(call).await,
                HubCall::EndEncrypted { reply } => {
                    self.end_encrypted().await;
                    let _ = reply.send(());
                }
                HubCall::Reload { change, reply } => {
                    self.reload(*change);
                    let _ = reply.send(());
                }
            }
            self.settle();
        }
    }
}
