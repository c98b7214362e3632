//! The simulated Asterisk: it answers strictly in order, sends events only between two answers and only within
//! the mask that it was asked for, and numbers them. It knows only the actions that may ever reach it.

use std::collections::{HashSet, VecDeque};

use amimux::policy::class::Classes;
use amimux::policy::event_mask;

use super::random::Random;

const COMMANDS: &str = "CoreStatus: s  (Priv: system,reporting,all)\r\n\
    Getvar: s  (Priv: call,reporting,all)\r\n\
    IAXnetstats: s  (Priv: system,reporting,all)\r\n\
    JabberSend: s  (Priv: system,all)\r\n\
    Originate: s  (Priv: originate,all)\r\n\
    QueueStatus: s  (Priv: <none>)\r\n\
    UserEvent: s  (Priv: user,all)\r\n";

/// One event that happened.
#[derive(Debug)]
pub struct Happened {
    pub classes: Classes,
    /// Where its bytes end in this connection's stream; zero if it was not written.
    end: u64,
    /// Whether amimux was logged in, and the bytes were not lost with the connection.
    pub available: bool,
    /// It tells amimux alone the outcome of a synchronous Originate.
    pub private: bool,
}

#[derive(Debug)]
struct Request {
    token: String,
    headers: Vec<(String, String)>,
}

impl Request {
    fn get(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map_or("", |(_, value)| value)
    }
}

#[derive(Debug, Default)]
pub struct Pbx {
    pub connected: bool,
    logged_in: bool,
    mask: Classes,
    pub input: Vec<u8>,
    requests: VecDeque<Request>,
    pub output: VecDeque<u8>,
    written: u64,
    fed: u64,
    /// Outcomes of Originates that have not been told: token and mark.
    originates: Vec<(String, String)>,
    /// Echoes of UserEvents that have not been sent.
    echoes: VecDeque<String>,
    tokens: HashSet<String>,
    /// Every event ever; its place is its number.
    pub happened: Vec<Happened>,
    /// It reads and answers nothing.
    pub stalled: bool,
}

impl Pbx {
    pub fn connect(&mut self) {
        self.connected = true;
        self.stalled = false;
        self.written = 0;
        self.fed = 0;
        self.write("Asterisk Call Manager/11.0.0\r\n");
    }

    /// The connection is gone, and what had not arrived with it.
    pub fn lose(&mut self) {
        self.connected = false;
        self.logged_in = false;
        self.input.clear();
        self.output.clear();
        self.requests.clear();
        self.originates.clear();
        self.echoes.clear();
        for event in &mut self.happened {
            event.available &= event.end <= self.fed;
            event.end = 0;
        }
    }

    fn write(&mut self, text: &str) {
        self.output.extend(text.as_bytes());
        self.written += text.len() as u64;
    }

    /// Some of the output arrives.
    pub fn deliver(&mut self, random: &mut Random) -> Vec<u8> {
        let length = random.piece(self.output.len());
        self.fed += length as u64;
        self.output.drain(..length).collect()
    }

    /// The number of the first event that has not arrived whole.
    pub fn first_unheard(&self) -> usize {
        let unheard = self.happened.iter().position(|event| event.end > self.fed);
        unheard.unwrap_or(self.happened.len())
    }

    pub fn is_idle(&self) -> bool {
        self.input.is_empty() && self.requests.is_empty() && self.output.is_empty()
    }

    /// Something happens; who may see it is written to, if asked for.
    pub fn happen(&mut self, classes: Classes, name: &str, body: &str) {
        let number = self.happened.len();
        let mut end = 0;
        if self.logged_in && self.mask.contains_all(classes) {
            let privilege = classes.to_string();
            self.write(&format!(
                "Event: {name}\r\nPrivilege: {privilege},all\r\n{body}N: {number}\r\n\r\n"
            ));
            end = self.written;
        }
        self.happened.push(Happened {
            classes,
            end,
            available: self.logged_in,
            private: body.contains("-s-"),
        });
    }

    /// The outcome of a random Originate is told.
    pub fn tell_outcome(&mut self, random: &mut Random) {
        if self.originates.is_empty() {
            return;
        }
        let index = random.below(self.originates.len());
        let (token, mark) = self.originates.swap_remove(index);
        let outcome = random.pick(&["Success", "Failure"]);
        let body = format!("ActionID: {token}\r\nResponse: {outcome}\r\nMark: {mark}\r\n");
        self.happen(Classes::CALL, "OriginateResponse", &body);
    }

    /// The echo of the oldest UserEvent is sent.
    pub fn echo(&mut self) {
        if let Some(body) = self.echoes.pop_front() {
            self.happen(Classes::USER, "UserEvent", &body);
        }
    }

