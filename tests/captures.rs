//! What a real Asterisk (22.10.1) sent and was sent, through the framers: every recorded exchange, however it is
//! cut, must come apart into the same messages with no byte lost.

#![expect(
    clippy::unwrap_used,
    reason = "a recording that cannot be read fails the test"
)]

use std::collections::BTreeMap;
use std::path::Path;

use amimux::protocol::frame::{Frame, FrameKind, ListState};
use amimux::protocol::request::Request;
use amimux::protocol::request_framer::{Defect, RequestFramer};
use amimux::protocol::upstream_framer::{Step, UpstreamFramer};
use bytes::{Buf, BytesMut};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
const BOUND: usize = 64 * 1024;

/// The recordings with that ending, by name, without the banner that those of logins begin with.
fn recordings(ending: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(Path::new(DATA).join("captures")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == ending)
        {
            let bytes = std::fs::read(&path).unwrap();
            let banner = b"Asterisk Call Manager/11.0.0\r\n";
            let bytes = bytes
                .strip_prefix(banner)
                .map(<[u8]>::to_vec)
                .unwrap_or(bytes);
            found.insert(
                path.file_stem().unwrap().to_string_lossy().into_owned(),
                bytes,
            );
        }
    }
    found
}

fn busy() -> Vec<u8> {
    std::fs::read(Path::new(DATA).join("busy.recv")).unwrap()
}

/// Lengths of pieces from a seed, between 1 and `most`.
fn pieces(seed: u64, most: u64) -> impl Iterator<Item = usize> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(1 + (state >> 33) % most).unwrap()
    })
}

/// The messages in `input` when it comes in such pieces. Asserts that nothing but line ends stands between them.
fn frames(input: &[u8], pieces: impl Iterator<Item = usize>) -> Vec<&[u8]> {
    let mut framer = UpstreamFramer::new(BOUND);
    let mut found = Vec::new();
    let (mut consumed, mut arrived) = (0, 0);
    for piece in pieces {
        arrived = (arrived + piece).min(input.len());
        loop {
            match framer.next(input.get(consumed..arrived).unwrap()) {
                Step::Incomplete => break,
                Step::Skip(length) => {
                    let skipped = input.get(consumed..consumed + length).unwrap();
                    assert!(
                        skipped.iter().all(|byte| b"\r\n".contains(byte)),
                        "{skipped:?} was skipped"
                    );
                    consumed += length;
                }
                Step::Frame { length } => {
                    found.push(input.get(consumed..consumed + length).unwrap());
                    consumed += length;
                }
                Step::Oversized { .. } => unreachable!("no recorded message is that long"),
            }
        }
        if arrived == input.len() {
            break;
        }
    }
    assert_eq!(consumed, input.len(), "nothing is left over");
    found
}

fn whole(input: &[u8]) -> Vec<&[u8]> {
    frames(input, std::iter::once(input.len()))
}

#[test]
fn recordings_come_apart_alike_however_cut() {
    let recordings = recordings("recv");
    assert!(recordings.len() > 90, "the recordings are there");
    for (name, bytes) in &recordings {
        let expected = whole(bytes);
        assert_eq!(
            frames(bytes, std::iter::repeat(1)),
            expected,
            "{name}, byte by byte"
        );
        for seed in 0..20 {
            assert_eq!(
                frames(bytes, pieces(seed, 1 << (seed % 12))),
                expected,
                "{name}, seed {seed}"
            );
        }
        for frame in expected {
            assert_ne!(Frame::new(frame).kind(), FrameKind::Other, "{name}");
            assert!(frame.ends_with(b"\r\n\r\n"), "{name}");
        }
    }
}

#[test]
fn numbers_of_messages() {
    let recordings = recordings("recv");
    let cases = [
        ("042-CoreShowChannelMap.nosuch", 1, "a text that ends in LF"),
        ("159-PJSIPShowEndpoint.nosuch", 1, "a text that ends in LF"),
        ("160-PJSIPShowContacts", 1, "a text that ends in LF"),
        ("166-SorceryMemoryCacheExpire", 1, "a text that ends in LF"),
        ("097-QueueRule", 1, "two blank lines"),
        ("052-Command.help", 1, "a long answer"),
        ("117-GetConfig.empty", 1, "a line without a colon"),
        (
            "262-odd-three-empty-lines-then-ping",
            4,
            "each blank line is a request",
        ),
        (
            "276-odd-line-1023-bytes",
            3,
            "one request torn in two, and a Ping",
        ),
        ("291-odd-50-pings-one-packet", 50, "pipelined"),
        (
            "296-odd-userevent-injection",
            2,
            "headers within a UserEvent",
        ),
    ];
    for (name, count, why) in cases {
        assert_eq!(
            whole(recordings.get(name).unwrap()).len(),
            count,
            "{name}: {why}"
        );
    }
}

#[test]
fn only_the_head_of_an_injected_event_counts() {
    let recordings = recordings("recv");
    let frames = whole(recordings.get("296-odd-userevent-injection").unwrap());
    let event = Frame::new(frames.last().unwrap());
    assert_eq!(
        (event.kind(), event.name()),
        (FrameKind::Event, &b"UserEvent"[..])
    );
    assert_eq!(event.privilege(), Some(&b"user,all"[..]));
    assert_eq!(event.get("ActionID"), Some(&b"ue1"[..]));
}

