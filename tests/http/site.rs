//! An amimux that serves HTTP before a simulated Asterisk, and curl to ask it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use amimux::http::route;
use amimux::policy::class::Classes;
use amimux::sim::PbxOptions;

use crate::support::{Amimux, PATIENCE, Simulated, free_ports, until};

/// The users. Alice may do everything; the others have one thing each that is special.
const USERS: &str = "\
[alice]\nsecret = alice-secret\nread = all\nwrite = all\n\
[bob]\nsecret = bob-secret\nread = call\nwrite = call\n\
[once]\nsecret = once-secret\nread = call\nwrite = call\nallowmultiplelogin = no\n\
[robot]\nsecret = robot-secret\nread = call\nwrite = call,system\nwebtoken = 0123456789-robot-token\n\
[nobody]\nread = all\nwrite = all\n\
[hashed]\nread = call\nwrite = call\nsecrethash = {hash}\n\
[afar]\nsecret = afar-secret\nread = all\nwrite = all\nwebtoken = 0123456789-afar-token\ndeny = 0.0.0.0/0,::/0\npermit = 192.0.2.1\n";

/// Such an amimux.
pub(crate) struct Site {
    pub(crate) asterisk: Simulated,
    pub(crate) amimux: Amimux,
    pub(crate) port: u16,
}

/// What curl got.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The last head, its lines as they came.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Reads what `curl --include` prints; heads of earlier answers are passed over.
    pub(crate) fn read(mut text: &str) -> Self {
        loop {
            let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
            let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
            let status: u16 = status.unwrap_or_else(|| panic!("an answer, not {text:?}"));
            // The body of an answer that is followed by another one, curl does not print.
            if body.starts_with("HTTP/1.1 ") {
                text = body;
                continue;
            }
            return Self {
                status,
                head: head.to_owned(),
                body: body.to_owned(),
            };
        }
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (own, value) = line.split_once(": ")?;
            own.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The cookie, as it is sent back.
    pub(crate) fn cookie(&self) -> String {
        let set = self.header("Set-Cookie").expect("a cookie");
        set.split(';').next().unwrap().to_owned()
    }
}

impl Site {
    pub(crate) fn start() -> Self {
        Self::with("", "")
    }

    /// With further lines in `[general]`, and in `[http]` or behind it. `{http}` there stands for the port; one more is
    /// free behind it.
    pub(crate) fn with(general: &str, http: &str) -> Self {
        let asterisk = Simulated::start_with(PbxOptions {
            calls_per_second: 0.0,
            record: true,
            ..PbxOptions::default()
        });
        let port = free_ports(2);
        let hash = Command::new(env!("CARGO_BIN_EXE_amimux"))
            .args(["hash-secret", "--memory-kib", "64", "--passes", "1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .and_then(|mut child| {
                let input = child.stdin.take().expect("its input");
                (&input).write_all(b"hashed-secret")?;
                drop(input);
                child.wait_with_output()
            })
            .expect("a hash");
        let hash = String::from_utf8(hash.stdout).expect("text");
        let hash = hash.trim().trim_start_matches("secrethash = ");
        let users = USERS.replace("{hash}", hash);
        let next = (port + 1).to_string();
        let http = http.replace("{next}", &next);
        let bound = if http.starts_with("bindaddr") {
            ""
        } else {
            "bindaddr = 127.0.0.1\n"
        };
        let amimux = Amimux::start(&format!(
            "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\nwebenabled = yes\n{general}\n\
             [one]\ntype = upstream\nhost = 127.0.0.1\nport = {}\nusername = upstream\nsecret = upstream-secret\n\
             {users}\n[http]\nenabled = yes\n{bound}bindport = {port}\n{http}\n",
            asterisk.port
        ));
        until("amimux is connected", || {
            amimux.log().contains("Asterisk is connected").then_some(())
        });
        Self {
            asterisk,
            amimux,
            port,
        }
    }

    /// The address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Asks for a path; what the arguments say beyond that, counts.
    pub(crate) fn curl(&self, path: &str, arguments: &[&str]) -> Answer {
        let answer = curl(&self.url(path), arguments);
        let known = route::find("", path.split('?').next().unwrap());
        if let Some(known) = known.filter(|known| known.target.is_json()) {
            let elsewhere = matches!(answer.status, 405) || arguments.contains(&"OPTIONS");
            assert!(
                elsewhere || known.statuses.contains(&answer.status),
                "{path} is not said to answer {answer:?}"
            );
        }
        answer
    }

