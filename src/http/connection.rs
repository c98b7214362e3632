//! One connection: hyper speaks HTTP on it, and here it is seen to that it does not take for ever. A connection that is
//! idle is kept for `session_keep_alive`, a request must be whole within `session_inactivity`, and an answer must
//! be taken; while a request is being answered (`WaitEvent`, a stream of events) nothing is due.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;

use super::room::Place;
use crate::transport::socket::wait_for_client;

/// The least time that a connection has to begin its first request (`main/http.c`, `MIN_INITIAL_REQUEST_TIMEOUT`).
const FIRST_REQUEST_WITHIN: Duration = Duration::from_secs(10);

/// How long a client may take nothing of an answer.
pub(super) const STALLED_MAX: Duration = Duration::from_secs(120);

/// How long anything may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For a request, once it has begun.
    pub(super) inactivity: Duration,
    /// For the next request; zero: there is none.
    pub(super) keep_alive: Duration,
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing has come yet.
    Fresh,
    /// The next request may come.
    Idle,
    /// A request has begun.
    Request,
    /// A request is being answered.
    Answering,
}

/// Why a connection is to be ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overdue {
    /// No request came.
    Idle,
    /// A request began and did not go on.
    Request,
    /// The client does not take its answer.
    Stalled,
}

/// What a connection is doing, and since when.
#[derive(Debug)]
pub(super) struct Pulse {
    phase: Cell<Phase>,
    since: Cell<Instant>,
    /// Since when the socket has taken nothing.
    stalled: Cell<Option<Instant>>,
    /// The latest request was that of a session that has logged in.
    vouched: Cell<bool>,
    /// The first byte that came.
    first: Cell<Option<u8>>,
    place: Rc<Place>,
}

impl Pulse {
    pub(super) fn new(place: Rc<Place>) -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(Phase::Fresh),
            since: Cell::new(Instant::now()),
            stalled: Cell::new(None),
            vouched: Cell::new(false),
            first: Cell::new(None),
            place,
        })
    }

    /// HTTP can be spoken from now on.
    pub(super) fn begin(&self) {
        self.enter(Phase::Fresh);
    }

    fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(Instant::now());
        self.tell_place();
    }

    fn tell_place(&self) {
        let busy = self.phase.get() == Phase::Answering || self.stalled.get().is_some();
        self.place.set_idle(!(busy && self.vouched.get()));
    }

    /// The request under way is that of a session that has logged in: its connection gives way to no other.
    pub(super) fn vouch(&self) {
        self.vouched.set(true);
        self.tell_place();
    }

    /// The first byte that came.
    pub(super) const fn first(&self) -> Option<u8> {
        self.first.get()
    }

    /// The head of a request is whole; until the value is dropped, nothing is due.
    pub(super) fn answering(self: &Rc<Self>) -> Answering {
        self.vouched.set(false);
        self.enter(Phase::Answering);
        Answering(Rc::clone(self))
    }

    /// When this connection is to be ended, and why.
    pub(super) fn due(&self, patience: Patience) -> Option<(Instant, Overdue)> {
        if let Some(stalled) = self.stalled.get() {
            return Some((stalled + STALLED_MAX, Overdue::Stalled));
        }
        let since = self.since.get();
        match self.phase.get() {
            Phase::Fresh => {
                let within = patience.keep_alive.max(FIRST_REQUEST_WITHIN);
                Some((since + within, Overdue::Idle))
            }
            Phase::Idle => Some((since + patience.keep_alive, Overdue::Idle)),
            Phase::Request => Some((since + patience.inactivity, Overdue::Request)),
            Phase::Answering => None,
        }
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Answering(Rc<Pulse>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.enter(Phase::Idle);
    }
}

/// What has a TCP connection below it.
pub(super) trait Socket {
    /// That connection; `None` where there is none.
    fn socket(&self) -> Option<&TcpStream>;
}

impl Socket for TcpStream {
    fn socket(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

impl Socket for TlsStream<TcpStream> {
    fn socket(&self) -> Option<&TcpStream> {
        Some(self.get_ref().0)
    }
}

impl<S: Socket> Socket for Box<S> {
    fn socket(&self) -> Option<&TcpStream> {
        (**self).socket()
    }
}

/// A connection whose pulse is taken.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    pulse: Rc<Pulse>,
}

impl<S: Socket> Watched<S> {
    pub(super) const fn new(stream: S, pulse: Rc<Pulse>) -> Self {
        Self { stream, pulse }
    }

