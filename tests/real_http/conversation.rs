//! A conversation with an HTTP server, and how to compare two servers by it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use crate::answer::{Answer, Names};
use crate::request::{Credentials, Known, Request};
use crate::support::{AmiClient, PATIENCE, find};

/// How long the server is given for what is seen from outside only later: to take up a request that stays in the
/// background, to tell of a login.
const HEAD_START: Duration = Duration::from_millis(250);

enum Step {
    Ask(Box<Request>),
    /// Bytes on a connection of their own, and how many answers come.
    Send(Vec<u8>, usize),
    /// Asterisk is made to tell everybody of a user event with this name.
    Happen(&'static str),
    /// Time for what is under way.
    Rest,
}

/// How what Asterisk answers has to compare with what amimux answers.
enum Compare {
    Same,
    /// The same, but of events those with one of these texts; others come from elsewhere.
    Only(&'static [&'static str]),
    /// Not the same, for this reason; what has to be found in the answers of amimux, in this order.
    Differs(&'static str, &'static [&'static str]),
}

/// Requests one after another, with cookies of their own.
pub(crate) struct Conversation {
    pub(crate) name: String,
    steps: Vec<Step>,
    compare: Compare,
}

/// A server: where it is, and where Asterisk speaks AMI.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) ami_port: u16,
}

impl Conversation {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            steps: Vec::new(),
            compare: Compare::Same,
        }
    }

    fn ask(mut self, request: Request) -> Self {
        self.steps.push(Step::Ask(Box::new(request)));
        self
    }

    pub(crate) fn get(self, target: impl Into<String>) -> Self {
        self.ask(Request::new("GET", target, None))
    }

    pub(crate) fn head(self, target: impl Into<String>) -> Self {
        self.ask(Request::new("HEAD", target, None))
    }

    pub(crate) fn post(self, target: impl Into<String>, body: impl Into<String>) -> Self {
        self.ask(Request::new("POST", target, Some(body.into())))
    }

    pub(crate) fn method(self, method: &'static str, target: impl Into<String>) -> Self {
        self.ask(Request::new(method, target, None))
    }

    /// Logs in by a cookie.
    pub(crate) fn login(self, user: &str) -> Self {
        self.get(format!(
            "/rawman?action=login&username={user}&secret={user}-secret&events=off"
        ))
    }

    pub(crate) fn send(mut self, bytes: impl Into<Vec<u8>>, answers: usize) -> Self {
        self.steps.push(Step::Send(bytes.into(), answers));
        self
    }

    pub(crate) fn happen(mut self, event: &'static str) -> Self {
        self.steps.push(Step::Happen(event));
        self
    }

    pub(crate) fn rest(mut self) -> Self {
        self.steps.push(Step::Rest);
        self
    }

    /// Changes the last request.
    fn last(mut self, change: impl FnOnce(&mut Request)) -> Self {
        let Some(Step::Ask(request)) = self.steps.last_mut() else {
            panic!("{}: no request to change", self.name);
        };
        change(request);
        self
    }

    pub(crate) fn header(self, header: &'static str) -> Self {
        self.last(|request| request.headers.push(header))
    }

    /// The last request uses another cookie jar, or none when empty.
    pub(crate) fn jar(self, jar: &'static str) -> Self {
        self.last(|request| request.jar = jar)
    }

    /// The last request comes from this address.
    pub(crate) fn from(self, address: &'static str) -> Self {
        self.last(|request| request.from = address)
    }

    /// The last request is made by `curl --digest`.
    pub(crate) fn digest(self, user: &'static str, secret: &'static str) -> Self {
        self.last(|request| request.digest = Some((user, secret)))
    }

    /// The last request bears these credentials.
    pub(crate) fn credentials(self, credentials: Credentials) -> Self {
        self.last(|request| request.credentials = Some(credentials))
    }

    /// The last request is not waited for until the end.
    pub(crate) fn background(self) -> Self {
        self.last(|request| request.background = true)
    }

    pub(crate) fn only(self, texts: &'static [&'static str]) -> Self {
        let compare = Compare::Only(texts);
        Self { compare, ..self }
    }

    pub(crate) fn differs(self, reason: &'static str, wanted: &'static [&'static str]) -> Self {
        let compare = Compare::Differs(reason, wanted);
        Self { compare, ..self }
    }

    /// The answers of that server, one text each.
    fn run(&self, server: &Server) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = folder.path();
        let (mut known, mut names) = (Known::default(), Names::default());
        let mut shown = Vec::new();
        let mut waiting = Vec::new();
        // Logged in before the conversation: its login is an event too.
        let happens = self
            .steps
            .iter()
            .any(|step| matches!(step, Step::Happen(_)));
        let mut teller = happens.then(|| AmiClient::session(server.ami_port, "second", "off"));
        for (number, step) in self.steps.iter().enumerate() {
            match step {
                Step::Ask(request) => {
                    let curl = request.start(server.port, &known, folder, number);
                    if request.background {
                        std::thread::sleep(HEAD_START);
                        waiting.push((number, request, curl));
                    } else {
                        shown.push(finish(
                            number, request, curl, folder, &mut known, &mut names,
                        ));
                    }
                }
                Step::Send(bytes, answers) => {
                    shown.push(exchange(server.port, bytes, *answers, &mut names));
                }
                Step::Happen(event) => happen(teller.as_mut().expect("a session"), event),
                Step::Rest => std::thread::sleep(HEAD_START),
            }
        }
        for (number, request, curl) in waiting {
            shown.push(finish(
                number, request, curl, folder, &mut known, &mut names,
            ));
        }
        shown
    }

    /// [`Conversation::run`], or why that did not come to its end.
    pub(crate) fn attempt(&self, server: &Server) -> Result<Vec<String>, String> {
        std::panic::catch_unwind(|| self.run(server)).map_err(|panic| {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied());
            format!(
                "{} at port {}: {}",
                self.name,
                server.port,
                text.unwrap_or("it panicked")
            )
        })
    }

    /// What is wrong with the answers of amimux, given those of Asterisk.
    pub(crate) fn fault(&self, direct: &[String], through: &[String]) -> Option<String> {
        let compared = |answers: &[String]| match self.compare {
            Compare::Only(texts) => answers.iter().map(|answer| only(answer, texts)).collect(),
            _ => answers.to_vec(),
        };
        let (direct, through) = (compared(direct), compared(through));
        if let Compare::Differs(reason, wanted) = self.compare {
            let all = through.concat();
            let mut rest = all.as_str();
            let fits = wanted.iter().all(|text| match rest.split_once(text) {
                Some((_, after)) => {
                    rest = after;
                    true
                }
                None => false,
            });
            return (direct == through || !fits).then(|| {
                format!(
                    "### {}: should differ because {reason}\n--- Asterisk ---\n{}\n--- amimux ---\n{}",
                    self.name,
                    direct.join("\n--\n"),
                    through.join("\n--\n")
                )
            });
        }
        let count = direct.len().max(through.len());
        let different = (0..count).filter(|&index| direct.get(index) != through.get(index));
        let parts: Vec<_> = different
            .map(|index| {
                let of = |answers: &[String]| answers.get(index).cloned().unwrap_or_default();
                format!(
                    "--- answer {}, Asterisk ---\n{}\n--- amimux ---\n{}",
                    index + 1,
                    of(&direct),
                    of(&through)
                )
            })
            .collect();
        (!parts.is_empty()).then(|| format!("### {}\n{}", self.name, parts.join("\n")))
    }
}

