//! The simulated PBX on a TCP listener: a thin shell of tokio around [`Pbx`], which does all the thinking.
//!
//! One task ticks the PBX when something is due; each connection has a task that writes what waits for it and reads
//! what comes. [`PbxHandle`] lets a test look into the PBX and disturb it while it serves.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{ConnectionId, Pbx};

/// Most bytes written at once; the rest stays with the PBX, which bounds it.
const WRITE_BYTES_MAX: usize = 256 * 1024;
const READ_BYTES: usize = 64 * 1024;

/// Serves `pbx` on `listener` until `cancel`. To reach the PBX meanwhile, make a [`PbxHandle`] and use its `serve`.
///
/// # Errors
///
/// When the listener cannot accept any more.
pub async fn serve(listener: TcpListener, pbx: Pbx, cancel: CancellationToken) -> io::Result<()> {
    PbxHandle::new(pbx).serve(listener, cancel).await
}

/// A PBX that is served, or is going to be. Clones share it.
#[derive(Debug, Clone)]
pub struct PbxHandle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pbx: Mutex<Pbx>,
    /// Wakes the tasks of the connections.
    wakers: Mutex<HashMap<ConnectionId, Arc<Notify>>>,
    /// Wakes the ticking task, because something may be due earlier.
    changed: Notify,
    start: Instant,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PbxHandle {
    /// A handle; the time of the PBX begins now.
    pub fn new(pbx: Pbx) -> Self {
        Self {
            shared: Arc::new(Shared {
                pbx: Mutex::new(pbx),
                wakers: Mutex::default(),
                changed: Notify::new(),
                start: Instant::now(),
            }),
        }
    }

    /// Does something with the PBX and its present time, then sends what came of it.
    pub fn with<R>(&self, act: impl FnOnce(&mut Pbx, Duration) -> R) -> R {
        let now = self.shared.start.elapsed();
        let (result, pending) = {
            let mut pbx = lock(&self.shared.pbx);
            let result = act(&mut pbx, now);
            (result, pbx.pending().collect::<Vec<_>>())
        };
        if !pending.is_empty() {
            let wakers = lock(&self.shared.wakers);
            for waker in pending.iter().filter_map(|id| wakers.get(id)) {
                waker.notify_one();
            }
        }
        self.shared.changed.notify_one();
        result
    }

    /// Serves on `listener` until `cancel`, then closes every connection.
    ///
    /// # Errors
    ///
    /// When the listener cannot accept any more.
    pub async fn serve(&self, listener: TcpListener, cancel: CancellationToken) -> io::Result<()> {
        let mut tasks = JoinSet::new();
        tasks.spawn(self.clone().tick());
        loop {
            tokio::select! {
                () = cancel.cancelled() => return Ok(()),
                accepted = listener.accept() => {
                    let (stream, _) = accepted?;
                    tasks.spawn(self.clone().connection(stream));
                }
                // Finished tasks are taken away; the ticking one never finishes.
                _ = tasks.join_next() => {}
            }
        }
    }

    /// Ticks the PBX whenever something is due, at most a thousand times a second.
    async fn tick(self) {
        const GRAIN: Duration = Duration::from_millis(1);
        // Counted from the last tick, not from now: whoever disturbs the PBX all the time must not stop its clock.
        let mut earliest = self.shared.start;
        loop {
            let deadline = lock(&self.shared.pbx).next_deadline();
            match deadline {
                Some(deadline) => {
                    let due = self.shared.start + deadline;
                    tokio::select! {
                        () = tokio::time::sleep_until(due.max(earliest)) => {
                            earliest = Instant::now() + GRAIN;
                            self.with(|pbx, now| pbx.tick(now));
                        }
                        () = self.shared.changed.notified() => {}
                    }
                }
                None => self.shared.changed.notified().await,
            }
        }
    }

    async fn connection(self, mut stream: TcpStream) {
        // A connection without this option works all the same.
        let _ = stream.set_nodelay(true);
        let waker = Arc::new(Notify::new());
        let id = self.with(|pbx, now| pbx.connect(now));
        lock(&self.shared.wakers).insert(id, waker.clone());
        // An error of the socket ends the connection, which is all there is to do.
        let _ = self.drive(id, &mut stream, &waker).await;
        lock(&self.shared.wakers).remove(&id);
        self.with(|pbx, _| pbx.disconnect(id));
    }

    /// Writes and reads in turns until one of the two sides closes.
    async fn drive(
        &self,
        id: ConnectionId,
        stream: &mut TcpStream,
        waker: &Notify,
    ) -> io::Result<()> {
        let mut input = BytesMut::with_capacity(READ_BYTES);
        let (mut reader, mut writer) = stream.split();
        loop {
            let (mut chunk, close, reads) = {
                let mut pbx = lock(&self.shared.pbx);
                let output = pbx.output(id);
                let chunk = output.split_to(output.len().min(WRITE_BYTES_MAX));
                (chunk, pbx.wants_close(id), pbx.wants_input(id))
            };
            if chunk.is_empty() && close {
                return writer.shutdown().await;
            }
            while !chunk.is_empty() {
                tokio::select! {
                    written = writer.write_buf(&mut chunk) => {
                        written?;
                    }
                    // The PBX may have given this reader up.
                    () = waker.notified() => {
                        if lock(&self.shared.pbx).was_dropped(id) {
                            return Ok(());
                        }
                    }
                }
            }
            let read = if self.has_output(id) {
                // Requests are taken between chunks, so that a flood does not shut them out.
                reader.try_read_buf(&mut input)
            } else {
                tokio::select! {
                    read = reader.read_buf(&mut input), if reads => read,
                    () = waker.notified() => continue,
                }
            };
            match read {
                Ok(0) => return self.finish(id, &mut writer, waker).await,
                Ok(_) => self.with(|pbx, now| pbx.input(id, now, &input)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            input.clear();
        }
    }

    fn has_output(&self, id: ConnectionId) -> bool {
        let mut pbx = lock(&self.shared.pbx);
        !pbx.output(id).is_empty() || pbx.wants_close(id)
    }

    /// The client has stopped sending: what it asked for is answered while the action at hand lasts, then it is closed.
    async fn finish(
        &self,
        id: ConnectionId,
        writer: &mut (impl tokio::io::AsyncWrite + Unpin),
        waker: &Notify,
    ) -> io::Result<()> {
        loop {
            let (mut chunk, busy) = {
                let mut pbx = lock(&self.shared.pbx);
                let chunk = pbx.output(id).split();
                (chunk, pbx.is_busy(id))
            };
            writer.write_all_buf(&mut chunk).await?;
            if !busy {
                return writer.shutdown().await;
            }
            waker.notified().await;
        }
    }
}
