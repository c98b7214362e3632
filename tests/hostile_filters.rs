//! What patterns may cost at worst: however a filter is written, it is refused, or it is compiled and matched within
//! bounds of memory and time that grow no faster than the text.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption fails the test"
)]
#![expect(
    unsafe_code,
    reason = "measuring memory takes an allocator, and allocators are unsafe to write"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use amimux::policy::event_filter::EventFilters;
use amimux::policy::filter::ere::limits::{AUTOMATON_BYTES_MAX, CACHE_BYTES_MAX};
use amimux::policy::filter::table::FilterTable;
use amimux::protocol::frame::Frame;

thread_local! {
    /// Bytes held and the most held, by this thread.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

struct Measuring;

fn note(bytes: isize) {
    let held = HELD.get() + bytes;
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
}

// SAFETY: every call goes to the system's allocator unchanged; noting touches constant-initialised cells, which neither
// allocates nor unwinds.
unsafe impl GlobalAlloc for Measuring {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size().cast_signed());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(-layout.size().cast_signed());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Measuring = Measuring;

/// What `work` gives, the most bytes that it held at once, and how long it took.
fn measure<T>(work: impl FnOnce() -> T) -> (T, isize, Duration) {
    let held = HELD.get();
    PEAK.set(held);
    let begin = Instant::now();
    let result = work();
    (result, PEAK.get() - held, begin.elapsed())
}

/// Bounds that a pattern without limits breaks by orders of magnitude, on a slow machine and without optimisation.
const COMPILE_WITHIN: Duration = Duration::from_secs(1);
const MATCH_WITHIN: Duration = Duration::from_secs(5);

/// Patterns that are exponential, or huge, for some engine or other. Things that may match nothing stand between
/// others, where they cannot be left out.
fn patterns() -> Vec<String> {
    let mut patterns: Vec<String> = [
        "x(.*a){30}x",
        "x(.*a){200}x",
        "(x+x+)+y",
        "x(a*)*b",
        "x(a|aa)+$",
        "x(a|a)*b",
        "x(a?){60}a{60}x",
        "x(((a{1,9}){1,9}){1,9}){1,3}x",
        "x((a{0,100}){0,100}){0,100}x",
        "x.{1,30000}x",
        "x.{32767}x",
        "x(.{1,200}){1,10}x",
        "[ab]*a[ab]{200}x",
        "[ab]*a[ab]{2000}x",
        "a.{300}x|b.{301}x|a.{302}y",
        "x(a?.?){1000}x",
        "x(a|b|ab|ba|.)*(aa|bb|..)*x",
        "\\b(a+ ?)*\\b!",
        "(^|x)*(a$|b)*y",
        "x[[:alpha:]]{30}x",
        "x[[:alpha:]]{300}x",
        "x[^é]{60}é",
    ]
    .map(str::to_owned)
    .into();
    patterns.push(format!("x{}a{}x", "(".repeat(60), ")*".repeat(60)));
    patterns.push(format!("x{}a{}x", "(".repeat(60), ")?".repeat(60)));
    patterns.push(format!("x{}x", "(a|b)?".repeat(400)));
    patterns.push(format!("x{}x", ".*a".repeat(1000)));
    patterns
}

/// Texts on which such patterns suffer.
fn texts(length: usize) -> Vec<Vec<u8>> {
    let mut random = 1_u32;
    let mut any = |from: &[u8]| {
        let letters = std::iter::repeat_with(|| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *from.get(random as usize >> 16 & 1).expect("two letters")
        });
        letters.take(length).collect::<Vec<_>>()
    };
    let mut texts = vec![
        b"a".repeat(length),
        b"x".repeat(length),
        b"ax".repeat(length / 2),
        "é".repeat(length / 2).into_bytes(),
        any(b"ab"),
        any(b"ax"),
    ];
    for text in &mut texts {
        text.splice(..0, *b"Event: X\r\nText: xa");
        text.extend_from_slice(b"\r\n\r\n");
    }
    texts
}

#[test]
fn each_hostile_pattern_is_refused_or_bounded() {
    let (texts, mut accepted) = (texts(4096), 0);
    for pattern in patterns() {
        let mut filters = EventFilters::default();
        let (pushed, peak, took) = measure(|| filters.push("", "eventfilter", &pattern));
        let shown: String = pattern.chars().take(40).collect();
        assert!(took < COMPILE_WITHIN, "{shown}: compiling took {took:?}");
        // The automaton is built from other forms, each of which is bounded as it is.
        let bound = 8 * AUTOMATON_BYTES_MAX.cast_signed();
        assert!(peak < bound, "{shown}: compiling took {peak} bytes");
        if pushed.is_err() {
            continue;
        }
        accepted += 1;
        let pass = || {
            for text in &texts {
                filters.pass(Frame::new(text));
            }
        };
        let ((), peak, took) = measure(pass);
        assert!(took < MATCH_WITHIN, "{shown}: matching took {took:?}");
        // Three automata may keep states, forwards and backwards.
        let bound = 4 * CACHE_BYTES_MAX.cast_signed();
        assert!(peak < bound, "{shown}: matching took {peak} bytes");
    }
    assert!(
        accepted > 15,
        "only {accepted} were accepted: nothing was shown"
    );
}

/// Together they cost no more than each by itself, and what they decide is the same.
#[test]
fn hostile_patterns_spoil_nothing_together() {
    let sets: Vec<_> = patterns()
        .iter()
        .filter_map(|pattern| {
            let mut filters = EventFilters::default();
            filters.push("", "eventfilter", pattern).ok()?;
            Some(Arc::new(filters))
        })
        .collect();
    let (mut table, peak, took) = measure(|| FilterTable::build(sets.iter().cloned()));
    assert!(took < 2 * COMPILE_WITHIN, "building took {took:?}");
    assert!(peak < 64 << 20, "building took {peak} bytes");
    let numbers: Vec<_> = sets.iter().filter_map(|set| table.number(set)).collect();
    assert_eq!(numbers.len(), sets.len());
    let texts = texts(1024);
    let ((), peak, took) = measure(|| {
        for text in &texts {
            let event = Frame::new(text);
            let verdicts = table.judge(event);
            let mut wrong = sets
                .iter()
                .zip(&numbers)
                .filter(|(set, number)| verdicts.pass(**number) != set.pass(event));
            assert!(wrong.next().is_none());
        }
    });
    assert!(took < MATCH_WITHIN, "judging took {took:?}");
    assert!(peak < 32 << 20, "judging took {peak} bytes");
}
