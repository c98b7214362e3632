//! Well-behaved clients: they read all they are sent, ask all the time, and miss nothing.

use std::collections::{HashSet, VecDeque};
use std::net::Ipv4Addr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::random::Random;
use super::shared::{Shared, is_call};
use super::wire::{Came, Wire, header};

/// No answer takes longer: a silent Asterisk is given up long before.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// What a witness does beside reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// Stays, and sees everything; it says how far it is.
    Sees,
    /// Stays, with filters of its user.
    Filtered,
    /// Adds filters, changes its mask, and logs in anew now and then.
    Changes,
    /// Logs in and out all the time.
    ComesAndGoes,
    /// Reads too slowly, but is told what it missed.
    Skips,
}

/// A request without its answer.
#[derive(Debug)]
enum Asked {
    Plain,
    Mask(&'static str),
    Filter(usize),
    Goodbye,
}

struct Witness<'a> {
    shared: &'a Shared,
    name: String,
    habit: Habit,
    random: Random,
    wire: Wire,
    asked: VecDeque<(String, Asked, Instant)>,
    /// Originates that Asterisk runs while other things are answered.
    originates: HashSet<String>,
    serial: usize,
    logged_in: bool,
    calls: bool,
    others: bool,
    kept_out: [bool; 10],
    /// The next number that may come; `None` while that cannot be said.
    expected: Option<u64>,
    told_missing: u64,
    finished: bool,
}

/// Is a witness until the soak ends. Panics say what is wrong.
pub fn run(shared: &Shared, port: u16, number: usize, habit: Habit) {
    let mut random = Random::of_seed(number as u64 + 1);
    while !shared.is_over() && !shared.is_ending() {
        let name = format!("{habit:?} {number}");
        let buffer = (habit == Habit::Skips).then_some(16 * 1024);
        let wire = Wire::connect(port, Ipv4Addr::LOCALHOST, buffer)
            .unwrap_or_else(|error| panic!("{name} could not connect: {error}"));
        let witness = Witness {
            shared,
            name,
            habit,
            random: random.clone(),
            wire,
            asked: VecDeque::new(),
            originates: HashSet::new(),
            serial: 0,
            logged_in: false,
            calls: false,
            others: false,
            kept_out: [false; 10],
            expected: None,
            told_missing: 0,
            finished: false,
        };
        Shared::add(&shared.sessions);
        witness.live();
        shared.sessions.fetch_sub(1, Ordering::Relaxed);
        random.next();
    }
}

