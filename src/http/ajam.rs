//! Asterisk's own forms of AMI over HTTP: `/rawman`, `/manager` and `/mxml` with a session named by a cookie, `/arawman`,
//! `/amanager` and `/amxml` with Digest. Source: `main/manager.c`, `generic_http_callback`, `auth_http_callback`.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{self, HeaderName};
use hyper::http::request::Parts;

use super::body::{self, BodyError};
use super::cookie::SessionKey;
use super::exchange::Trouble;
use super::page::ErrorPage;
use super::parameters::Parameters;
use super::reply::{self, Reply};
use super::route::Form;
use super::sessions::{Means, Turn};
use super::site::{Peer, Site};
use super::{html, xml};

/// What a form in a page is sent as.
const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// What Asterisk's page may do in a browser.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The text of the parameters: the query, or the form that was posted. Other bodies are read and mean nothing.
pub(super) async fn text(site: &Site, parts: &Parts, body: Incoming) -> Result<Bytes, Box<Reply>> {
    if !parts.method.as_str().eq_ignore_ascii_case("POST") {
        let query = parts.uri.query().unwrap_or_default();
        return Ok(Bytes::copy_from_slice(query.as_bytes()));
    }
    let body = body::read(body, site.http().inactivity).await;
    let body = body.map_err(|error| broken_body(site, error))?;
    Ok(match body::is_of_type(&parts.headers, FORM_TYPE) {
        true => body,
        false => Bytes::new(),
    })
}

/// The parameters; or the answer, if they are none.
pub(super) fn parameters(
    site: &Site,
    peer: &Peer,
    text: &[u8],
    turn: Option<&Turn>,
) -> Result<Parameters, Box<Reply>> {
    Parameters::parse(text).map_err(|error| {
        let reason = error.to_string();
        let inside = turn.and_then(|turn| turn.session.inside());
        site.log_ill_formed(peer, inside.as_ref(), &reason);
        let page = ErrorPage::new(400, "Bad Request", &reason);
        site.page(page).into()
    })
}

/// The answer to a request whose body cannot be read; the connection cannot go on.
fn broken_body(site: &Site, error: BodyError) -> Box<Reply> {
    let reason = error.to_string();
    let mut reply = site.page(match error {
        BodyError::TooLong => ErrorPage::BODY_TOO_LARGE,
        BodyError::TooSlow | BodyError::Broken => ErrorPage::new(400, "Bad Request", &reason),
    });
    reply::set(&mut reply, header::CONNECTION, "close");
    reply.into()
}

/// `/rawman`, `/manager`, `/mxml`.
pub(super) async fn with_cookie(
    site: &Rc<Site>,
    peer: &Peer,
    form: Form,
    parts: Box<Parts>,
    body: Incoming,
) -> Reply {
    let known = by_cookie(site, peer, &parts);
    if (known.as_ref()).is_some_and(|turn| turn.session.inside().is_some()) {
        peer.pulse.vouch();
    }
    let text = text(site, &parts, body).await;
    // A request may wait for a long time; its head, and hyper's buffer that it lies in, are not needed for that.
    drop(parts);
    let parameters = match text {
        Ok(text) => parameters(site, peer, &text, known.as_ref()),
        Err(reply) => Err(reply),
    };
    let parameters = match parameters {
        Ok(parameters) => parameters,
        Err(reply) => return *reply,
    };
    let message = parameters.message();
    let mut turn = known;
    // A cookie whose session has just ended is none: the request is that of a new session, as in Asterisk.
    for _ in 0..2 {
        let Some(session) = turn
            .take()
            .or_else(|| site.new_session(peer, Means::Cookie))
        else {
            return site.unavailable("too many sessions");
        };
        match site.ask(&session, &message).await {
            Ok(answer) => {
                let mut reply = answered(form, html::Form::Cookie, &parameters, &answer);
                let life = site.sessions.life().as_secs();
                let key = session.session.key;
                let cookie = key.set_cookie(Some(life), &site.http().prefix, peer.tls);
                reply::set_text(&mut reply, header::SET_COOKIE, &cookie);
                // Only answers with a cookie have it.
                reply::set(&mut reply, header::PRAGMA, "SuppressEvents");
                return reply;
            }
            Err(Trouble::Over) => {}
            Err(trouble) => return site.unavailable(&trouble.to_string()),
        }
    }
    site.unavailable(&Trouble::Over.to_string())
}

/// The live session that the request's cookie names, if it was made from there.
pub(super) fn by_cookie(site: &Site, peer: &Peer, parts: &Parts) -> Option<Turn> {
    let cookies = parts.headers.get_all(header::COOKIE);
    let key = SessionKey::from_cookies(cookies.iter().map(|value| value.as_bytes()))?;
    site.session_by_key(peer, key, &Means::Cookie)
}

/// The answer in the form that was asked for.
pub(super) fn answered(
    form: Form,
    page: html::Form,
    parameters: &Parameters,
    answer: &[u8],
) -> Reply {
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
    if form == Form::Html {
        let name = HeaderName::from_static("content-security-policy");
        reply::set(&mut reply, name, PAGE_POLICY);
    }
    reply
}
