//! The service manager's store of open files (`FDSTORE=1`, `sd_notify(3)`): it keeps a parcel while one process ends and
//! the next begins, and passes it to that one like the sockets of `.socket` units. There is no way back from here: the
//! process was told to end.

use std::io::{Error, ErrorKind, Read, Result};
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::time::Duration;

use rustix::net::sockopt::socket_acceptconn;

use super::parcel::Parcel;
use super::rights::{FILES_PER_MESSAGE, receive_line, send_line};

/// What the service manager kept of a process before.
#[derive(Debug)]
pub(in crate::daemon) struct Stored {
    /// The envelope of the state.
    pub(in crate::daemon) envelope: OwnedFd,
    /// The sockets, in no order.
    pub(in crate::daemon) sockets: Vec<OwnedFd>,
}

impl Stored {
    /// What the envelope of the state is called in the store.
    pub(in crate::daemon) const ENVELOPE: &str = "s";

    /// What each socket is called there. All names together must fit in one variable of the environment, 128 KiB, so this
    /// one is short.
    pub(in crate::daemon) const SOCKET: &str = "c";

    /// Copies of the sockets at which somebody listens.
    pub(super) fn ports(&self) -> Vec<TcpListener> {
        let sockets = self.sockets.iter();
        let ports = sockets.filter(|socket| socket_acceptconn(socket).unwrap_or(false));
        let copies = ports.filter_map(|socket| socket.try_clone().ok());
        copies.map(TcpListener::from).collect()
    }

    /// The parcel, and how many of its sockets are missing.
    ///
    /// # Errors
    /// The envelope is not one of ours.
    pub(super) fn open(self) -> Result<(Parcel, usize)> {
        let (line, mut files) = receive_line(self.envelope)?;
        let expected = line.strip_prefix("parcel ");
        let expected = expected.and_then(|count| count.parse::<usize>().ok());
        let (Some(expected), Some(state)) = (expected, files.pop()) else {
            return Err(Error::new(ErrorKind::InvalidData, "this is no parcel"));
        };
        let missing = expected.saturating_sub(self.sockets.len());
        let parcel = Parcel {
            state: state.into(),
            sockets: self.sockets,
        };
        Ok((parcel, missing))
    }
}

/// How long the service manager may take to put everything into its store.
const STORED_WITHIN: Duration = Duration::from_secs(10);

/// Whether there is a service manager whose store has room for so many files, as far as is known.
pub(super) fn has_room(files: usize) -> bool {
    let is_supervised = std::env::var_os("NOTIFY_SOCKET").is_some_and(|name| !name.is_empty());
    // systemd says so from version 254 on.
    let room = std::env::var("FDSTORE").ok();
    let room = room.and_then(|room| room.parse::<usize>().ok());
    is_supervised && room.is_none_or(|room| room >= files)
}

/// Puts a parcel into the store, and returns when it is there.
///
/// # Errors
/// The service manager does not take it.
pub(super) fn put(parcel: &Parcel) -> Result<()> {
    let envelope = envelope(parcel)?;
    store(Stored::ENVELOPE, &[envelope.as_fd()])?;
    for sockets in parcel.sockets.chunks(FILES_PER_MESSAGE) {
        let sockets: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
        store(Stored::SOCKET, &sockets)?;
    }
    wait_until_stored()
}

fn store(name: &str, files: &[BorrowedFd<'_>]) -> Result<()> {
    // Without FDPOLL=0 the store drops a socket whose peer hangs up; the next process is to see that itself.
    tell(&format!("FDSTORE=1\nFDNAME={name}\nFDPOLL=0"), files)
}

/// Tells the service manager something, with files.
fn tell(text: &str, files: &[BorrowedFd<'_>]) -> Result<()> {
    let name = std::env::var_os("NOTIFY_SOCKET").ok_or(ErrorKind::NotFound)?;
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_write_timeout(Some(STORED_WITHIN))?;
    send_line(&socket, text, files)
}

/// The service manager closes what came with `BARRIER=1` when it has dealt with everything before.
fn wait_until_stored() -> Result<()> {
    let (mut near, far) = UnixStream::pair()?;
    tell("BARRIER=1", &[far.as_fd()])?;
    drop(far);
    near.set_read_timeout(Some(STORED_WITHIN))?;
    match near.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(ErrorKind::InvalidData.into()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Err(Error::new(
            ErrorKind::TimedOut,
            "the service manager does not listen",
        )),
        Err(error) => Err(error),
    }
}

/// Takes everything of ours out of the store.
pub(super) fn clear() -> Result<()> {
    for name in [Stored::ENVELOPE, Stored::SOCKET] {
        tell(&format!("FDSTOREREMOVE=1\nFDNAME={name}"), &[])?;
    }
    Ok(())
}

/// The state in a socket in which it waits with how many sockets belong to it: sockets are what can be received without
/// trusting a number to be an open file.
fn envelope(parcel: &Parcel) -> Result<UnixStream> {
    let (near, far) = UnixStream::pair()?;
    let line = format!("parcel {}", parcel.sockets.len());
    send_line(&near, &line, &[parcel.state.as_fd()])?;
    Ok(far)
}
