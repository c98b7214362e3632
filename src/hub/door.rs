//! A connection that has not logged in: greeting, `Challenge`, `Login`, `Logoff`, and an error for anything
//! else. It decides before anybody knows which Asterisk the client belongs to; a client that has proved who
//! it is goes on to a hub. No I/O and no clock: bytes and the time come in, [`Step`]s come out. A secret that is
//! known by its hash only takes long to check; that is done outside, and [`Door::verified`] is told the result.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};

use super::limit::Full;
use super::requests::defect_text;
use crate::policy::credential::{Challenge, Login, LoginFailure, Verification, authenticate};
use crate::policy::event_mask::{self, EventMask};
use crate::policy::failed_logins::FailedLogins;
use crate::policy::user::{User, Users};
use crate::protocol::request::Request;
use crate::protocol::request_framer::RequestFramer;
use crate::protocol::writer::{MessageWriter, Text};

/// How long the answer to a failed login is held back (`main/manager.c`, `action_login`).
const FAILURE_DELAY: Duration = Duration::from_secs(1);

/// What a failed login is answered with, whatever the cause.
const AUTHENTICATION_FAILED: &str = "Authentication failed";

/// The answer to a login that a limit on sessions refuses; Asterisk has no such limit.
pub const TOO_MANY_SESSIONS: &str = "Too many sessions";

/// What a login or Challenge is answered with whose user has its one session already.
pub const ALREADY_IN_USE: &str = "Login Already In Use";

/// Most requests that a client may send without logging in.
const REQUESTS_MAX: usize = 1000;

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// Write what is in the output, and wait for more input.
    Wait,
    /// Write what is in the output when this moment has come, then close.
    CloseAt(Duration),
    /// Write what is in the output, then close.
    Close,
    /// The client is who it says: hand it over, with the input that is left.
    Admit(Box<Admitted>),
    /// Write what is in the output, run this, and call [`Door::verified`] with the result. Until then the door
    /// takes no further step.
    Verify(Verification),
}

/// A client that has logged in.
#[derive(Debug)]
pub struct Admitted {
    /// Its user.
    pub user: Arc<User>,
    /// The user's name as the client wrote it.
    pub account: Box<[u8]>,
    /// The ActionID of its login.
    pub action_id: Option<Box<[u8]>>,
    /// Which events it asked for.
    pub events: EventMask,
    /// The challenge that it was given, if any.
    pub challenge: Option<Challenge>,
    /// Input behind the login.
    pub input: BytesMut,
}

/// Something refused before login, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The name that was given, cut.
    pub user: String,
    /// Why.
    pub reason: String,
    /// What kind of refusal it is.
    pub cause: RefusedCause,
}

/// What kind of refusal something before login is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusedCause {
    /// A failed login.
    Login {
        /// Why it failed.
        failure: LoginFailure,
        /// The key that the client sent.
        response: Box<[u8]>,
        /// The digits that it was given before.
        challenge: Box<[u8]>,
    },
    /// A limit on sessions is reached; `None`: the user is logged in already and may only be so once.
    SessionLimit(Option<Full>),
    /// Too many logins from this address have failed: this one was not looked at.
    RateLimit,
    /// A request that needs a login.
    NotAllowed {
        /// The action.
        action: Box<[u8]>,
    },
    /// A request that names no action.
    BadFormat,
    /// A request that is too long, or holds what none may.
    Defect,
}

/// What the door has to know beyond the connection itself.
pub struct Known<'a> {
    /// The users.
    pub users: &'a Users,
    /// Where the client is.
    pub address: IpAddr,
    /// Whether a user has a session already.
    pub in_use: &'a dyn Fn(&User) -> bool,
    /// The limit that one more session of a user would exceed.
    pub full: &'a dyn Fn(&User) -> Option<Full>,
    /// How many logins may still fail.
    pub failed_logins: &'a mut FailedLogins,
}

/// The state of such a connection.
#[derive(Debug)]
pub struct Door {
    framer: RequestFramer,
    input: BytesMut,
    random: u32,
    challenge: Option<Challenge>,
    certificate: Option<Vec<String>>,
    requests: usize,
    refused: VecDeque<Refused>,
    pending: Option<Pending>,
}

/// A login whose secret is being checked outside.
#[derive(Debug)]
struct Pending {
    /// When its failure is answered.
    fails_at: Duration,
    admitted: Box<Admitted>,
}

impl Door {
    /// Whether it is being closed because it has asked too much without logging in.
    pub const fn has_asked_too_much(&self) -> bool {
        self.requests > REQUESTS_MAX
    }

    /// A connection that was just accepted; `random` becomes its challenge.
    pub fn new(random: u32) -> Self {
        Self {
            framer: RequestFramer::default(),
            input: BytesMut::new(),
            random,
            challenge: None,
            certificate: None,
            requests: 0,
            refused: VecDeque::new(),
            pending: None,
        }
    }

