//! Asterisk's own forms of AMI over HTTP: `/rawman`, `/manager` and `/mxml` with a session named by a cookie, `/arawman`,
//! `/amanager` and `/amxml` with Digest. Source: `main/manager.c`, `generic_http_callback`, `auth_http_callback`.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use hyper::body::Incoming;
use hyper::header::{self, HeaderName};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};

use super::body::{self, BodyError};
use super::exchange::Trouble;
use super::parameters::Parameters;
use super::reply::{self, Reply};
use super::route::Form;
use super::sessions::{Means, Turn};
use super::site::{Peer, Site};
use super::{cookie, html, xml};

/// What a form in a page is sent as.
const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// A message without any header, in a way that is still a message.
const NOTHING: &[u8] = b": \r\n\r\n";

/// What Asterisk's page may do in a browser.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The parameters of a request as an AMI message; or the answer, if they are none.
pub(super) async fn parameters(
    site: &Site,
    peer: &Peer,
    parts: &Parts,
    body: Incoming,
    turn: Option<&Turn>,
) -> Result<Parameters, Box<Reply>> {
    let posted = parts.method.as_str().eq_ignore_ascii_case(Method::POST.as_str());
    let text = if posted {
        let body = body::read(body, site.http.inactivity).await;
        let body = body.map_err(|error| broken_body(site, error))?;
        match body::is_of_type(&parts.headers, FORM_TYPE) {
            true => body,
            false => Bytes::new(),
        }
    } else {
        Bytes::copy_from_slice(parts.uri.query().unwrap_or_default().as_bytes())
    };
    Parameters::parse(&text).map_err(|error| {
        let reason = error.to_string();
        let inside = turn.and_then(|turn| turn.session.inside());
        site.log_ill_formed(peer, inside.as_ref(), &reason);
        site.page(StatusCode::BAD_REQUEST, &reason).into()
    })
}

/// The answer to a request whose body cannot be read; the connection cannot go on.
fn broken_body(site: &Site, error: BodyError) -> Box<Reply> {
    let status = match error {
        BodyError::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        BodyError::TooSlow | BodyError::Broken => StatusCode::BAD_REQUEST,
    };
    let mut reply = site.page(status, &error.to_string());
    reply::set(&mut reply, header::CONNECTION, "close");
    reply.into()
}

/// `/rawman`, `/manager`, `/mxml`.
pub(super) async fn with_cookie(
    site: &Rc<Site>,
    peer: &Peer,
    form: Form,
    parts: &Parts,
    body: Incoming,
) -> Reply {
    let known = by_cookie(site, peer, parts);
    let parameters = match parameters(site, peer, parts, body, known.as_ref()).await {
        Ok(parameters) => parameters,
        Err(reply) => return *reply,
    };
    let message = message(&parameters);
    let mut turn = known;
    // A cookie whose session has just ended is none: the request is that of a new session, as in Asterisk.
    for _ in 0..2 {
        let Some(session) = turn.take().or_else(|| site.new_session(peer, Means::Cookie)) else {
            return site.page(StatusCode::SERVICE_UNAVAILABLE, "too many sessions");
        };
        match site.ask(&session, &message).await {
            Ok(answer) => {
                let mut reply = answered(form, html::Form::Cookie, &parameters, &answer);
                let key = &session.session.key;
                let cookie =
                    cookie::set_cookie(key, &site.http.prefix, site.sessions.life(), peer.tls);
                reply::set_text(&mut reply, header::SET_COOKIE, &cookie);
                return reply;
            }
            Err(Trouble::Over) => {}
            Err(trouble) => return site.page(StatusCode::SERVICE_UNAVAILABLE, &trouble.to_string()),
        }
    }
    site.page(StatusCode::SERVICE_UNAVAILABLE, &Trouble::Over.to_string())
}

/// The live session that the request's cookie names, if it was made from there.
pub(super) fn by_cookie(site: &Site, peer: &Peer, parts: &Parts) -> Option<Turn> {
    let last = parts.headers.get_all(header::COOKIE).iter().next_back()?;
    let key = cookie::session_key(last.as_bytes())?;
    site.sessions.by_key(&key, &Means::Cookie, peer.address())
}

/// The message of the parameters. Where there are none, an empty one: its answer says that it names no action.
fn message(parameters: &Parameters) -> Bytes {
    let message = parameters.message();
    match &*message {
        b"\r\n" => Bytes::from_static(NOTHING),
        _ => message,
    }
}

/// The answer in the form that was asked for.
fn answered(form: Form, page: html::Form, parameters: &Parameters, answer: &[u8]) -> Reply {
    let mut out = BytesMut::new();
    let media_type = match form {
        Form::Raw => {
            out.extend_from_slice(answer);
            "text/plain"
        }
        Form::Html => {
            html::write(answer, page, &mut out);
            "text/html"
        }
        Form::Xml => {
            let last = |name| parameters.last(name).unwrap_or_default();
            xml::write(answer, last("ajaxdest"), last("ajaxobjtype"), &mut out);
            "text/xml"
        }
    };
    let mut reply = reply::whole(StatusCode::OK, media_type, out);
    let pragma = "SuppressEvents";
    reply::set(&mut reply, header::PRAGMA, pragma);
    if form == Form::Html {
        let name = HeaderName::from_static("content-security-policy");
        reply::set(&mut reply, name, PAGE_POLICY);
    }
    reply
}
