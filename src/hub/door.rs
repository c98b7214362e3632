//! A connection that has not logged in: greeting, `Challenge`, `Login`, `Logoff`, and an error for anything
//! else. It decides before anybody knows which Asterisk the client belongs to; a client that has proved who
//! it is goes on to a hub. No I/O and no clock: bytes and the time come in, [`Step`]s come out.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, BytesMut};

use super::requests::defect_text;
use crate::policy::credential::{Challenge, LoginFailure, authenticate};
use crate::policy::event_mask::{self, EventMask};
use crate::policy::user::{User, Users};
use crate::protocol::request::Request;
use crate::protocol::request_framer::RequestFramer;
use crate::protocol::writer::{MessageWriter, Text};

/// How long the answer to a failed login is held back (`main/manager.c`, `action_login`).
const FAILURE_DELAY: Duration = Duration::from_secs(1);

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
    /// The user is logged in already and may only be so once.
    SessionLimit,
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

/// The state of such a connection.
#[derive(Debug)]
pub struct Door {
    framer: RequestFramer,
    input: BytesMut,
    random: u32,
    challenge: Option<Challenge>,
    requests: usize,
    refused: VecDeque<Refused>,
}

impl Door {
    /// A connection that was just accepted; `random` becomes its challenge.
    pub fn new(random: u32) -> Self {
        Self {
            framer: RequestFramer::default(),
            input: BytesMut::new(),
            random,
            challenge: None,
            requests: 0,
            refused: VecDeque::new(),
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

    /// Deals with the input. `in_use` says whether a user has a session already.
    pub fn step(
        &mut self,
        now: Duration,
        users: &Users,
        address: IpAddr,
        in_use: &dyn Fn(&User) -> bool,
        out: &mut BytesMut,
    ) -> Step {
        loop {
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
                    self.refuse(request, reason, RefusedCause::Defect);
                    error(out, request, text);
                    None
                }
                None => self.answer(now, request, users, address, in_use, out),
            };
            input.advance(end.consumed.min(input.len()));
            match step {
                Some(Step::Admit(mut admitted)) => {
                    admitted.input = input;
                    return Step::Admit(admitted);
                }
                Some(step) => return step,
                None if self.requests > REQUESTS_MAX => return Step::Close,
                None => self.input = input,
            }
        }
    }

    fn answer(
        &mut self,
        now: Duration,
        request: Request<'_>,
        users: &Users,
        address: IpAddr,
        in_use: &dyn Fn(&User) -> bool,
        out: &mut BytesMut,
    ) -> Option<Step> {
        let Some(action) = request.action() else {
            let reason = "Missing action in request";
            self.refuse(request, reason.to_owned(), RefusedCause::BadFormat);
            error(out, request, reason.as_bytes());
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
            self.refuse(request, "Permission denied".to_owned(), cause);
            error(out, request, b"Permission denied");
            return None;
        }
        if let Some(user) = users.get(request.get_or_empty("Username"))
            && !user.allow_multiple_login
            && in_use(user)
        {
            self.refuse(
                request,
                "Login Already In Use".to_owned(),
                RefusedCause::SessionLimit,
            );
            error(out, request, b"Login Already In Use");
            return Some(Step::CloseAt(now + FAILURE_DELAY));
        }
        if is(b"Challenge") {
            self.give_challenge(request, out);
            return None;
        }
        Some(self.log_in(now, request, users, address, out))
    }

    fn give_challenge(&mut self, request: Request<'_>, out: &mut BytesMut) {
        if !request
            .get_or_empty("AuthType")
            .eq_ignore_ascii_case(b"MD5")
        {
            error(out, request, b"Must specify AuthType");
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
        users: &Users,
        address: IpAddr,
        out: &mut BytesMut,
    ) -> Step {
        match authenticate(users, request, self.challenge.as_ref(), address) {
            Ok(user) => {
                let events = match request.get_or_empty("Events") {
                    b"" => EventMask::Everything,
                    value => event_mask::parse(value),
                };
                Step::Admit(Box::new(Admitted {
                    user,
                    account: request.get_or_empty("Username").into(),
                    action_id: request.action_id().map(Box::from),
                    events,
                    challenge: self.challenge.take(),
                    input: BytesMut::new(),
                }))
            }
            Err(failure) => {
                self.refuse_login(request, &failure);
                error(out, request, b"Authentication failed");
                Step::CloseAt(now + FAILURE_DELAY)
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
        self.refuse(request, failure.to_string(), cause);
    }

    fn refuse(&mut self, request: Request<'_>, reason: String, cause: RefusedCause) {
        let name = request.get_or_empty("Username");
        self.refused.push_back(Refused {
            user: String::from_utf8_lossy(name.get(..80).unwrap_or(name)).into_owned(),
            reason,
            cause,
        });
    }
}

fn action_id(request: Request<'_>) -> Option<Text<'_>> {
    request.action_id().and_then(Text::new)
}

fn error(out: &mut BytesMut, request: Request<'_>, message: &[u8]) {
    let writer = MessageWriter::response(out, Text::fixed("Error"), action_id(request));
    match Text::new(message) {
        Some(message) => writer.header(Text::fixed("Message"), message).finish(),
        None => writer.finish(),
    }
}
