//! A session that has not logged in: its requests go through the same door as those of the AMI port, with the same
//! limits, the same log and the same security events. Those who prove themselves by HTTP's own means (Digest, a token
//! of the configuration) pass by the door, but not by what it looks at.

use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::site::Peer;
use crate::hub::Admission;
use crate::hub::door::{
    ALREADY_IN_USE, Admitted, Door, Refused, RefusedCause, Step, TOO_MANY_SESSIONS,
};
use crate::hub::limit::Full;
use crate::hub::security::Connection;
use crate::policy::credential::{LoginFailure, has_certificate};
use crate::policy::event_mask::EventMask;
use crate::policy::user::User;
use crate::session::gate::Gate;
use crate::session::registry::LoginGuard;
use crate::session::reports::Visitor;
use crate::session::web::{Entrant, Place};

/// A session before its login.
#[derive(Debug)]
pub(super) struct Visit {
    door: Door,
    certificate: Option<Rc<[String]>>,
    visitor: Visitor,
    random: u32,
}

/// What a request of such a session came to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It is answered.
    Answered(BytesMut),
    /// It is answered, and the session is over.
    Over(BytesMut),
    /// The client is who it says.
    Admitted(Box<Entrant>),
}

/// Why somebody who has proved who it is may not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Barred {
    /// The user may not log in from there.
    Address,
    /// The user has its one session already.
    InUse,
    /// A limit on sessions is reached.
    Full,
}

impl Barred {
    /// What the client is told, and is found in an answer of the door's.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Address => "Permission denied",
            Self::InUse => ALREADY_IN_USE,
            Self::Full => TOO_MANY_SESSIONS,
        }
    }
}

impl Visit {
    /// A session of that client. `number` names its connection; `random` becomes its challenge.
    pub(super) fn new(peer: &Peer, number: u64, random: u32) -> Self {
        let connection = Connection::new(peer.local, peer.remote, number);
        let connection = match peer.tls {
            true => connection.over_tls(),
            false => connection,
        };
        let names = peer.certificate.as_deref().map(<[_]>::to_vec);
        Self {
            certificate: peer.certificate.clone(),
            door: Door::new(random).with_certificate(names),
            visitor: Visitor::new(connection),
            random,
        }
    }

    /// Its connection.
    pub(super) const fn connection(&self) -> Connection {
        self.visitor.connection()
    }

    /// Answers one request, which is one whole AMI message. A failure is answered no sooner than over AMI.
    ///
    /// Not cancel safe: a request that is given up may have been decided; the session is to be ended then.
    pub(super) async fn ask(&mut self, gate: &Gate, message: &Bytes) -> Outcome {
        self.door.input().extend_from_slice(message);
        let address = self.connection().address();
        let mut out = BytesMut::new();
        let mut verified = None;
        loop {
            let now = gate.clock.now();
            let step = gate.step(&mut self.door, address, now, verified.take(), &mut out);
            gate.tell_refusals(&mut self.door, now, &mut self.visitor);
            match step {
                Step::Wait => return Outcome::Answered(out),
                Step::CloseAt(moment) => {
                    tokio::time::sleep_until(gate.clock.instant(moment)).await;
                    return Outcome::Over(out);
                }
                Step::Close => return Outcome::Over(out),
                Step::Verify(verification) => {
                    verified = Some(gate.verifier.run(verification).await);
                }
                Step::Admit(admitted) => {
                    let login = gate.registry.log_in(&admitted.user, address);
                    return Outcome::Admitted(Box::new(self.entrant(*admitted, login)));
                }
            }
        }
    }

    fn entrant(&self, admitted: Admitted, login: LoginGuard) -> Entrant {
        Entrant {
            admission: Admission {
                user: admitted.user,
                account: admitted.account,
                connection: self.connection(),
                action_id: admitted.action_id,
                events: admitted.events,
                challenge: admitted.challenge,
                challenge_random: self.random,
                input: BytesMut::new(),
            },
            wants_answer: true,
            resume: None,
            login,
        }
    }

    /// Lets in a user who has proved itself otherwise, if it may come in.
    ///
    /// # Errors
    /// Why it may not, which was told as it is of those who log in.
    pub(super) fn pass(&mut self, gate: &Gate, user: &Arc<User>) -> Result<Box<Entrant>, Barred> {
        let address = self.connection().address();
        let certified = has_certificate(user, self.certificate.as_deref());
        if let Err(failure) = certified {
            self.refuse(gate, &user.name, &failure.to_string(), failed(failure));
            return Err(Barred::Address);
        }
        let barred = if !user.acl.allows(address) {
            Some((
                Barred::Address,
                "the address is denied by the user's access control list",
            ))
        } else if !user.allow_multiple_login && gate.registry.is_in_use(user) {
            Some((Barred::InUse, ALREADY_IN_USE))
        } else {
            let full = gate.full(user, address);
            full.map(|full| (Barred::Full, full.reason()))
        };
        if let Some((barred, reason)) = barred {
            let cause = match barred {
                Barred::Address => denied(),
                Barred::InUse => RefusedCause::SessionLimit(None),
                Barred::Full => RefusedCause::SessionLimit(gate.full(user, address)),
            };
            self.refuse(gate, &user.name, reason, cause);
            return Err(barred);
        }
        let login = gate.registry.log_in(user, address);
        let connection = self.connection();
        let entrant = bare_entrant(user, connection, login, EventMask::Off, None);
        Ok(Box::new(entrant))
    }

    /// Tells of a refusal.
    pub(super) fn refuse(&mut self, gate: &Gate, user: &str, reason: &str, cause: RefusedCause) {
        let refused = Refused {
            user: user
                .get(..user.floor_char_boundary(80))
                .unwrap_or(user)
                .to_owned(),
            reason: reason.to_owned(),
            cause,
        };
        gate.tell_refusal(&refused, gate.clock.now(), &mut self.visitor);
    }
}

/// What is told of a user that may not log in from there.
fn denied() -> RefusedCause {
    failed(LoginFailure::Address)
}

/// What is told of a login that failed without a key.
pub(super) fn failed(failure: LoginFailure) -> RefusedCause {
    RefusedCause::Login {
        failure,
        response: Box::default(),
        challenge: Box::default(),
    }
}

/// One who comes in by HTTP's own means: no answer to a login is wanted, and no events before it asks for them.
fn bare_entrant(
    user: &Arc<User>,
    connection: Connection,
    login: LoginGuard,
    events: EventMask,
    resume: Option<Place>,
) -> Entrant {
    Entrant {
        admission: Admission {
            user: Arc::clone(user),
            account: user.name.as_bytes().into(),
            connection,
            action_id: None,
            events,
            challenge: None,
            challenge_random: 0,
            input: BytesMut::new(),
        },
        wants_answer: false,
        resume,
        login,
    }
}

/// A stream of events of a user that is logged in: a listener of its own beside the session's, so that it takes
/// no events from anybody's `WaitEvent`.
///
/// # Errors
/// The limit on sessions that is reached.
pub(super) fn follower(
    gate: &Gate,
    user: &Arc<User>,
    connection: Connection,
    events: EventMask,
    resume: Option<Place>,
) -> Result<Entrant, Full> {
    let address = connection.address();
    if let Some(full) = gate.full(user, address) {
        return Err(full);
    }
    let login = gate.registry.log_in(user, address);
    Ok(bare_entrant(user, connection, login, events, resume))
}
