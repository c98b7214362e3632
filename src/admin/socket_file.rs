//! The control socket in the file system: made where nobody listens, for the group only, and removed at the end.

use std::fs::{File, Permissions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use socket2::{Domain, SockAddr, Socket, Type};
use thiserror::Error;

/// Those whom the group of the file lets in may read and write, others may not.
const MODE: u32 = 0o660;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 16;

/// Why there is no control socket.
#[derive(Debug, Error)]
pub(super) enum SocketError {
    #[error("another amimux listens there; stop it, or set controlsocket to another path or to no")]
    InUse,
    #[error("there is a file that is no socket; remove it, or set controlsocket to another path")]
    NotASocket,
    #[error("{0}; create the directory for amimux, or set controlsocket to another path or to no")]
    Failed(#[from] std::io::Error),
}

/// A control socket; the file goes with the value.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// The file, held so that no other can have its number: nobody else's is removed.
    file: File,
}

impl SocketFile {
    /// Listens at that path. A file that an amimux left behind gives way if nobody listens there.
    ///
    /// # Errors
    /// Somebody listens there, it is another kind of file, or the system refuses.
    pub(super) fn bind(path: &Path) -> Result<(Self, UnixListener), SocketError> {
        // Two that begin at the same time do so one after the other.
        let directory = File::open(path.parent().unwrap_or_else(|| Path::new("/")))?;
        match directory.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SocketError::InUse),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        remove_stale(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        // Nobody can connect before somebody listens.
        std::fs::set_permissions(path, Permissions::from_mode(MODE))?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let file = Self {
            file: hold(path)?,
            path: path.to_owned(),
        };
        Ok((file, socket.into()))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the system lets nobody in but root, the owner and the group.
    pub(super) fn is_closed_to_others(&self) -> bool {
        let metadata = std::fs::symlink_metadata(&self.path);
        metadata.is_ok_and(|file| file.mode() & 0o007 == 0)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let own = self.file.metadata();
        let found = std::fs::symlink_metadata(&self.path);
        let is_own = own.and_then(|own| {
            found.map(|found| (own.dev(), own.ino()) == (found.dev(), found.ino()))
        });
        if is_own.is_ok_and(|is_own| is_own) {
            // Should it stay, the next start replaces it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn hold(path: &Path) -> std::io::Result<File> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !metadata.file_type().is_socket() {
        return Err(SocketError::NotASocket);
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Who listens may have no time for us.
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            Ok(std::fs::remove_file(path)?)
        }
        // It listens, even if it has no time or does not let us in.
        _ => Err(SocketError::InUse),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_file_left_behind_is_replaced_and_another_one_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "left behind");
        let (file, listener) = SocketFile::bind(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o660);
        assert!(file.is_closed_to_others());
        UnixStream::connect(&path).unwrap();
        assert!(matches!(SocketFile::bind(&path), Err(SocketError::InUse)));
        std::fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert!(!file.is_closed_to_others());
        // What has taken its place is not its own to remove.
        drop(listener);
        let (second, _listener) = SocketFile::bind(&path).unwrap();
        drop(file);
        UnixStream::connect(&path).unwrap();
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn another_kind_of_file_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(
            SocketFile::bind(&path),
            Err(SocketError::NotASocket)
        ));
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        let nowhere = directory.path().join("nowhere/control.sock");
        assert!(matches!(
            SocketFile::bind(&nowhere),
            Err(SocketError::Failed(_))
        ));
    }
}
