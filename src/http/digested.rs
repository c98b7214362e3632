//! Asterisk's own forms of AMI over HTTP with Digest: each request proves who it is, and the session is that of the user
//! and the nonce. Source: `main/manager.c`, `auth_http_callback`. Stricter than there: nonces are ours, each count
//! is good once, and a failure counts and is told of as any other.

use std::rc::Rc;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header;
use hyper::http::request::Parts;

use super::digest::{self, Authorization};
use super::exchange::Trouble;
use super::login::{Barred, failed};
use super::nonces::{Freshness, Nonce};
use super::page::ErrorPage;
use super::reply::{self, Reply};
use super::route::Form;
use super::sessions::{Means, Turn};
use super::site::{Peer, Site};
use super::{ajam, html};
use crate::hub::door::RefusedCause;
use crate::policy::credential::LoginFailure;
use crate::policy::user::User;

/// What the secrets are hashed with, as in an Asterisk without `systemname`.
const REALM: &str = "asterisk";

/// What is said of credentials whose `uri` is not what is asked for.
const OTHER_REQUEST: &str = "the credentials were made for another request";

/// One who has proved who it is.
struct Proved {
    user: Arc<User>,
    means: Means,
}

/// `/arawman`, `/amanager`, `/amxml`.
pub(super) async fn serve(
    site: &Rc<Site>,
    peer: &Peer,
    form: Form,
    parts: Box<Parts>,
    body: Incoming,
) -> Reply {
    // Read first, so that the connection can go on behind a 401.
    let text = ajam::text(site, &parts, body).await;
    let proved = text.and_then(|text| Ok((text, prove(site, peer, &parts)?)));
    // As with a cookie: it would hold a buffer while events are waited for.
    drop(parts);
    let answered = match proved {
        Ok((text, proved)) => answer(site, peer, form, &text, &proved).await,
        Err(reply) => Err(reply),
    };
    answered.unwrap_or_else(|reply| *reply)
}

async fn answer(
    site: &Rc<Site>,
    peer: &Peer,
    form: Form,
    text: &[u8],
    proved: &Proved,
) -> Result<Reply, Box<Reply>> {
    let too_many = || Box::new(site.unavailable("too many sessions"));
    // A session that has just ended is none: the request is that of a new one.
    for _ in 0..2 {
        let known = site.session_by_proof(peer, &proved.means);
        let turn = known.or_else(|| site.new_session(peer, proved.means.clone()));
        let turn = turn.ok_or_else(too_many)?;
        match site.pass(&turn, &proved.user).await {
            Ok(_) => peer.pulse.vouch(),
            Err(Trouble::Over) => continue,
            Err(trouble) => return Err(refused(site, trouble).into()),
        }
        let parameters = ajam::parameters(site, peer, text, Some(&turn))?;
        match site.ask(&turn, &parameters.message()).await {
            Ok(answer) => {
                return Ok(ajam::answered(
                    form,
                    html::Form::Digest,
                    &parameters,
                    &answer,
                ));
            }
            Err(Trouble::Over) => {}
            Err(trouble) => return Err(refused(site, trouble).into()),
        }
    }
    Err(site.unavailable(&Trouble::Over.to_string()).into())
}

fn refused(site: &Site, trouble: Trouble) -> Reply {
    let reason = trouble.to_string();
    match trouble {
        Trouble::Barred(Barred::Address) => denied(site, ErrorPage::PERMISSION_DENIED),
        Trouble::Barred(Barred::InUse | Barred::Full) => {
            denied(site, ErrorPage::new(403, "Permission denied", &reason))
        }
        Trouble::Over | Trouble::TooMany | Trouble::ShuttingDown => site.unavailable(&reason),
    }
}

/// Closes the connection as well, as Asterisk does.
fn denied(site: &Site, page: ErrorPage<'_>) -> Reply {
    let mut reply = site.page(page);
    reply::set(&mut reply, header::CONNECTION, "close");
    reply
}

