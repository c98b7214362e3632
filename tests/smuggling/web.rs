//! The same over HTTP: disguises as a query, as a form and as JSON, line by line and as one value, with a cookie, with
//! Basic and with Digest credentials. What reaches Asterisk is held against the same law.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::generated::{self, Random};
use crate::sockets::Recorder;
use crate::support::{Amimux, PATIENCE, free_ports, until};
use crate::{disguises, law};

/// An amimux with HTTP before an Asterisk that writes everything down.
struct World {
    recorder: Recorder,
    _amimux: Amimux,
    port: u16,
    /// What every ActionID of ours begins with.
    nonce: Vec<u8>,
}

impl World {
    fn start() -> Self {
        let recorder = Recorder::start();
        let last = law::CLIENTS.len() - 1;
        let mut users = String::new();
        for (client, classes) in law::CLIENTS.iter().enumerate() {
            let write = classes.join(",");
            writeln!(
                users,
                "[c{client}]\nsecret = c{client}-secret\nread = none\nwrite = {write}"
            )
            .unwrap();
            if client == last {
                users += "setheader(Originate,Account) = forced\n\
                          actionfilter(action(require),name(Originate),header(Context),method(exact)) = inside\n\
                          actionfilter(action(exclude),name(Redirect)) =\n";
            }
        }
        let port = free_ports(1);
        // A `WaitEvent` waits no longer than ten seconds before its session would end.
        let amimux = Amimux::start(&format!(
            "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\nfailedlogins = 0\nwebenabled = yes\nhttptimeout = 10\n\
             [one]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = s\nkeepalive = 3600\n{users}\
             [http]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {port}\n",
            recorder.port
        ));
        until("amimux is connected", || {
            amimux.log().contains("Asterisk is connected").then_some(())
        });
        // The mask is narrowed once, some time after the start.
        until("the mask is narrowed", || {
            let messages = recorder.messages.lock().expect("a list");
            let narrowed = messages.iter().any(|message| message.action() == "Events");
            narrowed.then_some(())
        });
        let nonce = recorder.take()[0].get("ActionID")[..16].to_vec();
        Self {
            recorder,
            _amimux: amimux,
            port,
            nonce,
        }
    }

    /// Sends a request on a connection of its own; the answer.
    fn ask(&self, line: &str, headers: &str, body: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        let head = format!(
            "{line} HTTP/1.1\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream
            .write_all(&[head.as_bytes(), body].concat())
            .expect("bytes are taken");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn cookie(&self, user: &str) -> String {
        let login =
            format!("GET /rawman?action=login&username={user}&secret={user}-secret&events=off");
        let answer = self.ask(&login, "", b"");
        assert!(answer.contains("Authentication accepted"), "{answer}");
        let cookie = answer.split("Set-Cookie: ").nth(1).expect("a cookie");
        format!("Cookie: {}\r\n", cookie.split(';').next().unwrap())
    }

    /// Sends a disguise in every form as that client; how many of its messages arrived.
    fn send(&self, client: usize, disguise: &[u8], every_form: bool) -> usize {
        let user = format!("c{client}");
        let credentials = STANDARD.encode(format!("{user}:{user}-secret"));
        let basic =
            format!("Authorization: Basic {credentials}\r\nContent-Type: application/json\r\n");
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let queries = [by_lines(disguise), as_values(disguise)];
        for query in &queries {
            // A cookie whose session a `Logoff` has ended is a stranger's.
            let cookie = self.cookie(&user);
            if query.len() < 3500 {
                self.ask(&format!("GET /rawman?{query}"), &cookie, b"");
            }
            let headers = format!("{}{form}", self.cookie(&user));
            self.ask("POST /mxml", &headers, query.as_bytes());
        }
        for json in [json_by_lines(disguise), json_as_values(disguise)] {
            self.ask("POST /action", &basic, json.as_bytes());
        }
        if every_form {
            let cookie = format!("{}Content-Type: application/json\r\n", self.cookie(&user));
            let json = json_by_lines(disguise);
            self.ask("POST /action", &cookie, json.as_bytes());
            self.digest(&user, &queries[0]);
        }
        let messages = self.recorder.take();
        messages
            .iter()
            .filter(|message| law::judge(client, &self.nonce, message))
            .count()
    }

    /// Posts a form with Digest credentials.
    fn digest(&self, user: &str, form: &str) {
        let status = Command::new("curl")
            .args([
                "--silent",
                "--output",
                "/dev/null",
                "--max-time",
                "30",
                "--digest",
            ])
            .args(["-u", &format!("{user}:{user}-secret"), "--data-raw", form])
            .arg(format!("http://127.0.0.1:{}/arawman", self.port))
            .status();
        assert!(status.expect("curl is installed").success(), "{form}");
    }
}

/// Every byte that is neither letter nor digit as `%` and two digits.
fn encoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte.is_ascii_alphanumeric() {
            true => text.push(char::from(*byte)),
            false => write!(text, "%{byte:02x}").unwrap(),
        }
    }
    text
}

