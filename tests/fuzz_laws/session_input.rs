//! Any bytes of a client, from its first on: however they are cut, the door and the hub decide the same, answer the
//! same and send Asterisk the same. A first byte of 128 or more stands for a login; the second chooses how it is cut.

use std::sync::Arc;
use std::time::Duration;

use amimux::hub::door::{Door, Known, Step};
use amimux::hub::{Admission, CloseReason, Hub, Now, Outcome, SessionId, Slices};
use amimux::policy::failed_logins::FailedLogins;
use amimux::policy::user::{User, Users};
use bytes::BytesMut;

use super::decisions::answer_briefly;
use super::decisions::law::{self, CLIENTS};
use super::decisions::reader::{Message, Reader};
use super::framers::Cuts;
use crate::hub_harness::{NONCE, connection, general, upstream};

/// Longest input: what is behind it adds nothing but time.
const BYTES_MAX: usize = 8192;

const NOW: Now = Now {
    since_start: Duration::from_secs(1000),
    wall: Duration::from_secs(1_700_000_000),
};

pub fn hold(data: &[u8]) {
    let [head, seed, bytes @ ..] = data else {
        return;
    };
    if bytes.len() > BYTES_MAX || contains(bytes, nonce().as_bytes()) {
        return;
    }
    let login = format!(
        "Action: Login\r\nUsername: c{}\r\nSecret: secret\r\n\r\n",
        usize::from(*head) % CLIENTS.len()
    );
    let login = if *head < 128 { "" } else { &login };
    let input = [login.as_bytes(), bytes].concat();
    let whole = run(&input, std::iter::repeat(input.len()));
    let single = run(&input, std::iter::repeat(1));
    let cut = run(&input, Cuts::new((*seed).into()));
    // What a WaitEvent waits for is, among others, the next piece of input.
    if !contains(&input.to_ascii_lowercase(), b"waitevent") {
        same(&whole, &single);
        same(&whole, &cut);
    }
}

fn nonce() -> String {
    format!("{NONCE:016x}")
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(bytes, part).is_some()
}

/// All that can be seen of a connection.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    user: Option<String>,
    received: String,
    outcomes: String,
    refused: Vec<String>,
    notices: Vec<String>,
    arrived: Vec<String>,
    closed: bool,
}

/// Tells only where they differ: as a whole they are too long to read.
fn same(whole: &Seen, cut: &Seen) {
    let pairs = whole.received.lines().zip(cut.received.lines());
    for (number, (one, other)) in pairs.enumerate() {
        assert_eq!(one, other, "line {number} of what the client received");
    }
    assert_eq!(whole.received.len(), cut.received.len());
    assert_eq!(whole.outcomes, cut.outcomes);
    assert_eq!(whole.arrived, cut.arrived);
    assert_eq!(whole.notices.len(), cut.notices.len());
    assert_eq!(whole.notices, cut.notices);
    assert_eq!(whole, cut);
}

struct World {
    hub: Hub,
    door: Door,
    users: Users,
    failed_logins: FailedLogins,
    session: Option<SessionId>,
    client: usize,
    asterisk: Reader,
    out: BytesMut,
    seen: Seen,
}

fn run(input: &[u8], pieces: impl Iterator<Item = usize>) -> Seen {
    let mut users = Users::default();
    for client in 0..CLIENTS.len() {
        let name = format!("c{client}");
        users.insert(User {
            name,
            ..law::user(client)
        });
    }
    let mut world = World {
        hub: Hub::new(Arc::new(general()), Arc::new(upstream()), NONCE),
        door: Door::new(7),
        users,
        failed_logins: FailedLogins::new(20, Duration::from_secs(60)),
        session: None,
        client: 0,
        asterisk: Reader::default(),
        out: BytesMut::new(),
        seen: Seen::default(),
    };
    world.hub.upstream_connected(NOW);
    world.hear(b"Asterisk Call Manager/11.0.0\r\n");
    world.settle();
    assert!(world.hub.is_ready());
    world.seen.notices.clear();
    let mut rest = input;
    for piece in pieces {
        if rest.is_empty() || world.seen.closed {
            break;
        }
        let (now, later) = rest.split_at(piece.min(rest.len()));
        rest = later;
        match world.session {
            Some(id) => world.hub.client_bytes(NOW, id, now),
            None => world.knock(now),
        }
        world.settle();
    }
    let received = String::from_utf8_lossy(&world.out).into_owned();
    assert!(!received.contains(&nonce()), "a token was shown");
    let torn = !received.is_empty() && !received.ends_with("\r\n\r\n");
    assert!(!torn, "part of a message: {received:?}");
    assert!(world.asterisk.is_idle(), "part of an action");
    // The outcome of a synchronous Originate comes whenever it comes.
    let messages = received.split_inclusive("\r\n\r\n");
    let (mut outcomes, others): (Vec<_>, Vec<_>) =
        messages.partition(|message| message.contains("\r\nMessage: Originate "));
    outcomes.sort_unstable();
    world.seen.outcomes = outcomes.concat();
    world.seen.received = others.concat();
    world.seen
}

