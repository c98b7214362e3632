//! What all connections share, and the first look at a request: its size, its method, who may ask for its path, and
//! where it goes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::http::request::Parts;
use hyper::{Method, Request, StatusCode, Uri};
use tracing::error;

use super::digest::Nonces;
use super::reply::{self, Reply};
use super::route::{self, Endpoint, Target};
use super::sessions::{Inside, Key, Means, Sessions, Turn};
use super::{ajam, api, console, cors};
use crate::config::settings::Http;
use crate::hub::line_limit::LineLimit;
use crate::hub::security::Connection;
use crate::session::gate::Gate;
use crate::session::refusal_log::{self, Refusal};
use crate::session::web::WebHub;

use super::login::Visit;

/// Most lines of a request's head, as in Asterisk (`main/http.c`, `MAX_HTTP_REQUEST_HEADERS`).
pub(super) const HEADERS_MAX: usize = 100;

/// Longest of these lines (`MAX_HTTP_LINE_LENGTH`).
const LINE_BYTES_MAX: usize = 4096;

/// Lines about refused requests in a second, whoever makes them.
const REFUSAL_LINES_MAX: u32 = 100;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) http: Http,
    pub(super) gate: Gate,
    pub(super) hubs: HashMap<String, WebHub>,
    pub(super) sessions: Rc<Sessions>,
    pub(super) nonces: RefCell<Nonces>,
    /// Mixed into the fingerprints of credentials.
    pub(super) salt: [u8; 32],
    refusal_lines: RefCell<LineLimit>,
}

