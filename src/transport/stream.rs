//! One connection, plain or with TLS. Reading and writing never wait and need no `&mut`, so that a sweep writes to many in
//! a row; who has to wait asks [`Stream::readable`] or [`Stream::writable`] first. A handshake comes before; from then on
//! TLS is done here, between plaintext and the socket.

use std::cell::RefCell;
use std::io::{ErrorKind, IoSlice, Read, Result, Write};
use std::net::TcpStream as StdTcpStream;

use bytes::BytesMut;
use rustls::Connection;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::socket;
use super::tls::Tls;

pub use super::tls::Records;

/// Least room that a read into a buffer finds there.
const READ_ROOM: usize = 64;

/// A connection, used on one thread.
#[derive(Debug)]
pub struct Stream {
    socket: TcpStream,
    tls: Option<Box<RefCell<Tls>>>,
}

/// A connection on its way to another thread.
#[derive(Debug)]
pub struct Detached {
    socket: StdTcpStream,
    tls: Option<Box<RefCell<Tls>>>,
}

impl Detached {
    /// The connection, on the thread (and its runtime) that calls.
    ///
    /// # Errors
    /// The runtime cannot take it.
    pub fn attach(self) -> Result<Stream> {
        Ok(Stream {
            socket: TcpStream::from_std(self.socket)?,
            tls: self.tls,
        })
    }
}

/// A socket as rustls wants it: read and written without waiting.
pub(super) struct Wire<'a>(pub(super) &'a TcpStream);

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> Result<usize> {
        self.0.try_write_vectored(parts)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Stream {
    /// A connection without TLS.
    pub const fn plain(socket: TcpStream) -> Self {
        Self { socket, tls: None }
    }

    /// The same connection with TLS, whose handshake is over. What is written is cut into records as `records` says.
    #[must_use]
    pub fn encrypted(self, connection: Connection, records: Records) -> Self {
        let tls = Tls::new(connection, records);
        Self {
            socket: self.socket,
            tls: Some(Box::new(RefCell::new(tls))),
        }
    }

    /// Takes the connection off this thread's runtime.
    ///
    /// # Errors
    /// The runtime cannot give it back.
    pub fn detach(self) -> Result<Detached> {
        Ok(Detached {
            socket: self.socket.into_std()?,
            tls: self.tls,
        })
    }

    /// The socket, for its options and addresses. Nothing is read or written past the stream.
    pub const fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Whether what goes over the socket is encrypted.
    pub const fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Reads what is there; `Ok(0)` is the end of input, with TLS also where the peer did not announce it.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there; anything else: the connection is broken.
    pub fn try_read(&self, buffer: &mut [u8]) -> Result<usize> {
        let Some(tls) = &self.tls else {
            return self.socket.try_read(buffer);
        };
        let mut rest = buffer;
        tls.borrow_mut().read(&mut Wire(&self.socket), |plaintext| {
            let length = plaintext.len().min(rest.len());
            let Some((room, behind)) = std::mem::take(&mut rest).split_at_mut_checked(length)
            else {
                return 0;
            };
            room.copy_from_slice(plaintext.get(..length).unwrap_or_default());
            rest = behind;
            length
        })
    }

    /// As [`Stream::try_read`], into the room that `buffer` has behind its end.
    ///
    /// # Errors
    /// As [`Stream::try_read`].
    pub fn try_read_buf(&self, buffer: &mut BytesMut) -> Result<usize> {
        let Some(tls) = &self.tls else {
            return self.socket.try_read_buf(buffer);
        };
        if buffer.capacity() == buffer.len() {
            buffer.reserve(READ_ROOM);
        }
        tls.borrow_mut().read(&mut Wire(&self.socket), |plaintext| {
            let length = plaintext.len().min(buffer.capacity() - buffer.len());
            buffer.extend_from_slice(plaintext.get(..length).unwrap_or_default());
            length
        })
    }

    /// Writes what can be taken now. With TLS, what was taken may wait to be sent: see [`Stream::try_flush`].
    ///
    /// # Errors
    /// `WouldBlock` when nothing can be taken; anything else: the connection is broken.
    pub fn try_write(&self, bytes: &[u8]) -> Result<usize> {
        match &self.tls {
            None => self.socket.try_write(bytes),
            Some(tls) => write_encrypted(tls, &self.socket, &[IoSlice::new(bytes)]),
        }
    }

    /// As [`Stream::try_write`], from several places.
    ///
    /// # Errors
    /// As [`Stream::try_write`].
    pub fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> Result<usize> {
        match &self.tls {
            None => self.socket.try_write_vectored(parts),
            Some(tls) => write_encrypted(tls, &self.socket, parts),
        }
    }

    /// Sends what was taken and waits. Whoever has nothing more to write calls it, and comes back after
    /// [`Stream::writable`] where it would block.
    ///
    /// # Errors
    /// As [`Stream::try_write`].
    pub fn try_flush(&self) -> Result<()> {
        match &self.tls {
            None => Ok(()),
            Some(tls) => tls.borrow_mut().flush(&mut Wire(&self.socket)),
        }
    }

    /// A read took less than there was room for. `true`: nothing more is there now, and a read that would only say so
    /// is saved.
    pub fn is_drained(&self) -> bool {
        if self.is_encrypted() {
            return false;
        }
        socket::is_empty_now(&self.socket);
        true
    }

    /// Waits until a read may bring something.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// The runtime is ending.
    pub async fn readable(&self) -> Result<()> {
        if let Some(tls) = &self.tls
            && tls.borrow_mut().has_input()
        {
            return Ok(());
        }
        self.socket.readable().await
    }

    /// Waits until something can be sent.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// The runtime is ending.
    pub async fn writable(&self) -> Result<()> {
        self.socket.writable().await
    }

    /// Writes all of `out`, waiting where it must.
    ///
    /// Cancel safe: what was written is no longer in `out`.
    ///
    /// # Errors
    /// The connection is broken.
    pub async fn write_all(&self, out: &mut BytesMut) -> Result<()> {
        loop {
            let is_last = out.is_empty();
            let step = if is_last {
                self.try_flush()
            } else {
                self.try_write(out)
                    .map(|written| drop(out.split_to(written.min(out.len()))))
            };
            match step {
                Ok(()) if is_last => return Ok(()),
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable().await?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Closes the connection so that the peer gets the last bytes, and with TLS is told that they were the last.
    ///
    /// Cancel safe: dropping it closes at once.
    pub async fn close(&self) {
        let closed = async {
            if let Some(tls) = &self.tls {
                tls.borrow_mut().finish();
                if self.write_all(&mut BytesMut::new()).await.is_err() {
                    return;
                }
            }
            socket::linger(&self.socket).await;
        };
        let _ = timeout(socket::LINGER, closed).await;
    }
}

fn write_encrypted(tls: &RefCell<Tls>, socket: &TcpStream, parts: &[IoSlice<'_>]) -> Result<usize> {
    tls.borrow_mut().write(&mut Wire(socket), parts)
}

#[cfg(test)]
mod tests;
