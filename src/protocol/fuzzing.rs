//! What must hold for every input, whatever its bytes and however it is cut: shared by the fuzz target and the
//! tests, both of which include this file. A law that does not hold panics.

use bytes::{Buf, BytesMut};

use super::action_id::{TokenKind, TokenMint};
use super::frame::Frame;
use super::rebuild::{Rewrite, rebuild};
use super::request::{Request, header_value};
use super::request_framer::{Defect, RequestFramer};
use super::upstream_framer::{Step, UpstreamFramer};

/// One request as taken off a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRequest {
    /// Its kept lines.
    pub text: Vec<u8>,
    /// How many.
    pub lines: usize,
    /// What is wrong with it.
    pub defect: Option<Defect>,
}

/// One thing found in a stream from Asterisk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A whole message.
    Frame(Vec<u8>),
    /// The head of one that is too long.
    Oversized(Vec<u8>),
    /// Bytes dropped between messages (runs of them joined).
    Skipped(usize),
}

/// Lengths of pieces, drawn from a seed: mostly short ones, some long.
#[derive(Debug, Clone)]
pub struct Cuts(u64);

impl Cuts {
    /// The pieces of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }
}

impl Iterator for Cuts {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        // Knuth's multiplicative generator; its high bits are the good ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let bits = self.0 >> 33;
        let most = if bits & 7 == 0 { 3000 } else { 9 };
        usize::try_from(1 + (bits >> 3) % most).ok()
    }
}

/// The laws of both framers and of rebuilding, on `data`: its first byte chooses how the rest is cut.
///
/// # Panics
/// When a law does not hold.
pub fn framers(data: &[u8]) {
    let Some((&seed, input)) = data.split_first() else {
        return;
    };
    for frame_bytes_max in [128, 4096] {
        let whole = frames(input, frame_bytes_max, std::iter::repeat(input.len()));
        assert_eq!(
            whole,
            frames(input, frame_bytes_max, std::iter::repeat(1)),
            "byte by byte"
        );
        assert_eq!(
            whole,
            frames(input, frame_bytes_max, Cuts::new(seed.into())),
            "cut at random"
        );
        for found in &whole {
            if let Found::Frame(bytes) = found {
                frame_laws(Frame::new(bytes));
            }
        }
    }
    let whole = requests(input, std::iter::repeat(input.len()));
    assert_eq!(whole, requests(input, std::iter::repeat(1)), "byte by byte");
    assert_eq!(
        whole,
        requests(input, Cuts::new(seed.into())),
        "cut at random"
    );
    for found in whole.iter().filter(|found| found.defect.is_none()) {
        rebuild_laws(&found.text, seed & 1 == 1);
    }
}

/// What an [`UpstreamFramer`] finds in `input` when it comes in pieces of the given lengths.
///
/// # Panics
/// When a law does not hold.
pub fn frames(
    input: &[u8],
    frame_bytes_max: usize,
    pieces: impl Iterator<Item = usize>,
) -> Vec<Found> {
    let mut framer = UpstreamFramer::new(frame_bytes_max);
    let mut found = Vec::new();
    let mut buffer = BytesMut::new();
    let mut rest = input;
    for piece in pieces {
        let (now, later) = rest.split_at_checked(piece).unwrap_or((rest, &[]));
        buffer.extend_from_slice(now);
        rest = later;
        loop {
            match framer.next(&buffer) {
                Step::Incomplete => break,
                Step::Skip(length) => {
                    assert!(length > 0, "a step makes progress");
                    buffer.advance(length);
                    match found.last_mut() {
                        Some(Found::Skipped(sum)) => *sum += length,
                        _ => found.push(Found::Skipped(length)),
                    }
                }
                Step::Frame { length } => {
                    assert!(
                        length > 0 && length <= frame_bytes_max,
                        "a frame within the bound"
                    );
                    found.push(Found::Frame(buffer.split_to(length).to_vec()));
                }
                Step::Oversized { length } => {
                    assert!(length > 0, "a step makes progress");
                    found.push(Found::Oversized(buffer.split_to(length).to_vec()));
                }
            }
        }
        assert!(buffer.len() <= frame_bytes_max, "what waits is bounded");
        if rest.is_empty() {
            break;
        }
    }
    // How much of an oversized message's end was dropped so far depends on the cuts until it is over.
    if let Some(Found::Skipped(sum)) = found.last_mut() {
        *sum += buffer.len();
    } else if matches!(found.last(), Some(Found::Oversized(_))) && !buffer.is_empty() {
        found.push(Found::Skipped(buffer.len()));
    }
    found
}