    /// Reads what was sent; whether there is something to answer.
    pub fn read(&mut self) -> bool {
        while let Some(end) = memchr::memmem::find(&self.input, b"\r\n\r\n") {
            let message = self.input.drain(..end + 4).collect::<Vec<_>>();
            let text = String::from_utf8(message[..end].to_vec()).unwrap();
            let headers = text
                .split("\r\n")
                .map(|line| line.split_once(": ").unwrap_or((line, "")))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect::<Vec<_>>();
            let token = headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("ActionID"));
            let token = token.expect("every action has a token").1.clone();
            assert!(token.len() <= 67 && self.tokens.insert(token.clone()));
            self.requests.push_back(Request { token, headers });
        }
        !self.requests.is_empty()
    }

    /// Answers the oldest request.
    pub fn answer(&mut self, random: &mut Random) {
        self.read();
        // An echo is sent before the next request is looked at, most of the time.
        if !self.echoes.is_empty() && !random.once_in(4) {
            self.echo();
        }
        let Some(request) = self.requests.pop_front() else {
            return;
        };
        let id = format!("ActionID: {}\r\n", request.token);
        let success = format!("Response: Success\r\n{id}");
        match request.get("Action") {
            "Challenge" => self.write(&format!("{success}Challenge: 1\r\n\r\n")),
            "Login" => {
                self.logged_in = true;
                self.mask =
                    event_mask::parse(request.get("Events").as_bytes()).within(Classes::ALL);
                self.write(&format!(
                    "{success}Message: Authentication accepted\r\n\r\nEvent: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n"
                ));
            }
            "ListCommands" => self.write(&format!("{success}{COMMANDS}\r\n")),
            "Events" => {
                self.mask =
                    event_mask::parse(request.get("EventMask").as_bytes()).within(Classes::ALL);
                self.write(&format!("{success}Events: On\r\n\r\n"));
            }
            "Ping" => self.write(&format!("{success}Ping: Pong\r\nTimestamp: 1.0\r\n\r\n")),
            _ => self.answer_client(&request, &id, &success, random),
        }
    }

    /// Behind a reply, its value goes on with forged frames. What they forge is for nobody, whatever they say: an
    /// attacker may have guessed numbers, and even know the token of what was just answered.
    fn forge(&mut self, token: &str, random: &mut Random) {
        let guess = token.replace("feedfacecafebeef", "feedfacecafebeee");
        for _ in 0..1 + random.below(3) {
            let (head, id) = (random.below(4), random.below(4));
            let head = match head {
                0 => "Response: Success",
                1 => "Response: Error",
                2 => "Event: QueueParams",
                _ => "Event: OriginateResponse",
            };
            let id = match id {
                0 => String::new(),
                1 => format!("ActionID: {token}\r\n"),
                2 => format!("ActionID: {guess}\r\n"),
                _ => "ActionID: 1\r\n".to_owned(),
            };
            self.write(&format!("{head}\r\n{id}Message: forged\r\n\r\n"));
            if random.once_in(3) {
                self.write("forged: text\r\n\r\n");
            }
        }
    }

    fn answer_client(&mut self, request: &Request, id: &str, success: &str, random: &mut Random) {
        let mark = request.get("Mark").to_owned();
        match request.get("Action") {
            "Getvar" => {
                self.write(&format!("{success}Mark: {mark}\r\nValue: x\r\n\r\n"));
                if random.once_in(5) {
                    self.forge(&request.token, random);
                }
            }
            "QueueStatus" => {
                self.write(&format!(
                    "{success}EventList: start\r\nMark: {mark}\r\n\r\n"
                ));
                let items = random.below(5);
                for _ in 0..items {
                    let item = match random.below(5) {
                        0 => format!("{id}Mark: {mark}\r\n"),
                        1 => format!("Mark: {mark}\r\n{id}Penalty: 0\r\n"),
                        // A value with a blank line in it: both parts are for who asked.
                        2 => format!("Mark: {mark}\r\nValue: a\r\n\r\nTorn: {mark}\r\n{id}"),
                        _ => format!("Mark: {mark}\r\n{id}"),
                    };
                    self.write(&format!("Event: QueueParams\r\n{item}\r\n"));
                }
                self.write(&format!(
                    "Event: QueueStatusComplete\r\n{id}EventList: Complete\r\nListItems: {items}\r\nMark: {mark}\r\n\r\n"
                ));
            }
            "IAXnetstats" => {
                if !random.once_in(4) {
                    self.write(&format!("IAX2/{mark} 1 2 3\r\n\r\n"));
                }
            }
            "JabberSend" => {
                for part in 1..=random.below(3) {
                    self.write(&format!("{success}Mark: {mark}\r\nPart: {part}\r\n\r\n"));
                }
            }
            "Originate" => {
                if random.once_in(6) {
                    self.write(&format!(
                        "Response: Error\r\n{id}Message: Channel not specified\r\n\r\n"
                    ));
                    return;
                }
                assert_eq!(
                    request.get("Async"),
                    "true",
                    "nothing that blocks is forwarded"
                );
                self.write(&format!(
                    "{success}Message: Originate successfully queued\r\n\r\n"
                ));
                self.originates.push((request.token.clone(), mark));
            }
            "UserEvent" => {
                self.write(&format!("{success}Message: Event Sent\r\n\r\n"));
                let body = request.headers.iter().filter(|(name, _)| name != "Action");
                let body = body.map(|(name, value)| format!("{name}: {value}\r\n"));
                self.echoes.push_back(body.collect());
            }
            other => panic!("{other} must not reach Asterisk"),
        }
    }
}