impl Witness<'_> {
    fn live(mut self) {
        let (user, mask) = match self.habit {
            Habit::Filtered => ("filtered", "on"),
            Habit::Skips => ("skips", "on"),
            Habit::Sees => ("reader", "on"),
            _ => ("reader", *self.random.pick(&["on", "call", "user", "off"])),
        };
        if self.habit == Habit::Filtered {
            (self.kept_out[3], self.kept_out[7]) = (true, true);
        }
        self.note("login", Asked::Mask(mask));
        self.wire
            .log_in(user, &format!("{user}-secret"), mask)
            .unwrap();
        let milliseconds = match self.habit {
            Habit::ComesAndGoes => 100 + self.random.below(3000),
            Habit::Changes => 10_000 + self.random.below(60_000),
            _ => usize::MAX,
        };
        let (begin, leaves) = (Instant::now(), Duration::from_millis(milliseconds as u64));
        let mut next_ask = Instant::now();
        while begin.elapsed() < leaves && !self.shared.is_ending() {
            self.listen();
            if self.shared.is_over() {
                return;
            }
            if next_ask.elapsed() > Duration::ZERO && self.logged_in && self.asked.len() < 4 {
                self.ask();
                next_ask =
                    Instant::now() + Duration::from_millis(20 + self.random.below(150) as u64);
            }
        }
        if self.habit == Habit::ComesAndGoes && self.random.once_in(3) {
            self.wire.vanish();
            Shared::add(&self.shared.resets);
            return;
        }
        self.leave(begin);
    }

    /// Waits until nothing is owed, and says goodbye.
    fn leave(&mut self, begin: Instant) {
        let (leaving, all) = (Instant::now(), self.shared.is_ending());
        while leaving.elapsed() < ANSWER_WITHIN {
            let last = Shared::get(&self.shared.next);
            let everything = self.shared.is_complete() && self.has_all(last);
            if self.asked.is_empty() && self.originates.is_empty() && (!all || everything) {
                break;
            }
            self.listen();
        }
        let last = Shared::get(&self.shared.next);
        assert!(
            !all || self.has_all(last),
            "{} has {:?} of {last} events",
            self.name,
            self.expected
        );
        if self.random.once_in(4) {
            self.wire.half_close();
        } else {
            self.request("Logoff", "", Asked::Goodbye);
        }
        while leaving.elapsed() < ANSWER_WITHIN * 2 && !self.finished {
            self.listen();
        }
        assert!(
            self.finished && self.asked.is_empty() && self.originates.is_empty(),
            "{} was not answered after {:?}: {:?} {:?}",
            self.name,
            begin.elapsed(),
            self.asked,
            self.originates
        );
    }

    /// Whether everything that happened before number `last` has come, as far as it is due.
    fn has_all(&self, last: u64) -> bool {
        let Some(expected) = self.expected else {
            return true;
        };
        let due = (expected..last)
            .filter(|number| self.wants(*number))
            .count() as u64;
        due <= self.told_missing
    }

    fn wants(&self, number: u64) -> bool {
        let class = if is_call(number) {
            self.calls
        } else {
            self.others
        };
        class && !self.kept_out[(number % 10) as usize]
    }

    fn listen(&mut self) {
        let slow = self.habit == Habit::Skips && !self.shared.is_ending();
        let bytes = if slow { 2048 } else { 64 * 1024 };
        match self.wire.fill(Duration::from_millis(20), bytes) {
            Came::Something => {
                while let Some(message) = self.wire.message() {
                    self.hear(&message);
                }
            }
            Came::Nothing => {}
            Came::End => {
                assert!(
                    self.asked.is_empty() && self.originates.is_empty(),
                    "{} was closed without an answer to {:?} {:?}",
                    self.name,
                    self.asked,
                    self.originates
                );
                self.finished = true;
            }
        }
        if slow {
            std::thread::sleep(Duration::from_millis(20));
        }
        // One that reads slowly is answered slowly.
        let oldest = self.asked.front().filter(|_| self.habit != Habit::Skips);
        if let Some((id, asked, since)) = oldest {
            assert!(
                since.elapsed() < ANSWER_WITHIN,
                "{} waits for an answer to {id}, {asked:?}",
                self.name
            );
        }
    }

    fn hear(&mut self, message: &str) {
        assert!(!message.contains("forged"), "{}: {message}", self.name);
        if message.starts_with("Event: Soak\r\n") {
            self.event(message);
        } else if message.starts_with("Event: MuxEventsSkipped\r\n") {
            assert_eq!(self.habit, Habit::Skips, "{}: {message}", self.name);
            let messages = header(message, "Messages").unwrap();
            self.told_missing += messages.parse::<u64>().unwrap();
            Shared::add(&self.shared.gaps);
        } else if message.starts_with("Response: ") {
            self.answer(message);
        } else if message.starts_with("Event: ") {
            Shared::add(&self.shared.events);
        }
    }

    fn event(&mut self, message: &str) {
        Shared::add(&self.shared.events);
        let number = header(message, "N").unwrap().parse::<u64>().unwrap();
        assert!(
            self.logged_in && self.wants(number),
            "{} is not to see {message}",
            self.name
        );
        if let Some(expected) = self.expected {
            assert!(
                expected <= number,
                "{}: {number} after {expected}",
                self.name
            );
            self.check_gap(expected, number);
        }
        self.expected = Some(number + 1);
        if self.habit == Habit::Sees {
            self.shared.seen.fetch_max(number + 1, Ordering::Relaxed);
        }
    }

    /// Nothing that it wants lies between these numbers, unless it was told so.
    fn check_gap(&mut self, expected: u64, number: u64) {
        let wanted = (expected..number).filter(|number| self.wants(*number));
        let wanted = wanted.collect::<Vec<_>>();
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
            return;
        };
        let missing = wanted.len() as u64;
        match self.told_missing.checked_sub(missing) {
            Some(left) => self.told_missing = left,
            // Judged later: a break of the connection may have taken them.
            None => self.shared.miss(&self.name, *first..last + 1),
        }
    }

    fn answer(&mut self, message: &str) {
        Shared::add(&self.shared.answers);
        if message.starts_with("Response: Error") {
            Shared::add(&self.shared.errors);
        }
        let id = header(message, "ActionID").unwrap_or_default();
        if self.originates.remove(id) {
            return;
        }
        let Some((own, asked, _)) = self.asked.pop_front() else {
            panic!("{} did not ask for {message}", self.name);
        };
        assert_eq!(id, own, "{}: {message}", self.name);
        match asked {
            Asked::Plain => {}
            Asked::Goodbye => assert!(message.starts_with("Response: Goodbye"), "{message}"),
            Asked::Mask(mask) => {
                assert!(message.starts_with("Response: Success"), "{message}");
                self.logged_in = true;
                self.calls = matches!(mask, "on" | "call");
                self.others = matches!(mask, "on" | "user");
                self.expected = None;
            }
            Asked::Filter(digit) => {
                assert!(message.starts_with("Response: Success"), "{message}");
                self.kept_out[digit] = true;
            }
        }
    }

    fn note(&mut self, id: &str, asked: Asked) {
        self.asked.push_back((id.to_owned(), asked, Instant::now()));
    }

    fn request(&mut self, action: &str, headers: &str, asked: Asked) {
        self.serial += 1;
        let id = format!("a{}", self.serial);
        self.note(&id, asked);
        let sent = self.wire.send(&format!(
            "Action: {action}\r\nActionID: {id}\r\n{headers}\r\n"
        ));
        sent.unwrap_or_else(|error| panic!("{} could not send: {error}", self.name));
    }

    fn ask(&mut self) {
        if self.habit == Habit::Changes && self.random.once_in(6) {
            return self.change();
        }
        for _ in 0..1 + self.random.below(3) {
            match self.random.below(10) {
                0 => self.request("Ping", "", Asked::Plain),
                1 => self.request("CoreShowChannels", "", Asked::Plain),
                2 => self.request("QueueStatus", "", Asked::Plain),
                3 => self.request("Getvar", "Variable: SOAK\r\n", Asked::Plain),
                4 => self.request("DBGet", "Family: soak\r\nKey: none\r\n", Asked::Plain),
                5 => self.request("UserEvent", "UserEvent: Mine\r\nX: y\r\n", Asked::Plain),
                6 => self.request("Nonsense", "", Asked::Plain),
                7 => self.request(
                    "CoreShowChannels",
                    &format!("X: {}\r\n", "x".repeat(1100)),
                    Asked::Plain,
                ),
                8 if self.random.once_in(10) => self.originate(),
                _ => self.request("CoreStatus", "", Asked::Plain),
            }
        }
    }

    /// One that a bare Asterisk would stand still for: its answer may come behind others.
    fn originate(&mut self) {
        self.serial += 1;
        let id = format!("o{}", self.serial);
        let sent = self.wire.send(&format!(
            "Action: Originate\r\nActionID: {id}\r\nChannel: Local/1@soak\r\nApplication: NoOp\r\nTimeout: 5000\r\n\r\n"
        ));
        sent.unwrap_or_else(|error| panic!("{} could not send: {error}", self.name));
        self.originates.insert(id);
    }

    fn change(&mut self) {
        if self.random.once_in(3) {
            let digit = self.random.below(10);
            let headers = match self.random.below(2) {
                0 => format!("Operation: Add\r\nFilter: !Digit: {digit}\r\n"),
                _ => format!(
                    "Operation: Add\r\nMatchCriteria: action(exclude),header(Digit),method(exact)\r\nFilter: {digit}\r\n"
                ),
            };
            self.request("Filter", &headers, Asked::Filter(digit));
        } else {
            let mask = *self.random.pick(&["on", "call", "user", "off"]);
            self.request(
                "Events",
                &format!("EventMask: {mask}\r\n"),
                Asked::Mask(mask),
            );
        }
    }
}
