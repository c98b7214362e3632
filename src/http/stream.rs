//! Events as a stream (Server-Sent Events): one JSON object each, with an id from which a reader that comes back goes on.
//! Each stream is a listener of its own beside its session's. A reader that takes nothing costs no more than its
//! place in the log; when events that it has not read are no longer kept, it is told how many there were.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::StatusCode;
use hyper::header::HeaderName;
use hyper::http::request::Parts;
use tokio::sync::mpsc;

use super::authorization::{self, Asker, Refusal};
use super::exchange::Trouble;
use super::login::{self, Barred};
use super::parameters::Parameters;
use super::reply::{self, Content, Reply};
use super::sessions::{Inside, Session, Turn};
use super::site::{Peer, Site};
use super::sse;
use super::translated::Translated;
use crate::hub::SessionId;
use crate::hub::door::RefusedCause;
use crate::policy::event_mask::{self, EventMask};
use crate::session::web::{Fetched, Place, WebHub};

/// How long a stream is silent at most.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// About how many bytes of events are fetched at once.
const FETCH_BYTES: usize = 64 * 1024;

/// Most streams of one session.
const STREAMS_MAX: usize = 16;

/// What a stream begins with: how soon a browser is to come back, in milliseconds, after its connection broke.
const BEGINNING: &[u8] = b"retry: 2000\n\n";

/// A stream of a session counts until this is dropped.
#[derive(Debug)]
struct Following(Turn);

impl Following {
    fn begin(turn: Turn) -> Option<Self> {
        let streams: &Cell<usize> = &turn.session.streams;
        if streams.get() >= STREAMS_MAX {
            return None;
        }
        streams.set(streams.get() + 1);
        Some(Self(turn))
    }

    fn session(&self) -> &Session {
        &self.0.session
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let streams = &self.0.session.streams;
        streams.set(streams.get().saturating_sub(1));
    }
}

/// A listener that leaves when this is dropped.
#[derive(Debug)]
struct Listener {
    hub: WebHub,
    id: SessionId,
    site: Rc<Site>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.site.sessions.leave(&self.hub, self.id);
    }
}

/// Opens a stream.
///
/// # Errors
/// It is nobody's, asks for what there is not, or a limit is reached.
pub(super) async fn open(site: &Rc<Site>, peer: &Peer, parts: &Parts) -> Result<Reply, Refusal> {
    let (mask, resume) = wishes(parts)?;
    let Asker { turn, inside } = authorization::authorize(site, peer, parts).await?;
    let full = || Refusal::from(Trouble::Barred(Barred::Full));
    let following = Following::begin(turn).ok_or_else(full)?;
    let Inside { user, .. } = inside;
    let connection = following.session().connection;
    let entrant = login::follower(&site.gate, &user, connection, mask, resume);
    let entrant = entrant.map_err(|limit| {
        let cause = RefusedCause::SessionLimit(Some(limit));
        site.tell_refusal(peer, &user.name, limit.reason(), cause);
        full()
    })?;
    let (entered, hub) = Box::pin(site.enter_hub(entrant)).await?;
    let listener = Listener {
        hub,
        id: entered.listener,
        site: Rc::clone(site),
    };
    let (sender, receiver) = mpsc::channel(1);
    tokio::task::spawn_local(async move {
        tokio::select! {
            // The reader has gone, or the session: nobody wants what comes.
            () = sender.closed() => {}
            () = following.session().ended() => {}
            () = follow(&listener, &sender) => {}
        }
        drop((listener, following));
    });
    let mut reply = reply::reply(
        StatusCode::OK,
        "text/event-stream",
        Content::Stream(receiver),
    );
    // nginx would keep events back to fill its buffers.
    let unbuffered = HeaderName::from_static("x-accel-buffering");
    reply::set(&mut reply, unbuffered, "no");
    Ok(reply)
}

/// Which events are wanted, and from where on.
fn wishes(parts: &Parts) -> Result<(EventMask, Option<Place>), Refusal> {
    let bad = |reason: String| Refusal::new(StatusCode::BAD_REQUEST, reason);
    let query = parts.uri.query().unwrap_or_default();
    let parameters = Parameters::parse(query.as_bytes()).map_err(|error| bad(error.to_string()))?;
    let known = |name: &[u8]| {
        [&b"events"[..], b"last-event-id"]
            .iter()
            .any(|known| name.eq_ignore_ascii_case(known))
    };
    if let Some((name, _)) = parameters.iter().find(|(name, _)| !known(name)) {
        let name = super::header::QuotedName::new(name);
        return Err(bad(format!("there is no parameter {name} here")));
    }
    let mask = match parameters.get("events") {
        None => EventMask::Everything,
        Some(text) => event_mask::parse(text),
    };
    if !mask.is_on() {
        return Err(bad("events names no class of events".to_owned()));
    }
    let last = parts.headers.get("last-event-id");
    let last = match last {
        Some(last) => Some(last.as_bytes()),
        None => parameters.get("last-event-id"),
    };
    // A browser sends an empty one when it has none.
    let resume = match last.filter(|last| !last.is_empty()) {
        None => None,
        Some(last) => {
            let place = sse::place_of(last);
            Some(place.ok_or_else(|| bad("Last-Event-ID is none of this server's".to_owned()))?)
        }
    };
    Ok((mask, resume))
}

/// Hands events over as the reader takes them, until either side ends.
///
/// Cancel safe: the stream is over then.
async fn follow(listener: &Listener, sender: &mpsc::Sender<Bytes>) {
    let mut next = Bytes::from_static(BEGINNING);
    // What is fetched has been taken from the log, so that no more is fetched than the reader takes.
    while let Ok(permit) = sender.reserve().await {
        permit.send(next);
        let Ok(permit) = sender.reserve().await else {
            return;
        };
        drop(permit);
        let fetched = (listener.hub)
            .fetch(listener.id, FETCH_BYTES, HEARTBEAT)
            .await;
        let Ok(fetched) = fetched else { return };
        next = written(&mut listener.site.translated.borrow_mut(), &fetched);
    }
}

/// Events as the stream has them; a sign of life, where there are none.
fn written(translated: &mut Translated, fetched: &Fetched) -> Bytes {
    let mut begin = 0;
    let mut texts = fetched.ends.iter().map(|(end, place)| {
        let message = fetched.bytes.get(begin..*end).unwrap_or_default();
        begin = *end;
        translated.text(*place, message)
    });
    let first = texts.next().unwrap_or_default();
    let Some(second) = texts.next() else {
        return if first.is_empty() { heartbeat() } else { first };
    };
    let mut out = BytesMut::with_capacity(fetched.bytes.len() * 2);
    for text in [first, second].into_iter().chain(texts) {
        out.extend_from_slice(&text);
    }
    if out.is_empty() {
        heartbeat()
    } else {
        out.freeze()
    }
}

fn heartbeat() -> Bytes {
    let mut out = BytesMut::new();
    sse::write_heartbeat(&mut out);
    out.freeze()
}
