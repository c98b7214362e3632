//! The page for people: logs in, shows live events, and runs actions. It is one file with nothing from elsewhere, and it
//! is a program of the JSON interface like any other. Off unless `webpage` says otherwise.

use hyper::StatusCode;
use hyper::header::{self, HeaderName};

use super::reply::{self, Reply};

/// The page. `{nonce}` stands where its own script and style say that they are its own.
const PAGE: &str = include_str!("page.html");

/// The page, with a number in it that no injected script can know.
pub(super) fn page() -> Reply {
    let Ok(random) = getrandom::u64() else {
        let reason = "no random numbers from the system";
        return reply::json_error(StatusCode::SERVICE_UNAVAILABLE, reason);
    };
    let nonce = format!("{random:016x}");
    let page = PAGE.replace("{nonce}", &nonce);
    let mut reply = reply::whole(StatusCode::OK, "text/html; charset=utf-8", page);
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    reply::set_text(&mut reply, header::CONTENT_SECURITY_POLICY, &policy);
    reply::set(&mut reply, header::X_FRAME_OPTIONS, "DENY");
    reply::set(&mut reply, header::REFERRER_POLICY, "no-referrer");
    let opener = HeaderName::from_static("cross-origin-opener-policy");
    reply::set(&mut reply, opener, "same-origin");
    reply
}