    /// The same connection over TLS, with the names in the certificate that its client has shown and that was verified;
    /// `None` for none.
    #[must_use]
    pub fn with_certificate(self, certificate: Option<Vec<String>>) -> Self {
        Self {
            certificate,
            ..self
        }
    }

    /// The buffer that input is read into; then call [`Door::step`].
    pub const fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// The oldest refusal that was not fetched, for the log. A client has no more of them than requests.
    pub fn take_refused(&mut self) -> Option<Refused> {
        self.refused.pop_front()
    }

    /// Deals with the input.
    pub fn step(&mut self, now: Duration, known: &mut Known<'_>, out: &mut BytesMut) -> Step {
        // Nothing behind a login counts before it is decided.
        while self.pending.is_none() {
            let mut input = std::mem::take(&mut self.input);
            let Some(end) = self.framer.next(&mut input) else {
                self.input = input;
                return Step::Wait;
            };
            let request = Request::new(input.get(..end.text).unwrap_or_default());
            self.requests += 1;
            let step = match end.defect {
                Some(defect) => {
                    let text = defect_text(defect);
                    let reason = String::from_utf8_lossy(text).into_owned();
                    self.refuse(username(request), reason, RefusedCause::Defect);
                    error(out, request.action_id(), text);
                    None
                }
                None => self.answer(now, request, known, out),
            };
            input.advance(end.consumed.min(input.len()));
            match step {
                Some(Step::Admit(mut admitted)) => {
                    admitted.input = input;
                    return Step::Admit(admitted);
                }
                Some(step) => {
                    self.input = input;
                    return step;
                }
                None if self.requests > REQUESTS_MAX => return Step::Close,
                None => self.input = input,
            }
        }
        Step::Wait
    }

    /// Goes on after [`Step::Verify`]: `right` says whether the secret was. A failure is answered a second after
    /// the login was read, however long the check took, so that nothing is told from that. It is asked once more
    /// whether the user is in use, because another session of it may have logged in meanwhile.
    pub fn verified(
        &mut self,
        now: Duration,
        right: bool,
        known: &mut Known<'_>,
        out: &mut BytesMut,
    ) -> Step {
        let Some(Pending { fails_at, admitted }) = self.pending.take() else {
            return Step::Wait;
        };
        let (cause, reason, text) = if !right {
            let failure = LoginFailure::WrongSecret;
            let cause = RefusedCause::Login {
                failure,
                response: Box::default(),
                challenge: Box::default(),
            };
            (cause, failure.to_string(), AUTHENTICATION_FAILED)
        } else if !admitted.user.allow_multiple_login && (known.in_use)(&admitted.user) {
            known.failed_logins.succeeded(known.address, now);
            let text = ALREADY_IN_USE;
            (RefusedCause::SessionLimit(None), text.to_owned(), text)
        } else if let Some(full) = (known.full)(&admitted.user) {
            known.failed_logins.succeeded(known.address, now);
            let reason = full.reason().to_owned();
            (
                RefusedCause::SessionLimit(Some(full)),
                reason,
                TOO_MANY_SESSIONS,
            )
        } else {
            known.failed_logins.succeeded(known.address, now);
            let mut admitted = admitted;
            admitted.challenge = self.challenge.take();
            admitted.input = std::mem::take(&mut self.input);
            return Step::Admit(admitted);
        };
        self.refuse(&admitted.account, reason, cause);
        error(out, admitted.action_id.as_deref(), text.as_bytes());
        Step::CloseAt(fails_at)
    }

    fn answer(
        &mut self,
        now: Duration,
        request: Request<'_>,
        known: &mut Known<'_>,
        out: &mut BytesMut,
    ) -> Option<Step> {
        let Some(action) = request.action() else {
            let reason = "Missing action in request";
            self.refuse(
                username(request),
                reason.to_owned(),
                RefusedCause::BadFormat,
            );
            error(out, request.action_id(), reason.as_bytes());
            return None;
        };
        let is = |name: &[u8]| action.eq_ignore_ascii_case(name);
        if is(b"Logoff") {
            MessageWriter::response(out, Text::fixed("Goodbye"), action_id(request))
                .header(
                    Text::fixed("Message"),
                    Text::fixed("Thanks for all the fish."),
                )
                .finish();
            return Some(Step::Close);
        }
        if !is(b"Login") && !is(b"Challenge") {
            let cause = RefusedCause::NotAllowed {
                action: action.into(),
            };
            self.refuse(username(request), "Permission denied".to_owned(), cause);
            error(out, request.action_id(), b"Permission denied");
            return None;
        }
        if let Some(user) = known.users.get(request.get_or_empty("Username"))
            && !user.allow_multiple_login
            && (known.in_use)(user)
        {
            self.refuse(
                username(request),
                ALREADY_IN_USE.to_owned(),
                RefusedCause::SessionLimit(None),
            );
            error(out, request.action_id(), ALREADY_IN_USE.as_bytes());
            return Some(Step::CloseAt(now + FAILURE_DELAY));
        }
        if is(b"Challenge") {
            self.give_challenge(request, out);
            return None;
        }
        Some(self.log_in(now, request, known, out))
    }

