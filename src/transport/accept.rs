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
