//! The readers of a fan-out run: one thread with a socket for each client. They count, look at one event of each
//! read, and do nothing else, so that their own cost stays small.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::task::ready;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::Semaphore;
use tokio::task::LocalSet;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::client::{Socket, Target};
use crate::event::{EVENT_BYTES, Epoch, KINDS, find_first, read_stamp};
use crate::window::{Progress, Window};

/// Bytes of one read at most.
const READ_BYTES: usize = 256 * 1024;

/// Clients that connect and log in at a time.
const CONNECTING_MAX: usize = 32;

/// Latencies kept; a run makes fewer.
const SAMPLES_MAX: usize = 8_000_000;

/// Bytes before the first event at most.
const PROLOGUE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How long all of them may take to connect and log in.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// One reader's part.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// The user to log in as, if at all.
    pub(crate) user: Option<String>,
    /// The kind of event that it is not sent, if any.
    pub(crate) missing: Option<u64>,
}

/// What the tasks share.
struct Shared {
    buffer: RefCell<Vec<u8>>,
    progress: RefCell<Progress>,
    /// Nanoseconds.
    latencies: RefCell<Vec<u32>>,
    window: Arc<Window>,
    epoch: Epoch,
    block_events: u64,
}

/// One stream of events, as far as it has come.
struct Stream {
    missing: Option<u64>,
    bytes: u64,
    block: u64,
    /// Bytes at which the block ends.
    block_end: u64,
    block_bytes: u64,
}

impl Stream {
    fn new(missing: Option<u64>, block_events: u64) -> Self {
        let kinds = KINDS - u64::from(missing.is_some());
        let block_bytes = block_events / KINDS * kinds * EVENT_BYTES as u64;
        Self {
            missing,
            bytes: 0,
            block: 0,
            block_end: block_bytes,
            block_bytes,
        }
    }

    /// The sequence number of the event that is at this place in the stream.
    fn expected(&self, index: u64) -> u64 {
        let Some(missing) = self.missing else {
            return index;
        };
        let (turn, place) = (index / (KINDS - 1), index % (KINDS - 1));
        turn * KINDS + place + u64::from(place >= missing)
    }

    fn take(&mut self, bytes: &[u8], shared: &Shared) -> anyhow::Result<()> {
        let event = EVENT_BYTES as u64;
        let index = self.bytes.div_ceil(event);
        let skip = usize::try_from(index * event - self.bytes)?;
        if let Some(first) = bytes.get(skip..skip + EVENT_BYTES) {
            let (sequence, time) = read_stamp(first).context("a client was sent a broken event")?;
            let expected = self.expected(index);
            if sequence != expected {
                bail!("a client was sent event {sequence} in the place of {expected}");
            }
            let mut latencies = shared.latencies.borrow_mut();
            if latencies.len() < SAMPLES_MAX {
                let latency = shared.epoch.nanoseconds().saturating_sub(time);
                latencies.push(u32::try_from(latency).unwrap_or(u32::MAX));
            }
        }
        self.bytes += bytes.len() as u64;
        while self.bytes >= self.block_end {
            shared
                .progress
                .borrow_mut()
                .passed(self.block, &shared.window);
            self.block += 1;
            self.block_end += self.block_bytes;
        }
        Ok(())
    }
}

/// Readers at work, until dropped or finished.
#[derive(Debug)]
pub(crate) struct Readers {
    thread: JoinHandle<anyhow::Result<Vec<u32>>>,
    cancel: DropGuard,
    ready: mpsc::Receiver<()>,
}

