//! One client's view of the world: what it asked for, and whether what it is sent keeps the promises.

use std::collections::{HashSet, VecDeque};

use amimux::policy::class::Classes;
use amimux::policy::event_mask::EventMask;
use amimux::policy::user::User;

use super::pbx::Happened;
use super::rights::may_write;

/// The final answer that a request must get.
#[derive(Debug, Clone, PartialEq)]
pub enum Want {
    Login(EventMask),
    Ping,
    Commands,
    /// An error that begins so.
    Refusal(&'static str),
    /// A change of mask; `None` where it is invalid.
    Mask(Option<EventMask>),
    /// A filter that keeps out events whose number ends with this digit.
    Filter(usize),
    Wait,
    Goodbye,
    /// One response with this mark.
    Value(String),
    /// A list whose every message has this mark.
    List(String),
    /// No, one or two responses with this mark.
    Parts(String),
    /// Raw text with this mark.
    Text(String),
    /// A plain success or error.
    Plain,
}

#[derive(Debug)]
pub struct Request {
    pub action_id: Option<String>,
    pub want: Want,
    /// How many messages of the answer have come.
    seen: usize,
    /// Of these classes its user needs one.
    needs: Classes,
    /// How many rights its user had had when it was asked.
    rights: usize,
}

/// What a user may do and see from an event on.
#[derive(Debug)]
struct Rights {
    from: usize,
    read: Classes,
    write: Classes,
    /// By their last digit, the numbers of events that its filters keep out.
    kept_out: [bool; 10],
}

/// Errors made by amimux that may stand for any answer of Asterisk's.
const FAILURES: [&str; 4] = [
    "Connection to Asterisk lost: ",
    "Asterisk is not connected: ",
    "Asterisk gave no answer to this action",
    "Asterisk gave no answer within ",
];

#[derive(Debug, Default)]
pub struct Reader {
    user: String,
    received: Vec<u8>,
    pub requests: VecDeque<Request>,
    /// Synchronous Originates without an outcome, by their ActionIDs.
    pub originates: HashSet<String>,
    /// The masks that it may have asked for last.
    pub masks: Vec<EventMask>,
    /// By their last digit, the numbers of events that the filters keep out which it added.
    pub kept_out: [bool; 10],
    /// Of its user, one after the other.
    rights: Vec<Rights>,
    pub logged_in: bool,
    /// From this event on everything must come; `None` while that cannot be said.
    pub from: Option<usize>,
    last: Option<usize>,
    /// So many events may be missing: it was told so.
    told_missing: usize,
    /// Own events before this one may come without their ActionID: they were read anew.
    pub unsigned_before: usize,
    pub events: usize,
    /// How often it was told that it missed events.
    pub gaps: usize,
    pub answers: usize,
    pub failures: usize,
    /// Requests that its rights did not allow.
    pub denied: usize,
    pub finished: bool,
}

/// A message in lines.
struct Message<'a>(&'a str);

impl<'a> Message<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        let mut lines = self.0.split("\r\n");
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn is_broadcast(&self) -> bool {
        let second = self.0.split("\r\n").nth(1).unwrap_or_default();
        self.0.starts_with("Event: ") && second.starts_with("Privilege: ")
    }
}

