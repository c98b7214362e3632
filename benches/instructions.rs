//! The work that is done for every message, for scripts/instructions.sh to count its instructions: unlike times,
//! they are the same on a busy machine. `instructions TASK` does one task twice, the second time in a function whose
//! name begins with `measured`, and prints how many messages that were. It does nothing when asked for nothing.

use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use amimux::config::Environment;
use amimux::hub::security::Connection;
use amimux::hub::{Admission, Hub, Now, Outcome, SessionId, Slices};
use amimux::policy::event_filter::EventFilters;
use amimux::policy::event_mask::EventMask;
use amimux::policy::filter::table::FilterTable;
use amimux::policy::privilege::event_classes;
use amimux::protocol::action_id::{TokenKind, TokenMint};
use amimux::protocol::frame::{Frame, FrameKind};
use amimux::protocol::rebuild::{Rewrite, rebuild};
use amimux::protocol::request::Request;
use amimux::protocol::request_framer::RequestFramer;
use amimux::protocol::upstream_framer::{Step, UpstreamFramer};
use bytes::{Buf, BytesMut};

const BUSY: &[u8] = include_bytes!("../tests/data/busy.recv");
const SETS: &str = include_str!("../tests/data/filters.txt");

/// Where calls are under way in the recording, and how much of it is taken.
const FROM: usize = 1_000_000;
const BYTES: usize = 400_000;

const REQUEST: &[u8] = b"Action: Originate\r\nActionID: 17\r\nChannel: PJSIP/101\r\nContext: internal\r\nExten: 102\r\n\
    Priority: 1\r\nAsync: true\r\nVariable: CAMPAIGN=a,LEADID=7\r\n\r\n";
const REQUESTS: usize = 500;

