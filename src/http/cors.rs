//! Pages of other origins: a browser sends cookies and Digest credentials along with whatever request a page makes it
//! send, so requests that such a page causes are refused, unless the configuration names its origin (`corsorigin`).
//! What tells them is what browsers say and no script can: `Sec-Fetch-Site`, and `Origin`.

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::reply::{self, Reply};
use super::route::Endpoint;
use super::site::{Peer, Site};

/// What is said to a page that is not welcome.
pub(super) const UNWELCOME: &str = "pages of this origin may not use this interface";

/// How long a browser may remember that it may ask.
const MAX_AGE: &str = "600";

/// The headers that such a page may send.
const HEADERS: &str = "Authorization, Content-Type, Last-Event-ID";

/// Where a browser says that the request comes from (Fetch Metadata, `Sec-Fetch-Site`).
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The configured origin that the request comes from.
fn configured<'a>(known: &[String], headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let origin = only(headers, &header::ORIGIN)?;
    known
        .iter()
        .any(|known| known.as_bytes() == origin.as_bytes())
        .then_some(origin)
}

/// The header of that name, if it is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut all = headers.get_all(name).iter();
    all.next().filter(|_| all.next().is_none())
}

/// Whether no page of another origin caused that request, but for those of configured origins.
pub(super) fn is_welcome(site: &Site, peer: &Peer, headers: &HeaderMap) -> bool {
    is_welcome_at(&site.http().cors_origins, peer.tls, headers)
}

fn is_welcome_at(known: &[String], tls: bool, headers: &HeaderMap) -> bool {
    if configured(known, headers).is_some() {
        return true;
    }
    // Only `same-origin`, and `none` for what a person typed or chose: `same-site` is another origin, too.
    let from_here = |value: &HeaderValue| matches!(value.as_bytes(), b"same-origin" | b"none");
    headers.get_all(FETCH_SITE).iter().all(from_here)
        && (headers.get_all(header::ORIGIN).iter()).all(|origin| is_same(tls, origin, headers))
}

fn is_same(tls: bool, origin: &HeaderValue, headers: &HeaderMap) -> bool {
    let scheme: &[u8] = if tls { b"https://" } else { b"http://" };
    let host = only(headers, &header::HOST);
    let (Some(named), Some(host)) = (origin.as_bytes().strip_prefix(scheme), host) else {
        return false;
    };
    named.eq_ignore_ascii_case(host.as_bytes())
}

/// Lets a page of a configured origin read the answer.
pub(super) fn allow(site: &Site, headers: &HeaderMap, reply: &mut Reply) {
    if site.http().cors_origins.is_empty() {
        return;
    }
    reply::set(reply, header::VARY, "Origin");
    if let Some(origin) = configured(&site.http().cors_origins, headers) {
        let of_reply = reply.headers_mut();
        of_reply.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        reply::set(reply, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
}

/// The answer to a browser that asks whether a page of another origin may ask.
pub(super) fn preflight(site: &Site, endpoint: &Endpoint, headers: &HeaderMap) -> Reply {
    if configured(&site.http().cors_origins, headers).is_none() {
        return reply::json_error(StatusCode::FORBIDDEN, UNWELCOME);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a request with these headers is welcome; there are two names for the most usual ones.
    fn is_welcome(tls: bool, lines: &str) -> bool {
        let lines = lines.replace("HOST", "Host: pbx.example:8088");
        let lines = lines.replace("OWN", "Origin: http://pbx.example:8088");
        let mut headers = HeaderMap::new();
        for line in lines.split('|').filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").unwrap();
            let name = HeaderName::try_from(name).unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        is_welcome_at(&["https://desk.example".to_owned()], tls, &headers)
    }

    #[test]
    fn who_is_welcome() {
        for lines in [
            // No browser.
            "",
            "HOST",
            "Sec-Fetch-Site: none",
            "Sec-Fetch-Site: same-origin",
            "HOST|OWN",
            "HOST|OWN|Sec-Fetch-Site: same-origin",
            "HOST|Origin: http://PBX.example:8088",
            "HOST|Origin: https://desk.example",
            "Origin: https://desk.example|Sec-Fetch-Site: cross-site",
        ] {
            assert!(is_welcome(false, lines), "{lines}");
        }
        assert!(is_welcome(true, "HOST|Origin: https://pbx.example:8088"));
    }

    #[test]
    fn who_is_not() {
        for lines in [
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: same-site",
            "Sec-Fetch-Site: Cross-Site",
            "Sec-Fetch-Site: ",
            "Sec-Fetch-Site: none|Sec-Fetch-Site: cross-site",
            "HOST|OWN|Sec-Fetch-Site: cross-site",
            "HOST|Origin: https://pbx.example:8088",
            "HOST|Origin: http://pbx.example",
            "HOST|Origin: http://pbx.example:8088.evil",
            "HOST|Origin: null",
            "HOST|Origin: ",
            "OWN",
            "Origin: http://",
            "Host: |Origin: null",
            "HOST|Host: evil.example|OWN",
            "HOST|OWN|Origin: http://evil.example",
            "HOST|Origin: http://evil.example|Sec-Fetch-Site: same-origin",
            "HOST|Origin: https://desk.example.evil",
            "Origin: https://desk.example|Origin: https://evil.example",
        ] {
            assert!(!is_welcome(false, lines), "{lines}");
        }
        assert!(!is_welcome(true, "HOST|OWN"));
    }
}