impl Reader {
    /// The reader of a client of that user.
    pub fn of(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            ..Self::default()
        }
    }

    /// From that event on its user is another one. Whether it may read what it could not.
    pub fn change_rights(&mut self, from: usize, user: &User, kept_out: [bool; 10]) -> bool {
        let last = self.rights.last();
        let gains = last.is_none_or(|last| {
            !last.read.contains_all(user.read)
                || last
                    .kept_out
                    .iter()
                    .zip(&kept_out)
                    .any(|(old, new)| *old && !*new)
        });
        if gains {
            self.from = None;
        }
        self.rights.push(Rights {
            from,
            read: user.read,
            write: user.write,
            kept_out,
        });
        gains
    }

    fn rights_at(&self, number: usize) -> Option<&Rights> {
        self.rights
            .iter()
            .rev()
            .find(|rights| rights.from <= number)
    }

    /// Whether it may see the event of that number; whether it must, if it may have asked for different things.
    fn sees(&self, number: usize, classes: Classes) -> bool {
        self.rights_at(number).is_some_and(|rights| {
            let mut masks = self.masks.iter();
            masks.any(|mask| mask.within(rights.read).contains_all(classes))
                && !rights.kept_out[number % 10]
                && !self.kept_out[number % 10]
        })
    }

    pub fn ask(&mut self, action_id: Option<&str>, want: Want) {
        self.ask_with(action_id, want, Classes::NONE);
    }

    /// Asks for what needs one of these classes.
    pub fn ask_with(&mut self, action_id: Option<&str>, want: Want, needs: Classes) {
        self.requests.push_back(Request {
            action_id: action_id.map(str::to_owned),
            want,
            seen: 0,
            needs,
            rights: self.rights.len(),
        });
    }

    /// Whether the head may be denied, and whether it may be allowed, by the rights since it was asked.
    fn check_denied(&mut self, message: &Message<'_>) -> bool {
        let head = self.requests.front().unwrap();
        let since = self.rights.iter().skip(head.rights.saturating_sub(1));
        let allowed = since
            .map(|rights| may_write(rights.write, head.needs))
            .collect::<Vec<_>>();
        let denied = message.get("Message") == Some("Permission denied") && !head.needs.is_empty();
        let right = allowed.is_empty() || allowed.contains(&!denied);
        assert!(right, "{} for {head:?}", message.0);
        denied
    }

    /// Bytes arrive; every whole message is checked.
    pub fn receive(&mut self, bytes: &[u8], happened: &[Happened], settled: bool) {
        self.received.extend_from_slice(bytes);
        let start = self.received.len().saturating_sub(bytes.len() + 32);
        let leak = memchr::memmem::find(&self.received[start..], b"feedfacecafebeef");
        assert_eq!(leak, None, "a token was shown");
        while let Some(end) = memchr::memmem::find(&self.received, b"\r\n\r\n") {
            let message = self.received.drain(..end + 4).collect::<Vec<_>>();
            let text = String::from_utf8(message[..end].to_vec()).unwrap();
            assert!(!text.contains("forged"), "{text}");
            assert!(!self.finished, "behind the goodbye: {text}");
            let message = Message(&text);
            if message.is_broadcast() {
                self.event(&message, happened);
            } else {
                self.answer(&message, happened, settled);
            }
        }
    }

    pub fn is_between_messages(&self) -> bool {
        self.received.is_empty()
    }

    fn event(&mut self, message: &Message<'_>, happened: &[Happened]) {
        assert!(self.logged_in, "an event before the login: {}", message.0);
        if message.0.starts_with("Event: MuxEventsSkipped\r\n") {
            let messages = message.get("Messages").unwrap();
            self.gaps += 1;
            if messages == "unknown" {
                self.from = None;
            } else {
                self.told_missing += messages.parse::<usize>().unwrap();
            }
            return;
        }
        let Some(number) = message.get("N") else {
            let rights = self.rights.iter().map(|rights| rights.read);
            let reads = self.masks.iter().any(|mask| {
                let mut within = rights.clone().map(|read| mask.within(read));
                within.any(|classes| classes.contains_all(Classes::SYSTEM))
            });
            assert!(reads, "{}", message.0);
            return;
        };
        let number = number.parse::<usize>().unwrap();
        self.events += 1;
        let classes = happened[number].classes;
        assert!(
            self.sees(number, classes),
            "{} for {:?} and {:?}",
            message.0,
            self.masks,
            self.rights_at(number)
        );
        assert!(
            self.last < Some(number),
            "{:?} before {}",
            self.last,
            message.0
        );
        self.told_missing -= self.missed(number, happened);
        self.last = Some(number);
        if let Some(from) = &mut self.from {
            *from = (*from).max(number + 1);
        }
        if let Some(sender) = message.get("Sender") {
            let own = message.get("Own").unwrap();
            let shown = (sender == self.user && own != "none").then_some(own);
            self.check_action_id(number, message, shown);
        }
        if let Some(mark) = message.get("Mark")
            && message.0.starts_with("Event: OriginateResponse")
        {
            let (sender, own) = mark.split_once('/').unwrap();
            let shown = (sender == self.user && own != "none").then_some(own);
            self.check_action_id(number, message, shown);
            assert!(
                !own.starts_with("so-"),
                "for its sender alone: {}",
                message.0
            );
        }
    }

    fn check_action_id(&self, number: usize, message: &Message<'_>, shown: Option<&str>) {
        let found = message.get("ActionID");
        let unsigned = number < self.unsigned_before && found.is_none();
        assert!(found == shown || unsigned, "{}: not {shown:?}", message.0);
    }

    /// The reader of one that comes back and goes on where this one is.
    pub fn after_return(&self) -> Self {
        Self {
            from: self.from,
            last: self.last,
            told_missing: self.told_missing,
            ..Self::of(&self.user)
        }
    }

    /// Nothing that must come is missing before event number `end`, but for what it was told; how many are.
    pub fn missed(&self, end: usize, happened: &[Happened]) -> usize {
        let Some(from) = self.from else { return 0 };
        let mut missing = 0;
        for (number, event) in happened.iter().enumerate().take(end).skip(from) {
            let due = event.available && self.sees(number, event.classes) && !event.private;
            missing += usize::from(due);
            assert!(
                missing <= self.told_missing,
                "event {number} ({}) is missing before {end}",
                event.classes
            );
        }
        missing
    }

    fn answer(&mut self, message: &Message<'_>, happened: &[Happened], settled: bool) {
        let id = message.get("ActionID");
        if let Some(id) = id
            && self.originates.remove(id)
        {
            assert!(message.0.starts_with("Response: "), "{}", message.0);
            self.answers += 1;
            return;
        }
        // Of an answer in parts nobody knows whether another part comes.
        if let Some(head) = self.requests.front()
            && let Want::Parts(mark) = &head.want
            && head.seen > 0
            && message.get("Mark") != Some(mark)
        {
            self.requests.pop_front();
            self.answers += 1;
        }
        let head = self.requests.front_mut();
        let head = head.unwrap_or_else(|| panic!("nobody asked for {}", message.0));
        head.seen += 1;
        if let Some(torn) = message.get("Torn") {
            assert_eq!(head.want, Want::List(torn.to_owned()), "{}", message.0);
            return;
        }
        let torn = message.get("Value") == Some("a");
        if !torn && !matches!(head.want, Want::Text(_)) || message.0.starts_with("Response") {
            assert_eq!(id, head.action_id.as_deref(), "{} for {head:?}", message.0);
        }
        let failed = message
            .get("Message")
            .is_some_and(|text| FAILURES.iter().any(|failure| text.starts_with(failure)));
        if failed {
            assert!(message.0.starts_with("Response: Error\r\n"));
            self.failures += 1;
        }
        let torn_up = failed || matches!(head.want, Want::Refusal(_));
        let denied = head.seen == 1 && !torn_up && self.check_denied(message);
        self.denied += usize::from(denied);
        if denied {
            self.requests.pop_front();
            self.answers += 1;
            return;
        }
        let head = self.requests.front_mut().unwrap();
        if is_last(head, message, failed) {
            let want = self.requests.pop_front().unwrap().want;
            self.answers += 1;
            match want {
                Want::Login(mask) | Want::Mask(Some(mask)) => {
                    self.logged_in = true;
                    self.masks = vec![mask];
                    self.from = settled.then_some(happened.len());
                }
                Want::Filter(digit) => {
                    self.kept_out[digit] = true;
                    self.from = settled.then_some(happened.len());
                }
                Want::Goodbye => self.finished = true,
                _ => {}
            }
        }
    }
}

