//! The tokio shell around the connection to Asterisk: connects, reads as long as there is something, writes
//! what the hub has, and connects again. It decides nothing; when and why is the hub's affair. `tls` makes the
//! handshake, and says what to do when it fails.

mod tls;

use std::io::ErrorKind;
use std::net::TcpStream as StdTcpStream;
use std::rc::Rc;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use crate::config::settings::Upstream;
use crate::hub::SETTINGS_CHANGED;
use crate::session::shell::Shell;
use crate::transport::socket::prepare;
use crate::transport::stream::Stream;

/// Bytes read from Asterisk in one turn at most; then what came is delivered.
const TURN_BYTES: usize = 256 * 1024;

/// Room made for each read.
const READ_BYTES: usize = 64 * 1024;

impl Shell {
    /// The task that keeps the connection to Asterisk, until it is handed over to another process. `standing`: the
    /// connection on which the hub is logged in already, if it came from another process.
    ///
    /// Cancel safe: the connection is closed when it is dropped.
    pub async fn run_upstream(self: Rc<Self>, standing: Option<StdTcpStream>) {
        let handed_over = self.handed_over();
        tokio::select! {
            biased;
            () = handed_over => {}
            () = self.keep_connected(standing) => {}
        }
    }

    async fn keep_connected(self: &Rc<Self>, standing: Option<StdTcpStream>) {
        if let Some(socket) = standing {
            let cause = match take_back(socket) {
                Ok(stream) => self.converse(stream, true).await,
                Err(error) => describe(&error),
            };
            self.lose(&cause);
        }
        loop {
            self.pause().await;
            let upstream = Arc::clone(self.hub.borrow().upstream());
            let connected = tokio::select! {
                connected = connect(&upstream) => connected,
                () = self.outdated(&upstream) => Err(SETTINGS_CHANGED.to_owned()),
            };
            let cause = match connected {
                Ok(stream) => self.converse(stream, false).await,
                Err(cause) => cause,
            };
            self.lose(&cause);
        }
    }

    fn lose(self: &Rc<Self>, cause: &str) {
        *self.upstream.borrow_mut() = None;
        let now = self.now();
        self.hub.borrow_mut().upstream_lost(now, cause);
        self.settle();
    }

    /// Until it is time to connect, which a reload may change.
    async fn pause(&self) {
        loop {
            let at = self.hub.borrow().reconnect_at();
            let Some(at) = at.filter(|at| *at > self.now().since_start) else {
                return;
            };
            tokio::select! {
                () = tokio::time::sleep_until(self.clock.instant(at)) => {}
                () = self.upstream_wake.notified() => {}
            }
        }
    }

    /// Until a reload has changed where or as whom to connect.
    async fn outdated(&self, upstream: &Upstream) {
        while self.hub.borrow().upstream().connects_like(upstream) {
            self.upstream_wake.notified().await;
        }
    }

    /// Talks to Asterisk until the connection ends; returns why it did. `stands`: the hub is logged in on it already.
    async fn converse(self: &Rc<Self>, stream: Stream, stands: bool) -> String {
        let stream = Rc::new(stream);
        *self.upstream.borrow_mut() = Some(Rc::clone(&stream));
        if !stands {
            let now = self.now();
            self.hub.borrow_mut().upstream_connected(now);
        }
        self.settle();
        loop {
            let writes = !self.hub.borrow_mut().outbound().is_empty() || is_waiting(&stream);
            self.upstream_writes.set(writes);
            let read = tokio::select! {
                ready = stream.readable() => match ready {
                    Ok(()) => self.read_turn(&stream),
                    Err(error) => Err(describe(&error)),
                },
                _ = stream.writable(), if writes => Ok(()),
                () = self.upstream_wake.notified() => Ok(()),
            };
            self.settle();
            let dropped = self.hub.borrow_mut().drop_requested();
            match (dropped, read) {
                (Some(cause), _) | (None, Err(cause)) => return cause,
                (None, Ok(())) => {}
            }
        }
    }

    /// Reads until there is nothing more, or the turn is full, and hands it to the hub.
    fn read_turn(self: &Rc<Self>, stream: &Stream) -> Result<(), String> {
        let mut hub = self.hub.borrow_mut();
        let mut total = 0;
        let ended = loop {
            let inbound = hub.inbound();
            inbound.reserve(READ_BYTES);
            let room = inbound.capacity() - inbound.len();
            match stream.try_read_buf(inbound) {
                Ok(0) => break Err("Asterisk closed the connection".to_owned()),
                Ok(read) => {
                    total += read;
                    if read < room && stream.is_drained() {
                        break Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break Ok(()),
                Err(error) => break Err(describe(&error)),
            }
            if total >= TURN_BYTES {
                break Ok(());
            }
        };
        if total > 0 {
            let now = self.clock.now();
            hub.upstream_received(now);
            let took = self.clock.now().since_start;
            hub.count_turn(took.saturating_sub(now.since_start));
        }
        ended
    }
}

/// The connection that another process had.
fn take_back(socket: StdTcpStream) -> std::io::Result<Stream> {
    socket.set_nonblocking(true)?;
    Ok(Stream::plain(TcpStream::from_std(socket)?))
}

/// Whether encrypted bytes wait until the socket takes more.
fn is_waiting(stream: &Stream) -> bool {
    let flushed = stream.try_flush();
    flushed.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// An error of the system, in words; its number means nothing to a person.
fn describe(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(_) => error.kind().to_string(),
        None => error.to_string(),
    }
}

/// Connects, with TLS where it is wanted, within the configured time for both.
async fn connect(upstream: &Upstream) -> Result<Stream, String> {
    let target = (upstream.host.as_str(), upstream.port);
    let name = format!("{}:{}", upstream.host, upstream.port);
    let seconds = upstream.connect_timeout.as_secs_f32();
    let deadline = Instant::now() + upstream.connect_timeout;
    let stream = match timeout_at(deadline, TcpStream::connect(target)).await {
        Ok(Ok(socket)) => Stream::plain(socket),
        Ok(Err(error)) => return Err(format!("cannot connect to {name}: {}", describe(&error))),
        Err(_) => return Err(format!("cannot connect to {name} within {seconds} s")),
    };
    prepare(stream.socket());
    let Some(tls) = &upstream.tls else {
        return Ok(stream);
    };
    match timeout_at(deadline, tls::secure(stream, tls)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(cause)) => Err(format!("no TLS with {name}: {cause}")),
        Err(_) => Err(format!(
            "no TLS with {name} within {seconds} s: is that the port of tlsbindaddr in Asterisk's manager.conf?"
        )),
    }
}
