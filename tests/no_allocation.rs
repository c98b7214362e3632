//! Reading what Asterisk sends allocates nothing: neither framing nor any look-up, over thousands of messages. Nor does
//! judging it by any number of filters, once the automata have seen such events.

#![expect(
    unsafe_code,
    clippy::expect_used,
    reason = "counting allocations takes an allocator, which is unsafe to write; a broken assumption fails the test"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;

use amimux::policy::event_filter::EventFilters;
use amimux::policy::filter::table::FilterTable;
use amimux::protocol::frame::{Frame, ListState};
use amimux::protocol::upstream_framer::{Step, UpstreamFramer};

thread_local! {
    /// Of this thread only: the test harness has others.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting touches a constant-initialised cell, which
// neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates.
fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn framing_and_look_ups_allocate_nothing() {
    let input = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/busy.recv"))
        .expect("the recording");
    let mut framer = UpstreamFramer::new(1 << 20);
    let (mut messages, mut lists) = (0, 0);
    let count = allocations(|| {
        let mut rest = input.as_slice();
        // Short reads, so that messages are found in pieces, too.
        let mut arrived = 0;
        while arrived < rest.len() {
            arrived = (arrived + 700).min(rest.len());
            while let Some(seen) = rest.get(..arrived) {
                let length = match framer.next(seen) {
                    Step::Incomplete => break,
                    Step::Skip(length) | Step::Oversized { length } => length,
                    Step::Frame { length } => {
                        let frame = Frame::new(rest.get(..length).unwrap_or_default());
                        messages += 1;
                        lists += usize::from(frame.list_state() == ListState::Complete);
                        black_box((
                            frame.kind(),
                            frame.name(),
                            frame.privilege(),
                            frame.timestamp_line(),
                        ));
                        black_box((
                            frame.action_id(),
                            frame.get("Channel"),
                            frame.lines().count(),
                        ));
                        length
                    }
                };
                rest = rest.get(length..).unwrap_or_default();
                arrived -= length;
            }
        }
    });
    assert_eq!((messages, lists), (4621, 3));
    assert_eq!(count, 0, "allocations");
    assert_eq!(
        allocations(|| drop(black_box(vec![1_u8]))),
        1,
        "the counter counts"
    );
}

/// Sets of filters, one a line.
fn sets() -> Vec<Arc<EventFilters>> {
    let lines = include_str!("data/filters.txt").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut filters = EventFilters::default();
            for line in line.split(" & ") {
                let (criteria, pattern) = line.split_once('=').expect("a filter");
                let option = format!("eventfilter{}", criteria.trim());
                filters
                    .push("", &option, pattern.trim())
                    .expect("a filter that is understood");
            }
            Arc::new(filters)
        })
        .collect()
}

#[test]
fn judging_allocates_nothing() {
    let input = include_bytes!("data/busy.recv");
    let mut framer = UpstreamFramer::new(1 << 20);
    let (mut rest, mut frames) = (&input[..], Vec::new());
    loop {
        let length = match framer.next(rest) {
            Step::Incomplete => break,
            Step::Skip(length) | Step::Oversized { length } => length,
            Step::Frame { length } => {
                frames.push(Frame::new(rest.get(..length).unwrap_or_default()));
                length
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    let sets = sets();
    let mut table = FilterTable::build(sets.iter().cloned());
    let number = table.number(&sets[0]).expect("a set that is there");
    let mut judge = || {
        let passes = |frame: &&Frame<'_>| table.judge(**frame).pass(number);
        frames.iter().filter(passes).count()
    };
    let passed = judge();
    let count = allocations(|| assert_eq!(judge(), passed));
    assert!(sets.len() > 100 && frames.len() > 4000 && passed > 10);
    assert_eq!(count, 0, "allocations");
}
