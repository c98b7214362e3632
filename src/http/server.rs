//! The server: accepts connections, with or without TLS, and gives each to hyper in a task of its own.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::BytesMut;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::connection::{Overdue, Patience, Pulse, STALLED_MAX, Socket, Watched};
use super::page::ErrorPage;
use super::room::{Place, Room};
use super::site::{HEADERS_MAX, Peer, Site};
use crate::config::settings::Http;
use crate::hub::limit::Limit;
use crate::policy::host::Host;
use crate::session::entrance::certificate;
use crate::session::gate::Gate;
use crate::session::refusal_log::ConnectionLines;
use crate::transport::accept::accept;
use crate::transport::socket::{prepare_client, wait_for_client};

/// Most connections that have given way and are not closed yet.
const CLOSING_MAX: usize = 16;

/// What is logged of one that has given way.
const GAVE_WAY: &str = "sessionlimit of [http] reached, a later one took its place";

/// The first byte of a connection that begins with TLS (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 22;

/// Bytes of a request's head at most. Asterisk has no bound of its own but that of lines and their number.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long requests that are under way may take when amimux ends.
const END_WITHIN: Duration = Duration::from_secs(3);

/// How long a closed client may go on sending before it is cut off.
const LINGER: Duration = Duration::from_secs(1);

/// Bytes that a closed client may go on sending before it is cut off.
const LINGER_BYTES: u64 = 256 * 1024;

/// Connections that the system holds for a port, and that are still taken when it is closed.
const BACKLOG_MAX: usize = 1024;

/// A time that is never reached.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// A port that is served.
#[derive(Debug)]
pub struct Port {
    /// Where connections come from. It does not block.
    pub listener: std::net::TcpListener,
    /// Whether it is HTTPS. Each connection gets what the settings say when it comes.
    pub encrypted: bool,
    /// Cancelled when nobody is accepted any more.
    pub closed: CancellationToken,
}

/// Everything that the server needs.
#[derive(Debug)]
pub struct Server {
    /// `[http]` as it is at the start.
    pub http: Arc<Http>,
    /// What logins are decided with, and what is in force.
    pub gate: Gate,
}

struct Shared {
    site: Rc<Site>,
    room: Room,
    lines: ConnectionLines,
    cancel: CancellationToken,
}

