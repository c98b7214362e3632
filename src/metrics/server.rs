//! The port for Prometheus: `GET /metrics` and nothing else. Whoever reaches the port may read; it belongs on loopback
//! or on a network for monitoring.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Sources;
use crate::transport::accept::accept;

/// Connections at a time; further ones wait.
const CONNECTIONS_MAX: usize = 8;

/// How long a request may take to come, and an idle connection may stay.
const REQUEST_WITHIN: Duration = Duration::from_secs(10);

/// How long a connection may live: one that reads nothing does not keep its place.
const CONNECTION_MAX: Duration = Duration::from_secs(600);

/// Serves until `cancel`. Wants a `LocalSet`.
///
/// Cancel safe: connections end with the `LocalSet`.
pub async fn serve(listener: TcpListener, sources: Sources, cancel: CancellationToken) {
    let sources = Rc::new(sources);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let (socket, _) = tokio::select! {
            () = cancel.cancelled() => return,
            accepted = accept(&listener) => accepted,
        };
        let sources = Rc::clone(&sources);
        tokio::task::spawn_local(async move {
            let answered = answer(socket, sources);
            let _ = tokio::time::timeout(CONNECTION_MAX, answered).await;
            drop(place);
        });
    }
}

async fn answer(socket: TcpStream, sources: Rc<Sources>) {
    let service = service_fn(|request| {
        let response = respond(&request, &sources);
        async move { Ok::<_, Infallible>(response) }
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

fn respond<B>(request: &Request<B>, sources: &Sources) -> Response<Full<Bytes>> {
    if request.uri().path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "the metrics are at /metrics\n");
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let Ok(text) = sources.text() else {
        return plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the metrics cannot be written\n",
        );
    };
    let mut response = Response::new(Full::from(text));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(super::CONTENT_TYPE));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}