/// Whether this message ends the answer; it must belong to it.
fn is_last(head: &Request, message: &Message<'_>, failed: bool) -> bool {
    let text = message.0;
    let marked = |mark: &String| assert_eq!(message.get("Mark"), Some(&**mark), "{text}");
    match &head.want {
        Want::Login(_) => assert!(text.contains("Authentication accepted"), "{text}"),
        Want::Ping => assert!(text.contains("Ping: Pong"), "{text}"),
        Want::Commands => assert!(text.contains("Ping: Keepalive command."), "{text}"),
        Want::Refusal(start) => {
            assert!(message.get("Message").unwrap().starts_with(start), "{text}");
        }
        Want::Mask(None) => assert!(text.contains("Invalid event mask"), "{text}"),
        Want::Mask(Some(_)) => assert!(text.contains("\r\nEvents: O"), "{text}"),
        Want::Filter(_) => assert_eq!(message.get("Message"), Some("Success"), "{text}"),
        Want::Goodbye => assert!(text.starts_with("Response: Goodbye"), "{text}"),
        Want::Wait if head.seen == 1 => {
            assert!(text.contains("Waiting for Event completed."), "{text}");
            return false;
        }
        Want::Wait => assert!(text.starts_with("Event: WaitEventComplete"), "{text}"),
        Want::List(_) if failed && head.seen > 1 => return false,
        Want::List(_) if text.contains("EventList: Cancelled") => assert!(head.seen > 2),
        Want::List(_) | Want::Value(_) | Want::Text(_) | Want::Parts(_) | Want::Plain if failed => {
        }
        Want::Plain => assert!(text.starts_with("Response: "), "{text}"),
        Want::Value(mark) => marked(mark),
        Want::Text(mark) => assert!(text.starts_with(&format!("IAX2/{mark} ")), "{text}"),
        Want::Parts(mark) => {
            marked(mark);
            return message.get("Part") == Some("2");
        }
        Want::List(mark) => {
            marked(mark);
            assert_eq!(head.seen == 1, text.contains("EventList: start"), "{text}");
            return text.contains("EventList: Complete");
        }
    }
    true
}