impl Server {
    /// Serves the ports that come until `cancel`, and then for as long as requests are under way, but not for ever. Wants a `LocalSet`.
    ///
    /// Cancel safe: connections are dropped with the `LocalSet`.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub async fn run(
        self,
        mut ports: mpsc::Receiver<Port>,
        cancel: CancellationToken,
    ) -> Result<(), getrandom::Error> {
        let shared = Rc::new(Shared {
            room: Room::default(),
            lines: ConnectionLines::default(),
            cancel: cancel.clone(),
            site: Site::new(self.http, self.gate)?,
        });
        let sessions = Rc::clone(&shared.site.sessions);
        tokio::task::spawn_local(async move { sessions.run_timer().await });
        let mut live = shared.site.gate.live.clone();
        loop {
            tokio::select! {
                () = cancel.cancelled() => break,
                () = live.changed() => shared.site.sessions.follow(&live.now()),
                Some(port) = ports.recv() => {
                    tokio::task::spawn_local(Rc::clone(&shared).accept(port));
                }
            }
        }
        let deadline = Instant::now() + END_WITHIN;
        while !shared.room.is_empty() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // The hubs may live on: what stood for these sessions there goes.
        shared.site.sessions.end_all();
        while !shared.site.sessions.is_settled() && Instant::now() < deadline + END_WITHIN {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

impl Shared {
    async fn accept(self: Rc<Self>, port: Port) {
        let listener = match TcpListener::from_std(port.listener) {
            Ok(listener) => listener,
            Err(error) => return error!(%error, "a port of HTTP cannot be served"),
        };
        let mut left = BACKLOG_MAX;
        while left > 0 {
            let accepted = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return,
                // Whoever has connected before the port is closed is dealt with.
                accepted = accept(&listener) => accepted,
                () = port.closed.cancelled() => return,
            };
            left -= usize::from(port.closed.is_cancelled());
            let (stream, remote) = accepted;
            let Some(place) = self.admit(remote) else {
                continue;
            };
            // Those that have given way go before more come: accepting is quicker than closing.
            while self.room.closing() > CLOSING_MAX {
                tokio::task::yield_now().await;
            }
            let tls = match (port.encrypted, &self.site.http().tls) {
                (false, _) => None,
                (true, Some(listener)) => Some(Arc::clone(&listener.tls)),
                // It came to a port that is being closed.
                (true, None) => continue,
            };
            let shared = Rc::clone(&self);
            tokio::task::spawn_local(async move {
                let place = Rc::new(place);
                tokio::select! {
                    biased;
                    () = place.is_needed() => {
                        shared.site.gate.limits.count(Limit::HttpConnections);
                        shared.refuse(remote, GAVE_WAY);
                    }
                    () = shared.receive(stream, remote, tls, &place) => {}
                }
            });
        }
    }

    /// Whether one more may connect from there; if not, that is logged.
    fn admit(&self, remote: SocketAddr) -> Option<Place> {
        let rules = self.site.gate.live.now();
        if !rules.general.acl.allows(remote.ip()) {
            let reason = "the address is denied by the access control list of [general]";
            self.refuse(remote, reason);
            return None;
        }
        let limit = self.site.http().connection_limit;
        let place = self.room.enter(Host::at(remote.ip()), limit);
        if place.is_none() {
            self.site.gate.limits.count(Limit::HttpConnections);
            self.refuse(remote, "sessionlimit of [http] reached");
        }
        place
    }

    /// How long connections are waited for that come now.
    fn patience(&self) -> Patience {
        let http = self.site.http();
        Patience {
            inactivity: http.inactivity,
            keep_alive: http.keep_alive,
        }
    }

    fn refuse(&self, remote: SocketAddr, reason: &str) {
        let now = self.site.gate.clock.now().since_start;
        self.lines.refused(now, remote.ip(), reason);
    }

    async fn receive(
        &self,
        stream: TcpStream,
        remote: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        place: &Rc<Place>,
    ) {
        prepare_client(&stream);
        wait_for_client(&stream, STALLED_MAX, false);
        let Ok(local) = stream.local_addr() else {
            return;
        };
        let peer = Peer {
            local,
            remote,
            tls: tls.is_some(),
            certificate: None,
            pulse: Pulse::new(Rc::clone(place)),
        };
        let Some(tls) = tls else {
            return self.serve(stream, peer).await;
        };
        // Both are large, and connections without TLS shall not take room for them.
        let shaken = Box::pin(self.shake_hands(stream, remote, tls)).await;
        if let Some((stream, certificate)) = shaken {
            let peer = Peer {
                certificate,
                ..peer
            };
            Box::pin(self.serve(stream, peer)).await;
        }
    }

    /// Makes the handshake of TLS; returns the names in the client's certificate, too. A failure is logged.
    async fn shake_hands(
        &self,
        stream: TcpStream,
        remote: SocketAddr,
        tls: Arc<ServerConfig>,
    ) -> Option<(Box<TlsStream<TcpStream>>, Option<Rc<[String]>>)> {
        let handshake = TlsAcceptor::from(tls).accept(stream);
        match tokio::time::timeout(self.patience().inactivity, handshake).await {
            Ok(Ok(stream)) => {
                let (_, tls) = stream.get_ref();
                let shown = tls.peer_certificates().and_then(<[_]>::first);
                let certificate = shown.map(|shown| certificate::names(shown).into());
                return Some((Box::new(stream), certificate));
            }
            Ok(Err(error)) => {
                let reason = format!("the TLS handshake failed: {error}");
                self.refuse(remote, &reason);
            }
            Err(_) => self.refuse(remote, "the TLS handshake did not end in time"),
        }
        None
    }

    /// Speaks HTTP until the connection is over.
    async fn serve<S: AsyncRead + AsyncWrite + Socket + Unpin + 'static>(
        &self,
        stream: S,
        peer: Peer,
    ) {
        let pulse = Rc::clone(&peer.pulse);
        pulse.begin();
        let watched = Watched::new(stream, Rc::clone(&pulse));
        let peer = Rc::new(peer);
        let (site, asking) = (Rc::clone(&self.site), Rc::clone(&peer));
        let service = service_fn(move |request| {
            let answering = asking.pulse.answering();
            let (site, peer) = (Rc::clone(&site), Rc::clone(&asking));
            Box::pin(async move {
                let mut reply = site.serve(&peer, request).await;
                super::reply::answering(&mut reply, answering);
                Ok::<_, Infallible>(reply)
            })
        });
        let patience = self.patience();
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // Its own would end a connection without a word.
            .header_read_timeout(None)
            .keep_alive(!patience.keep_alive.is_zero())
            .max_headers(HEADERS_MAX + 28)
            .max_buf_size(HEAD_BYTES_MAX)
            .title_case_headers(true)
            .serve_connection(TokioIo::new(watched), service);
        let mut due = Box::pin(tokio::time::sleep(NEVER));
        let mut cancelled = Box::pin(self.cancel.cancelled());
        let mut ending = false;
        let overdue = poll_fn(|context| {
            if !ending && cancelled.as_mut().poll(context).is_ready() {
                ending = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            if connection.poll_without_shutdown(context).is_ready() {
                return Poll::Ready(None);
            }
            let next = pulse.due(patience);
            let at = next.map_or_else(|| Instant::now() + NEVER, |(at, _)| at);
            if next.is_some() || due.deadline() < Instant::now() + NEVER / 2 {
                due.as_mut().reset(at);
            }
            match (due.as_mut().poll(context), next) {
                (Poll::Ready(()), Some((_, overdue))) => Poll::Ready(Some(overdue)),
                _ => Poll::Pending,
            }
        })
        .await;
        if !peer.tls && pulse.first() == Some(TLS_HANDSHAKE) {
            self.refuse(peer.remote, "TLS on the port for plain HTTP");
        }
        let mut stream = connection.into_parts().io.into_inner();
        let farewell = async {
            if overdue == Some(Overdue::Request) {
                let page = self.too_slow();
                stream.write_all(&page).await?;
            }
            stream.shutdown().await?;
            // What is closed with input unread is reset, and the client may lose the answer.
            let mut rest = (&mut stream).take(LINGER_BYTES);
            tokio::io::copy(&mut rest, &mut tokio::io::sink()).await
        };
        // Whoever takes no more gets no more.
        let _ = tokio::time::timeout(LINGER, farewell).await;
    }

    /// What is sent to one that began a request and did not go on: hyper does not speak there.
    fn too_slow(&self) -> BytesMut {
        let mut page = BytesMut::new();
        let http = self.site.http();
        let name = http.server_name.as_deref();
        ErrorPage::new(400, "Bad Request", "Request timed out").write(name, &mut page);
        let head = format!(
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            page.len()
        );
        let mut answer = BytesMut::from(head.as_bytes());
        answer.extend_from_slice(&page);
        answer
    }
}