/// The answer to a request that curl has made.
fn finish(
    number: usize,
    request: &Request,
    curl: Child,
    folder: &Path,
    known: &mut Known,
    names: &mut Names,
) -> String {
    let output = curl.wait_with_output().expect("the end of curl");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let file =
        |kind: &str| std::fs::read(folder.join(format!("{number}.{kind}"))).unwrap_or_default();
    let heads = String::from_utf8_lossy(&file("headers")).into_owned();
    // With --digest there are two; the body is the last one's.
    let mut heads: Vec<_> = heads
        .split("\r\n\r\n")
        .filter(|head| !head.is_empty())
        .collect();
    let Some(last) = heads.pop() else {
        return format!("no answer: {}", complaint.trim());
    };
    // curl --head writes the headers for a body.
    let body = match request.method {
        "HEAD" => Vec::new(),
        _ => file("body"),
    };
    let mut shown = String::new();
    for head in heads {
        shown += &Answer::new(head, Vec::new()).shown(names);
        shown.push('\n');
    }
    let answer = Answer::new(last, body);
    if let Some(cookie) = answer.cookie() {
        cookie.clone_into(&mut known.cookie);
    }
    if let Some(nonce) = answer.nonce() {
        nonce.clone_into(&mut known.nonce);
    }
    if let Some(challenge) = answer.challenge() {
        known.challenge = challenge;
    }
    shown + &answer.shown(names)
}