    /// Posts JSON.
    pub(crate) fn post(&self, path: &str, json: &str, arguments: &[&str]) -> Answer {
        let mut all = vec![
            "-H",
            "Content-Type: application/json",
            "--data-binary",
            json,
        ];
        all.extend(arguments);
        self.curl(path, &all)
    }

    /// A cookie of that user, logged in without events.
    pub(crate) fn cookie_of(&self, user: &str) -> String {
        self.cookie_with(user, "&events=off")
    }

    /// A cookie of that user, logged in with these parameters, too.
    pub(crate) fn cookie_with(&self, user: &str, more: &str) -> String {
        let answer = self.curl(
            &format!("/rawman?action=login&username={user}&secret={user}-secret{more}"),
            &[],
        );
        assert!(
            answer.body.contains("Message: Authentication accepted\r\n"),
            "{answer:?}"
        );
        answer.cookie()
    }

    /// A token of that user, as the header that carries it.
    pub(crate) fn token_of(&self, user: &str) -> String {
        let login = format!(r#"{{"username":"{user}","secret":"{user}-secret"}}"#);
        let answer = self.post("/login", &login, &[]);
        assert_eq!(answer.status, 200, "{answer:?}");
        let token = answer.json()["token"].as_str().expect("a token").to_owned();
        format!("Authorization: Bearer {token}")
    }

    /// Asks with a cookie.
    pub(crate) fn with_cookie(&self, cookie: &str, path: &str) -> Answer {
        self.curl(path, &["-b", cookie])
    }

    /// Bytes as they are, and everything that comes until the server closes.
    pub(crate) fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        stream.write_all(bytes).expect("bytes are taken");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Something happens in Asterisk that users with class `call` may see.
    pub(crate) fn happen(&self, text: &str) {
        let event = format!("Event: Hangup\r\nPrivilege: call,all\r\nText: {text}\r\n\r\n");
        self.asterisk
            .pbx
            .with(|pbx, _| pbx.broadcast(Classes::CALL, event.as_bytes()));
    }

    /// The names of all actions that Asterisk has run.
    pub(crate) fn executed(&self) -> Vec<String> {
        self.asterisk.pbx.with(|pbx, _| {
            let names = pbx.executed().iter().map(|run| &run.action);
            names
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect()
        })
    }

    /// Waits for a line in the log that holds all of these.
    pub(crate) fn logged(&self, parts: &[&str]) {
        until(&format!("a line with {parts:?}"), || {
            let log = self.amimux.log();
            log.lines()
                .any(|line| parts.iter().all(|part| line.contains(part)))
                .then_some(())
        });
    }
}

fn command(url: &str, arguments: &[&str]) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--include", "--max-time", "60"]);
    // `-e` and the like of a user's own file mean nothing here.
    curl.arg("--globoff").args(arguments).arg(url);
    curl
}

/// Asks by curl.
pub(crate) fn curl(url: &str, arguments: &[&str]) -> Answer {
    let output = command(url, arguments).output().expect("curl is installed");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(!text.is_empty(), "curl {arguments:?} {url}: {problem}");
    Answer::read(&text)
}

/// A curl that runs; what it gets goes to a file.
pub(crate) struct Running {
    child: Child,
    file: PathBuf,
    _folder: tempfile::TempDir,
}

impl Running {
    /// Asks, and does not wait for the answer.
    pub(crate) fn start(url: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("answer");
        let output = std::fs::File::create(&file).expect("a file");
        let child = command(url, arguments)
            .arg("--no-buffer")
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()
            .expect("curl is installed");
        Self {
            child,
            file,
            _folder: folder,
        }
    }

    /// What has come so far.
    pub(crate) fn so_far(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.file).unwrap_or_default()).into_owned()
    }

    /// Waits until `text` has come.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        until(&format!("{text:?}"), || {
            Some(self.so_far()).filter(|so_far| so_far.contains(text))
        })
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Waits for its end.
    pub(crate) fn finish(self) -> Answer {
        Answer::read(&self.end())
    }

    /// Waits for its end; what has come, if anything.
    pub(crate) fn end(mut self) -> String {
        until("curl ends", || self.has_ended().then_some(()));
        self.so_far()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
