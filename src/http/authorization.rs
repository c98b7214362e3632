//! Whose request of the JSON interface it is: by a token or name and secret in the header `Authorization`, or by the
//! cookie of a session. Credentials in a header are taken over connections that nobody can read only.

use std::rc::Rc;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{self, HeaderName};
use hyper::http::request::Parts;
use sha2::{Digest as _, Sha256};

use super::ajam;
use super::basic::{self, Authorization};
use super::cookie::SessionKey;
use super::exchange::Trouble;
use super::header::{Header, message};
use super::login::{Barred, Visit, failed};
use super::reply::{self, Reply};
use super::sessions::{Inside, Means, Turn};
use super::site::{Peer, Site};
use crate::policy::credential::LoginFailure;
use crate::policy::secret::Secret;
use crate::policy::user::User;

/// What is refused over the JSON interface.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    reason: String,
    header: Option<(HeaderName, &'static str)>,
    /// The session ended meanwhile: those who prove themselves with each request may try once more.
    is_over: bool,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            header: None,
            is_over: false,
        }
    }

    /// The client has not said who it is, or not truly.
    pub(super) fn unauthorized(reason: &str) -> Self {
        Self {
            header: Some((header::WWW_AUTHENTICATE, "Bearer realm=\"asterisk\"")),
            ..Self::new(StatusCode::UNAUTHORIZED, reason)
        }
    }

    /// The connection cannot go on behind the answer.
    pub(super) fn at_the_end(status: StatusCode, reason: impl Into<String>) -> Self {
        Self {
            header: Some((header::CONNECTION, "close")),
            ..Self::new(status, reason)
        }
    }

    /// Whether the session ended meanwhile.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// The answer.
    pub(super) fn reply(self) -> Reply {
        let mut reply = reply::json_error(self.status, &self.reason);
        if let Some((name, value)) = self.header {
            reply::set(&mut reply, name, value);
        }
        reply
    }
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        let reason = trouble.to_string();
        match trouble {
            Trouble::Over => Self {
                is_over: true,
                ..Self::unauthorized(&reason)
            },
            Trouble::TooMany | Trouble::Barred(Barred::Full) => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, reason)
            }
            Trouble::ShuttingDown => Self::new(StatusCode::SERVICE_UNAVAILABLE, reason),
            // No more is told than to any other login that fails.
            Trouble::Barred(Barred::Address) => Self::unauthorized("Authentication failed"),
            Trouble::Barred(Barred::InUse) => Self::new(StatusCode::FORBIDDEN, reason),
        }
    }
}

/// One whose request it is.
#[derive(Debug)]
pub(super) struct Asker {
    pub(super) turn: Turn,
    pub(super) inside: Inside,
}

/// Finds out whose request it is.
///
/// # Errors
/// Nobody's, or one that may not come in.
pub(super) async fn authorize(
    site: &Rc<Site>,
    peer: &Peer,
    parts: &Parts,
) -> Result<Asker, Refusal> {
    let decided = match authorize_once(site, peer, parts).await {
        // The session of these credentials has just gone; a new one takes its place.
        Err(refusal) if refusal.is_over() => authorize_once(site, peer, parts).await,
        decided => decided,
    };
    decided.inspect(|_| peer.pulse.vouch())
}

async fn authorize_once(site: &Rc<Site>, peer: &Peer, parts: &Parts) -> Result<Asker, Refusal> {
    let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
        return by_cookie(site, peer, parts);
    };
    demand_privacy(peer)?;
    match basic::parse(value.as_bytes()) {
        Ok(Authorization::Bearer(token)) => by_token(site, peer, &token).await,
        Ok(Authorization::Basic { username, secret }) => {
            by_secret(site, peer, &username, &secret).await
        }
        Err(error) => Err(Refusal::unauthorized(&error.to_string())),
    }
}

/// # Errors
/// Others could read what is said on this connection.
pub(super) fn demand_privacy(peer: &Peer) -> Result<(), Refusal> {
    if peer.is_private() {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::FORBIDDEN,
        "tokens and secrets are taken over HTTPS only, or from this machine itself",
    ))
}

