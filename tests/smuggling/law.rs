//! The law that the test and the fuzz target hold: whatever a client sends, what reaches Asterisk is what Asterisk
//! would have let that client do, and nothing of it can be taken for anything else.

use std::sync::Arc;
use std::time::Duration;

use amimux::hub::{Admission, CloseReason, Hub, Now, Outcome, SessionId, Slices};
use amimux::policy::class::Classes;
use amimux::policy::event_mask::EventMask;
use amimux::policy::rights::ForcedHeader;
use amimux::policy::user::User;
use bytes::BytesMut;

use super::decisions::{listed, objection, writes_dangerously};
use super::reader::{Message, Reader};
use super::settings;

/// The random number in every ActionID of the hub's.
const NONCE: u64 = 0x5eed_cafe_f00d_beef;
const NONCE_HEX: &[u8] = b"5eedcafef00dbeef";

/// The clients' classes; the last client has filters and forced headers besides.
pub const CLIENTS: &[&[&str]] = &[
    &[],
    &["call"],
    &["originate"],
    &["user"],
    &["command", "agent"],
    &["reporting", "config"],
    &["originate", "call", "agi"],
];

/// The header that the last client's Originates must have, whatever it writes.
const FORCED: &[u8] = b"forced";

/// The user of that client.
pub fn user(client: usize) -> User {
    let classes = CLIENTS[client].iter().fold(Classes::NONE, |all, label| {
        all.union(Classes::from_label(label.as_bytes()).expect("a class"))
    });
    let mut user = settings::user("client");
    user.read = Classes::NONE;
    user.write = classes;
    if client == CLIENTS.len() - 1 {
        user.rights.forced_headers.push(ForcedHeader {
            action: "Originate".to_owned(),
            name: "Account".to_owned(),
            value: "forced".to_owned(),
        });
        for (option, pattern) in [
            (
                "actionfilter(action(require),name(Originate),header(Context),method(exact))",
                "inside",
            ),
            ("actionfilter(action(exclude),name(Redirect))", ""),
        ] {
            let place = "law".to_owned();
            user.rights
                .action_filters
                .push(place, option, pattern)
                .expect("a filter");
        }
    }
    user
}

/// A hub, one client of it, and an Asterisk that reads as Asterisk does and looks at everything that comes.
struct World {
    hub: Hub,
    now: Now,
    reader: Reader,
    client: usize,
    session: Option<SessionId>,
    received: Vec<u8>,
    arrived: usize,
}

/// Sends the pieces as that client, one after the other, and holds what arrives against the law. Returns how many
/// messages of the client's have reached Asterisk.
pub fn hold<'a>(client: usize, pieces: impl IntoIterator<Item = &'a [u8]>) -> usize {
    let pieces: Vec<_> = pieces.into_iter().collect();
    if find(&pieces.concat(), NONCE_HEX) {
        // Nobody can guess it; a fuzzer sees it in what is compared.
        return 0;
    }
    let client = client % CLIENTS.len();
    let mut world = World {
        hub: Hub::new(
            Arc::new(settings::general()),
            Arc::new(settings::upstream()),
            NONCE,
        ),
        now: Now {
            since_start: Duration::from_secs(1000),
            wall: Duration::from_secs(1_700_000_000),
        },
        reader: Reader::default(),
        client,
        session: None,
        received: Vec::new(),
        arrived: 0,
    };
    world.hub.upstream_connected(world.now);
    world.feed(b"Asterisk Call Manager/11.0.0\r\n");
    assert!(world.hub.is_ready(), "the hub is connected");
    world.session = Some(world.hub.attach(
        world.now,
        Admission {
            account: (*b"client").into(),
            user: Arc::new(user(client)),
            connection: settings::connection(),
            action_id: None,
            events: EventMask::Everything,
            challenge: None,
            challenge_random: 7,
            input: BytesMut::new(),
        },
    ));
    world.settle();
    for piece in pieces {
        world.send(piece);
    }
    world.end();
    world.arrived
}

impl World {
    fn send(&mut self, bytes: &[u8]) {
        if let Some(session) = self.session {
            self.hub.client_bytes(self.now, session, bytes);
            self.settle();
        }
    }

    /// Whatever was sent, the session goes on behind it, or it has ended in order; and nothing is left half sent.
    fn end(&mut self) {
        self.send(b"\r\n\r\nAction: Ping\r\nActionID: behind it all\r\n\r\n");
        let answered = find(&self.received, b"ActionID: behind it all\r\nPing: Pong");
        let waits = find(&self.received, b"Event: WaitEventComplete") || self.waits();
        assert!(
            answered || waits || self.session.is_none(),
            "no answer any more: {}",
            self.received.escape_ascii()
        );
        assert!(
            self.reader.is_idle(),
            "Asterisk waits for the rest of a message"
        );
        assert!(!find(&self.received, NONCE_HEX), "a token was shown");
    }