/// What a [`RequestFramer`] finds in `input` when it comes in pieces of the given lengths.
///
/// # Panics
/// When a law does not hold.
pub fn requests(input: &[u8], pieces: impl Iterator<Item = usize>) -> Vec<FoundRequest> {
    let mut framer = RequestFramer::default();
    let mut found = Vec::new();
    let mut buffer = BytesMut::new();
    let mut rest = input;
    for piece in pieces {
        let (now, later) = rest.split_at_checked(piece).unwrap_or((rest, &[]));
        buffer.extend_from_slice(now);
        rest = later;
        while let Some(end) = framer.next(&mut buffer) {
            assert!(
                end.text < end.consumed && end.consumed <= end.text + 2,
                "a blank line at the end"
            );
            assert!(end.consumed <= buffer.len(), "within the buffer");
            let text = buffer.get(..end.text).unwrap_or_default().to_vec();
            assert_eq!(
                Request::new(&text).lines().count(),
                end.lines,
                "as many lines as told"
            );
            assert!(
                Request::new(&text).lines().all(|line| !line.is_empty()),
                "no blank line within"
            );
            found.push(FoundRequest {
                text,
                lines: end.lines,
                defect: end.defect,
            });
            buffer.advance(end.consumed);
        }
        assert!(buffer.len() <= 129 * 1024, "the buffer is bounded");
        if rest.is_empty() {
            break;
        }
    }
    found
}

/// Look-ups agree with each other and stay within the message.
fn frame_laws(frame: Frame<'_>) {
    let bytes = frame.bytes();
    let length: usize = frame.lines().map(|line| line.len() + 2).sum();
    assert!(length <= bytes.len() + 2, "lines are parts of the message");
    assert_eq!(
        frame.action_id().and_then(|header| bytes.get(header.value)),
        frame.get("actionid")
    );
    if let Some(header) = frame.action_id() {
        let line = bytes.get(header.line).unwrap_or_default();
        assert!(line.len() > "ActionID:".len());
    }
    if let Some(head) = frame.event_head() {
        assert_eq!(
            (head.name, head.privilege),
            (frame.name(), frame.privilege())
        );
    }
    if let Some(stamp) = frame.timestamp_line() {
        assert_eq!(frame.after_privilege(), Some(stamp.start));
        assert!(
            bytes
                .get(stamp)
                .is_some_and(|line| line.starts_with(b"Timestamp: "))
        );
    }
    assert_eq!(
        frame.privilege().is_some(),
        frame.after_privilege().is_some()
    );
    let _ = (frame.name(), frame.list_state());
}

/// What is rebuilt from a request is exactly one message to Asterisk, with the lines of the request.
///
/// # Panics
/// When a law does not hold.
pub fn rebuild_laws(text: &[u8], action_id_in_place: bool) {
    let request = Request::new(text);
    let rewrite = Rewrite {
        action_id_in_place,
        ..Rewrite::default()
    };
    let Ok(outgoing) = rebuild(request, &rewrite) else {
        return;
    };
    let mint = TokenMint::new(u64::MAX);
    let token = mint.token(u64::MAX, TokenKind::Ordinary);
    let mut sent = BytesMut::new();
    outgoing.write_to(&token, &mut sent);
    assert!(sent.len() <= outgoing.size());
    let messages = read_as_asterisk(&sent);
    let [message] = messages.as_slice() else {
        unreachable!("one message was sent, {} were read", messages.len())
    };
    assert!(!message.line_too_long && !message.too_many_lines);
    let is_ours = |line: &&[u8]| {
        header_value(line, "Action").is_some() || header_value(line, "ActionID").is_some()
    };
    let read: Vec<&[u8]> = message.lines.iter().map(Vec::as_slice).collect();
    let others = |lines: &[&[u8]]| {
        lines
            .iter()
            .filter(|line| !is_ours(line))
            .map(|line| line.to_vec())
            .collect()
    };
    let received: Vec<Vec<u8>> = others(&read);
    let expected: Vec<Vec<u8>> = others(&request.lines().collect::<Vec<_>>());
    assert_eq!(
        received, expected,
        "the other lines, unchanged and in order"
    );
    let values = |name| {
        read.iter()
            .filter_map(|line| header_value(line, name))
            .collect::<Vec<_>>()
    };
    assert_eq!(values("Action"), [request.action().unwrap_or_default()]);
    assert_eq!(values("ActionID"), [token.as_bytes()]);
}

/// A message as Asterisk stores it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct AsteriskMessage {
    /// Its lines, each cut at the first NUL.
    pub lines: Vec<Vec<u8>>,
    /// A line did not fit the input buffer.
    pub line_too_long: bool,
    /// Lines were dropped.
    pub too_many_lines: bool,
}

/// A model of Asterisk's reader (`main/manager.c`, `get_input` and `do_message`): a buffer of 1,024 bytes, lines
/// copied as C strings, a blank one ends the message. Of a buffer without a line end only the last byte stays.
pub fn read_as_asterisk(input: &[u8]) -> Vec<AsteriskMessage> {
    let mut messages = Vec::new();
    let mut message = AsteriskMessage::default();
    let mut buffer: Vec<u8> = Vec::new();
    let mut rest = input;
    loop {
        let room = 1024 - buffer.len();
        let (now, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
        buffer.extend_from_slice(now);
        rest = later;
        let Some(end) = buffer.iter().position(|&byte| byte == b'\n') else {
            if buffer.len() < 1024 {
                return messages;
            }
            buffer.drain(..1023);
            message.line_too_long = true;
            continue;
        };
        let line: Vec<u8> = buffer.drain(..=end).collect();
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
        if line.is_empty() {
            messages.push(std::mem::take(&mut message));
        } else if message.lines.len() == 128 {
            message.too_many_lines = true;
        } else {
            message.lines.push(line.to_vec());
        }
    }
}
