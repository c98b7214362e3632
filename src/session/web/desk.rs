//! The other end of a [`WebHub`](super::WebHub), on the hub's thread: calls become listeners and askers of the hub, and
//! what comes of them goes back to who waits for it. No task for each: one that waits costs what it is remembered by.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::{Answer, Entered, Entrant, Fetched, WebCall, WebError};
use crate::hub::{CloseReason, NotAsked, SessionId, WebOutput};
use crate::session::registry::LoginGuard;
use crate::session::shell::Shell;

/// How often it is looked whether somebody still waits for each answer.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Answers handed out in one go before others have their turn.
const OUTPUTS_PER_TURN: usize = 256;

type Sender<T> = oneshot::Sender<Result<T, WebError>>;

/// Who waits for an asker's answer.
#[derive(Debug)]
enum Reply {
    /// One who comes in as this listener.
    Entered(SessionId, Sender<Entered>),
    Asked(Sender<Answer>),
}

impl Reply {
    fn is_given_up(&self) -> bool {
        match self {
            Self::Entered(_, reply) => reply.is_closed(),
            Self::Asked(reply) => reply.is_closed(),
        }
    }
}

/// One who waits for events.
#[derive(Debug)]
struct Follower {
    bytes_max: usize,
    reply: Sender<Fetched>,
}

/// Who waits for what.
#[derive(Debug, Default)]
pub(in crate::session) struct Desk {
    /// By their askers.
    replies: HashMap<SessionId, Reply>,
    /// By their listeners.
    followers: HashMap<SessionId, Follower>,
    logins: HashMap<SessionId, LoginGuard>,
    /// amimux is ending.
    closing: bool,
}

impl Desk {
    fn is_waited_for(&self) -> bool {
        !self.replies.is_empty() || !self.followers.is_empty()
    }

    const fn error(&self, error: NotAsked) -> WebError {
        match error {
            NotAsked::TooMany => WebError::TooMany,
            NotAsked::Ended if self.closing => WebError::ShuttingDown,
            NotAsked::Ended => WebError::SessionEnded,
        }
    }
}

