//! Pages of other origins: none may use the JSON interface unless the configuration names it (`corsorigin`). A session
//! that is named by a cookie may be used by pages of this server only, and of those.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderValue};

use super::reply::{self, Reply};
use super::route::Endpoint;
use super::site::{Peer, Site};

/// How long a browser may remember that it may ask.
const MAX_AGE: &str = "600";

/// The headers that such a page may send.
const HEADERS: &str = "Authorization, Content-Type, Last-Event-ID";

/// The configured origin that the request comes from.
fn configured<'a>(site: &Site, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let mut known = site.http.cors_origins.iter();
    known
        .any(|known| known.as_bytes() == origin.as_bytes())
        .then_some(origin)
}

/// Whether the page that asks, if it is one, may use a session of this server's.
pub(super) fn is_welcome(site: &Site, peer: &Peer, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return true;
    };
    configured(site, headers).is_some() || is_same(peer, origin, headers)
}

fn is_same(peer: &Peer, origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let scheme: &[u8] = if peer.tls { b"https://" } else { b"http://" };
    let host = headers.get(header::HOST);
    let (Some(named), Some(host)) = (origin.as_bytes().strip_prefix(scheme), host) else {
        return false;
    };
    named.eq_ignore_ascii_case(host.as_bytes())
}

/// Lets a page of a configured origin read the answer.
pub(super) fn allow(site: &Site, headers: &HeaderMap, reply: &mut Reply) {
    if site.http.cors_origins.is_empty() {
        return;
    }
    reply::set(reply, header::VARY, "Origin");
    if let Some(origin) = configured(site, headers) {
        let of_reply = reply.headers_mut();
        of_reply.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        reply::set(reply, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
}

/// The answer to a browser that asks whether a page of another origin may ask.
pub(super) fn preflight(site: &Site, endpoint: &Endpoint, headers: &HeaderMap) -> Reply {
    if configured(site, headers).is_none() {
        let reason = "pages of this origin may not use this interface";
        return reply::json_error(StatusCode::FORBIDDEN, reason);
    }
    let mut reply = reply::whole(StatusCode::NO_CONTENT, "text/plain", Bytes::new());
    reply.headers_mut().remove(header::CONTENT_TYPE);
    let methods = endpoint.methods.join(", ");
    reply::set_text(&mut reply, header::ACCESS_CONTROL_ALLOW_METHODS, &methods);
    reply::set(&mut reply, header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
    reply::set(&mut reply, header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    allow(site, headers, &mut reply);
    reply
}
