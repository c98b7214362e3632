//! An application, as far as the bench needs one: it connects, with or without TLS, logs in, and waits for answers.

use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

use anyhow::{Context, bail};
use memchr::memmem;
use rustls::{ClientConfig, HandshakeKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::identity::SERVER_NAME;

/// The secret of every user.
pub(crate) const SECRET: &str = "bench";

/// Where clients connect, and how.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) port: u16,
    /// What TLS is spoken with, if it is.
    pub(crate) tls: Option<Arc<ClientConfig>>,
}

impl Target {
    /// Without TLS.
    pub(crate) const fn plain(port: u16) -> Self {
        Self { port, tls: None }
    }

    /// Connects to the contestant; with TLS the handshake is over then.
    pub(crate) async fn connect(&self) -> anyhow::Result<Socket> {
        let socket = connect(self.port).await?;
        let Some(config) = &self.tls else {
            return Ok(Socket::Plain(socket));
        };
        let connector = TlsConnector::from(Arc::clone(config));
        let stream = connector.connect(SERVER_NAME.try_into()?, socket).await;
        let stream = stream.context("a client's TLS handshake failed")?;
        Ok(Socket::Tls(Box::new(stream)))
    }

    /// Connects and logs in; returns what came behind the answer, too.
    pub(crate) async fn log_in(&self, user: &str) -> anyhow::Result<(Socket, Vec<u8>)> {
        log_in_on(self.connect().await?, user).await
    }
}

/// A client's connection.
#[derive(Debug)]
pub(crate) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// Whether its handshake took up an earlier TLS session.
    pub(crate) fn has_resumed(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => {
                stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed)
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(
        self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(
        self: Pin<&mut Self>,
        context: &mut TaskContext<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

/// Connects to the contestant without TLS.
pub(crate) async fn connect(port: u16) -> anyhow::Result<TcpStream> {
    let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
    let socket = socket.context("a client cannot connect")?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Connects without TLS and logs in; returns what came behind the answer, too.
pub(crate) async fn log_in(port: u16, user: &str) -> anyhow::Result<(TcpStream, Vec<u8>)> {
    log_in_on(connect(port).await?, user).await
}

async fn log_in_on<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: S,
    user: &str,
) -> anyhow::Result<(S, Vec<u8>)> {
    let mut input = Vec::with_capacity(1024);
    read_until(&mut socket, &mut input, b"\r\n").await?;
    let login = format!("Action: Login\r\nUsername: {user}\r\nSecret: {SECRET}\r\n\r\n");
    socket.write_all(login.as_bytes()).await?;
    socket.flush().await?;
    read_until(&mut socket, &mut input, b"\r\n\r\n").await?;
    if memmem::find(&input, b"Response: Success").is_none() {
        bail!("a login failed: {}", String::from_utf8_lossy(&input));
    }
    let end = memmem::find(&input, b"\r\n\r\n").map_or(0, |at| at + 4);
    input.drain(..end);
    Ok((socket, input))
}

async fn read_until(
    socket: &mut (impl AsyncRead + Unpin),
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