fn by_cookie(site: &Rc<Site>, peer: &Peer, parts: &Parts) -> Result<Asker, Refusal> {
    let turn = ajam::by_cookie(site, peer, parts);
    let turn = turn.ok_or_else(|| Refusal::unauthorized("log in first"))?;
    let inside = turn.session.inside();
    let inside = inside.ok_or_else(|| Refusal::unauthorized("log in first"))?;
    Ok(Asker { turn, inside })
}

async fn by_token(site: &Rc<Site>, peer: &Peer, token: &Secret) -> Result<Asker, Refusal> {
    let key = SessionKey::from_token(token.expose());
    let named = key.and_then(|key| site.session_by_key(peer, key, &Means::Token));
    if let Some(turn) = named {
        let inside = turn.session.inside();
        let inside = inside.ok_or_else(|| Refusal::unauthorized("log in first"))?;
        return Ok(Asker { turn, inside });
    }
    let means = Means::Credentials(fingerprint(site, b"bearer", b"", token));
    let turn = session_of(site, peer, means)?;
    if let Some(inside) = turn.session.inside() {
        return Ok(Asker { turn, inside });
    }
    let user = owner(site, peer, &turn, token)?;
    let inside = site.pass(&turn, &user).await?;
    Ok(Asker { turn, inside })
}

/// The user whose configured token that is. All of them are compared, so that time does not tell which came close.
fn owner(site: &Site, peer: &Peer, turn: &Turn, token: &Secret) -> Result<Arc<User>, Refusal> {
    let (address, now) = (
        turn.session.connection.address(),
        site.gate.clock.now().since_start,
    );
    let may_try = site
        .gate
        .with_failed_logins(|failed_logins| failed_logins.begin(address, now));
    let mut found = None;
    for user in site.gate.live.now().users.iter() {
        let is_its = (user.web_token.as_ref()).is_some_and(|own| own.matches(token.expose()));
        if is_its && may_try {
            found = Some(Arc::clone(user));
        }
    }
    if let Some(user) = found {
        site.gate
            .with_failed_logins(|failed_logins| failed_logins.succeeded(address, now));
        return Ok(user);
    }
    let (reason, cause) = match may_try {
        true => ("nobody has that token", failed(LoginFailure::UnknownUser)),
        false => (
            "too many failed logins from this address",
            crate::hub::door::RefusedCause::RateLimit,
        ),
    };
    site.tell_refusal(peer, "", reason, cause);
    site.sessions.end(&turn.session);
    Err(Refusal::unauthorized("Authentication failed"))
}

async fn by_secret(
    site: &Rc<Site>,
    peer: &Peer,
    name: &[u8],
    secret: &Secret,
) -> Result<Asker, Refusal> {
    let means = Means::Credentials(fingerprint(site, b"basic", name, secret));
    let turn = session_of(site, peer, means)?;
    log_in(site, turn, name, secret, "off").await
}

/// Logs a session in by name and secret, as over AMI.
///
/// # Errors
/// It may not log in.
pub(super) async fn log_in(
    site: &Rc<Site>,
    turn: Turn,
    name: &[u8],
    secret: &Secret,
    events: &str,
) -> Result<Asker, Refusal> {
    let header = |name: &str, value: &[u8]| {
        let header = Header::new(name.as_bytes(), value);
        header.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))
    };
    let login = message(&[
        header("Action", b"Login")?,
        header("Username", name)?,
        header("Secret", secret.expose())?,
        header("Events", events.as_bytes())?,
    ]);
    let answer = site.log_in(&turn, &login).await?;
    if let Some(inside) = turn.session.inside() {
        return Ok(Asker { turn, inside });
    }
    Err(match Visit::barred(&answer) {
        Some(barred) => Trouble::Barred(barred).into(),
        None => Refusal::unauthorized("Authentication failed"),
    })
}

/// The session of those credentials from there, or a new one.
fn session_of(site: &Rc<Site>, peer: &Peer, means: Means) -> Result<Turn, Refusal> {
    site.session_by_proof(peer, &means)
        .or_else(|| site.new_session(peer, means))
        .ok_or_else(|| Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many sessions"))
}

/// What credentials are remembered by: nobody can tell them from it.
fn fingerprint(site: &Site, kind: &[u8], name: &[u8], secret: &Secret) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(site.salt);
    for part in [kind, &name.to_ascii_lowercase(), secret.expose()] {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hash.update(length.to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