impl Readers {
    /// Connects all of them.
    pub(crate) fn start(
        target: Target,
        parts: Vec<Part>,
        window: &Arc<Window>,
        epoch: Epoch,
        block_events: u64,
    ) -> anyhow::Result<Self> {
        let cancel = CancellationToken::new();
        let (sender, ready) = mpsc::channel();
        let (token, window) = (cancel.clone(), Arc::clone(window));
        let thread = std::thread::Builder::new()
            .name("readers".to_owned())
            .spawn(move || {
                let shared = Rc::new(Shared {
                    buffer: RefCell::new(vec![0; READ_BYTES]),
                    progress: RefCell::new(Progress::new(parts.len())),
                    latencies: RefCell::default(),
                    window,
                    epoch,
                    block_events,
                });
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()?;
                let all = run_all(target, parts, Rc::clone(&shared), sender, token);
                LocalSet::new().block_on(&runtime, all);
                Ok(shared.latencies.take())
            })?;
        Ok(Self {
            thread,
            cancel: cancel.drop_guard(),
            ready,
        })
    }

    /// Waits until all are connected and logged in.
    pub(crate) fn wait_until_ready(&self) -> anyhow::Result<()> {
        let ready = self.ready.recv_timeout(READY_WITHIN);
        ready.context("the clients could not connect and log in")
    }

    /// Ends them; returns the latencies seen, in nanoseconds.
    pub(crate) fn finish(self) -> anyhow::Result<Vec<u32>> {
        drop(self.cancel);
        let joined = self.thread.join();
        joined.unwrap_or_else(|_| bail!("the readers panicked"))
    }
}

async fn run_all(
    target: Target,
    parts: Vec<Part>,
    shared: Rc<Shared>,
    ready: mpsc::Sender<()>,
    cancel: CancellationToken,
) {
    let turns = Rc::new(Semaphore::new(CONNECTING_MAX));
    let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
    let connected = Rc::new(Semaphore::new(0));
    for part in parts {
        let (shared, turns) = (Rc::clone(&shared), Rc::clone(&turns));
        let (connected, target) = (Rc::clone(&connected), target.clone());
        tokio::task::spawn_local(async move {
            if let Err(error) = read(&target, part, &shared, &turns, &connected).await {
                shared.window.fail(&format!("{error:#}"));
            }
        });
    }
    let all = async {
        if connected.acquire_many(count).await.is_ok() {
            let _ = ready.send(());
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = cancel.cancelled() => {}
        () = all => {}
    }
}

async fn read(
    target: &Target,
    part: Part,
    shared: &Shared,
    turns: &Semaphore,
    connected: &Semaphore,
) -> anyhow::Result<()> {
    let turn = turns.acquire().await?;
    let (mut socket, mut prologue) = match &part.user {
        Some(user) => target.log_in(user).await?,
        None => (target.connect().await?, Vec::new()),
    };
    drop(turn);
    connected.add_permits(1);
    let mut stream = Stream::new(part.missing, shared.block_events);
    let mut started = false;
    loop {
        next_read(&mut socket, shared, |bytes| {
            if started {
                return stream.take(bytes, shared);
            }
            prologue.extend_from_slice(bytes);
            if prologue.len() > PROLOGUE_BYTES_MAX {
                bail!("a client was sent something else than events");
            }
            if let Some(first) = find_first(&prologue) {
                started = true;
                return stream.take(prologue.get(first..).unwrap_or_default(), shared);
            }
            Ok(())
        })
        .await?;
    }
}

/// One read into the buffer that all share.
async fn next_read(
    socket: &mut Socket,
    shared: &Shared,
    mut each: impl FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    std::future::poll_fn(|context| {
        let mut buffer = shared.buffer.borrow_mut();
        let mut read = ReadBuf::new(&mut buffer);
        let outcome = ready!(std::pin::Pin::new(&mut *socket).poll_read(context, &mut read));
        std::task::Poll::Ready(match outcome {
            Ok(()) if read.filled().is_empty() => Err(anyhow::anyhow!("a client was disconnected")),
            Ok(()) => each(read.filled()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                Err(anyhow::anyhow!("a client was disconnected"))
            }
            Err(error) => Err(error.into()),
        })
    })
    .await
}
