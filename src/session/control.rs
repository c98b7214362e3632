//! The way to a hub's thread for those who administer it: questions and orders, answered between two turns.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use thiserror::Error;
use tokio::sync::{Barrier, mpsc, oneshot};

use super::errands::ErrandCall;
use super::handover::{NotPacked, PackCall, Packed, Verdict};
use super::shell::Shell;
use super::tap::{TapBegin, TapSender, TapTarget};
use crate::hub::Reload;
use crate::hub::survey::HubReport;
use crate::hub::{Kick, Kicked, SessionId};
use crate::policy::action::Action;

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
    /// Every action that there is.
    Actions(oneshot::Sender<Vec<Action>>),
    /// Sessions are to be ended.
    Kick {
        /// Which.
        which: Kick,
        /// But not this one.
        spare: Option<SessionId>,
        /// What came of it.
        reply: oneshot::Sender<Kicked>,
    },
    /// Somebody wants to see what clients send and are written.
    Tap {
        /// Which clients.
        target: TapTarget,
        /// Where it goes.
        sender: TapSender,
        /// How it began.
        reply: oneshot::Sender<TapBegin>,
    },
    /// From now on, requests of administrators are answered there.
    SendErrands(mpsc::Sender<ErrandCall>),
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

    /// Asks for every action that there is.
    ///
    /// Cancel safe: nobody waits for the answer then.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn actions(&self) -> Result<Vec<Action>, HubGone> {
        self.call(HubCall::Actions).await
    }

    /// Ends sessions; `spare` is left alone.
    ///
    /// Cancel safe: once the call is sent, it is carried out.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn kick(&self, which: Kick, spare: Option<SessionId>) -> Result<Kicked, HubGone> {
        self.call(|reply| HubCall::Kick {
            which,
            spare,
            reply,
        })
        .await
    }

    /// Begins a tap, which lasts until the other end of `sender` is dropped.
    ///
    /// Cancel safe: once the call is sent, it is carried out.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn tap(&self, target: TapTarget, sender: TapSender) -> Result<TapBegin, HubGone> {
        self.call(|reply| HubCall::Tap {
            target,
            sender,
            reply,
        })
        .await
    }

    /// From now on, requests of administrators are answered there.
    ///
    /// Cancel safe: it is sent or not.
    ///
    /// # Errors
    /// The thread has ended.
    pub async fn send_errands(&self, way: mpsc::Sender<ErrandCall>) -> Result<(), HubGone> {
        let sent = self.0.send(HubCall::SendErrands(way)).await;
        sent.map_err(|_| HubGone)
    }

    /// Whether the thread has ended.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Whether it leads to the same thread.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
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
                HubCall::Actions(reply) => drop(reply.send(self.hub.borrow().actions())),
                HubCall::Kick {
                    which,
                    spare,
                    reply,
                } => {
                    let kicked = self.hub.borrow_mut().kick(self.now(), &which, spare);
                    let _ = reply.send(kicked);
                }
                HubCall::Tap {
                    target,
                    sender,
                    reply,
                } => {
                    // Whoever asked may have gone: then the tap ends soon.
                    let _ = reply.send(self.tap(target, sender));
                }
                HubCall::SendErrands(way) => self.send_errands_to(way),
            }
            self.settle();
        }
    }
}
