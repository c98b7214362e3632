//! A client of AMI over HTTP, as far as the bench needs one.

use anyhow::{Context, bail, ensure};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{SECRET, connect};

/// A connection that is kept, and the cookie of its session.
pub(crate) struct Browser {
    socket: TcpStream,
    input: Vec<u8>,
    cookie: String,
}

impl Browser {
    /// Connects and logs in; a contestant that knows no users takes any.
    pub(crate) async fn log_in(port: u16) -> anyhow::Result<Self> {
        let mut browser = Self {
            socket: connect(port).await?,
            input: Vec::with_capacity(1024),
            cookie: String::new(),
        };
        let query = format!("/rawman?action=login&username=web&secret={SECRET}");
        let answer = browser.ask(&query).await?;
        ensure!(
            memmem::find(&answer, b"Response: Success").is_some(),
            "a login failed: {}",
            String::from_utf8_lossy(&answer)
        );
        Ok(browser)
    }

    /// Sends a request.
    pub(crate) async fn send(&mut self, path: &str) -> anyhow::Result<()> {
        let cookie = &self.cookie;
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\nCookie: {cookie}\r\n\r\n");
        Ok(self.socket.write_all(request.as_bytes()).await?)
    }

    /// The head of an answer, which is what `input` begins with; its length.
    async fn receive_head(&mut self) -> anyhow::Result<usize> {
        loop {
            if let Some(end) = memmem::find(&self.input, b"\r\n\r\n") {
                let head = std::str::from_utf8(self.input.get(..end).unwrap_or_default())?;
                ensure!(
                    head.starts_with("HTTP/1.1 200"),
                    "a request was refused: {head}"
                );
                if let Some(cookie) = header(head, "set-cookie") {
                    let value = cookie.split(';').next().unwrap_or_default();
                    value.trim().clone_into(&mut self.cookie);
                }
                return Ok(end + 4);
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        if self.socket.read_buf(&mut self.input).await? == 0 {
            bail!("a client was disconnected");
        }
        Ok(())
    }

    /// The body of the answer to the request that was sent.
    pub(crate) async fn receive(&mut self) -> anyhow::Result<Vec<u8>> {
        let head = self.receive_head().await?;
        let text = std::str::from_utf8(self.input.get(..head).unwrap_or_default())?;
        let length = header(text, "content-length").context("no length")?;
        let length: usize = length.trim().parse()?;
        while self.input.len() < head + length {
            self.more().await?;
        }
        let rest = self.input.split_off(head + length);
        let answer = std::mem::replace(&mut self.input, rest).split_off(head);
        Ok(answer)
    }

    pub(crate) async fn ask(&mut self, path: &str) -> anyhow::Result<Vec<u8>> {
        self.send(path).await?;
        self.receive().await
    }

    /// Follows events from here on: the head of the answer is read, what comes behind it is the stream.
    pub(crate) async fn follow(mut self) -> anyhow::Result<(TcpStream, Vec<u8>)> {
        self.send("/events").await?;
        let head = self.receive_head().await?;
        let rest = self.input.split_off(head);
        Ok((self.socket, rest))
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (label, value) = line.split_once(':')?;
        label.eq_ignore_ascii_case(name).then_some(value)
    })
}