    /// A WaitEvent without end holds back what is behind it; the next input ends it.
    fn waits(&mut self) -> bool {
        for _ in 0..64 {
            self.send(b"\r\n");
            if find(&self.received, b"ActionID: behind it all\r\nPing: Pong")
                || self.session.is_none()
            {
                return true;
            }
        }
        false
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.hub.inbound().extend_from_slice(bytes);
        self.hub.upstream_received(self.now);
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            while let Some(draft) = self.hub.next_filter_draft() {
                self.hub.filter_drafted(self.now, draft.run());
            }
            self.flush();
            if self.hub.next_deadline().is_some_and(|at| at.is_zero()) {
                self.hub.tick(self.now);
            }
            let sent = self.hub.outbound().split();
            let mut answers = Vec::new();
            for message in self.reader.read(&sent) {
                if self.session.is_some() && judge(self.client, NONCE_HEX, &message) {
                    self.arrived += 1;
                }
                answers.extend(answer(&message));
            }
            if answers.is_empty() {
                return;
            }
            self.hub.inbound().extend_from_slice(&answers);
            self.hub.upstream_received(self.now);
        }
    }

    /// Writes to the client what there is.
    fn flush(&mut self) {
        while self.hub.next_dirty().is_some() || self.hub.has_grown() {
            let mut ids = Vec::new();
            self.hub.begin_sweep(&mut ids);
            self.hub.swept();
        }
        while self.hub.next_resumed().is_some() || self.hub.next_notice().is_some() {}
        while let Some(session) = self.session {
            let mut slices = Slices::new();
            let outcome = self.hub.gather(session, &mut slices);
            let bytes = slices.concat();
            drop(slices);
            match outcome {
                Outcome::Write => {
                    self.received.extend_from_slice(&bytes);
                    self.hub.wrote(self.now, session, bytes.len());
                }
                Outcome::CaughtUp if self.hub.turn_over(self.now, session) => {}
                Outcome::CaughtUp => return,
                Outcome::Finished | Outcome::FellOff { .. } => {
                    self.hub.remove(session, CloseReason::Disconnected);
                    self.session = None;
                }
            }
        }
    }
}

/// Holds one message that arrived against the law; `nonce` begins every ActionID of the hub's. Whether it was a
/// client's.
pub fn judge(client: usize, nonce: &[u8], message: &Message) -> bool {
    let shown = || {
        let lines = message
            .lines
            .iter()
            .map(|line| line.escape_ascii().to_string());
        format!("client {}: {:?}", client, lines.collect::<Vec<_>>())
    };
    assert!(
        !message.broken,
        "Asterisk would not look at it: {}",
        shown()
    );
    let ids = message.all("ActionID");
    assert_eq!(ids.len(), 1, "one ActionID: {}", shown());
    assert!(
        ids[0].starts_with(nonce),
        "the ActionID is not ours: {}",
        shown()
    );
    assert_eq!(message.all("Action").len(), 1, "one Action: {}", shown());
    let is = |name: &str| message.action().eq_ignore_ascii_case(name);
    // The hub asks this by itself, to find the end of a reply.
    if message.action() == "Ping" {
        assert_eq!(
            message.lines.len(),
            2,
            "a Ping with more to it: {}",
            shown()
        );
        return false;
    }
    // And this before a synchronous Originate, whose outcome is an event of class call, and some time after it. No
    // client here asks for just these classes.
    let masks =
        ["system,call,security", "system,call", "system"].map(|mask| format!("EventMask: {mask}"));
    if message.lines[1..].len() == 2
        && message.lines[1] == b"Action: Events"
        && masks.iter().any(|mask| message.lines[2] == mask.as_bytes())
    {
        return false;
    }
    let objection = objection(CLIENTS[client], message);
    assert_eq!(objection, None, "{}", shown());
    if is("Originate") {
        assert!(is_true(message.get("Async")), "it would block: {}", shown());
        assert!(!writes_dangerously(message), "{}", shown());
    }
    if client == CLIENTS.len() - 1 {
        assert!(!is("Redirect"), "filtered: {}", shown());
        if is("Originate") {
            assert_eq!(message.all("Account"), [FORCED], "{}", shown());
            assert_eq!(message.get("Context"), b"inside", "{}", shown());
        }
    }
    true
}

/// The words that Asterisk takes for yes.
fn is_true(value: &[u8]) -> bool {
    let value = value.to_ascii_lowercase();
    [&b"yes"[..], b"true", b"y", b"t", b"1", b"on"].contains(&&*value)
}

/// What Asterisk answers: to the hub's own actions as it does, to everything else with a plain success.
pub fn answer(message: &Message) -> Vec<u8> {
    let id = String::from_utf8_lossy(message.get("ActionID")).into_owned();
    let rest = match message.action().as_str() {
        "Challenge" => "Challenge: 123456\r\n\r\n".to_owned(),
        "Login" => "Message: Authentication accepted\r\n\r\nEvent: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n".to_owned(),
        "ListCommands" => listed().map(|line| format!("{line}\r\n")).collect::<String>() + "\r\n",
        "Events" => "Events: On\r\n\r\n".to_owned(),
        _ => format!("Message: done\r\n\r\nEvent: OriginateResponse\r\nPrivilege: call,all\r\nActionID: {id}\r\nResponse: Success\r\n\r\n"),
    };
    format!("Response: Success\r\nActionID: {id}\r\n{rest}").into_bytes()
}

fn find(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
