//! The work that is done for every message, for scripts/instructions.sh to count its instructions: unlike times,
//! they are the same on a busy machine. `instructions TASK` does one task twice, the second time in a function whose
//! name begins with `measured`, and prints how many messages that were. It does nothing when asked for nothing.

use std::hint::black_box;
use std::io::Write;
use std::sync::Arc;

use amimux::policy::event_filter::EventFilters;
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
        let is_event = frame.kind() == FrameKind::Event;
        let classes = frame.privilege().and_then(event_classes);
        if is_event && black_box(classes).is_some() && black_box(frame.name()) != b"UserEvent" {
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
        // What a test runner asks for.
        _ => return Ok(()),
    };
    writeln!(std::io::stdout(), "{messages}")
}
