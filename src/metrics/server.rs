//! The port for those who watch: `/metrics`, `/healthz` and `/readyz`, to be read. Whoever reaches the port may read; it
//! belongs on loopback or on a network for monitoring.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, VARY};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Sources;
use super::classic::{CLASSIC, OPEN_METRICS, classic, wants_open_metrics};
use super::health::{self, Beats, Check, LOOK_EVERY};
use crate::transport::accept::accept;

/// Connections at a time; further ones wait.
const CONNECTIONS_MAX: usize = 8;

/// How long a request may take to come, and an idle connection may stay.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);

/// How long a connection may live: one that reads nothing does not keep its place.
const CONNECTION_MAX: Duration = Duration::from_secs(600);

/// What answers are made of.
#[derive(Debug)]
struct Watch {
    sources: Sources,
    beats: RefCell<Beats>,
}

/// Serves until `cancel`. Wants a `LocalSet`.
///
/// Cancel safe: connections end with the `LocalSet`.
pub async fn serve(listener: TcpListener, sources: Sources, cancel: CancellationToken) {
    let watch = Rc::new(Watch {
        sources,
        beats: RefCell::default(),
    });
    let looks = tokio::task::spawn_local(Rc::clone(&watch).look());
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            break;
        };
        let (socket, _) = tokio::select! {
            () = cancel.cancelled() => break,
            accepted = accept(&listener) => accepted,
        };
        let watch = Rc::clone(&watch);
        tokio::task::spawn_local(async move {
            let answered = answer(socket, watch);
            let _ = tokio::time::timeout(CONNECTION_MAX, answered).await;
            drop(place);
        });
    }
    looks.abort();
}

async fn answer(socket: TcpStream, watch: Rc<Watch>) {
    let service = service_fn(|request: Request<_>| {
        let watch = Rc::clone(&watch);
        async move { Ok::<_, Infallible>(watch.respond(&request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_WITHIN)
        .serve_connection(TokioIo::new(socket), service)
        .await;
    if let Err(error) = served {
        debug!(%error, "a connection for metrics ended early");
    }
}

impl Watch {
    /// The task that looks at the beats of the hubs' threads, for ever.
    async fn look(self: Rc<Self>) {
        let mut every = tokio::time::interval(LOOK_EVERY);
        loop {
            every.tick().await;
            let rules = self.sources.live.now();
            let hubs = rules.upstreams();
            let hubs = hubs.map(|(name, ways)| (name, ways.pulse.beats()));
            self.beats.borrow_mut().look(self.now(), hubs);
        }
    }

    fn now(&self) -> Duration {
        self.sources.clock.now().since_start
    }

    async fn respond<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if !["/metrics", "/healthz", "/readyz"].contains(&path) {
            return plain(
                StatusCode::NOT_FOUND,
                "there is /metrics, /healthz and /readyz\n",
            );
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        match path {
            "/metrics" => self.metrics(request).await,
            "/healthz" => self.health(),
            _ => self.readiness(request.uri().query().unwrap_or_default()),
        }
    }

    async fn metrics<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let Ok(text) = self.sources.text().await else {
            return plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the metrics cannot be written\n",
            );
        };
        let accept = request.headers().get_all(ACCEPT).iter();
        let accept = accept.filter_map(|value| value.to_str().ok());
        let (text, kind) = if wants_open_metrics(&accept.collect::<Vec<_>>().join(",")) {
            (text, OPEN_METRICS)
        } else {
            (classic(&text), CLASSIC)
        };
        let mut response = Response::new(Full::from(text));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(VARY, HeaderValue::from_static("accept"));
        response
    }

    /// Whether every thread turns; the one that answers does.
    fn health(&self) -> Response<Full<Bytes>> {
        let rules = self.sources.live.now();
        let beats = self.beats.borrow();
        let checks = rules.upstreams().map(|(name, _)| Check {
            part: format!("hub {name}"),
            fault: beats.fault(self.now(), name),
        });
        judged(&checks.collect::<Vec<_>>(), health::all)
    }

    /// Whether some Asterisk is connected, or the one that is asked for. The ports were open before this one answered.
    fn readiness(&self, query: &str) -> Response<Full<Bytes>> {
        let rules = self.sources.live.now();
        let beats = self.beats.borrow();
        let wanted = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("upstream="));
        let upstreams = rules.upstreams();
        let checks = upstreams
            .filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name))
            .map(|(name, ways)| {
                let away = || (!ways.pulse.is_connected()).then(|| "not connected".to_owned());
                Check {
                    part: format!("upstream {name}"),
                    fault: beats.fault(self.now(), name).or_else(away),
                }
            })
            .collect::<Vec<_>>();
        if checks.is_empty() {
            return plain(StatusCode::NOT_FOUND, "there is no such upstream\n");
        }
        judged(&checks, health::any)
    }
}

fn judged(checks: &[Check], is_well: fn(&[Check]) -> bool) -> Response<Full<Bytes>> {
    let (is_well, text) = health::verdict(checks, is_well);
    let status = if is_well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    plain(status, text)
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