    fn give_challenge(&mut self, request: Request<'_>, out: &mut BytesMut) {
        if !request
            .get_or_empty("AuthType")
            .eq_ignore_ascii_case(b"MD5")
        {
            error(out, request.action_id(), b"Must specify AuthType");
            return;
        }
        let random = self.random;
        let challenge = self.challenge.get_or_insert_with(|| Challenge::new(random));
        let writer = MessageWriter::response(out, Text::fixed("Success"), action_id(request));
        match Text::new(challenge.as_str().as_bytes()) {
            Some(digits) => writer.header(Text::fixed("Challenge"), digits).finish(),
            None => writer.finish(),
        }
    }

    fn log_in(
        &mut self,
        now: Duration,
        request: Request<'_>,
        known: &mut Known<'_>,
        out: &mut BytesMut,
    ) -> Step {
        let fails_at = now + FAILURE_DELAY;
        // Taken before it is known whether it fails, so that logins at the same time do not outrun the limit.
        if !known.failed_logins.begin(known.address, now) {
            let reason = "too many failed logins from this address";
            self.refuse(
                username(request),
                reason.to_owned(),
                RefusedCause::RateLimit,
            );
            error(out, request.action_id(), AUTHENTICATION_FAILED.as_bytes());
            return Step::CloseAt(fails_at);
        }
        let challenge = self.challenge.as_ref();
        let certificate = self.certificate.as_deref();
        match authenticate(known.users, request, challenge, known.address, certificate) {
            Ok(Login::Proved(user)) => {
                known.failed_logins.succeeded(known.address, now);
                if let Some(full) = (known.full)(&user) {
                    let reason = full.reason().to_owned();
                    let cause = RefusedCause::SessionLimit(Some(full));
                    self.refuse(username(request), reason, cause);
                    error(out, request.action_id(), TOO_MANY_SESSIONS.as_bytes());
                    return Step::CloseAt(fails_at);
                }
                let mut admitted = admitted(user, request);
                admitted.challenge = self.challenge.take();
                Step::Admit(admitted)
            }
            Ok(Login::Hashed(verification)) => {
                let admitted = admitted(Arc::clone(verification.user()), request);
                self.pending = Some(Pending { fails_at, admitted });
                Step::Verify(verification)
            }
            Err(failure) => {
                self.refuse_login(request, &failure);
                error(out, request.action_id(), AUTHENTICATION_FAILED.as_bytes());
                Step::CloseAt(fails_at)
            }
        }
    }

    fn refuse_login(&mut self, request: Request<'_>, failure: &LoginFailure) {
        let challenge = self.challenge.as_ref();
        let cause = RefusedCause::Login {
            failure: *failure,
            response: request.get_or_empty("Key").into(),
            challenge: challenge.map_or(&b""[..], |c| c.as_str().as_bytes()).into(),
        };
        self.refuse(username(request), failure.to_string(), cause);
    }

    fn refuse(&mut self, name: &[u8], reason: String, cause: RefusedCause) {
        self.refused.push_back(Refused {
            user: String::from_utf8_lossy(name.get(..80).unwrap_or(name)).into_owned(),
            reason,
            cause,
        });
    }
}

/// A client that has logged in with that request, without its challenge and its further input.
fn admitted(user: Arc<User>, request: Request<'_>) -> Box<Admitted> {
    let events = match request.get_or_empty("Events") {
        b"" => EventMask::Everything,
        value => event_mask::parse(value),
    };
    Box::new(Admitted {
        user,
        account: username(request).into(),
        action_id: request.action_id().map(Box::from),
        events,
        challenge: None,
        input: BytesMut::new(),
    })
}

fn username(request: Request<'_>) -> &[u8] {
    request.get_or_empty("Username")
}

fn action_id(request: Request<'_>) -> Option<Text<'_>> {
    request.action_id().and_then(Text::new)
}

fn error(out: &mut BytesMut, action_id: Option<&[u8]>, message: &[u8]) {
    let action_id = action_id.and_then(Text::new);
    let writer = MessageWriter::response(out, Text::fixed("Error"), action_id);
    match Text::new(message) {
        Some(message) => writer.header(Text::fixed("Message"), message).finish(),
        None => writer.finish(),
    }
}

#[cfg(test)]
mod tests;