/// One connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    /// It is HTTPS.
    pub(super) tls: bool,
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
    pub(super) fn new(
        http: Http,
        gate: Gate,
        hubs: HashMap<String, WebHub>,
    ) -> Result<Rc<Self>, getrandom::Error> {
        let mut salt = [0; 32];
        getrandom::fill(&mut salt)?;
        Ok(Rc::new(Self {
            sessions: Sessions::new(gate.clock, http.session_timeout),
            http,
            gate,
            hubs,
            nonces: RefCell::default(),
            salt,
            refusal_lines: RefCell::new(LineLimit::new(REFUSAL_LINES_MAX)),
        }))
    }

    /// Answers a request.
    ///
    /// Cancel safe: a client that has gone needs no answer.
    pub(super) async fn serve(self: Rc<Self>, peer: Peer, request: Request<Incoming>) -> Reply {
        let (parts, body) = request.into_parts();
        let mut reply = match self.first_look(&peer, &parts) {
            Ok(endpoint) => self.dispatch(&peer, endpoint, &parts, body).await,
            Err(reply) => *reply,
        };
        if let Some(name) = &self.http.server_name {
            reply::set_text(&mut reply, header::SERVER, name);
        }
        reply
    }

    /// Where the request goes; or the answer, if nowhere.
    fn first_look(&self, peer: &Peer, parts: &Parts) -> Result<&'static Endpoint, Box<Reply>> {
        let path = parts.uri.path();
        if let Some(status) = oversized(&parts.uri, &parts.headers) {
            let mut reply = self.page(status, "the request's head is too large");
            reply::set(&mut reply, header::CONNECTION, "close");
            return Err(reply.into());
        }
        if !self.may_ask(peer, path) {
            return Err(self.page(StatusCode::FORBIDDEN, "Access denied by ACL").into());
        }
        let mut redirects = self.http.redirects.iter();
        if let Some((_, to)) = redirects.find(|(from, _)| from.eq_ignore_ascii_case(path)) {
            let mut reply = self.page(StatusCode::FOUND, "Moved Temporarily");
            reply::set_text(&mut reply, header::LOCATION, to);
            return Err(reply.into());
        }
        let endpoint = route::find(&self.http.prefix, path)
            .filter(|endpoint| endpoint.target != Target::Page || self.http.page);
        let Some(endpoint) = endpoint else {
            let reason = "The requested URL was not found on this server.";
            return Err(match is_known(&parts.method) {
                true => self.page(StatusCode::NOT_FOUND, reason).into(),
                false => self.unknown_method().into(),
            });
        };
        let knows = |method: &&str| parts.method.as_str().eq_ignore_ascii_case(method);
        if endpoint.methods.iter().any(|method| knows(method)) {
            return Ok(endpoint);
        }
        if endpoint.target.is_json() && parts.method == Method::OPTIONS {
            return Err(cors::preflight(self, endpoint, &parts.headers).into());
        }
        if endpoint.target.is_ajam() {
            return Err(self.unknown_method().into());
        }
        let reason = "this path does not know that method";
        let mut reply = reply::json_error(StatusCode::METHOD_NOT_ALLOWED, reason);
        reply::set_text(&mut reply, header::ALLOW, &endpoint.methods.join(", "));
        Err(reply.into())
    }

    async fn dispatch(
        self: &Rc<Self>,
        peer: &Peer,
        endpoint: &Endpoint,
        parts: &Parts,
        body: Incoming,
    ) -> Reply {
        match endpoint.target {
            Target::Ajam(form) => ajam::with_cookie(self, peer, form, parts, body).await,
            Target::Digest(form) => ajam::with_digest(self, peer, form, parts, body).await,
            Target::Page => console::page(),
            target => {
                let result = api::serve(self, peer, target, parts, body).await;
                let mut reply = result.unwrap_or_else(|refusal| refusal.reply());
                cors::allow(self, &parts.headers, &mut reply);
                reply
            }
        }
    }

    /// Whether no restriction of a path denies that client. All that fit count.
    fn may_ask(&self, peer: &Peer, path: &str) -> bool {
        let path = path.trim_start_matches('/').as_bytes();
        self.http.restrictions.iter().all(|(begin, acl)| {
            let begin = begin.trim_start_matches('/').as_bytes();
            let fits = path
                .get(..begin.len())
                .is_some_and(|path| path.eq_ignore_ascii_case(begin));
            !fits || acl.allows(peer.address())
        })
    }

    fn unknown_method(&self) -> Reply {
        let reason = "Attempt to use unimplemented / unsupported method";
        self.page(StatusCode::NOT_IMPLEMENTED, reason)
    }

    /// Asterisk's page for an error.
    pub(super) fn page(&self, status: StatusCode, reason: &str) -> Reply {
        reply::page_error(status, self.http.server_name.as_deref(), reason)
    }

    /// Starts a session that has not logged in. `None`: there are too many, or no random numbers.
    pub(super) fn new_session(&self, peer: &Peer, means: Means) -> Option<Turn> {
        let mut key = Key::default();
        let random = getrandom::fill(&mut key).and_then(|()| Ok((getrandom::u64()?, getrandom::u32()?)));
        let (number, challenge) = random
            .inspect_err(|error| error!(%error, "no random numbers from the system"))
            .ok()?;
        let connection = Connection::new(peer.local, peer.remote, number);
        let visit = Visit::new(connection, challenge);
        self.sessions.add(key, means, connection, visit)
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

/// What is answered to a head that is larger than Asterisk reads.
fn oversized(uri: &Uri, headers: &HeaderMap) -> Option<StatusCode> {
    let path = uri.path_and_query().map_or(0, |path| path.as_str().len());
    let longest = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + 2 + value.len());
    if longest.chain([path]).max() > Some(LINE_BYTES_MAX) {
        return Some(StatusCode::BAD_REQUEST);
    }
    (headers.len() > HEADERS_MAX).then_some(StatusCode::PAYLOAD_TOO_LARGE)
}

/// Whether Asterisk's server knows the method at all; names ignore case there.
fn is_known(method: &Method) -> bool {
    ["GET", "HEAD", "POST"]
        .iter()
        .any(|known| method.as_str().eq_ignore_ascii_case(known))
}
