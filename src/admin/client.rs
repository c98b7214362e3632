//! A client of the control socket, for the command line: it connects, sends an action, and reads the answer, a list to
//! its end. It blocks; nothing else of amimux is needed for it.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

/// Where the socket is unless the configuration says otherwise.
pub const DEFAULT_PATH: &str = "/run/amimux/control.sock";

/// How long an answer may take: longer than amimux waits for its own threads.
const ANSWER_WITHIN: Duration = Duration::from_secs(45);

/// Longest message that is read.
const MESSAGE_BYTES_MAX: usize = 4 << 20;

/// Bytes read in one go.
const READ_BYTES: usize = 64 << 10;

/// What every banner begins with.
const BANNER: &[u8] = b"Asterisk Call Manager/";

/// Why there is no answer. Each says what to do.
#[derive(Debug, Error)]
pub enum ControlError {
    /// Nobody listens there.
    #[error(
        "nobody listens at {}: amimux does not run here, or has controlsocket = no; start it, or name the socket with --socket",
        .0.display()
    )]
    NotRunning(PathBuf),
    /// The system does not let this user in.
    #[error("may not connect to {}: run as root or join the group amimux", .0.display())]
    NotPermitted(PathBuf),
    /// Something else listens there.
    #[error("{} is not amimux's control socket: name the socket with --socket", .0.display())]
    NotAmimux(PathBuf),
    /// amimux refused.
    #[error("{0}")]
    Refused(String),
    /// amimux refused, for each of these reasons.
    #[error("{0}")]
    RefusedFor(String, Vec<String>),
    /// A header cannot be sent.
    #[error("a value with a line end cannot be sent: write it on one line")]
    NotALine,
    /// amimux ended the connection.
    #[error("amimux closed the connection: it ends, or has too many of them; try again")]
    Closed,
    /// amimux did not answer.
    #[error("amimux gave no answer within {} seconds: see its log", ANSWER_WITHIN.as_secs())]
    Silent,
    /// Something else went wrong.
    #[error("the control socket failed: {0}")]
    Failed(#[from] std::io::Error),
}

/// One message: a response or an event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    headers: Vec<(String, String)>,
}

impl Message {
    /// The message of these lines, each ended by CR LF; a line without a colon is a header without a name.
    pub fn read(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let lines = text.split("\r\n").filter(|line| !line.is_empty());
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap_or(("", line));
            let value = value.strip_prefix(' ').unwrap_or(value);
            (name.to_owned(), value.to_owned())
        };
        Self {
            headers: lines.map(header).collect(),
        }
    }

    /// The value of a header; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        headers
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value.as_str())
    }

    /// The values of all headers of that name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let headers = self.headers.iter();
        headers
            .filter(move |(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All headers in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether it is a response, not an event.
    pub fn is_response(&self) -> bool {
        let first = self.headers.first();
        first.is_some_and(|(name, _)| name.eq_ignore_ascii_case("Response"))
    }
}

/// An answer: the response, and the items of a list.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The response itself.
    pub response: Message,
    /// The events of the list.
    pub items: Vec<Message>,
    /// The event that ended it; nothing in it where there was no list.
    pub complete: Message,
}

/// A connection to the control socket.
#[derive(Debug)]
pub struct ControlClient {
    stream: UnixStream,
    path: PathBuf,
    buffer: Vec<u8>,
    /// Bytes at the begin of `buffer` in which no end of a message is.
    searched: usize,
    requests: u64,
}

