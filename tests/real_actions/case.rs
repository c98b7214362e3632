//! One exchange with an AMI server, and how to compare two servers by it.

use crate::support::{AmiClient, normal};
use md5::{Digest, Md5};
use std::time::{Duration, Instant};

/// When an exchange is over.
pub(crate) enum End {
    /// A Ping sent behind it is answered.
    Answered,
    /// The message with this text has come, and a Ping sent behind that is answered.
    After(&'static str),
    /// The server has closed.
    Closed,
}

/// How what Asterisk sends has to compare with what amimux sends.
pub(crate) enum Compare {
    /// The same bytes.
    Bytes,
    /// The same messages; only a synchronous Originate is answered out of turn.
    AnyOrder,
    /// The messages with one of these texts; others come from threads of their own.
    Only(&'static [&'static str]),
    /// Not the same, for this reason; the second is what amimux answers, the start of each line.
    Differs(&'static str, &'static [&'static str]),
}

/// One exchange on a connection of its own.
pub(crate) struct Case {
    pub(crate) name: String,
    /// Who logs in first, with which `Events:`; nobody when empty.
    pub(crate) user: &'static str,
    pub(crate) events: &'static str,
    pub(crate) send: Vec<u8>,
    /// Log in with an MD5 key made with this secret after `send`, which asks for a challenge.
    pub(crate) key: Option<&'static str>,
    pub(crate) bytewise: bool,
    pub(crate) half_close: bool,
    pub(crate) least: Duration,
    pub(crate) end: End,
    pub(crate) compare: Compare,
}

impl Case {
    pub(crate) fn new(name: impl Into<String>, send: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            user: "app1",
            events: "off",
            send: send.into(),
            key: None,
            bytewise: false,
            half_close: false,
            least: Duration::ZERO,
            end: End::Answered,
            compare: Compare::Bytes,
        }
    }

    pub(crate) fn user(self, user: &'static str) -> Self {
        Self { user, ..self }
    }

    pub(crate) fn events(self, events: &'static str) -> Self {
        Self { events, ..self }
    }

    pub(crate) fn end(self, end: End) -> Self {
        Self { end, ..self }
    }

    pub(crate) fn compare(self, compare: Compare) -> Self {
        Self { compare, ..self }
    }

    /// Everything that comes in answer at that port.
    fn run(&self, port: u16) -> Vec<u8> {
        let begin = Instant::now();
        let mut client = match self.user {
            "" => AmiClient::connect(port).expect("a banner"),
            user => AmiClient::session(port, user, self.events),
        };
        let mut answer = Vec::new();
        if !self.user.is_empty() {
            // What follows a login (FullyBooted, say) is over before the case begins.
            client.action(&[("Action", "Ping"), ("ActionID", "begin")]);
            client.read_until("ActionID: begin\r\n");
        }
        match self.bytewise {
            true => self.send.iter().for_each(|byte| client.send(&[*byte])),
            false => client.send(&self.send),
        }
        if let Some(secret) = self.key {
            answer.extend(client.read_until("Challenge: "));
            client.send(&login_with_key(&answer, secret));
        }
        if self.half_close {
            client.half_close();
        }
        match self.end {
            End::Closed => answer.extend(client.read_to_end()),
            End::Answered | End::After(_) => {
                if let End::After(text) = self.end {
                    answer.extend(client.read_until(text));
                }
                client.action(&[("Action", "Ping"), ("ActionID", "the-end")]);
                answer.extend(client.read_until("ActionID: the-end\r\n"));
            }
        }
        let took = begin.elapsed();
        assert!(
            took >= self.least,
            "{}: took {took:?} at port {port}, not {:?}",
            self.name,
            self.least
        );
        answer
    }

    /// [`Case::run`], or why that did not come to its end.
    pub(crate) fn attempt(&self, port: u16) -> Result<Vec<u8>, String> {
        std::panic::catch_unwind(|| self.run(port)).map_err(|panic| {
            let text = panic
                .downcast_ref::<String>()
                .map_or("it panicked", String::as_str);
            format!("{} at port {port}: {text}", self.name)
        })
    }

    /// What is wrong with the answer of amimux, given that of Asterisk.
    pub(crate) fn fault(&self, direct: &[u8], through: &[u8]) -> Option<String> {
        let (mut direct, mut through) = (messages(direct), messages(through));
        match self.compare {
            Compare::Bytes => {}
            Compare::AnyOrder => {
                direct.sort();
                through.sort();
            }
            Compare::Only(texts) => {
                for each in [&mut direct, &mut through] {
                    each.retain(|message| texts.iter().any(|text| message.contains(text)));
                }
            }
            Compare::Differs(reason, wanted) => {
                let same = direct == through;
                let lines: Vec<_> = through.iter().flat_map(|message| message.lines()).collect();
                let fits = lines.len() >= wanted.len()
                    && wanted
                        .iter()
                        .zip(&lines)
                        .all(|(wanted, line)| line.starts_with(wanted));
                return (same || !fits).then(|| {
                    format!(
                        "{}: should differ because {reason}\n{}",
                        self.name,
                        through.concat()
                    )
                });
            }
        }
        // Asterisk tells of the login itself from a thread of its own: where the session had events off then, that
        // may come after they were switched on, or not.
        if self.events == "off" {
            for each in [&mut direct, &mut through] {
                each.retain(|message| !message.starts_with("Event: SuccessfulAuth"));
            }
        }
        let same = direct == through;
        (!same).then(|| {
            format!(
                "{}\n--- Asterisk ---\n{}--- amimux ---\n{}",
                self.name,
                direct.concat(),
                through.concat()
            )
        })
    }
}

/// The messages of an answer, normalised, without stray blank lines between them.
fn messages(answer: &[u8]) -> Vec<String> {
    let text = normal(answer);
    let blank = "\\r\\n\n";
    let end = format!("\n{blank}");
    let split = text.split_inclusive(&end).map(|message| {
        let mut message = message;
        while let Some(rest) = message.strip_prefix(blank) {
            message = rest;
        }
        message.to_owned()
    });
    split.filter(|message| !message.is_empty()).collect()
}

/// The second half of an MD5 login, given the answer to its challenge.
fn login_with_key(answer: &[u8], secret: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(answer);
    let challenge = text
        .split("Challenge: ")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next())
        .expect("a challenge");
    let key: String = Md5::digest(format!("{challenge}{secret}"))
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("Action: Login\r\nActionID: L2\r\nAuthType: MD5\r\nUsername: app1\r\nKey: {key}\r\nEvents: off\r\n\r\n").into_bytes()
}