impl Shell {
    /// The task that serves those who come over HTTP, until nobody can call any more; then their sessions end.
    ///
    /// Cancel safe: a call is dealt with as soon as it is received.
    pub async fn run_web(self: Rc<Self>, mut calls: mpsc::Receiver<WebCall>) {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_waited_for = self.desk.borrow().is_waited_for();
            tokio::select! {
                call = calls.recv() => match call {
                    Some(call) => self.take_call(call),
                    None => break,
                },
                () = self.web_wake.notified() => {}
                _ = look.tick(), if is_waited_for => self.give_up_unwanted(),
            }
            if self.hand_out(OUTPUTS_PER_TURN) {
                self.web_wake.notify_one();
                tokio::task::yield_now().await;
            }
        }
        let listeners = self
            .desk
            .borrow()
            .logins
            .keys()
            .copied()
            .collect::<Vec<_>>();
        for listener in listeners {
            self.leave(listener);
        }
        self.hand_out(usize::MAX);
    }

    fn take_call(self: &Rc<Self>, call: WebCall) {
        match call {
            WebCall::Enter(entrant, reply) => self.enter(*entrant, reply),
            WebCall::Ask {
                listener,
                request,
                wait_max,
                reply,
            } => {
                let ask = || {
                    let now = self.now();
                    self.hub.borrow_mut().ask(now, listener, &request, wait_max)
                };
                let mut asked = ask();
                if asked == Err(NotAsked::TooMany) {
                    self.give_up_unwanted();
                    asked = ask();
                }
                let mut desk = self.desk.borrow_mut();
                match asked {
                    Ok(asker) => drop(desk.replies.insert(asker, Reply::Asked(reply))),
                    Err(error) => drop(reply.send(Err(desk.error(error)))),
                }
            }
            WebCall::Fetch {
                listener,
                bytes_max,
                wait,
                reply,
            } => {
                let now = self.now();
                let followed = self.hub.borrow_mut().follow(now, listener, wait);
                let mut desk = self.desk.borrow_mut();
                if let Err(error) = followed {
                    let _ = reply.send(Err(desk.error(error)));
                } else if let Some(older) = desk
                    .followers
                    .insert(listener, Follower { bytes_max, reply })
                {
                    let _ = older.reply.send(Ok(Fetched::default()));
                }
            }
            WebCall::Leave(listener) => self.leave(listener),
        }
        self.settle();
    }

    fn enter(self: &Rc<Self>, entrant: Entrant, reply: Sender<Entered>) {
        if self.desk.borrow().closing {
            let _ = reply.send(Err(WebError::ShuttingDown));
            return;
        }
        let Entrant {
            mut admission,
            wants_answer,
            resume,
            login,
        } = entrant;
        let (now, events) = (self.now(), admission.events);
        let action_id = admission.action_id.take();
        let listener = self
            .hub
            .borrow_mut()
            .attach_listener(now, admission, resume);
        self.desk.borrow_mut().logins.insert(listener, login);
        let asked = {
            let mut hub = self.hub.borrow_mut();
            if wants_answer {
                hub.ask_to_log_in(now, listener, action_id, events)
            } else {
                hub.ask_to_listen(now, listener, events)
            }
        };
        let mut desk = self.desk.borrow_mut();
        match asked {
            Ok(asker) => drop(desk.replies.insert(asker, Reply::Entered(listener, reply))),
            Err(error) => drop(reply.send(Err(desk.error(error)))),
        }
    }

    /// A listener for whom nobody waits any more goes.
    fn tell_entered(
        self: &Rc<Self>,
        listener: SessionId,
        reply: Sender<Entered>,
        answer: bytes::BytesMut,
    ) {
        if reply.send(Ok(Entered { listener, answer })).is_err() {
            self.leave(listener);
        }
    }

    fn leave(&self, listener: SessionId) {
        self.hub.borrow_mut().leave(self.now(), listener);
    }

    /// Hands out what the hub has for those who wait. `true`: there is more.
    fn hand_out(self: &Rc<Self>, count: usize) -> bool {
        let mut left = count;
        while left > 0 {
            let output = self.hub.borrow_mut().next_web_output();
            let Some(output) = output else { break };
            self.hand(output);
            left -= 1;
        }
        if left < count {
            self.settle();
        }
        left == 0
    }

    fn hand(self: &Rc<Self>, output: WebOutput) {
        match output {
            WebOutput::Answered(asker) => self.hand_answer(asker),
            WebOutput::Fetch(listener) => self.hand_events(listener),
            WebOutput::Replaced(listener) => {
                if let Some(follower) = self.follower_of(listener) {
                    let _ = follower.reply.send(Ok(Fetched::default()));
                }
            }
            WebOutput::Ended(listener) => {
                self.hub.borrow_mut().remove(listener, CloseReason::Expired);
                let login = self.desk.borrow_mut().logins.remove(&listener);
                drop(login);
                if let Some(follower) = self.follower_of(listener) {
                    let error = self.desk.borrow().error(NotAsked::Ended);
                    let _ = follower.reply.send(Err(error));
                }
            }
        }
    }

    fn hand_events(&self, listener: SessionId) {
        let Some(Follower { bytes_max, reply }) = self.follower_of(listener) else {
            return;
        };
        let mut hub = self.hub.borrow_mut();
        // One that is ending is told so once it has its last events.
        let ending = hub.is_closing(listener);
        let error = self.desk.borrow().error(NotAsked::Ended);
        hub.hand_events(self.now(), listener, bytes_max, |fetched| {
            let nothing = ending && fetched.bytes.is_empty();
            reply
                .send(if nothing { Err(error) } else { Ok(fetched) })
                .is_ok()
        });
    }

    fn follower_of(&self, listener: SessionId) -> Option<Follower> {
        self.desk.borrow_mut().followers.remove(&listener)
    }

    fn hand_answer(self: &Rc<Self>, asker: SessionId) {
        let reply = self.desk.borrow_mut().replies.remove(&asker);
        let closing = self.desk.borrow().closing;
        let now = self.now();
        let mut entered = None;
        self.hub.borrow_mut().hand_answer(now, asker, |answer| {
            // What is cut short has no answer.
            let cut_short = closing && answer.bytes.is_empty();
            match reply {
                Some(Reply::Asked(reply)) if cut_short => {
                    reply.send(Err(WebError::ShuttingDown)).is_ok()
                }
                Some(Reply::Asked(reply)) => reply.send(Ok(answer)).is_ok(),
                Some(Reply::Entered(listener, reply)) => {
                    entered = Some((listener, reply, answer.bytes));
                    true
                }
                None => false,
            }
        });
        if let Some((listener, reply, answer)) = entered {
            self.tell_entered(listener, reply, answer);
        }
    }

    /// Gives up what nobody waits for any more.
    fn give_up_unwanted(self: &Rc<Self>) {
        let mut unwanted = Vec::new();
        {
            let mut desk = self.desk.borrow_mut();
            let given_up = desk.replies.extract_if(|_, reply| reply.is_given_up());
            unwanted.extend(given_up);
            desk.followers
                .retain(|_, follower| !follower.reply.is_closed());
        }
        for (asker, reply) in unwanted {
            self.hub.borrow_mut().give_up(asker);
            if let Reply::Entered(listener, _) = reply {
                self.leave(listener);
            }
        }
        self.settle();
    }

    /// amimux is about to end: nobody comes in any more, and nothing that is asked from now on is done.
    pub(in crate::session) fn turn_web_away(&self) {
        self.desk.borrow_mut().closing = true;
    }

    /// Ends all sessions without a socket, with amimux itself. The hub has shut down already.
    pub(in crate::session) fn close_web(self: &Rc<Self>) {
        self.desk.borrow_mut().closing = true;
        self.hand_out(usize::MAX);
    }
}
