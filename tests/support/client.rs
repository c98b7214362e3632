//! A raw AMI client: the bytes that are sent, the bytes that come, deadlines.

use super::PATIENCE;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::{Domain, Socket, Type};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What the bytes go over.
enum Wire {
    Plain(TcpStream),
    Encrypted(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Encrypted(stream) => &stream.sock,
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Encrypted(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Encrypted(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Encrypted(stream) => stream.flush(),
        }
    }
}

/// One connection.
pub(crate) struct AmiClient {
    stream: Wire,
    /// What has come and was not taken yet.
    buffer: Vec<u8>,
}

impl AmiClient {
    /// Connects and reads the banner.
    pub(crate) fn connect(port: u16) -> io::Result<Self> {
        Self::greeted(TcpStream::connect(("127.0.0.1", port))?)
    }

    /// [`AmiClient::connect`] from that address of this machine.
    pub(crate) fn connect_from(port: u16, from: Ipv4Addr) -> io::Result<Self> {
        Self::greeted(connect_from(port, from)?)
    }

    /// [`AmiClient::connect`] over TLS, to a server that is called `localhost`.
    pub(crate) fn encrypted(port: u16, tls: &Arc<ClientConfig>) -> io::Result<Self> {
        Self::over_proxy(port, tls, Ipv4Addr::LOCALHOST, "")
    }

    /// [`AmiClient::encrypted`], behind a header that a balancer at that address sends.
    pub(crate) fn over_proxy(
        port: u16,
        tls: &Arc<ClientConfig>,
        from: Ipv4Addr,
        header: &str,
    ) -> io::Result<Self> {
        let name = ServerName::try_from("localhost").expect("a name");
        let mut connection = ClientConnection::new(Arc::clone(tls), name).expect("a connection");
        let mut socket = connect_from(port, from)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        // In one piece with what follows, as balancers do.
        let mut first = header.as_bytes().to_vec();
        connection.write_tls(&mut first)?;
        socket.write_all(&first)?;
        let mut stream = Box::new(StreamOwned::new(connection, socket));
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Self::over(Wire::Encrypted(stream))
    }

    fn greeted(stream: TcpStream) -> io::Result<Self> {
        Self::over(Wire::Plain(stream))
    }

    fn over(stream: Wire) -> io::Result<Self> {
        stream.socket().set_nodelay(true)?;
        let mut client = Self {
            stream,
            buffer: Vec::new(),
        };
        let begin = Instant::now();
        while !client.buffer.ends_with(b"\r\n") {
            if begin.elapsed() > PATIENCE || !client.fill(Duration::from_secs(1))? {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        assert!(
            client.buffer.starts_with(b"Asterisk Call Manager/"),
            "a banner, not {}",
            client.buffer.escape_ascii()
        );
        client.buffer.clear();
        Ok(client)
    }

    /// Connects and logs in with that user's secret; `events` is the value of the header.
    pub(crate) fn session(port: u16, user: &str, events: &str) -> Self {
        let mut client = Self::connect(port).unwrap_or_else(|error| panic!("port {port}: {error}"));
        client.log_in(user, events);
        client
    }

    /// Logs in, up to the answer.
    pub(crate) fn log_in(&mut self, user: &str, events: &str) {
        let secret = format!("{user}-secret");
        self.action(&[
            ("Action", "Login"),
            ("ActionID", "login"),
            ("Username", user),
            ("Secret", &secret),
            ("Events", events),
        ]);
        let answer = self.read_until("ActionID: login\r\n");
        assert!(
            answer.ends_with(b"Message: Authentication accepted\r\n\r\n"),
            "login of {user}: {}",
            answer.escape_ascii()
        );
    }

    /// The connection itself, for those who go on without this client.
    pub(crate) fn into_stream(self) -> TcpStream {
        match self.stream {
            Wire::Plain(socket) => socket,
            Wire::Encrypted(_) => panic!("whoever goes on needs the keys as well"),
        }
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        if find(bytes, b"ecret").is_some() {
            super::test_logs::has_secrets(bytes);
        }
        self.stream
            .write_all(bytes)
            .expect("a connection that takes bytes");
    }

    /// Sends one action.
    pub(crate) fn action(&mut self, headers: &[(&str, &str)]) {
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        self.send(format!("{lines}\r\n").as_bytes());
    }

    /// The connection once more, to write to it while another thread reads.
    pub(crate) fn writer(&self) -> TcpStream {
        let Wire::Plain(socket) = &self.stream else {
            panic!("two threads would need the keys");
        };
        socket.try_clone().expect("a connection to share")
    }

    /// Says that nothing more will be sent.
    pub(crate) fn half_close(&mut self) {
        self.stream
            .socket()
            .shutdown(Shutdown::Write)
            .expect("a connection to half-close");
    }

    /// The next message with its blank line; `None` when the server has closed.
    pub(crate) fn read_message(&mut self) -> Option<Vec<u8>> {
        let begin = Instant::now();
        loop {
            // Blank lines in front are left over from the message before.
            let blank = self
                .buffer
                .chunks_exact(2)
                .take_while(|pair| pair == b"\r\n")
                .count()
                * 2;
            self.buffer.drain(..blank);
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                return Some(self.buffer.drain(..end + 4).collect());
            }
            self.check(begin, "a message");
            if !self
                .fill(Duration::from_secs(1))
                .expect("a readable connection")
            {
                assert!(
                    self.buffer.is_empty(),
                    "closed within a message: {}",
                    self.buffer.escape_ascii()
                );
                return None;
            }
        }
    }

    /// Everything up to the end of the message in which `text` stands.
    pub(crate) fn read_until(&mut self, text: &str) -> Vec<u8> {
        let begin = Instant::now();
        loop {
            let found = find(&self.buffer, text.as_bytes());
            // The text itself may hold the end of the message.
            let end = found.and_then(|at| {
                let from = (at + text.len()).saturating_sub(4).max(at);
                find(&self.buffer[from..], b"\r\n\r\n").map(|end| from + end + 4)
            });
            if let Some(end) = end {
                return self.buffer.drain(..end).collect();
            }
            self.check(begin, text);
            let open = self
                .fill(Duration::from_secs(1))
                .expect("a readable connection");
            assert!(
                open,
                "closed before {text:?}; came: {}",
                self.buffer.escape_ascii()
            );
        }
    }

    /// Everything up to the end of the connection.
    pub(crate) fn read_to_end(&mut self) -> Vec<u8> {
        let begin = Instant::now();
        while self
            .fill(Duration::from_secs(1))
            .expect("a readable connection")
        {
            self.check(begin, "the end of the connection");
        }
        std::mem::take(&mut self.buffer)
    }

    fn check(&self, begin: Instant, what: &str) {
        let last = &self.buffer[self.buffer.len().saturating_sub(2000)..];
        assert!(
            begin.elapsed() < PATIENCE,
            "{what:?} did not come in {PATIENCE:?}; last came: {}",
            last.escape_ascii()
        );
    }

    /// Reads what is there, waiting no longer than `most`; false when the server has closed.
    fn fill(&mut self, most: Duration) -> io::Result<bool> {
        let mut bytes = [0; 65536];
        self.stream.socket().set_read_timeout(Some(most))?;
        match self.stream.read(&mut bytes) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.buffer.extend_from_slice(&bytes[..count]);
                Ok(true)
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                ) =>
            {
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn connect_from(port: u16, from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    Ok(socket.into())
}

/// Where `needle` begins in `bytes`.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, needle)
}
