//! Clients over sockets: one whose requests and events are to go on, and what it takes to make thousands of others.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::site::Site;
use crate::support::PATIENCE;

/// A connection from that address of this machine.
pub(crate) fn connect_from(from: [u8; 4], port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let from = SocketAddr::from((Ipv4Addr::from(from), 0));
    socket.bind(&from.into()).expect("an address");
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    socket.connect(&to.into()).expect("a connection");
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true).expect("no delay");
    stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    stream
}

/// Requests and answers on one connection.
pub(crate) struct Conversation {
    stream: TcpStream,
    /// What has come and was not taken yet.
    buffer: Vec<u8>,
}

impl Conversation {
    pub(crate) const fn over(stream: TcpStream) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("bytes are taken");
    }

    /// One answer, whose head tells its length.
    pub(crate) fn read(&mut self) -> String {
        loop {
            if let Some(answer) = self.take() {
                return answer;
            }
            let mut bytes = [0; 65_536];
            let count = self.stream.read(&mut bytes).expect("an answer");
            let so_far = String::from_utf8_lossy(&self.buffer);
            assert!(count > 0, "closed after {so_far:?}");
            self.buffer.extend_from_slice(&bytes[..count]);
        }
    }

    fn take(&mut self) -> Option<String> {
        let end = self.buffer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
        let length = head.split("Content-Length: ").nth(1).expect("a length");
        let length: usize = length.lines().next().unwrap().parse().expect("a number");
        if self.buffer.len() < end + length {
            return None;
        }
        let answer: Vec<u8> = self.buffer.drain(..end + length).collect();
        Some(String::from_utf8_lossy(&answer).into_owned())
    }

    pub(crate) fn ask(&mut self, path: &str, cookie: &str) -> String {
        self.send(format!("GET {path} HTTP/1.1\r\nCookie: {cookie}\r\n\r\n").as_bytes());
        self.read()
    }
}

/// A client beside a flood: a session that asks, on a connection that it keeps, and one that waits for events.
pub(crate) struct Beside {
    asking: Conversation,
    cookie: String,
    waiting: Conversation,
    waits_with: String,
}

impl Beside {
    pub(crate) fn start(site: &Site) -> Self {
        let open = || Conversation::over(connect_from([127, 0, 0, 1], site.port));
        let mut beside = Self {
            asking: open(),
            cookie: site.cookie_of("alice"),
            waiting: open(),
            waits_with: site.cookie_with("bob", "&events=call"),
        };
        beside.wait();
        beside.round(site, "before");
        beside
    }

    fn wait(&mut self) {
        let cookie = &self.waits_with;
        let request = "GET /rawman?action=waitevent HTTP/1.1\r\nCookie";
        self.waiting
            .send(format!("{request}: {cookie}\r\n\r\n").as_bytes());
    }

    /// An action is answered by Asterisk, an event comes, and somebody logs in and out, soon enough.
    pub(crate) fn round(&mut self, site: &Site, text: &str) {
        let begin = Instant::now();
        let answer = self.asking.ask("/rawman?action=CoreStatus", &self.cookie);
        assert!(answer.contains("Response: Success"), "{text}: {answer}");
        site.happen(text);
        let mut waits = 0;
        // Where sessions are short, so are waits; and other events may come first.
        while !self.waiting.read().contains(&format!("Text: {text}\r\n")) {
            waits += 1;
            assert!(waits < 50, "{text}: no event");
            self.wait();
        }
        self.wait();
        let mut other = Conversation::over(connect_from([127, 0, 0, 1], site.port));
        let login = "/rawman?action=login&username=bob&secret=bob-secret&events=off";
        let login = other.ask(login, "x=y");
        assert!(login.contains("Authentication accepted"), "{text}: {login}");
        let cookie = login.split("Set-Cookie: ").nth(1).expect("a cookie");
        let cookie = cookie.split(';').next().unwrap();
        assert!(
            other
                .ask("/rawman?action=logoff", cookie)
                .contains("Goodbye")
        );
        // It waits for nothing that a flood decides; the machine may be slow, but nothing takes a timeout.
        let took = begin.elapsed();
        assert!(took < Duration::from_secs(5), "{text}: {took:?}");
    }
}

/// The value of the first metric that begins so.
pub(crate) fn metric(port: u16, begin: &str) -> u64 {
    let output = Command::new("curl")
        .args(["--silent", "--max-time", "10"])
        .arg(format!("http://127.0.0.1:{port}/metrics"))
        .output()
        .expect("curl runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let line = text.lines().find(|line| line.starts_with(begin));
    let value = line.and_then(|line| line.rsplit(' ').next());
    value.expect("a metric").parse().expect("a number")
}

/// Memory of a process.
pub(crate) fn resident_mebibytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.expect("VmRSS").trim().trim_end_matches(" kB");
    kibibytes.parse::<u64>().expect("a number") / 1024
}

/// How many files it has open.
pub(crate) fn open_files(pid: u32) -> usize {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("its files");
    files.count()
}
