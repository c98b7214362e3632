//! Taking connections from a port, whatever the system says in between.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tracing::warn;

/// The pause after an error (too many open files), so that it is not asked again and again.
const PAUSE: Duration = Duration::from_millis(100);

/// The next connection, and where it comes from. An error is logged, and tried again after a pause.
///
/// Cancel safe: no connection is lost.
pub async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                warn!(name: "accept-failed", %error, "cannot accept a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Closes a port, and returns the connections that were waiting there: at most `most` of them.
pub fn close(listener: TcpListener, most: usize) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else {
        return Vec::new();
    };
    // Asked directly: what has come since the runtime looked is there, too.
    let waiting = std::iter::from_fn(|| listener.accept().ok());
    let waiting = waiting.take(most).filter_map(|(socket, address)| {
        socket.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(socket).ok()?, address))
    });
    waiting.collect()
}
