//! What all connections share, and the first look at a request: its size, its method, who may ask for its path, and
//! where it goes.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header;
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode};
use tracing::error;

use super::connection::Pulse;
use super::cookie::SessionKey;
use super::nonces::Nonces;
use super::page::ErrorPage;
use super::reply::{self, Reply};
use super::route::{self, Endpoint, Target};
use super::sessions::{Inside, Means, Sessions, Turn};
use super::translated::Translated;
use super::{ajam, api, console, cors, digested};
use crate::config::settings::Http;
use crate::hub::door::RefusedCause;
use crate::hub::line_limit::LineLimit;
use crate::policy::credential::has_certificate;
use crate::session::gate::Gate;
use crate::session::refusal_log::{self, Refusal};

use super::login::Visit;

/// Most lines of a request's head, as in Asterisk (`main/http.c`, `MAX_HTTP_REQUEST_HEADERS`).
pub(super) const HEADERS_MAX: usize = 100;

/// Longest of these lines with its end (`MAX_HTTP_LINE_LENGTH`, less the NUL of a C string).
const LINE_BYTES_MAX: usize = 4095;

/// What stands in a request's first line between and behind its method and its target.
const REST_OF_REQUEST_LINE: usize = "  HTTP/1.1\r\n".len();

/// What stands in a header's line between and behind its name and its value.
const REST_OF_HEADER_LINE: usize = ": \r\n".len();

/// Lines about refused requests in a second, whoever makes them.
const REFUSAL_LINES_MAX: u32 = 100;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Site {
    /// `[http]` as it was when it was last looked at.
    last: RefCell<Arc<Http>>,
    pub(super) gate: Gate,
    pub(super) sessions: Rc<Sessions>,
    pub(super) nonces: RefCell<Nonces>,
    /// Events that streams were sent just now.
    pub(super) translated: RefCell<Translated>,
    /// Mixed into the fingerprints of credentials.
    pub(super) salt: [u8; 32],
    refusal_lines: RefCell<LineLimit>,
}

/// One connection.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// It is HTTPS.
    pub(super) tls: bool,
    /// The names in the client's certificate, which was verified; `None` where it showed none.
    pub(super) certificate: Option<Rc<[String]>>,
    /// What it is doing.
    pub(super) pulse: Rc<Pulse>,
}

impl Peer {
    /// Where the client is.
    pub(super) fn address(&self) -> IpAddr {
        self.remote.ip().to_canonical()
    }

    /// Whether nobody on the way can read what is said.
    pub(super) fn is_private(&self) -> bool {
        self.tls || self.address().is_loopback()
    }
}

