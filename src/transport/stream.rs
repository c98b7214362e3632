//! One connection. Reading and writing never wait and need no `&mut`, so that a sweep writes to many in a row; who
//! has to wait asks [`Stream::readable`] or [`Stream::writable`] first.

use std::io::{ErrorKind, IoSlice};
use std::net::TcpStream as StdTcpStream;

use bytes::BytesMut;
use tokio::net::TcpStream;

use super::socket;

/// A connection, used on one thread.
#[derive(Debug)]
pub struct Stream {
    socket: TcpStream,
}

/// A connection on its way to another thread.
#[derive(Debug)]
pub struct Detached {
    socket: StdTcpStream,
}

impl Detached {
    /// The connection, on the thread (and its runtime) that calls.
    ///
    /// # Errors
    /// The runtime cannot take it.
    pub fn attach(self) -> std::io::Result<Stream> {
        Ok(Stream::plain(TcpStream::from_std(self.socket)?))
    }
}

impl Stream {
    /// A connection without TLS.
    pub const fn plain(socket: TcpStream) -> Self {
        Self { socket }
    }

    /// Takes the connection off this thread's runtime.
    ///
    /// # Errors
    /// The runtime cannot give it back.
    pub fn detach(self) -> std::io::Result<Detached> {
        Ok(Detached {
            socket: self.socket.into_std()?,
        })
    }

    /// The socket, for its options and addresses. Nothing is read or written past the stream.
    pub const fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Reads what is there; `Ok(0)` is the end of input.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there; anything else: the connection is broken.
    pub fn try_read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.socket.try_read(buffer)
    }

    /// As [`Stream::try_read`], into the room that `buffer` has behind its end.
    ///
    /// # Errors
    /// As [`Stream::try_read`].
    pub fn try_read_buf(&self, buffer: &mut BytesMut) -> std::io::Result<usize> {
        self.socket.try_read_buf(buffer)
    }

    /// Writes what can be taken now. With TLS, what was taken may wait to be sent: see [`Stream::try_flush`].
    ///
    /// # Errors
    /// `WouldBlock` when nothing can be taken; anything else: the connection is broken.
    pub fn try_write(&self, bytes: &[u8]) -> std::io::Result<usize> {
        self.socket.try_write(bytes)
    }

    /// As [`Stream::try_write`], from several places.
    ///
    /// # Errors
    /// As [`Stream::try_write`].
    pub fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> std::io::Result<usize> {
        self.socket.try_write_vectored(parts)
    }

    /// Sends what was taken and waits. Whoever has nothing more to write calls it, and comes back after
    /// [`Stream::writable`] where it would block.
    ///
    /// # Errors
    /// As [`Stream::try_write`].
    pub fn try_flush(&self) -> std::io::Result<()> {
        Ok(())
    }

    /// A read took less than there was room for. `true`: nothing more is there now, and a read that would only say so
    /// is saved.
    pub fn is_drained(&self) -> bool {
        socket::is_empty_now(&self.socket);
        true
    }

    /// Waits until a read may bring something.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// The runtime is ending.
    pub async fn readable(&self) -> std::io::Result<()> {
        self.socket.readable().await
    }

    /// Waits until something can be sent.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// The runtime is ending.
    pub async fn writable(&self) -> std::io::Result<()> {
        self.socket.writable().await
    }

    /// Writes all of `out`, waiting where it must.
    ///
    /// Cancel safe: what was written is no longer in `out`.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn write_all(&self, out: &mut BytesMut) -> std::io::Result<()> {
        loop {
            let step = if out.is_empty() {
                self.try_flush()
            } else {
                self.try_write(out)
                    .map(|written| drop(out.split_to(written.min(out.len()))))
            };
            match step {
                Ok(()) if out.is_empty() => return Ok(()),
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable().await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Closes the connection so that the peer gets the last bytes.
    ///
    /// Cancel safe: dropping it closes at once.
    pub async fn close(&self) {
        socket::linger(&self.socket).await;
    }
}
