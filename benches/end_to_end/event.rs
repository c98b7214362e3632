//! The events of the fan-out runs: all of one length, so that a reader counts them by counting bytes, each with
//! a sequence number and the moment at which it was made.

use std::time::{Duration, Instant};

/// Length of every event.
pub(crate) const EVENT_BYTES: usize = 500;

/// Events differ in the value of one header, by turns; a filter can name one of these kinds.
pub(crate) const KINDS: u64 = 10;

/// The kind that is of the class `call`; the others are of the class `dialplan`.
pub(crate) const CALL_KIND: u64 = 9;

const SEQUENCE_DIGITS: usize = 12;
const TIME_DIGITS: usize = 15;
const SEQUENCE_AT: usize = EVENT_BYTES - "\r\nTime: \r\n\r\n".len() - TIME_DIGITS - SEQUENCE_DIGITS;
const TIME_AT: usize = EVENT_BYTES - "\r\n\r\n".len() - TIME_DIGITS;

/// The clock that source and readers share: they are threads of one process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch(Instant);

impl Epoch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// Nanoseconds since the start.
    pub(crate) fn nanoseconds(self) -> u64 {
        u64::try_from(self.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Whole events, ready to be sent once they are stamped.
#[derive(Debug)]
pub(crate) struct Block {
    bytes: Vec<u8>,
}

impl Block {
    /// A block of `count` events, which begins with the first kind.
    pub(crate) fn new(count: u64) -> Self {
        let bytes = (0..count).flat_map(|index| template(index % KINDS));
        Self {
            bytes: bytes.collect(),
        }
    }

    /// The events from `skip` on, at most `count`, with their numbers and the time.
    pub(crate) fn stamped(&mut self, skip: usize, count: usize, first: u64, time: u64) -> &[u8] {
        let range = skip * EVENT_BYTES..(skip + count) * EVENT_BYTES;
        let Some(bytes) = self.bytes.get_mut(range) else {
            return &[];
        };
        for (event, sequence) in bytes.chunks_exact_mut(EVENT_BYTES).zip(first..) {
            write_digits(event, SEQUENCE_AT, SEQUENCE_DIGITS, sequence);
            write_digits(event, TIME_AT, TIME_DIGITS, time);
        }
        bytes
    }
}

fn template(kind: u64) -> Vec<u8> {
    let (name, class) = if kind == CALL_KIND {
        ("Newstate", "call")
    } else {
        ("VarSet", "dialplan")
    };
    let head = format!(
        "Event: {name}\r\nPrivilege: {class},all\r\nChannel: PJSIP/alice-0000002a\r\nChannelState: 6\r\n\
         ChannelStateDesc: Up\r\nCallerIDNum: 101\r\nCallerIDName: Alice\r\nConnectedLineNum: 102\r\n\
         ConnectedLineName: Bob\r\nLanguage: en\r\nAccountCode: bench\r\nContext: internal\r\nExten: 102\r\n\
         Priority: 3\r\nUniqueid: 1760000000.42\r\nLinkedid: 1760000000.42\r\nVariable: KIND_{kind}\r\nValue: "
    );
    let tail = format!(
        "\r\nSequence: {:0SEQUENCE_DIGITS$}\r\nTime: {:0TIME_DIGITS$}\r\n\r\n",
        0, 0
    );
    let filler = EVENT_BYTES.saturating_sub(head.len() + tail.len());
    [head, "x".repeat(filler), tail].concat().into_bytes()
}

fn write_digits(event: &mut [u8], at: usize, digits: usize, mut value: u64) {
    for place in event.iter_mut().skip(at).take(digits).rev() {
        *place = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
    }
}

fn read_digits(event: &[u8], at: usize, digits: usize) -> Option<u64> {
    let text = event.get(at..at + digits)?;
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// Sequence number and time of the event that these bytes begin with; `None` if they are none.
pub(crate) fn read_stamp(event: &[u8]) -> Option<(u64, u64)> {
    let event = event.get(..EVENT_BYTES)?;
    if !event.starts_with(b"Event: ") || !event.ends_with(b"\r\n\r\n") {
        return None;
    }
    let sequence = read_digits(event, SEQUENCE_AT, SEQUENCE_DIGITS)?;
    Some((sequence, read_digits(event, TIME_AT, TIME_DIGITS)?))
}

/// Where the first event of a run begins in what a client has read; before it come greetings and the like.
pub(crate) fn find_first(bytes: &[u8]) -> Option<usize> {
    [&b"Event: VarSet\r\n"[..], b"Event: Newstate\r\n"]
        .iter()
        .filter_map(|start| memchr::memmem::find(bytes, start))
        .min()
}