impl Site {
    /// What is common to the connections of that server.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn new(http: Arc<Http>, gate: Gate) -> Result<Rc<Self>, getrandom::Error> {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt)?;
        Ok(Rc::new(Self {
            sessions: Sessions::new(gate.clock, http.session_timeout, Arc::clone(&gate.limits)),
            last: RefCell::new(http),
            gate,
            nonces: RefCell::default(),
            translated: RefCell::default(),
            salt,
            refusal_lines: RefCell::new(LineLimit::new(REFUSAL_LINES_MAX)),
        }))
    }

    /// `[http]` as it is now; as it was last, while the end of serving it is on the way.
    pub(super) fn http(&self) -> Arc<Http> {
        if let Some(http) = &self.gate.live.now().http {
            *self.last.borrow_mut() = Arc::clone(http);
        }
        Arc::clone(&self.last.borrow())
    }

    /// Answers a request.
    ///
    /// Cancel safe: a client that has gone needs no answer.
    pub(super) async fn serve(self: Rc<Self>, peer: &Peer, request: Request<Incoming>) -> Reply {
        let (parts, body) = request.into_parts();
        // Handed on from function to function, each of which would have room for it.
        let parts = Box::new(parts);
        let mut reply = match self.first_look(peer, &parts) {
            Ok(endpoint) => self.dispatch(peer, endpoint, parts, body).await,
            Err(reply) => *reply,
        };
        if let Some(name) = &self.http().server_name {
            reply::set_text(&mut reply, header::SERVER, name);
        }
        reply
    }

    /// Where the request goes; or the answer, if nowhere.
    fn first_look(&self, peer: &Peer, parts: &Parts) -> Result<&'static Endpoint, Box<Reply>> {
        let path = parts.uri.path();
        if let Some(page) = oversized(parts) {
            let mut reply = self.page(page);
            reply::set(&mut reply, header::CONNECTION, "close");
            return Err(reply.into());
        }
        let http = self.http();
        if !self.may_ask(peer, path, &http) {
            let mut reply = self.page(ErrorPage::FORBIDDEN);
            reply::set(&mut reply, header::CONNECTION, "close");
            return Err(reply.into());
        }
        let mut redirects = http.redirects.iter();
        if let Some((_, to)) = redirects.find(|(from, _)| from.eq_ignore_ascii_case(path)) {
            let mut reply = reply::whole(StatusCode::FOUND, "text/html", Bytes::new());
            reply.headers_mut().remove(header::CONTENT_TYPE);
            reply::set_text(&mut reply, header::LOCATION, to);
            return Err(reply.into());
        }
        let endpoint = route::find(&http.prefix, path)
            .filter(|endpoint| endpoint.target != Target::Page || http.page);
        let Some(endpoint) = endpoint else {
            return Err(self.page(ErrorPage::NOT_FOUND).into());
        };
        let knows = |method: &&str| parts.method.as_str().eq_ignore_ascii_case(method);
        if endpoint.methods.iter().any(knows) {
            return match endpoint.target.is_public() || cors::is_welcome(self, peer, &parts.headers)
            {
                true => Ok(endpoint),
                false => Err(self.unwelcome(peer, endpoint).into()),
            };
        }
        if endpoint.target.is_json() && parts.method == Method::OPTIONS {
            return Err(cors::preflight(self, endpoint, &parts.headers).into());
        }
        if endpoint.target.is_ajam() {
            return Err(self.page(ErrorPage::NOT_IMPLEMENTED).into());
        }
        let reason = "this path does not know that method";
        let mut reply = reply::json_error(StatusCode::METHOD_NOT_ALLOWED, reason);
        reply::set_text(&mut reply, header::ALLOW, &endpoint.methods.join(", "));
        Err(reply.into())
    }

    /// The answer to a request that a page of another origin caused.
    fn unwelcome(&self, peer: &Peer, endpoint: &Endpoint) -> Reply {
        self.log_ill_formed(peer, None, cors::UNWELCOME);
        match endpoint.target.is_ajam() {
            true => self.page(ErrorPage::new(403, "Forbidden", cors::UNWELCOME)),
            false => reply::json_error(StatusCode::FORBIDDEN, cors::UNWELCOME),
        }
    }

    async fn dispatch(
        self: &Rc<Self>,
        peer: &Peer,
        endpoint: &Endpoint,
        parts: Box<Parts>,
        body: Incoming,
    ) -> Reply {
        match endpoint.target {
            Target::Ajam(form) => ajam::with_cookie(self, peer, form, parts, body).await,
            // Apart from these, so that a request that waits takes no room for what it never does.
            Target::Digest(form) => Box::pin(digested::serve(self, peer, form, parts, body)).await,
            Target::Page => console::page(),
            target => {
                let result = Box::pin(api::serve(self, peer, target, &parts, body)).await;
                let mut reply = result.unwrap_or_else(|refusal| refusal.reply());
                cors::allow(self, &parts.headers, &mut reply);
                reply
            }
        }
    }

    /// Whether that client may still connect, and no restriction of a path denies it. All that fit count.
    fn may_ask(&self, peer: &Peer, path: &str, http: &Http) -> bool {
        if !self.gate.live.now().general.acl.allows(peer.address()) {
            return false;
        }
        let path = path.trim_start_matches('/').as_bytes();
        http.restrictions.iter().all(|(begin, acl)| {
            let begin = begin.trim_start_matches('/').as_bytes();
            let fits = path
                .get(..begin.len())
                .is_some_and(|path| path.eq_ignore_ascii_case(begin));
            !fits || acl.allows(peer.address())
        })
    }

    /// Asterisk's page for an error.
    pub(super) fn page(&self, page: ErrorPage<'_>) -> Reply {
        reply::error_page(page, self.http().server_name.as_deref())
    }

    /// The page for what only a proxy has to refuse.
    pub(super) fn unavailable(&self, reason: &str) -> Reply {
        self.page(ErrorPage::new(503, "Service Unavailable", reason))
    }

    /// The session of that name, if it was made so and from there, and its user's certificate is shown again.
    pub(super) fn session_by_key(
        &self,
        peer: &Peer,
        key: SessionKey,
        means: &Means,
    ) -> Option<Turn> {
        let turn = self.sessions.by_key(key, means, peer.address());
        turn.filter(|turn| is_certified(peer, turn))
    }

    /// The session whose requests prove that, from there, if its user's certificate is shown again.
    pub(super) fn session_by_proof(&self, peer: &Peer, means: &Means) -> Option<Turn> {
        let turn = self.sessions.by_proof(means, peer.address());
        turn.filter(|turn| is_certified(peer, turn))
    }

    /// Starts a session that has not logged in. `None`: the system gives no random numbers.
    pub(super) fn new_session(&self, peer: &Peer, means: Means) -> Option<Turn> {
        let (key, number, challenge) = random()
            .inspect_err(|error| error!(%error, "no random numbers from the system"))
            .ok()?;
        let key = SessionKey::new(key);
        let visit = Visit::new(peer, number, challenge);
        Some(self.sessions.add(key, means, visit))
    }

    /// Tells of a login that was refused before there was a session.
    pub(super) fn tell_refusal(&self, peer: &Peer, user: &str, reason: &str, cause: RefusedCause) {
        let number = getrandom::u64().unwrap_or_default();
        Visit::new(peer, number, 0).refuse(&self.gate, user, reason, cause);
    }

    /// Logs a request that is no AMI message, unless there were too many of these.
    pub(super) fn log_ill_formed(&self, peer: &Peer, inside: Option<&Inside>, reason: &str) {
        let now = self.gate.clock.now().since_start;
        let Some(suppressed) = self.refusal_lines.borrow_mut().admit(now) else {
            return;
        };
        let refusal = match inside {
            Some(inside) => Refusal::Request {
                user: &inside.user.name,
                action: "",
                rule: "format",
                reason,
            },
            None => Refusal::Early { action: "", reason },
        };
        refusal_log::refused(peer.address(), refusal, suppressed);
    }
}

