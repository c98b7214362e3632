//! Open files on their way to another process: over a UNIX socket, some with each line of text (`SCM_RIGHTS`, `unix(7)`).

use std::io::{Error, ErrorKind, IoSlice, IoSliceMut, Result};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Files that go with one message. Linux takes 253 at most (`SCM_MAX_FD`).
pub(super) const FILES_PER_MESSAGE: usize = 200;

/// The most that a message may bring.
const FILES_MAX: usize = 253;

/// Longest line.
const LINE_MAX: usize = 512;

/// Sends a line, and these files with it: at most [`FILES_PER_MESSAGE`].
///
/// # Errors
/// The other end is gone, or takes nothing.
pub(super) fn send_line(socket: impl AsFd, line: &str, files: &[BorrowedFd<'_>]) -> Result<()> {
    let text = format!("{line}\n");
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(FILES_PER_MESSAGE))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let fits = files.len() <= FILES_PER_MESSAGE;
    let rights = SendAncillaryMessage::ScmRights(files);
    let is_pushed = files.is_empty() || (fits && ancillary.push(rights));
    if !is_pushed {
        return Err(Error::new(ErrorKind::InvalidInput, "too many files"));
    }
    let sent = sendmsg(
        socket,
        &[IoSlice::new(text.as_bytes())],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    if sent == text.len() {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::WriteZero, "the line was cut"))
    }
}

/// Receives a line, and the files that came with it. Both sides speak in turns, so nothing comes behind the line that
/// belongs to another, but for lines with files, which Linux never puts together.
///
/// # Errors
/// The other end is gone or silent, or what it says is no line; files were lost on the way, for instance because this
/// process may not open so many.
pub(super) fn receive_line(socket: impl AsFd) -> Result<(String, Vec<OwnedFd>)> {
    let mut text = [0; LINE_MAX];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(FILES_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        socket,
        &mut [IoSliceMut::new(&mut text)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let files = ancillary
        .drain()
        .filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(files) => Some(files),
            _ => None,
        })
        .flatten()
        .collect();
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(Error::other(
            "files were lost on the way: may this process open so many?",
        ));
    }
    if received.bytes == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let line = text.get(..received.bytes).unwrap_or_default();
    let line = line
        .strip_suffix(b"\n")
        .and_then(|line| std::str::from_utf8(line).ok());
    match line {
        Some(line) => Ok((line.to_owned(), files)),
        None => Err(Error::new(ErrorKind::InvalidData, "this is no line")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn files_arrive_with_their_line() {
        let (near, far) = UnixStream::pair().unwrap();
        let (mut writer, reader) = UnixStream::pair().unwrap();
        let files = vec![reader.as_fd(); FILES_PER_MESSAGE];
        send_line(&near, "some", &files).unwrap();
        send_line(&near, "one", &files[..1]).unwrap();
        send_line(&near, "none", &[]).unwrap();
        let (line, received) = receive_line(&far).unwrap();
        assert_eq!((line.as_str(), received.len()), ("some", FILES_PER_MESSAGE));
        let (line, mut received) = receive_line(&far).unwrap();
        assert_eq!((line.as_str(), received.len()), ("one", 1));
        let mut copy = UnixStream::from(received.remove(0));
        writer.write_all(b"x").unwrap();
        let mut byte = [0];
        copy.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
        assert_eq!(receive_line(&far).unwrap().0, "none");
        drop(near);
        let error = receive_line(&far).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn too_many_files_and_what_is_no_line_are_errors() {
        let (mut near, far) = UnixStream::pair().unwrap();
        let files = vec![far.as_fd(); FILES_PER_MESSAGE + 1];
        let error = send_line(&near, "many", &files).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        for text in [b"no end".as_slice(), b"\xff\n"] {
            near.write_all(text).unwrap();
            let error = receive_line(&far).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData);
        }
    }
}
