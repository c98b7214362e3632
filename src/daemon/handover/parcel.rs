//! What goes from one process to the next: the state, as bytes in a sealed piece of memory, and the sockets. A socket is
//! told by its cookie, a number that the kernel gives it for its lifetime, so it does not matter how or in which order
//! sockets arrive.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, fcntl_get_seals, memfd_create};
use rustix::net::sockopt::socket_cookie;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::hub::carry::Carried;

/// The number of the form below; another number is refused. It changes when bytes of an older form would be misread.
const VERSION: u32 = 1;

/// Most bytes of a state that are read.
const STATE_BYTES_MAX: u64 = 4 << 30;

/// Why a parcel cannot be made or used.
#[derive(Debug, Error)]
pub(in crate::daemon) enum ParcelError {
    /// It was made by a program that writes another form.
    #[error("the state has form {0}, and this program reads form {VERSION}")]
    Version(u32),
    /// It is damaged.
    #[error("the state cannot be read: {0}")]
    Damaged(String),
    /// It cannot be written.
    #[error("the state cannot be written: {0}")]
    Unwritable(String),
    /// The system.
    #[error("the state cannot be passed: {0}")]
    System(#[from] std::io::Error),
}

/// The first part of a state, which every form has.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    version: u32,
    /// The version of the program, for the log.
    program: String,
}

/// The state of the whole program.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    /// Time since the first process began.
    pub(super) since_start: Duration,
    /// Time since 1970 at the same moment.
    pub(super) wall: Duration,
    /// Each Asterisk.
    pub(super) hubs: Vec<HubState>,
    /// The ports: the name of what is served there, and the socket.
    pub(super) listeners: Vec<(String, u64)>,
}

/// The state of one Asterisk.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HubState {
    /// The name of the upstream.
    pub(super) upstream: String,
    /// Whom the connection is made to, as whom: if that has changed, the connection is of no use.
    pub(super) target: String,
    /// The connection to Asterisk, if it goes along.
    pub(super) connection: Option<u64>,
    /// Everything else; its sessions are named by their sockets.
    pub(super) carried: Carried,
}

/// A state and its sockets.
#[derive(Debug)]
pub(super) struct Parcel {
    /// The state, sealed.
    pub(super) state: File,
    /// The sockets.
    pub(super) sockets: Vec<OwnedFd>,
}