/// Hands every message in the slice to `each`; what comes before the first whole one is a message, too.
fn for_each_frame(mut each: impl FnMut(Frame<'static>)) {
    let mut framer = UpstreamFramer::new(1 << 20);
    let mut rest = BUSY.get(FROM..FROM + BYTES).unwrap_or_default();
    loop {
        let length = match framer.next(black_box(rest)) {
            Step::Incomplete => return,
            Step::Skip(length) | Step::Oversized { length } => length,
            Step::Frame { length } => {
                each(Frame::new(rest.get(..length).unwrap_or_default()));
                length
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
}

/// Framing, classification, and the search for a token of ours where the hub looks for one.
fn from_asterisk() -> usize {
    let mint = TokenMint::new(7);
    let mut messages = 0;
    for_each_frame(|frame| {
        messages += 1;
        if let Some(head) = frame.event_head()
            && black_box(head.privilege.and_then(event_classes)).is_some()
            && black_box(head.name) != b"UserEvent"
        {
            return;
        }
        let token = frame.action_id().and_then(|line| {
            let value = frame.bytes().get(line.value)?;
            mint.parse(value)
        });
        black_box(token);
    });
    messages
}

/// Framing, and writing anew with an ActionID of ours.
fn to_asterisk(input: &[u8]) -> usize {
    let mint = TokenMint::new(7);
    let mut framer = RequestFramer::default();
    let mut buffer = BytesMut::from(input);
    let mut out = BytesMut::with_capacity(2 * input.len());
    let mut requests = 0;
    while let Some(end) = framer.next(&mut buffer) {
        let request = Request::new(buffer.get(..end.text).unwrap_or_default());
        if let Ok(outgoing) = rebuild(black_box(request), &Rewrite::default()) {
            requests += 1;
            let token = mint.token(requests, TokenKind::Ordinary);
            outgoing.write_to(&token, &mut out);
        }
        buffer.advance(end.consumed);
    }
    black_box(&out);
    usize::try_from(requests).unwrap_or_default()
}

/// Every event judged by all sets of the list together.
fn judge(table: &mut FilterTable) -> usize {
    let mut events = 0;
    for_each_frame(|frame| {
        if frame.kind() == FrameKind::Event {
            events += 1;
            black_box(table.judge(frame));
        }
    });
    events
}

fn table() -> FilterTable {
    let lines = SETS.lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    FilterTable::build(lines.map(|line| {
        let mut filters = EventFilters::default();
        for line in line.split(" & ") {
            let (criteria, pattern) = line.split_once('=').unwrap_or_default();
            let option = format!("eventfilter{}", criteria.trim());
            if let Err(error) = filters.push("", &option, pattern.trim()) {
                unreachable!("{line}: {error}");
            }
        }
        Arc::new(filters)
    }))
}

/// A hub that is connected, and clients of it that read everything.
struct Fanout {
    hub: Hub,
    now: Now,
    clients: Vec<SessionId>,
    /// How many messages are in the recording.
    messages: usize,
}

/// How many clients read along, and how much of the recording comes in one turn.
const CLIENTS: u16 = 10;
const TURN_BYTES: usize = 16_384;

const CONFIGURATION: &str = "[general]\nbindaddr = 127.0.0.1\nport = 5039\n\
    [pbx]\ntype = upstream\nhost = 127.0.0.1\nusername = mux\nsecret = x\nauthtype = plain\n\
    [wallboard]\nsecret = x\nread = all\nwrite = all\n";

impl Fanout {
    fn new() -> std::io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("amimux.conf");
        std::fs::write(&path, CONFIGURATION)?;
        let (settings, _) = amimux::config::load(&path, &Environment::default());
        let mut settings = settings.ok_or_else(|| std::io::Error::other("no settings"))?;
        let upstream = settings.upstreams.pop();
        let user = settings.users.get(b"wallboard").cloned();
        let (Some(upstream), Some(user)) = (upstream, user) else {
            return Err(std::io::Error::other("no upstream or user"));
        };
        let now = Now {
            since_start: Duration::from_secs(1),
            wall: Duration::from_secs(1_700_000_000),
        };
        let hub = Hub::new(Arc::new(settings.general), Arc::new(upstream), 7);
        let mut fanout = Self {
            hub,
            now,
            clients: Vec::new(),
            messages: 0,
        };
        for_each_frame(|_| fanout.messages += 1);
        fanout.connect();
        for number in 0..CLIENTS {
            let connection = Connection::new(
                ([192, 0, 2, 1], 5038).into(),
                ([192, 0, 2, 2], 1024 + number).into(),
                7,
            );
            let admission = Admission {
                account: (*b"wallboard").into(),
                user: Arc::clone(&user),
                connection,
                action_id: None,
                events: EventMask::Everything,
                challenge: None,
                challenge_random: 7,
                input: BytesMut::new(),
            };
            let id = fanout.hub.attach(now, admission);
            fanout.clients.push(id);
            fanout.write(id);
        }
        fanout.answer();
        // The answers to their logins; behind these they read the view that they asked for.
        for id in fanout.clients.clone() {
            fanout.write(id);
        }
        Ok(fanout)
    }

    fn connect(&mut self) {
        self.hub.upstream_connected(self.now);
        self.receive(b"Asterisk Call Manager/11.0.0\r\n");
        for _ in 0..4 {
            self.answer();
        }
        self.receive(
            b"Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\n\r\n",
        );
    }

    /// Says yes to whatever the hub asks, and names it the few actions that there are.
    fn answer(&mut self) {
        let asked = self.hub.outbound().split();
        let mut answers = Vec::new();
        for message in asked
            .as_ref()
            .split(|byte: &u8| *byte == b'\n')
            .filter_map(|line| line.strip_prefix(b"ActionID: "))
        {
            answers.extend_from_slice(b"Response: Success\r\nActionID: ");
            answers.extend_from_slice(message.trim_ascii_end());
            answers.extend_from_slice(b"\r\nPing: Ping  (Priv: <none>)\r\n\r\n");
        }
        self.receive(&answers);
    }

    fn receive(&mut self, bytes: &[u8]) {
        self.hub.inbound().extend_from_slice(bytes);
        self.hub.upstream_received(self.now);
        while self.hub.next_notice().is_some() {}
    }

    /// What a client's socket would be given.
    fn write(&mut self, id: SessionId) -> usize {
        let mut slices = Slices::new();
        let mut written = 0;
        loop {
            let outcome = self.hub.gather(id, &mut slices);
            let bytes = slices.iter().map(|slice| slice.len()).sum();
            slices = Slices::new();
            match outcome {
                Outcome::Write => {
                    written += bytes;
                    self.hub.wrote(self.now, id, bytes);
                }
                _ if self.hub.turn_over(self.now, id) => {}
                _ => return written,
            }
        }
    }

    /// Turn by turn: from Asterisk's bytes to what ten clients are to be written.
    fn run(&mut self) -> usize {
        let mut written = 0;
        let mut ids = Vec::new();
        for turn in BUSY
            .get(FROM..FROM + BYTES)
            .unwrap_or_default()
            .chunks(TURN_BYTES)
        {
            self.receive(turn);
            self.hub.begin_sweep(&mut ids);
            for id in ids.drain(..) {
                written += self.write(id);
            }
            self.hub.swept();
        }
        assert!(
            written > BYTES * usize::from(CLIENTS) / 2,
            "the clients were written {written} bytes"
        );
        self.messages
    }
}

#[inline(never)]
fn measured(work: &mut dyn FnMut() -> usize) -> usize {
    black_box(work())
}

/// The first time, memory is allocated and automata are completed.
fn twice(mut work: impl FnMut() -> usize) -> usize {
    black_box(work());
    measured(&mut work)
}

fn main() -> std::io::Result<()> {
    let task = std::env::args().nth(1).unwrap_or_default();
    let messages = match task.as_str() {
        "from_asterisk" => twice(from_asterisk),
        "to_asterisk" => {
            let input = REQUEST.repeat(REQUESTS);
            twice(|| to_asterisk(&input))
        }
        "filters" => {
            let mut table = table();
            twice(|| judge(&mut table))
        }
        "fanout" => {
            let mut fanout = Fanout::new()?;
            twice(|| fanout.run())
        }
        // What a test runner asks for.
        _ => return Ok(()),
    };
    writeln!(std::io::stdout(), "{messages}")
}
