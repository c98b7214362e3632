//! An Asterisk that follows a script: it answers what the hub asks for itself, strictly in its turn, and leaves
//! the clients' actions to the test.

use std::collections::VecDeque;

use bytes::BytesMut;

/// The actions that it says it has.
const COMMANDS: &str = "CoreShowChannelMap: s  (Priv: system,reporting,all)|\
    Command: s  (Priv: command,all)|\
    CoreShowChannels: s  (Priv: system,reporting,all)|\
    CoreStatus: s  (Priv: system,reporting,all)|\
    DBGet: s  (Priv: system,reporting,all)|\
    Getvar: s  (Priv: call,reporting,all)|\
    Hangup: s  (Priv: system,call,all)|\
    IAXnetstats: s  (Priv: system,reporting,all)|\
    JabberSend: s  (Priv: system,all)|\
    ModuleLoad: s  (Priv: system,all)|\
    Originate: s  (Priv: originate,all)|\
    PJSIPShowEndpoint: s  (Priv: system,all)|\
    QueueStatus: s  (Priv: <none>)|\
    Status: s  (Priv: system,call,reporting,all)|\
    ThirdParty: s  (Priv: reporting,all)|\
    UserEvent: s  (Priv: user,all)";

/// One action as Asterisk read it.
#[derive(Debug, Clone)]
pub struct Asked {
    pub action: String,
    pub action_id: String,
    /// Every line but `Action` and `ActionID`.
    pub rest: Vec<String>,
}

impl Asked {
    fn read(message: &[u8]) -> Self {
        let text = String::from_utf8_lossy(message).into_owned();
        let mut asked = Self {
            action: String::new(),
            action_id: String::new(),
            rest: Vec::new(),
        };
        for line in text.split("\r\n") {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            if name.eq_ignore_ascii_case("Action") {
                asked.action = value.trim_start().to_owned();
            } else if name.eq_ignore_ascii_case("ActionID") {
                asked.action_id = value.trim_start().to_owned();
            } else {
                asked.rest.push(line.to_owned());
            }
        }
        asked
    }

    /// The action and its lines, without the ActionID.
    pub fn show(&self) -> String {
        std::iter::once(&self.action)
            .chain(&self.rest)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("|")
    }

    /// The value of a header; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.rest
            .iter()
            .filter_map(|line| line.split_once(": "))
            .find(|(other, _)| *other == name)
            .map_or("", |(_, value)| value)
    }
}

/// The scripted Asterisk.
#[derive(Debug)]
pub struct Asterisk {
    input: BytesMut,
    /// Clients' actions that the test has not answered, oldest first; behind them may stand the hub's own.
    pub waiting: VecDeque<Asked>,
    /// The event masks that the hub asked for.
    pub masks: Vec<String>,
    /// How many Pings the hub sent.
    pub pings: usize,
    /// It answers nothing at all.
    pub silent: bool,
    /// It refuses logins.
    pub refuses: bool,
    /// It has `brokeneventsaction`.
    pub broken_events: bool,
    /// It says FullyBooted after a login.
    pub booted: bool,
    /// It leaves everything but the login to the test.
    pub manual: bool,
}

impl Default for Asterisk {
    fn default() -> Self {
        Self {
            input: BytesMut::new(),
            waiting: VecDeque::new(),
            masks: Vec::new(),
            pings: 0,
            silent: false,
            refuses: false,
            broken_events: false,
            booted: true,
            manual: false,
        }
    }
}

impl Asterisk {
    /// Forgets the connection.
    pub fn restart(&mut self) {
        self.input.clear();
        self.waiting.clear();
    }

    /// Reads all that was sent; returns what it answers by itself now.
    pub fn read(&mut self, outbound: &mut BytesMut) -> Vec<u8> {
        self.input.extend_from_slice(&outbound.split());
        if self.silent {
            return Vec::new();
        }
        while let Some(end) = memchr::memmem::find(&self.input, b"\r\n\r\n") {
            let message = self.input.split_to(end + 4);
            self.waiting.push_back(Asked::read(&message[..end]));
        }
        let mut answers = Vec::new();
        while let Some(asked) = self.waiting.front() {
            let Some(answer) = self.own(&asked.clone()) else {
                break;
            };
            self.waiting.pop_front();
            answers.extend_from_slice(&answer);
        }
        answers
    }

    /// The answer to one of the hub's own actions; `None` for a client's.
    fn own(&mut self, asked: &Asked) -> Option<Vec<u8>> {
        let id = &asked.action_id;
        let text = match asked.action.as_str() {
            "Challenge" => format!("Response: Success|ActionID: {id}|Challenge: 123456"),
            "Login" if self.refuses => {
                format!("Response: Error|ActionID: {id}|Message: Authentication failed")
            }
            "Login" => {
                self.masks.push(asked.get("Events").to_owned());
                let booted = "Event: FullyBooted|Privilege: system,all|Uptime: 5|LastReload: 5|Status: Fully Booted";
                let text =
                    format!("Response: Success|ActionID: {id}|Message: Authentication accepted");
                if self.booted {
                    format!("{text}||{booted}")
                } else {
                    text
                }
            }
            "ListCommands" => format!("Response: Success|ActionID: {id}|{COMMANDS}"),
            _ if self.manual => return None,
            "Events" => {
                let mask = asked.get("EventMask").to_owned();
                let silent = self.broken_events && mask == "on";
                self.masks.push(mask);
                if silent {
                    return Some(Vec::new());
                }
                format!("Response: Success|ActionID: {id}|Events: On")
            }
            "Ping" => {
                self.pings += 1;
                format!("Response: Success|ActionID: {id}|Ping: Pong|Timestamp: 1.000000")
            }
            _ => return None,
        };
        Some(super::wire(&text))
    }
}
