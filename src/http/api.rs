//! The JSON interface for programs of today: a login that gives a token, actions, and the description of it all.
//! Events as a stream are in [`super::stream`].

use std::rc::Rc;

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header;
use hyper::http::request::Parts;
use serde_json::{Value, json as object};

use super::authorization::{self, Asker, Refusal};
use super::body::{self, BodyError};
use super::exchange::Trouble;
use super::json;
use super::reply::{self, Reply};
use super::route::Target;
use super::sessions::Means;
use super::site::{Peer, Site};
use super::stream;
use crate::policy::secret::Secret;

/// The description of the interface.
const DESCRIPTION: &str = include_str!("../../docs/openapi.json");

/// Answers a request of the JSON interface.
///
/// # Errors
/// What is refused.
pub(super) async fn serve(
    site: &Rc<Site>,
    peer: &Peer,
    target: Target,
    parts: &Parts,
    body: Incoming,
) -> Result<Reply, Refusal> {
    match target {
        Target::Login => log_in(site, peer, parts, body).await,
        Target::Logout => log_out(site, peer, parts).await,
        Target::Action => act(site, peer, parts, body).await,
        Target::Events => stream::open(site, peer, parts).await,
        Target::Description | Target::Ajam(_) | Target::Digest(_) | Target::Page => Ok(
            reply::whole(StatusCode::OK, "application/json", DESCRIPTION),
        ),
    }
}

async fn log_in(
    site: &Rc<Site>,
    peer: &Peer,
    parts: &Parts,
    body: Incoming,
) -> Result<Reply, Refusal> {
    authorization::demand_privacy(peer)?;
    let login = read(site, parts, body).await?;
    let text = |name: &str| {
        login.get(name).and_then(Value::as_str).ok_or_else(|| {
            let reason = format!("{name} is missing, or no text");
            Refusal::new(StatusCode::BAD_REQUEST, reason)
        })
    };
    let (name, secret) = (text("username")?, Secret::new(text("secret")?));
    let means = match login.get("cookie") {
        None | Some(Value::Bool(false)) => Means::Token,
        Some(Value::Bool(true)) => Means::Cookie,
        Some(_) => {
            let reason = "cookie is neither true nor false";
            return Err(Refusal::new(StatusCode::BAD_REQUEST, reason));
        }
    };
    let turn = site
        .new_session(peer, means.clone())
        .ok_or_else(|| Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many sessions"))?;
    let asker = authorization::log_in(site, turn, name.as_bytes(), &secret, "off").await?;
    let key = asker.turn.session.key;
    let expires = site.sessions.life().as_secs();
    if means == Means::Token {
        let answer = object!({ "token": key.token(), "expires": expires });
        return Ok(reply::json(StatusCode::OK, &answer));
    }
    let mut reply = reply::json(StatusCode::OK, &object!({ "expires": expires }));
    // A stream keeps its session for longer than any time that could be told here.
    let cookie = key.set_cookie(None, &site.http().prefix, peer.tls);
    reply::set_text(&mut reply, header::SET_COOKIE, &cookie);
    Ok(reply)
}

async fn log_out(site: &Rc<Site>, peer: &Peer, parts: &Parts) -> Result<Reply, Refusal> {
    let Asker { turn, .. } = authorization::authorize(site, peer, parts).await?;
    site.sessions.end(&turn.session);
    let mut reply = reply::whole(StatusCode::NO_CONTENT, "text/plain", "");
    reply.headers_mut().remove(header::CONTENT_TYPE);
    Ok(reply)
}

async fn act(
    site: &Rc<Site>,
    peer: &Peer,
    parts: &Parts,
    body: Incoming,
) -> Result<Reply, Refusal> {
    // Before the body, so that nobody sends one in vain; and so that a wrong secret is not asked for twice.
    let Asker { turn, inside } = authorization::authorize(site, peer, parts).await?;
    let action = read(site, parts, body).await?;
    let message = json::message(&action).map_err(|error| {
        let reason = error.to_string();
        site.log_ill_formed(peer, Some(&inside), &reason);
        Refusal::new(StatusCode::BAD_REQUEST, reason)
    })?;
    let answer = match site.ask(&turn, &message).await {
        Err(Trouble::Over) => {
            let again = authorization::authorize(site, peer, parts).await?;
            site.ask(&again.turn, &message).await?
        }
        answered => answered?,
    };
    Ok(reply::json(StatusCode::OK, &json::answer(&answer)))
}

/// Reads a body of JSON. Its type must be named, which no form of a page of another origin can.
async fn read(site: &Site, parts: &Parts, body: Incoming) -> Result<Value, Refusal> {
    if !body::is_of_type(&parts.headers, "application/json") {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be application/json",
        ));
    }
    let body = body::read(body, site.http().inactivity).await;
    let body = body.map_err(|error| {
        let status = match error {
            BodyError::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            BodyError::TooSlow | BodyError::Broken => StatusCode::BAD_REQUEST,
        };
        Refusal::at_the_end(status, error.to_string())
    })?;
    serde_json::from_slice(&body)
        .map_err(|_| Refusal::new(StatusCode::BAD_REQUEST, "the body is no JSON"))
}