#[test]
fn lists_begin_and_end() {
    let mut lists = 0;
    for (name, bytes) in &recordings("recv") {
        // An ActionID that does not fit Asterisk's buffers glues items together, so that they cannot be counted.
        let intact = !name.contains("odd-actionid-300");
        let mut open: Option<(Vec<u8>, usize)> = None;
        for bytes in whole(bytes) {
            let frame = Frame::new(bytes);
            match (frame.kind(), frame.list_state()) {
                (FrameKind::Response, ListState::Start) => {
                    assert!(open.is_none(), "{name}: lists do not nest");
                    open = Some((frame.get("ActionID").unwrap().to_vec(), 0));
                }
                (FrameKind::Event, ListState::Complete) => {
                    let (id, items) = open.take().unwrap();
                    lists += 1;
                    assert!(!intact || frame.get("ActionID") == Some(&id), "{name}");
                    let told = std::str::from_utf8(frame.get("ListItems").unwrap()).unwrap();
                    assert!(
                        !intact || told == items.to_string(),
                        "{name}: {items} items, {told} told"
                    );
                }
                (FrameKind::Event, ListState::None) => {
                    if let Some((id, items)) = &mut open {
                        *items += 1;
                        assert!(
                            !intact || frame.get("ActionID") == Some(id),
                            "{name}: {frame:?} within a list"
                        );
                    }
                }
                _ => assert!(open.is_none(), "{name}: {frame:?} within a list"),
            }
        }
        assert!(open.is_none(), "{name}: every list ends");
    }
    assert!(lists >= 20, "{lists} lists");
}

#[test]
fn a_busy_session() {
    let bytes = busy();
    let expected = whole(&bytes);
    assert_eq!(expected.len(), 4621);
    for seed in 0..3 {
        assert_eq!(frames(&bytes, pieces(seed, 3000)), expected, "seed {seed}");
    }
    let frames: Vec<Frame<'_>> = expected.into_iter().map(Frame::new).collect();
    let count =
        |test: &dyn Fn(&Frame<'_>) -> bool| frames.iter().filter(|frame| test(frame)).count();
    assert_eq!(count(&|frame| frame.kind() == FrameKind::Response), 22);
    assert_eq!(count(&|frame| frame.list_state() == ListState::Start), 3);
    assert_eq!(count(&|frame| frame.list_state() == ListState::Complete), 3);
    let answered = |frame: &Frame<'_>| frame.privilege().is_none() && frame.action_id().is_some();
    assert_eq!(
        count(&|frame| frame.privilege().is_some()) + count(&answered),
        frames.len()
    );
}

/// The requests in `input`, by their lines and defect.
fn requests(input: &[u8], pieces: impl Iterator<Item = usize>) -> Vec<(Vec<u8>, Option<Defect>)> {
    let mut framer = RequestFramer::default();
    let mut buffer = BytesMut::new();
    let mut found = Vec::new();
    let mut rest = input;
    for piece in pieces {
        let (now, later) = rest.split_at_checked(piece).unwrap_or((rest, &[]));
        buffer.extend_from_slice(now);
        rest = later;
        while let Some(end) = framer.next(&mut buffer) {
            found.push((buffer.get(..end.text).unwrap().to_vec(), end.defect));
            buffer.advance(end.consumed);
        }
        if rest.is_empty() {
            break;
        }
    }
    found
}

/// One answer for each request, with the same ActionID, and the same judgement of what is malformed.
#[test]
fn requests_are_read_as_asterisk_answered() {
    let answers = recordings("recv");
    let mut compared = 0;
    for (name, sent) in &recordings("sent") {
        let found = requests(sent, std::iter::once(sent.len()));
        assert_eq!(
            requests(sent, std::iter::repeat(1)),
            found,
            "{name}, byte by byte"
        );
        assert!(!found.is_empty(), "{name}");
        // Refused here and taken by Asterisk (NUL, CR), torn by it, or not answered by it: see the tests of these.
        let differs = [
            "odd-nul-byte",
            "odd-cr-only",
            "odd-line-1023",
            "logoff-then-ping",
            "two-sessions",
            "odd-actionid-300",
        ];
        let Some(received) = answers
            .get(name)
            .filter(|_| !differs.iter().any(|part| name.contains(part)))
        else {
            continue;
        };
        let responses: Vec<Frame<'_>> = whole(received)
            .into_iter()
            .map(Frame::new)
            .filter(|frame| frame.kind() == FrameKind::Response)
            .collect();
        assert_eq!(responses.len(), found.len(), "{name}");
        for (response, (text, defect)) in responses.iter().zip(&found) {
            let message = response.get("Message").unwrap_or_default();
            let expected = match message {
                b"Failed to parse message: line too long" => Some(Defect::LineTooLong),
                b"Too many lines in message or allocation failure" => Some(Defect::TooManyLines),
                _ => None,
            };
            assert_eq!(*defect, expected, "{name}");
            assert_eq!(
                Request::new(text).action_id(),
                response.get("ActionID"),
                "{name}"
            );
            compared += 1;
        }
    }
    assert!(compared > 150, "{compared} requests compared");
}

#[test]
fn hazards_are_one_refused_request() {
    let sent = recordings("sent");
    let cases = [
        ("270-odd-nul-byte", vec![Some(Defect::ForbiddenByte)]),
        ("265-odd-cr-only", vec![Some(Defect::ForbiddenByte)]),
        (
            "276-odd-line-1023-bytes",
            vec![Some(Defect::LineTooLong), None],
        ),
    ];
    for (name, expected) in cases {
        let bytes = sent.get(name).unwrap();
        let found: Vec<Option<Defect>> = requests(bytes, std::iter::once(bytes.len()))
            .into_iter()
            .map(|(_, defect)| defect)
            .collect();
        assert_eq!(found, expected, "{name}");
    }
}
