//! The handover socket, where there is no service manager with a store: the next process asks, gets the parcel, and says
//! that it can use it; only then does the one before let go. Whatever goes wrong before, that one goes on.
//!
//! What is said, line by line: `take over 1` (next), `parcel N` with the state (before), lines `sockets` with N sockets
//! (before), `ready` (next), `go` (before). Either may say `no: REASON` instead.

use std::io::{Error, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;
use thiserror::Error;

use super::parcel::{Parcel, ParcelError};
use super::rights::{FILES_PER_MESSAGE, receive_line, send_line};

const ASK: &str = "take over 1";
const READY: &str = "ready";
const GO: &str = "go";
const NO: &str = "no: ";

/// How long each side waits for the next line of the other. The next process reads a state of any size in less.
const LINE_WITHIN: Duration = Duration::from_secs(10);

/// How long whoever connects may take to say what it wants: nothing else can be asked for meanwhile.
const ASKED_WITHIN: Duration = Duration::from_secs(1);

/// Most sockets in a parcel that are taken.
const SOCKETS_MAX: usize = 1 << 20;

/// Why nothing was handed over.
#[derive(Debug, Error)]
pub(in crate::daemon) enum RefusedError {
    /// The system.
    #[error("the other process cannot be reached: {0}")]
    System(#[from] Error),
    /// The other process says so.
    #[error("the other process says: {0}")]
    Said(String),
    /// It said something that does not belong there.
    #[error("the other process said {0:?} where it should not")]
    Unexpected(String),
    /// It runs as somebody else.
    #[error("the other process runs as user {0}, which may not take over")]
    NotAllowed(u32),
    /// What it handed over.
    #[error("{0}")]
    Unusable(ParcelError),
}

/// Listens at a path; only this user may ask.
///
/// # Errors
/// Somebody else listens there, or the system does not allow it.
pub(super) fn listen(path: &Path) -> std::io::Result<UnixListener> {
    match UnixStream::connect(path) {
        Ok(_) => {
            let text = "another amimux listens there: --take-over takes its place";
            return Err(Error::new(ErrorKind::AddrInUse, text));
        }
        // Left by a process that is gone.
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)?;
        }
        Err(_) => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Another process that wants to take over.
#[derive(Debug)]
pub(super) struct Successor(UnixStream);

impl Successor {
    /// Hears what it wants; one of this user or root is heard.
    ///
    /// # Errors
    /// It may not, or wants nothing.
    pub(super) fn hear(stream: UnixStream) -> Result<Self, RefusedError> {
        prepare(&stream)?;
        let peer = socket_peercred(&stream).map_err(Error::from)?.uid;
        if !peer.is_root() && peer != geteuid() {
            return Err(RefusedError::NotAllowed(peer.as_raw()));
        }
        stream.set_read_timeout(Some(ASKED_WITHIN))?;
        let (line, _) = receive_line(&stream)?;
        stream.set_read_timeout(Some(LINE_WITHIN))?;
        if line == ASK {
            Ok(Self(stream))
        } else {
            // It may have gone.
            let _ = send_line(&stream, "no: another form of handover is spoken here", &[]);
            Err(RefusedError::Unexpected(line))
        }
    }

    /// Hands it a parcel, and returns when it can use it.
    ///
    /// # Errors
    /// It cannot, or is gone.
    pub(super) fn give(&self, parcel: &Parcel) -> Result<(), RefusedError> {
        let line = format!("parcel {}", parcel.sockets.len());
        send_line(&self.0, &line, &[parcel.state.as_fd()])?;
        for sockets in parcel.sockets.chunks(FILES_PER_MESSAGE) {
            let sockets: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
            send_line(&self.0, "sockets", &sockets)?;
        }
        expect(&self.0, READY)
    }

    /// Everything is its own from here on.
    ///
    /// # Errors
    /// It is gone, and nothing is.
    pub(super) fn go(&self) -> std::io::Result<()> {
        send_line(&self.0, GO, &[])
    }

    /// It does not get anything.
    pub(super) fn refuse(&self, reason: &str) {
        let reason: String = reason.chars().take(200).collect();
        // It may have gone.
        let _ = send_line(&self.0, &format!("{NO}{reason}"), &[]);
    }
}

/// The process before, which waits whether its parcel can be used.
#[derive(Debug)]
pub(super) struct Predecessor(UnixStream);

impl Predecessor {
    /// Asks the process at that path for what it has. `None`: there is none.
    ///
    /// # Errors
    /// It does not hand over.
    pub(super) fn ask(path: &Path) -> Result<Option<(Self, Parcel)>, RefusedError> {
        let stream = match UnixStream::connect(path) {
            Ok(stream) => stream,
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::NotFound | ErrorKind::ConnectionRefused
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        prepare(&stream)?;
        send_line(&stream, ASK, &[])?;
        let (line, mut files) = receive_line(&stream)?;
        let count = line.strip_prefix("parcel ");
        let count = count.and_then(|count| count.parse::<usize>().ok());
        let (Some(count), Some(state)) = (count.filter(|count| *count <= SOCKETS_MAX), files.pop())
        else {
            return Err(unexpected(line));
        };
        let mut sockets: Vec<OwnedFd> = Vec::new();
        while sockets.len() < count {
            let (line, files) = receive_line(&stream)?;
            if line != "sockets" || files.is_empty() {
                return Err(unexpected(line));
            }
            sockets.extend(files);
        }
        let parcel = Parcel {
            state: state.into(),
            sockets,
        };
        Ok(Some((Self(stream), parcel)))
    }

    /// Says that the parcel can be used. When this returns, everything in it is this process's own.
    ///
    /// # Errors
    /// The process before goes on instead.
    pub(super) fn take(self) -> Result<(), RefusedError> {
        send_line(&self.0, READY, &[])?;
        expect(&self.0, GO)
    }

    /// Says why the parcel cannot be used.
    pub(super) fn refuse(self, reason: &str) {
        Successor(self.0).refuse(reason);
    }
}

fn prepare(stream: &UnixStream) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(LINE_WITHIN))?;
    stream.set_write_timeout(Some(LINE_WITHIN))
}

fn expect(stream: &UnixStream, wanted: &str) -> Result<(), RefusedError> {
    let (line, _) = receive_line(stream)?;
    if line == wanted {
        Ok(())
    } else {
        Err(unexpected(line))
    }
}

fn unexpected(line: String) -> RefusedError {
    match line.strip_prefix(NO) {
        Some(reason) => RefusedError::Said(reason.to_owned()),
        None => RefusedError::Unexpected(line),
    }
}