impl World {
    /// Input of a client that has not logged in.
    fn knock(&mut self, bytes: &[u8]) {
        let mut known = Known {
            users: &self.users,
            address: [192, 0, 2, 7].into(),
            in_use: &|_| false,
            full: &|_| None,
            failed_logins: &mut self.failed_logins,
        };
        let now = NOW.since_start;
        self.door.input().extend_from_slice(bytes);
        let mut step = self.door.step(now, &mut known, &mut self.out);
        if let Step::Verify(verification) = &step {
            let right = verification.run();
            step = self.door.verified(now, right, &mut known, &mut self.out);
        }
        while let Some(refused) = self.door.take_refused() {
            self.seen.refused.push(format!("{refused:?}"));
        }
        match step {
            Step::Wait => {}
            Step::CloseAt(_) | Step::Close => self.seen.closed = true,
            Step::Verify(_) => panic!("verified twice"),
            Step::Admit(admitted) => {
                let name = &admitted.user.name;
                self.client = name[1..].parse().expect("a client's number");
                self.seen.user = Some(name.clone());
                self.session = Some(self.hub.attach(
                    NOW,
                    Admission {
                        user: admitted.user,
                        account: admitted.account,
                        connection: connection(),
                        action_id: admitted.action_id,
                        events: admitted.events,
                        challenge: admitted.challenge,
                        challenge_random: 9,
                        input: admitted.input,
                    },
                ));
            }
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.hub.inbound().extend_from_slice(bytes);
        self.hub.upstream_received(NOW);
    }

    /// Everything that can be done without more input or time is done.
    fn settle(&mut self) {
        for _ in 0..100_000 {
            while let Some(draft) = self.hub.next_filter_draft() {
                self.hub.filter_drafted(NOW, draft.run());
            }
            self.flush();
            let due = self.hub.next_deadline().is_some_and(|at| at.is_zero());
            if due {
                self.hub.tick(NOW);
            }
            let sent = self.hub.outbound().split();
            if sent.is_empty() && !due {
                return;
            }
            for message in self.asterisk.read(&sent) {
                self.arrive(&message);
                self.hear(&answer_briefly(&message));
            }
        }
        panic!("it does not come to rest");
    }

    /// A message is with Asterisk; which number its ActionID has depends on how often the hub sent a Ping.
    fn arrive(&mut self, message: &Message) {
        if self.session.is_some() && law::judge(self.client, nonce().as_bytes(), message) {
            let lines = message.lines.iter().map(|line| line.escape_ascii());
            let lines = lines.map(|line| line.to_string());
            let lines: Vec<_> = lines.filter(|line| !line.contains(&nonce())).collect();
            self.seen.arrived.push(lines.join("|"));
        }
    }

    fn take_notices(&mut self) {
        while let Some(notice) = self.hub.next_notice() {
            self.seen.notices.push(format!("{notice:?}"));
        }
    }

    fn flush(&mut self) {
        while self.hub.next_dirty().is_some() {}
        self.hub.begin_sweep(&mut Vec::new());
        while self.hub.next_resumed().is_some() {}
        self.take_notices();
        while let Some(id) = self.session.filter(|_| !self.seen.closed) {
            let mut slices = Slices::new();
            let outcome = self.hub.gather(id, &mut slices);
            let bytes = slices.concat();
            drop(slices);
            match outcome {
                Outcome::Write => {
                    self.out.extend_from_slice(&bytes);
                    self.hub.wrote(NOW, id, bytes.len());
                }
                Outcome::CaughtUp if self.hub.turn_over(NOW, id) => {}
                Outcome::CaughtUp => break,
                Outcome::Finished => {
                    self.hub.remove(id, CloseReason::Disconnected);
                    self.seen.closed = true;
                }
                Outcome::FellOff { .. } => panic!("it reads everything at once"),
            }
        }
        self.hub.swept();
        // Writing makes room, and what is parsed then may be refused.
        self.take_notices();
    }
}
