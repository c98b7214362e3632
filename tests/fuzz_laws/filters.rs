//! Any filters and any events: judged together, they pass what they pass one by one. The input is lines, each a filter
//! (`(criteria)=pattern` or `=pattern`) of the set that it belongs to (a blank line ends a set), then a line `--`, and
//! the events, as they are on the wire.

use std::sync::Arc;

use amimux::policy::event_filter::EventFilters;
use amimux::policy::filter::table::FilterTable;
use amimux::protocol::frame::{Frame, FrameKind};
use amimux::protocol::upstream_framer::{Step, UpstreamFramer};

/// Longest input: what is slow shows itself in less.
const BYTES_MAX: usize = 8192;

pub fn hold(data: &[u8]) {
    if data.len() > BYTES_MAX {
        return;
    }
    let Some(at) = data.windows(4).position(|window| window == b"\n--\n") else {
        return;
    };
    let (filters, events) = data.split_at(at);
    let sets: Vec<_> = String::from_utf8_lossy(filters)
        .split("\n\n")
        .map(|lines| {
            let mut set = EventFilters::default();
            for line in lines.lines() {
                if let Some((criteria, pattern)) = line.split_once('=') {
                    // What is refused is left out; that is tested elsewhere.
                    let _ = set.push("", &format!("eventfilter{criteria}"), pattern);
                }
            }
            Arc::new(set)
        })
        .collect();
    let mut table = FilterTable::build(sets.iter().cloned());
    let mut framer = UpstreamFramer::new(BYTES_MAX);
    let mut rest = events.get(4..).unwrap_or_default();
    loop {
        let length = match framer.next(rest) {
            Step::Incomplete => return,
            Step::Skip(length) | Step::Oversized { length } => length,
            Step::Frame { length } => {
                let frame = Frame::new(&rest[..length]);
                if frame.kind() == FrameKind::Event {
                    compare(&mut table, &sets, frame);
                }
                length
            }
        };
        rest = &rest[length..];
    }
}

fn compare(table: &mut FilterTable, sets: &[Arc<EventFilters>], event: Frame<'_>) {
    for set in sets {
        let number = table.number(set).expect("every set is in the table");
        let together = table.judge(event).pass(number);
        let texts: Vec<_> = set.iter().map(|filter| filter.text()).collect();
        assert_eq!(together, set.pass(event), "{texts:?}");
    }
}