/// Who asks; or the answer, if that is not proved.
fn prove(site: &Site, peer: &Peer, parts: &Parts) -> Result<Proved, Box<Reply>> {
    let header = parts.headers.get(header::AUTHORIZATION);
    let credentials = header.and_then(|value| Authorization::parse(value.as_bytes()).ok());
    let Some(credentials) = credentials else {
        return Err(challenge(site, None));
    };
    let name = String::from_utf8_lossy(credentials.username());
    let (address, now) = (peer.address(), site.gate.clock.now().since_start);
    if !(site.gate).with_failed_logins(|failed_logins| failed_logins.begin(address, now)) {
        let reason = "too many failed logins from this address";
        site.tell_refusal(peer, &name, reason, RefusedCause::RateLimit);
        return Err(challenge(site, None));
    }
    let rules = site.gate.live.now();
    let user = rules.users.get(credentials.username());
    let method = parts.method.as_str();
    let proved = credentials.prove(user.map(|user| &**user), REALM, method);
    let user = match (proved, user) {
        (Ok(()), Some(user)) => user,
        (Err(failure), _) => {
            site.tell_refusal(peer, &name, &failure.to_string(), failed(failure));
            return Err(challenge(site, None));
        }
        (Ok(()), None) => return Err(challenge(site, None)),
    };
    (site.gate).with_failed_logins(|failed_logins| failed_logins.succeeded(address, now));
    if !user.acl.allows(address) {
        let failure = LoginFailure::Address;
        site.tell_refusal(peer, &name, &failure.to_string(), failed(failure));
        return Err(denied(site, ErrorPage::PERMISSION_DENIED).into());
    }
    let target = parts.uri.path_and_query();
    if !credentials.is_for(target.map_or("/", |target| target.as_str())) {
        site.log_ill_formed(peer, None, OTHER_REQUEST);
        let page = ErrorPage::new(400, "Bad Request", OTHER_REQUEST);
        return Err(site.page(page).into());
    }
    let used = credentials.nonce().map(|nonce| {
        let mut nonces = site.nonces.borrow_mut();
        (nonce, nonces.check(nonce, credentials.nonce_count(), now))
    });
    match used {
        Some((nonce, Freshness::Fresh)) => Ok(Proved {
            user: Arc::clone(user),
            means: means(user, nonce),
        }),
        // Its session goes on under the nonce that the client is given now.
        Some((nonce, Freshness::Stale)) => {
            let session = site.session_by_proof(peer, &means(user, nonce));
            let reply = challenge(site, Some((user, session.as_ref())));
            Err(reply)
        }
        Some((_, Freshness::Replayed | Freshness::Unknown)) | None => {
            Err(challenge(site, Some((user, None))))
        }
    }
}

fn means(user: &User, nonce: Nonce) -> Means {
    let name = user.name.to_ascii_lowercase();
    Means::Digest(name.into(), nonce.to_string().into())
}

/// Asks for credentials for a new nonce. `stale`: the user has proved itself, for a nonce that is not good any more; the
/// session that it had under that is its session under the new one.
fn challenge(site: &Site, stale: Option<(&User, Option<&Turn>)>) -> Box<Reply> {
    let mut random = [0; 16];
    let opaque = getrandom::fill(&mut random).and_then(|()| getrandom::u32());
    let Ok(opaque) = opaque else {
        return site.unavailable("no random numbers from the system").into();
    };
    let now = site.gate.clock.now().since_start;
    let number = u128::from_be_bytes(random);
    let nonce = site.nonces.borrow_mut().issue(now, number);
    let text = digest::challenge(REALM, nonce, opaque, stale.is_some());
    if let Some((user, Some(turn))) = stale {
        site.sessions.rename(&turn.session, means(user, nonce));
    }
    let mut reply = site.page(ErrorPage::UNAUTHORIZED);
    reply::set_text(&mut reply, header::WWW_AUTHENTICATE, &text);
    reply.into()
}
