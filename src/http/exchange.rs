//! One request of a session: asked at the door before its login, at its Asterisk's hub from then on.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use thiserror::Error;

use super::login::{Barred, Outcome, Visit};
use super::sessions::{Inside, Session, Turn};
use super::site::Site;
use crate::policy::user::User;
use crate::session::web::{Entered, Entrant, WebError, WebHub};

/// How much sooner than its session would expire a `WaitEvent` ends (`main/manager.c`, `action_waitevent`).
const WAIT_MARGIN: Duration = Duration::from_secs(10);

/// A message without any header, in a way that is still a message: its answer says that it names no action.
const NOTHING: &[u8] = b": \r\n\r\n";

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Trouble {
    /// The session ended before the request was looked at.
    #[error("the session has ended")]
    Over,
    /// Its requests under way are as many as they may be.
    #[error("too many requests of this session are under way")]
    TooMany,
    /// amimux is ending.
    #[error("amimux is shutting down")]
    ShuttingDown,
    /// One who has proved who it is may not come in.
    #[error("{}", .0.reason())]
    Barred(Barred),
}

impl From<WebError> for Trouble {
    fn from(error: WebError) -> Self {
        match error {
            WebError::SessionEnded => Self::Over,
            WebError::TooMany => Self::TooMany,
            WebError::ShuttingDown => Self::ShuttingDown,
        }
    }
}

impl Site {
    /// Longest wait of a `WaitEvent`.
    fn wait_max(&self) -> Duration {
        self.sessions.life().saturating_sub(WAIT_MARGIN)
    }

    /// Has one AMI message of a session answered.
    ///
    /// Cancel safe: the request is given up; a session whose login was under way ends.
    ///
    /// # Errors
    /// The session has ended, has too many requests, or amimux is ending.
    pub(super) async fn ask(&self, turn: &Turn, message: &Bytes) -> Result<BytesMut, Trouble> {
        let session = &turn.session;
        let message = match &**message {
            b"\r\n" => &Bytes::from_static(NOTHING),
            _ => message,
        };
        if let Some(inside) = session.inside() {
            return self.ask_hub(session, &inside, message).await;
        }
        let mut visit = session.visit.lock().await;
        if let Some(inside) = session.inside() {
            drop(visit);
            return self.ask_hub(session, &inside, message).await;
        }
        // It is put back when the request is decided; one that was given up takes it along.
        let Some(mut guest) = visit.take().filter(|_| !session.is_over()) else {
            self.sessions.end(session);
            return Err(Trouble::Over);
        };
        match guest.ask(&self.gate, message).await {
            Outcome::Answered(answer) => {
                *visit = Some(guest);
                Ok(answer)
            }
            Outcome::Over(answer) => {
                self.sessions.end(session);
                Ok(answer)
            }
            // It happens once, and is larger than all else that a request needs while it waits.
            Outcome::Admitted(entrant) => Box::pin(self.enter(session, *entrant)).await,
        }
    }

    async fn ask_hub(
        &self,
        session: &Session,
        inside: &Inside,
        message: &Bytes,
    ) -> Result<BytesMut, Trouble> {
        let asked = (inside.hub)
            .ask(inside.listener, message.clone(), self.wait_max())
            .await;
        match asked {
            Ok(answer) => {
                if answer.ended {
                    self.sessions.end(session);
                }
                Ok(answer.bytes)
            }
            Err(error) => {
                // Its Asterisk was removed, or all of amimux ends.
                if matches!(error, WebError::SessionEnded | WebError::ShuttingDown) {
                    self.sessions.end(session);
                }
                Err(error.into())
            }
        }
    }

    /// Takes a session in; returns the answer to its login.
    async fn enter(&self, session: &Session, entrant: Entrant) -> Result<BytesMut, Trouble> {
        let user = Arc::clone(&entrant.admission.user);
        let entered = self.enter_hub(entrant).await;
        let (Entered { listener, answer }, hub) = match entered {
            Ok(entered) => entered,
            Err(error) => {
                self.sessions.end(session);
                return Err(error);
            }
        };
        let inside = Inside {
            user,
            hub,
            listener,
        };
        self.sessions.admit(session, inside);
        // What was decided may be out of date by now.
        self.sessions.revise(session, &self.gate.live.now());
        match session.is_over() {
            true => Err(Trouble::Over),
            false => Ok(answer),
        }
    }

    /// Takes a listener in.
    ///
    /// # Errors
    /// amimux is ending.
    pub(super) async fn enter_hub(&self, entrant: Entrant) -> Result<(Entered, WebHub), Trouble> {
        let rules = self.gate.live.now();
        let ways = rules.hubs.get(&entrant.admission.user.upstream);
        let hub = ways.ok_or(Trouble::ShuttingDown)?.web.clone();
        let entered = hub.enter(entrant).await?;
        Ok((entered, hub))
    }

    /// Takes a session in whose user has proved itself by the request. One that is in already stays so.
    ///
    /// # Errors
    /// It may not come in, or amimux is ending.
    pub(super) async fn pass(&self, turn: &Turn, user: &Arc<User>) -> Result<Inside, Trouble> {
        let session = &turn.session;
        let mut visit = session.visit.lock().await;
        if let Some(inside) = session.inside() {
            return Ok(inside);
        }
        let Some(mut guest) = visit.take().filter(|_| !session.is_over()) else {
            self.sessions.end(session);
            return Err(Trouble::Over);
        };
        let entrant = guest.pass(&self.gate, user).map_err(|barred| {
            self.sessions.end(session);
            Trouble::Barred(barred)
        })?;
        Box::pin(self.enter(session, *entrant)).await?;
        session.inside().ok_or(Trouble::Over)
    }

    /// Asks for a login by name and secret; a session that is in already stays so.
    ///
    /// # Errors
    /// As for [`Site::ask`].
    pub(super) async fn log_in(&self, turn: &Turn, login: &Bytes) -> Result<BytesMut, Trouble> {
        match turn.session.inside() {
            Some(_) => Ok(BytesMut::new()),
            None => self.ask(turn, login).await,
        }
    }
}

impl Visit {
    /// Whether an answer from before the login says that a limit on sessions is reached, not that the login is wrong.
    pub(super) fn barred(answer: &[u8]) -> Option<Barred> {
        [Barred::InUse, Barred::Full]
            .into_iter()
            .find(|barred| memchr::memmem::find(answer, barred.reason().as_bytes()).is_some())
    }
}