impl Parcel {
    /// Packs a state.
    pub(super) fn pack(state: &State, sockets: Vec<OwnedFd>) -> Result<Self, ParcelError> {
        let unwritable =
            |error: rmp_serde::encode::Error| ParcelError::Unwritable(error.to_string());
        let head = Head {
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let memory = memfd_create("amimux-state", flags).map_err(std::io::Error::from)?;
        let mut bytes = rmp_serde::to_vec_named(&head).map_err(unwritable)?;
        rmp_serde::encode::write_named(&mut bytes, state).map_err(unwritable)?;
        let mut file = File::from(memory);
        file.write_all(&bytes)?;
        file.rewind()?;
        let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
        fcntl_add_seals(&file, seals).map_err(std::io::Error::from)?;
        Ok(Self {
            state: file,
            sockets,
        })
    }

    /// How many bytes the state has.
    pub(super) fn bytes(&self) -> u64 {
        self.state.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Unpacks it: the state, and the sockets by their cookies.
    pub(super) fn unpack(self) -> Result<(State, Sockets), ParcelError> {
        // What is sealed cannot change while it is read.
        let seals = fcntl_get_seals(&self.state).map_err(std::io::Error::from)?;
        if !seals.contains(SealFlags::WRITE | SealFlags::SHRINK) {
            return Err(ParcelError::Damaged("it is not sealed".to_owned()));
        }
        let mut bytes = Vec::new();
        let mut file = self.state;
        file.rewind()?;
        file.take(STATE_BYTES_MAX).read_to_end(&mut bytes)?;
        let state = read(&bytes)?;
        Ok((state, Sockets::new(self.sockets)?))
    }
}

fn read(bytes: &[u8]) -> Result<State, ParcelError> {
    let damaged = |error: rmp_serde::decode::Error| ParcelError::Damaged(error.to_string());
    let mut rest = bytes;
    let head: Head = rmp_serde::from_read(&mut rest).map_err(damaged)?;
    if head.version != VERSION {
        return Err(ParcelError::Version(head.version));
    }
    let state = rmp_serde::from_read(&mut rest).map_err(damaged)?;
    if rest.is_empty() {
        Ok(state)
    } else {
        Err(ParcelError::Damaged(format!(
            "{} bytes behind its end",
            rest.len()
        )))
    }
}

/// The name of a socket for its whole life, in all processes of this machine.
pub(crate) fn cookie(socket: impl AsFd) -> std::io::Result<u64> {
    Ok(socket_cookie(socket)?)
}

/// Sockets that arrived, to be taken by their cookies.
#[derive(Debug, Default)]
pub(super) struct Sockets(HashMap<u64, OwnedFd>);

impl Sockets {
    fn new(sockets: Vec<OwnedFd>) -> std::io::Result<Self> {
        let named = sockets
            .into_iter()
            .map(|socket| Ok((cookie(&socket)?, socket)));
        named.collect::<std::io::Result<_>>().map(Self)
    }

    /// The socket of that name.
    pub(super) fn take(&mut self, cookie: u64) -> Option<OwnedFd> {
        self.0.remove(&cookie)
    }

    /// How many are left.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Closes those that are left, so that their peers are told.
    pub(super) fn close(self) {
        for socket in self.0.into_values() {
            // A port, or a peer that is gone: closing is all there is to do.
            let _ = rustix::net::shutdown(&socket, rustix::net::Shutdown::Write);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    fn state() -> State {
        State {
            since_start: Duration::from_secs(7),
            wall: Duration::from_secs(9),
            hubs: Vec::new(),
            listeners: vec![("ami".to_owned(), 3)],
        }
    }

    fn bytes(parcel: &mut Parcel) -> Vec<u8> {
        let mut bytes = Vec::new();
        parcel.state.read_to_end(&mut bytes).unwrap();
        parcel.state.rewind().unwrap();
        bytes
    }

    #[test]
    fn a_parcel_comes_out_as_it_went_in() {
        let (one, other) = UnixStream::pair().unwrap();
        let cookies = [cookie(&one).unwrap(), cookie(&other).unwrap()];
        assert_ne!(cookies[0], cookies[1]);
        let parcel = Parcel::pack(&state(), vec![other.into(), one.into()]).unwrap();
        assert!(parcel.bytes() > 10);
        let (state, mut sockets) = parcel.unpack().unwrap();
        assert_eq!(state.since_start, Duration::from_secs(7));
        assert_eq!(state.listeners, [("ami".to_owned(), 3)]);
        let socket = sockets.take(cookies[0]).unwrap();
        assert_eq!(cookie(&socket).unwrap(), cookies[0]);
        assert!(sockets.take(cookies[0]).is_none());
        assert_eq!(sockets.len(), 1);
        sockets.close();
    }

    #[test]
    fn a_state_cannot_be_changed_once_it_is_packed() {
        let mut parcel = Parcel::pack(&state(), Vec::new()).unwrap();
        assert!(parcel.state.write_all(b"x").is_err());
        let mut unsealed = tempfile::tempfile().unwrap();
        unsealed.write_all(&bytes(&mut parcel)).unwrap();
        parcel.state = unsealed;
        assert!(parcel.unpack().is_err());
    }

    #[test]
    fn what_is_damaged_or_of_another_form_is_refused() {
        let good = bytes(&mut Parcel::pack(&state(), Vec::new()).unwrap());
        read(&good).unwrap();
        for length in 0..good.len() {
            let cut = read(&good[..length]).unwrap_err();
            assert!(matches!(cut, ParcelError::Damaged(_)), "{length}: {cut}");
        }
        let longer = [good.as_slice(), b"x"].concat();
        assert!(matches!(read(&longer), Err(ParcelError::Damaged(_))));
        let head = Head {
            version: VERSION + 1,
            program: "9".to_owned(),
        };
        let other = rmp_serde::to_vec_named(&head).unwrap();
        assert!(matches!(read(&other), Err(ParcelError::Version(2))));
    }
}
