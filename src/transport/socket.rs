//! Options of client sockets, and closing one so that its last answer arrives.

use std::io::ErrorKind;
use std::net::Shutdown;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Bytes that the kernel takes from us before it says that the socket is full: the backlog waits in our
/// shared, bounded log instead of in a private kernel buffer.
const NOT_SENT_LOW_BYTES: u32 = 128 * 1024;

/// How long a peer may leave what it was sent unacknowledged.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(30);

/// The same for a client that has logged in, unless its `writetimeout` is longer: Linux counts a window that stays
/// closed as well, and one that opens by little does not end its count.
const CLIENT_UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(120);

/// How long a closed client may go on sending, or take to read the last bytes, before it is cut off.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// Bytes that a closed client may go on sending before it is cut off.
const LINGER_BYTES: usize = 256 * 1024;

/// Sets what every connection needs: no delay, and dead peers are noticed.
pub fn prepare(stream: &TcpStream) {
    // Each of these makes things better; none is needed for things to be right.
    let _ = stream.set_nodelay(true);
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(10))
        .with_retries(3);
    let _ = socket.set_tcp_keepalive(&keepalive);
    let _ = socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED_MAX));
}

/// As [`prepare`], and keeps the kernel from swallowing megabytes for a client that does not read.
pub fn prepare_client(stream: &TcpStream) {
    prepare(stream);
    let _ = SockRef::from(stream).set_tcp_notsent_lowat(NOT_SENT_LOW_BYTES);
}

/// A read took less than there was room for, so that the socket is empty: waits for more from now on. Saves the read
/// that would only say so.
pub fn is_empty_now(stream: &TcpStream) {
    // What arrives from here on makes the socket readable anew; what was forgotten is only that it was.
    let forget = || Err::<(), _>(std::io::Error::from(ErrorKind::WouldBlock));
    let _ = stream.try_io(Interest::READABLE, forget);
}

/// How long the kernel waits for a client that has logged in and whose socket is not full: one that has vanished is
/// noticed, one that reads slowly is left alone. While its socket is full (`full`) its `writetimeout` counts alone,
/// because only we see that it takes a little now and then.
pub fn wait_for_client(stream: &TcpStream, write_timeout: Duration, full: bool) {
    let wait = (!full).then(|| write_timeout.max(CLIENT_UNACKNOWLEDGED_MAX));
    // As above: things are right without it.
    let _ = SockRef::from(stream).set_tcp_user_timeout(wait);
}

/// Closes a connection so that the peer gets the last bytes: closing with unread input would reset it. How long that
/// may take is the caller's affair: [`LINGER`].
///
/// Cancel safe: dropping it closes at once.
pub(super) async fn linger(stream: &TcpStream) {
    if SockRef::from(stream).shutdown(Shutdown::Write).is_err() {
        return;
    }
    let mut rest = LINGER_BYTES;
    let mut buffer = [0_u8; 4096];
    while rest > 0 && stream.readable().await.is_ok() {
        match stream.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(read) => rest = rest.saturating_sub(read),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_kernel_is_told_what_a_client_needs() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (_client, (server, _)) = (client.unwrap(), server.unwrap());
        let socket = SockRef::from(&server);
        prepare_client(&server);
        assert!(server.nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(
            socket.tcp_keepalive_time().unwrap(),
            Duration::from_secs(30)
        );
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), NOT_SENT_LOW_BYTES);
        let waits = |write_timeout: u64, full: bool| {
            wait_for_client(&server, Duration::from_secs(write_timeout), full);
            socket.tcp_user_timeout().unwrap()
        };
        assert_eq!(waits(30, false), Some(CLIENT_UNACKNOWLEDGED_MAX));
        assert_eq!(waits(30, true), None);
        assert_eq!(waits(600, false), Some(Duration::from_secs(600)));
    }
}