/// A session's key, the number of its connection, and its challenge.
fn random() -> Result<(u128, u64, u32), getrandom::Error> {
    let mut key = [0; 16];
    getrandom::fill(&mut key)?;
    Ok((
        u128::from_be_bytes(key),
        getrandom::u64()?,
        getrandom::u32()?,
    ))
}

/// What is answered to a head that is larger than Asterisk reads.
fn oversized(parts: &Parts) -> Option<ErrorPage<'static>> {
    let target = parts.uri.path_and_query();
    let target = target.map_or(0, |target| target.as_str().len());
    if parts.method.as_str().len() + target + REST_OF_REQUEST_LINE > LINE_BYTES_MAX {
        return Some(ErrorPage::REQUEST_LINE_TOO_LONG);
    }
    let mut lengths = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + REST_OF_HEADER_LINE);
    if lengths.any(|length| length > LINE_BYTES_MAX) {
        return Some(ErrorPage::HEADER_TOO_LONG);
    }
    (parts.headers.len() > HEADERS_MAX).then_some(ErrorPage::TOO_MANY_HEADERS)
}

/// Whether the client shows the certificate that the session's user must have, if any.
fn is_certified(peer: &Peer, turn: &Turn) -> bool {
    let inside = turn.session.inside();
    inside.is_none_or(|inside| has_certificate(&inside.user, peer.certificate.as_deref()).is_ok())
}
