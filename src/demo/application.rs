//! One of the demo's applications: an AMI client that logs in, asks something now and then, and counts what it receives.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::protocol::frame::{Frame, FrameKind};
use crate::protocol::upstream_framer::{Step, UpstreamFramer};

/// How often the application asks something.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// The longest message that the demo expects.
const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// What an application has received.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) events: u64,
    pub(super) responses: u64,
    pub(super) bytes: u64,
}

/// An application.
#[derive(Debug)]
pub(super) struct Application {
    pub(super) name: &'static str,
    pub(super) purpose: &'static str,
    counts: Cell<Counts>,
}

impl Application {
    pub(super) fn new(name: &'static str, purpose: &'static str) -> Self {
        Self {
            name,
            purpose,
            counts: Cell::default(),
        }
    }

    /// What it has received so far.
    pub(super) fn counts(&self) -> Counts {
        self.counts.get()
    }

    /// Connects and counts until the connection ends.
    pub(super) async fn run(self: Rc<Self>, address: SocketAddr, secret: &'static str) {
        if let Err(error) = self.converse(address, secret).await {
            tracing::debug!(application = self.name, %error, "ended");
        }
    }

    async fn converse(&self, address: SocketAddr, secret: &str) -> std::io::Result<()> {
        let stream = TcpStream::connect(address).await?;
        let (mut reader, mut writer) = stream.into_split();
        let login = format!(
            "Action: Login\r\nActionID: login\r\nUsername: {}\r\nSecret: {secret}\r\n\r\n",
            self.name
        );
        writer.write_all(login.as_bytes()).await?;
        let mut framer = UpstreamFramer::new(FRAME_BYTES_MAX);
        let mut input = BytesMut::new();
        let mut ask = tokio::time::interval(ASK_EVERY);
        let mut greeted = false;
        loop {
            tokio::select! {
                read = reader.read_buf(&mut input) => if read? == 0 { return Ok(()) },
                _ = ask.tick() => writer.write_all(self.question().as_bytes()).await?,
            }
            if !greeted {
                let Some(end) = memchr::memchr(b'\n', &input) else {
                    continue;
                };
                input.advance(end + 1);
                greeted = true;
            }
            self.count(&mut framer, &mut input);
        }
    }

    /// What it asks: something that it may, at least from time to time.
    fn question(&self) -> &'static str {
        match self.name {
            "crm" => "Action: Ping\r\nActionID: 1\r\n\r\n",
            "wallboard" => "Action: QueueStatus\r\nActionID: 1\r\n\r\n",
            "billing" => "Action: CoreStatus\r\nActionID: 1\r\n\r\n",
            _ => "Action: CoreShowChannels\r\nActionID: 1\r\n\r\n",
        }
    }

    fn count(&self, framer: &mut UpstreamFramer, input: &mut BytesMut) {
        let mut counts = self.counts.get();
        loop {
            match framer.next(input) {
                Step::Incomplete => break,
                Step::Skip(length) | Step::Oversized { length } => input.advance(length),
                Step::Frame { length } => {
                    let kind = Frame::new(input.get(..length).unwrap_or_default()).kind();
                    match kind {
                        FrameKind::Event => counts.events += 1,
                        FrameKind::Response | FrameKind::Other => counts.responses += 1,
                    }
                    counts.bytes += length as u64;
                    input.advance(length);
                }
            }
        }
        self.counts.set(counts);
    }
}