/// Sends bytes, reads so many answers, and tells whether the connection can be used on.
fn exchange(port: u16, bytes: &[u8], answers: usize, names: &mut Names) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a time limit");
    // A server that has heard enough may close before everything is sent.
    let _ = stream.write_all(bytes);
    let mut input = Vec::new();
    let mut shown = Vec::new();
    for number in 0..answers {
        let head = number == 0 && bytes.starts_with(b"HEAD");
        let answer = read_answer(&mut stream, &mut input, head);
        shown.push(answer.map_or_else(|| "no answer".to_owned(), |answer| answer.shown(names)));
    }
    let _ = stream.write_all(b"GET /the-end HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let open =
        read_answer(&mut stream, &mut input, false).is_some_and(|answer| answer.status == "404");
    shown.push(if open { "open" } else { "closed" }.to_owned());
    shown.join("\n")
}

/// The next answer on a connection, without a body if it is one to HEAD; none when it ends before.
fn read_answer(stream: &mut TcpStream, input: &mut Vec<u8>, head: bool) -> Option<Answer> {
    let mut more = |input: &mut Vec<u8>| {
        let mut buffer = [0; 4096];
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        input.extend_from_slice(&buffer[..count]);
        Some(())
    };
    let lines = loop {
        match find(input, b"\r\n\r\n") {
            Some(end) => break input.drain(..end + 4).collect::<Vec<_>>(),
            None => more(input)?,
        }
    };
    let mut answer = Answer::new(&String::from_utf8_lossy(&lines), Vec::new());
    let length = match head {
        true => 0,
        false => answer.header("content-length")?.parse().ok()?,
    };
    while input.len() < length {
        more(input)?;
    }
    answer.body = input.drain(..length).collect();
    Some(answer)
}

/// Makes Asterisk tell of a user event, and waits until it has.
fn happen(client: &mut AmiClient, event: &str) {
    client.action(&[
        ("Action", "UserEvent"),
        ("UserEvent", event),
        ("ActionID", "told"),
    ]);
    client.read_until("ActionID: told\r\n");
}

/// An answer with those of its events that have one of the texts in them, and without other events.
fn only(answer: &str, texts: &[&str]) -> String {
    let is_event = |part: &str| {
        [
            "Event: ",
            "<response type='object' id='unknown'><generic event='",
        ]
        .iter()
        .any(|begin| part.starts_with(begin))
    };
    let kept = |part: &str| {
        let mut always = ["FullyBooted", "WaitEventComplete"].iter().chain(texts);
        !is_event(part) || always.any(|text| part.contains(text))
    };
    let (head, body) = answer.split_once("\n\n").unwrap_or((answer, ""));
    let end = match head.contains("text/xml") {
        true => "\n",
        false => "\\r\\n\n\\r\\n\n",
    };
    let body: String = body
        .split_inclusive(end)
        .filter(|part| kept(part))
        .collect();
    format!("{head}\n\n{body}")
}
