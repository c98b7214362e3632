//! One connection to amimux, as the soak's clients use it: bytes out, whole messages in, never waiting for long.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// What came of looking for bytes.
#[derive(Debug, PartialEq, Eq)]
pub enum Came {
    Something,
    Nothing,
    End,
}

/// The connection.
pub struct Wire {
    stream: TcpStream,
    received: Vec<u8>,
    /// How far `received` was handed out.
    taken: usize,
}

impl Wire {
    /// Connects from that address; the banner is read later.
    pub fn connect(port: u16, from: Ipv4Addr, receive_buffer: Option<usize>) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        if let Some(bytes) = receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true)?;
        // The other side may be a flooded amimux; but a client that cannot even write has found something.
        stream.set_write_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self {
            stream,
            received: Vec::new(),
            taken: 0,
        })
    }

    pub fn send(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes())
    }

    /// Says who it is; the answer has the ActionID `login`.
    pub fn log_in(&mut self, user: &str, secret: &str, events: &str) -> io::Result<()> {
        self.send(&format!(
            "Action: Login\r\nActionID: login\r\nUsername: {user}\r\nSecret: {secret}\r\nEvents: {events}\r\n\r\n"
        ))
    }

    /// Reads at most `bytes` of what is there, waiting for `patience`.
    pub fn fill(&mut self, patience: Duration, bytes: usize) -> Came {
        self.received.drain(..self.taken);
        self.taken = 0;
        if self.stream.set_read_timeout(Some(patience)).is_err() {
            return Came::End;
        }
        let start = self.received.len();
        self.received.resize(start + bytes, 0);
        let read = self.stream.read(&mut self.received[start..]);
        self.received.truncate(start + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => Came::End,
            Ok(_) => Came::Something,
            Err(error) if is_patience(&error) => Came::Nothing,
            Err(_) => Came::End,
        }
    }

    /// The next whole message of what was read, without its blank line.
    pub fn message(&mut self) -> Option<String> {
        let rest = &self.received[self.taken..];
        let end = memchr::memmem::find(rest, b"\r\n\r\n")?;
        let message = String::from_utf8_lossy(&rest[..end]).into_owned();
        self.taken += end + 4;
        // The banner has no blank line of its own.
        Some(match message.strip_prefix("Asterisk Call Manager/") {
            Some(rest) => rest
                .split_once("\r\n")
                .map_or("", |(_, rest)| rest)
                .to_owned(),
            None => message,
        })
    }

    /// Forgets what was read.
    pub fn forget(&mut self) {
        self.taken = self.received.len();
    }

    /// Goes away without a word: a reset.
    pub fn vanish(self) {
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// Says that nothing more will be sent.
    pub fn half_close(&self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
    }
}

fn is_patience(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// The value of a header.
pub fn header<'a>(message: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = message.split("\r\n");
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}