    fn written(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let stalled = self.pulse.stalled.get();
        let is_full = result.is_pending();
        if stalled.is_some() != is_full {
            self.pulse.stalled.set(is_full.then(Instant::now));
            self.pulse.tell_place();
            if let Some(socket) = self.stream.socket() {
                wait_for_client(socket, STALLED_MAX, is_full);
            }
        }
        result
    }
}

impl<S: AsyncRead + Unpin + Socket> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let result = Pin::new(&mut this.stream).poll_read(context, buffer);
        let begins = matches!(this.pulse.phase.get(), Phase::Fresh | Phase::Idle);
        let first = buffer.filled().get(before);
        if let Some(first) = first.filter(|_| begins) {
            this.pulse
                .first
                .set(this.pulse.first.get().or(Some(*first)));
            this.pulse.enter(Phase::Request);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin + Socket> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.written(result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.written(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::super::room::Room;
    use super::*;
    use crate::policy::host::Host;

    impl Socket for DuplexStream {
        fn socket(&self) -> Option<&TcpStream> {
            None
        }
    }

    const PATIENCE: Patience = Patience {
        inactivity: Duration::from_secs(30),
        keep_alive: Duration::from_secs(2),
    };

    /// What is due, and in how many seconds.
    fn due(pulse: &Pulse) -> Option<(u64, Overdue)> {
        let (at, overdue) = pulse.due(PATIENCE)?;
        // Less than half a second passes between a step and a look at it.
        let left = at.duration_since(Instant::now()) + Duration::from_millis(500);
        Some((left.as_secs(), overdue))
    }

    #[tokio::test]
    async fn what_is_due_follows_what_the_connection_does() {
        let (near, mut far) = duplex(8);
        let room = Room::default();
        let pulse = Pulse::new(Rc::new(room.enter(Host::V4(1), 1).unwrap()));
        let mut watched = Watched::new(near, Rc::clone(&pulse));
        assert_eq!(due(&pulse), Some((10, Overdue::Idle)));
        far.write_all(b"GET").await.unwrap();
        let mut read = [0; 3];
        watched.read_exact(&mut read).await.unwrap();
        let begun = pulse.due(PATIENCE);
        assert_eq!(due(&pulse), Some((30, Overdue::Request)));
        // More of it does not put it off.
        far.write_all(b" / ").await.unwrap();
        watched.read_exact(&mut read).await.unwrap();
        assert_eq!(pulse.due(PATIENCE), begun);
        let answering = pulse.answering();
        assert_eq!(due(&pulse), None);
        // The client takes eight bytes and then nothing.
        let write = tokio::time::timeout(Duration::from_millis(50), watched.write_all(&[0; 9]));
        assert!(write.await.is_err());
        assert_eq!(due(&pulse), Some((120, Overdue::Stalled)));
        let mut read = [0; 8];
        far.read_exact(&mut read).await.unwrap();
        watched.write_all(b"x").await.unwrap();
        assert_eq!(due(&pulse), None);
        drop(answering);
        assert_eq!(due(&pulse), Some((2, Overdue::Idle)));
        assert_eq!(pulse.first(), Some(b'G'));
    }

    #[tokio::test]
    async fn only_what_is_done_for_somebody_known_keeps_its_place() {
        let room = Room::default();
        let is_kept = || room.enter(Host::V4(2), 1).is_none();
        let start = || Pulse::new(Rc::new(room.enter(Host::V4(1), 1).unwrap()));
        let pulse = start();
        let answering = pulse.answering();
        pulse.vouch();
        assert!(is_kept());
        // Its answer is not taken yet.
        pulse.stalled.set(Some(Instant::now()));
        drop(answering);
        assert!(is_kept());
        pulse.stalled.set(None);
        pulse.tell_place();
        assert!(!is_kept(), "idle");
        let pulse = start();
        assert!(!is_kept(), "fresh");
        drop(pulse);
        let pulse = start();
        let answering = pulse.answering();
        pulse.vouch();
        drop(answering);
        // The next request is a stranger's until somebody is known again.
        let answering = pulse.answering();
        assert!(!is_kept(), "a stranger's");
        drop(answering);
    }
}
