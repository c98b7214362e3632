//! The contestant beside amimux for HTTP: hyper as it comes, with answers that are constants. A request for `WaitEvent`
//! waits until the source has sent something; whoever follows events is sent every event as it came, with no more around
//! it than makes it a stream of them.

use std::cell::RefCell;
use std::convert::Infallible;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;

use crate::contestants::listen;
use crate::event::EVENT_BYTES;

/// Events that may wait for one who follows.
const QUEUE_EVENTS: usize = 1024;

/// About as long as amimux's answer to a Ping is.
const PONG: &[u8] = b"Response: Success\r\nPing: Pong\r\nTimestamp: 1760000000.000000\r\n\r\n";

/// A body that is whole, or what comes.
enum Content {
    Whole(Option<Bytes>),
    Stream(mpsc::Receiver<Bytes>),
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let data = match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take()),
            Self::Stream(events) => events.poll_recv(context),
        };
        data.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                hyper::body::SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Self::Stream(_) => hyper::body::SizeHint::default(),
        }
    }
}

/// What all connections share.
struct Shared {
    /// How many events there were.
    events: watch::Sender<u64>,
    followers: RefCell<Vec<mpsc::Sender<Bytes>>>,
}

/// Serves until the source ends.
pub(crate) async fn serve(source: u16) -> anyhow::Result<()> {
    let listener = listen()?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let shared = Rc::new(Shared {
        events: watch::Sender::new(0),
        followers: RefCell::default(),
    });
    let accepting = Rc::clone(&shared);
    let work = async move {
        tokio::task::spawn_local(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let _ = socket.set_nodelay(true);
                let shared = Rc::clone(&accepting);
                tokio::task::spawn_local(async move {
                    let service = service_fn(|request| answer(Rc::clone(&shared), request));
                    let connection =
                        http1::Builder::new().serve_connection(TokioIo::new(socket), service);
                    // One that breaks is a client that has gone.
                    let _ = connection.await;
                });
            }
        });
        read(source, &shared).await
    };
    LocalSet::new().run_until(work).await
}

async fn read(source: u16, shared: &Shared) -> anyhow::Result<()> {
    let mut source = tokio::net::TcpStream::connect(("127.0.0.1", source)).await?;
    let mut input = BytesMut::new();
    while source.read_buf(&mut input).await? > 0 {
        while input.len() >= EVENT_BYTES {
            let event = input.split_to(EVENT_BYTES);
            let line = [&b"data: "[..], &*event, b"\n"].concat();
            let line = Bytes::from(line);
            for follower in &*shared.followers.borrow() {
                // One that is missed is missed in the count as well.
                let _ = follower.try_send(line.clone());
            }
            shared.events.send_modify(|count| *count += 1);
        }
    }
    Ok(())
}

async fn answer(
    shared: Rc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Content>, Infallible> {
    let uri = request.uri();
    if uri.path().ends_with("events") {
        let (sender, receiver) = mpsc::channel(QUEUE_EVENTS);
        shared.followers.borrow_mut().push(sender);
        return Ok(Response::new(Content::Stream(receiver)));
    }
    if uri.query().is_some_and(|query| query.contains("waitevent")) {
        // hyper's buffer, in which the request lies, is not needed for that.
        drop(request);
        // The sender is there as long as the program.
        let _ = shared.events.subscribe().changed().await;
    }
    let whole = Content::Whole(Some(Bytes::from_static(PONG)));
    let mut response = Response::new(whole);
    let cookie = hyper::header::HeaderValue::from_static("mansession_id=\"1\"; Version=1");
    response
        .headers_mut()
        .insert(hyper::header::SET_COOKIE, cookie);
    Ok(response)
}