/// Its lines, ended by LF and cut at their first colon; a CR stays where it is if nobody could mean it as an end.
fn lines(disguise: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let lines = disguise.split(|byte| *byte == b'\n');
    let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines
        .filter(|line| !line.is_empty())
        .map(|line| {
            let colon = line.iter().position(|byte| *byte == b':');
            let (name, value) = line.split_at(colon.unwrap_or(line.len()));
            (name.to_vec(), value.get(1..).unwrap_or_default().to_vec())
        })
        .collect()
}

fn by_lines(disguise: &[u8]) -> String {
    let pairs = lines(disguise).into_iter();
    let pairs = pairs.map(|(name, value)| format!("{}={}", encoded(&name), encoded(&value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The whole of it as a value, and as a name.
fn as_values(disguise: &[u8]) -> String {
    let all = encoded(disguise);
    format!("action=QueueStatus&queue={all}&{all}=x")
}

fn text(bytes: &[u8]) -> String {
    // Each byte as the character of that number, so that none is lost.
    bytes.iter().copied().map(char::from).collect()
}

fn json_by_lines(disguise: &[u8]) -> String {
    let mut members: Map<String, Value> = Map::new();
    for (name, value) in lines(disguise) {
        let values = members
            .entry(text(&name))
            .or_insert_with(|| Value::Array(Vec::new()));
        values
            .as_array_mut()
            .expect("an array")
            .push(text(&value).into());
    }
    Value::Object(members).to_string()
}

fn json_as_values(disguise: &[u8]) -> String {
    let all = text(disguise);
    serde_json::json!({ "Action": ["QueueStatus", all], "Queue": all, all.clone(): "x" })
        .to_string()
}

#[test]
fn over_http_nothing_reaches_asterisk_before_a_login_and_nothing_forbidden_after() {
    let world = World::start();
    let mut random = Random::new(11);
    let all = disguises::all();
    for disguise in all.iter().step_by(7) {
        let query = by_lines(disguise);
        world.ask(
            "POST /rawman",
            "Content-Type: application/x-www-form-urlencoded\r\n",
            query.as_bytes(),
        );
        world.ask(
            "POST /action",
            "Content-Type: application/json\r\n",
            json_by_lines(disguise).as_bytes(),
        );
    }
    let early = world.recorder.take();
    assert!(early.is_empty(), "before a login: {early:?}");
    let mut arrived = 0;
    for client in 0..law::CLIENTS.len() {
        for number in 0..40 {
            let bytes = match number % 2 {
                0 => all[random.below(all.len())].clone(),
                _ => generated::messages(&mut random),
            };
            arrived += world.send(client, &bytes, number % 8 < 2);
        }
        // What each of them may do does arrive, so that silence proves something.
        for harmless in [
            "QueueStatus",
            "Originate\r\nChannel: Local/1@x\r\nContext: inside\r\nExten: 1\r\nPriority: 1",
        ] {
            let request = format!("Action: {harmless}\r\n\r\n");
            arrived += world.send(client, request.as_bytes(), true);
        }
    }
    assert!(arrived > 40, "{arrived}");
}
