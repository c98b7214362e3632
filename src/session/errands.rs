//! Takes the requests of administrators from a hub to where they are answered, and the answers back. While nobody has
//! said where that is, they wait.

use std::rc::Rc;

use tokio::sync::{mpsc, oneshot};

use super::shell::Shell;
use crate::hub::{Errand, ErrandAnswer};

/// A request of an administrator on its way to where it is answered.
#[derive(Debug)]
pub struct ErrandCall {
    /// The upstream whose session asks.
    pub upstream: String,
    /// What it asks.
    pub errand: Errand,
    /// Where the answer goes; if it is dropped, the session is told that there is none.
    pub reply: oneshot::Sender<ErrandAnswer>,
}

impl Shell {
    /// From now on, requests of administrators go there.
    pub(super) fn send_errands_to(&self, way: mpsc::Sender<ErrandCall>) {
        *self.errands.borrow_mut() = Some(way);
    }

    /// Sends off what administrators have asked; the hub says how much at a time.
    pub(super) fn run_errands(self: &Rc<Self>) {
        let Some(way) = self.errands.borrow().clone() else {
            return;
        };
        loop {
            let errand = self.hub.borrow_mut().next_errand();
            let Some(errand) = errand else { return };
            let (shell, way) = (Rc::clone(self), way.clone());
            tokio::task::spawn_local(async move {
                let id = errand.id;
                let (reply, answer) = oneshot::channel();
                let call = ErrandCall {
                    upstream: shell.name.clone(),
                    errand,
                    reply,
                };
                let answer = match way.send(call).await {
                    Ok(()) => answer.await.unwrap_or_default(),
                    Err(_) => ErrandAnswer::default(),
                };
                let now = shell.now();
                shell.hub.borrow_mut().errand_done(now, id, answer);
                shell.settle();
            });
        }
    }
}