impl ControlClient {
    /// Connects, and reads the banner.
    ///
    /// # Errors
    /// Nobody listens there, or it is not permitted, or it is not amimux.
    pub fn connect(path: &Path) -> Result<Self, ControlError> {
        let stream = UnixStream::connect(path).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                ControlError::NotRunning(path.to_owned())
            }
            ErrorKind::PermissionDenied => ControlError::NotPermitted(path.to_owned()),
            _ => ControlError::Failed(error),
        })?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.set_write_timeout(Some(ANSWER_WITHIN))?;
        let mut client = Self {
            stream,
            path: path.to_owned(),
            buffer: Vec::new(),
            searched: 0,
            requests: 0,
        };
        let banner = client.take_until(b"\r\n").map_err(|error| match error {
            ControlError::Closed => ControlError::NotPermitted(path.to_owned()),
            error => error,
        })?;
        if banner.starts_with(BANNER) {
            Ok(client)
        } else {
            Err(ControlError::NotAmimux(client.path))
        }
    }

    /// Sends an action and reads its whole answer.
    ///
    /// # Errors
    /// amimux refuses it, or gives no answer.
    pub fn ask(&mut self, action: &str, headers: &[(&str, &str)]) -> Result<Answer, ControlError> {
        let id = self.send(action, headers)?;
        self.answer(&id)
    }

    /// Reads the whole answer to the action with that ActionID; what else comes is left out.
    ///
    /// # Errors
    /// amimux refused it, or gives no answer.
    pub fn answer(&mut self, id: &str) -> Result<Answer, ControlError> {
        let mut answer = Answer::default();
        loop {
            let message = self.next_message()?;
            if message.get("ActionID") != id {
                continue;
            }
            if message.is_response() {
                if message.get("Response").eq_ignore_ascii_case("Error") {
                    let text = message.get("Message").to_owned();
                    let reasons: Vec<_> = message.all("Error").map(str::to_owned).collect();
                    return Err(if reasons.is_empty() {
                        ControlError::Refused(text)
                    } else {
                        ControlError::RefusedFor(text, reasons)
                    });
                }
                let is_list = message.get("EventList").eq_ignore_ascii_case("start");
                answer.response = message;
                if !is_list {
                    return Ok(answer);
                }
            } else if message.get("EventList").eq_ignore_ascii_case("Complete") {
                answer.complete = message;
                return Ok(answer);
            } else {
                answer.items.push(message);
            }
        }
    }

    /// Sends an action, and says what its ActionID is.
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn send(&mut self, action: &str, headers: &[(&str, &str)]) -> Result<String, ControlError> {
        self.requests += 1;
        let id = self.requests.to_string();
        let mut text = format!("Action: {action}\r\nActionID: {id}\r\n");
        for (name, value) in headers {
            if value.contains(['\r', '\n', '\0']) {
                return Err(ControlError::NotALine);
            }
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        self.stream.write_all(text.as_bytes()).map_err(ended)?;
        Ok(id)
    }

    /// The next message, whatever it is.
    ///
    /// # Errors
    /// None comes in time, or the connection has ended.
    pub fn next_message(&mut self) -> Result<Message, ControlError> {
        let text = self.take_until(b"\r\n\r\n")?;
        Ok(Message::read(&text))
    }

    /// How long [`ControlClient::next_message`] waits; `None` is for ever. At first it is some seconds.
    ///
    /// # Errors
    /// The system refuses.
    pub fn wait_for(&self, timeout: Option<Duration>) -> std::io::Result<()> {
        self.stream.set_read_timeout(timeout)
    }

    /// What comes up to `end`, that included.
    fn take_until(&mut self, end: &[u8]) -> Result<Vec<u8>, ControlError> {
        loop {
            let unseen = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(at) = memchr::memmem::find(unseen, end) {
                let length = self.searched + at + end.len();
                self.searched = 0;
                return Ok(self.buffer.drain(..length).collect());
            }
            self.searched = self.buffer.len().saturating_sub(end.len() - 1);
            if self.buffer.len() > MESSAGE_BYTES_MAX {
                return Err(ControlError::NotAmimux(self.path.clone()));
            }
            let before = self.buffer.len();
            self.buffer.resize(before + READ_BYTES, 0);
            let space = self.buffer.get_mut(before..).unwrap_or_default();
            let read = self.stream.read(space);
            let count = *read.as_ref().unwrap_or(&0);
            self.buffer.truncate(before + count);
            match read {
                Ok(0) => return Err(ControlError::Closed),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(ended(error)),
            }
        }
    }
}

fn ended(error: std::io::Error) -> ControlError {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => ControlError::Silent,
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => ControlError::Closed,
        _ => ControlError::Failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// A server that says `text` to who connects, and then reads to the end.
    fn says(text: &'static [u8]) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            for part in text.chunks(7) {
                stream.write_all(part).unwrap();
            }
            std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
        });
        (directory, path)
    }

    #[test]
    fn a_list_is_read_to_its_end_and_what_is_of_others_is_left_out() {
        let (_directory, path) = says(
            b"Asterisk Call Manager/1\r\nEvent: Other\r\n\r\nResponse: Success\r\nActionID: 1\r\n\
              EventList: start\r\n\r\nEvent: X\r\nActionID: 1\r\nA: b: c\r\nA:\r\n\r\nEvent: XComplete\r\n\
              ActionID: 1\r\nEventList: Complete\r\nListItems: 1\r\n\r\nResponse: Error\r\nActionID: 2\r\n\
              Message: no\r\n\r\n",
        );
        let mut client = ControlClient::connect(&path).unwrap();
        let answer = client.ask("X", &[("Name", "value")]).unwrap();
        assert_eq!(answer.items.len(), 1);
        assert_eq!(answer.items[0].get("a"), "b: c");
        assert_eq!(answer.items[0].all("A").collect::<Vec<_>>(), ["b: c", ""]);
        assert_eq!(answer.complete.get("ListItems"), "1");
        let refused = client.ask("Y", &[]).unwrap_err();
        assert_eq!(refused.to_string(), "no");
        assert!(matches!(
            client.ask("Z", &[("A", "b\r\nAction: C")]),
            Err(ControlError::NotALine)
        ));
    }

    #[test]
    fn errors_say_what_to_do() {
        let (directory, path) = says(b"SSH-2.0-x\r\n");
        let error = ControlClient::connect(&path).unwrap_err().to_string();
        assert!(error.contains("is not amimux's"), "{error}");
        let nowhere = directory.path().join("nowhere");
        let error = ControlClient::connect(&nowhere).unwrap_err().to_string();
        assert!(error.contains("amimux does not run here"), "{error}");
    }
}
