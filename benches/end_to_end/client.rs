//! An application, as far as the bench needs one: it connects, logs in, and waits for answers.

use std::net::Ipv4Addr;

use anyhow::{Context, bail};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The secret of every user.
pub(crate) const SECRET: &str = "bench";

/// Connects to the contestant.
pub(crate) async fn connect(port: u16) -> anyhow::Result<TcpStream> {
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
    let socket = socket.context("a client cannot connect")?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Connects and logs in; returns what came behind the answer, too.
pub(crate) async fn log_in(port: u16, user: &str) -> anyhow::Result<(TcpStream, Vec<u8>)> {
    let mut socket = connect(port).await?;
    let mut input = Vec::with_capacity(1024);
    read_until(&mut socket, &mut input, b"\r\n").await?;
    let login = format!("Action: Login\r\nUsername: {user}\r\nSecret: {SECRET}\r\n\r\n");
    socket.write_all(login.as_bytes()).await?;
    read_until(&mut socket, &mut input, b"\r\n\r\n").await?;
    if memmem::find(&input, b"Response: Success").is_none() {
        bail!("a login failed: {}", String::from_utf8_lossy(&input));
    }
    let end = memmem::find(&input, b"\r\n\r\n").map_or(0, |at| at + 4);
    input.drain(..end);
    Ok((socket, input))
}

async fn read_until(
    socket: &mut TcpStream,
    input: &mut Vec<u8>,
    mark: &[u8],
) -> anyhow::Result<()> {
    while memmem::find(input, mark).is_none() {
        if socket.read_buf(input).await? == 0 {
            bail!("a client was disconnected while it logged in");
        }
    }
    Ok(())
}
