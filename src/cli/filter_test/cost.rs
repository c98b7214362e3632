//! What each filter costs by itself on the events of a capture, measured, with what could be written instead. The proxy
//! judges the filters of all users together, once per event: the numbers compare filters, they do not add up.

use std::hint::black_box;
use std::time::{Duration, Instant};

use amimux::policy::event_filter::EventFilter;
use amimux::policy::filter::advice::{Effort, advice};
use amimux::policy::filter::trial::{Capture, Judge, Outcome};
use amimux::protocol::frame::Frame;

use super::named;

/// A measurement lasts at least so long, if the other bounds allow it.
const ENOUGH: Duration = Duration::from_millis(10);
/// And about so long at most.
const FILTER_MAX: Duration = Duration::from_millis(200);
/// For all filters together.
const ALL_MAX: Duration = Duration::from_secs(5);
/// The clock is looked at once in as many events.
const EVENTS_PER_LOOK: usize = 64;

/// What was measured of one filter.
struct Measured {
    nanoseconds_per_event: f64,
    matched: usize,
    /// How many different events it was asked about.
    events: usize,
}

/// A line for each filter, slowest first, and one below it where there is something to say.
pub(super) fn report(judge: Judge<'_>, capture: &Capture) -> String {
    let events: Vec<Frame<'_>> = capture
        .events()
        .filter(|event| matches!(judge.outcome(*event), Outcome::Filters(_)))
        .collect();
    if judge.filters.is_empty() {
        return "cost: the user has no filters\n".to_owned();
    }
    if events.is_empty() {
        return "cost: no event comes to the filters\n".to_owned();
    }
    let start = Instant::now();
    let mut all: Vec<_> = judge
        .filters
        .iter()
        .map(|filter| {
            (
                filter,
                (start.elapsed() < ALL_MAX).then(|| measure(filter, &events)),
            )
        })
        .collect();
    // What could not be measured any more comes last.
    let key = |measured: &Option<Measured>| {
        measured
            .as_ref()
            .map_or(-1.0, |measured| measured.nanoseconds_per_event)
    };
    all.sort_by(|(_, one), (_, other)| key(other).total_cmp(&key(one)));
    let mut text = "cost of each filter by itself, slowest first\n".to_owned();
    for (filter, measured) in all {
        text.push_str(&lines(filter, measured.as_ref()));
    }
    text
}

fn lines(filter: &EventFilter, measured: Option<&Measured>) -> String {
    let numbers = measured.map_or_else(
        || "not measured: out of time".to_owned(),
        |measured| {
            format!(
                "{:>8.0} ns per event, matched {} of {}",
                measured.nanoseconds_per_event, measured.matched, measured.events
            )
        },
    );
    let mut text = format!(
        "{numbers}; {}: {}\n",
        Effort::of(filter).words(),
        named(filter, usize::MAX)
    );
    if let Some(advice) = advice(filter) {
        let differs = advice.differs.map_or_else(
            || "means the same".to_owned(),
            |differs| format!("differs: {differs}"),
        );
        text.push_str(&format!(
            "{:>11}  instead: {}; {differs}\n",
            "", advice.instead
        ));
    }
    text
}

/// Asks the filter about all events, again and again; a first pass that takes too long is cut.
fn measure(filter: &EventFilter, events: &[Frame<'_>]) -> Measured {
    let (mut matched, mut first_pass, mut asked) = (0, 0, 0_u32);
    // The first events also make the automaton's states, which later ones find ready: that is part of the cost.
    let start = Instant::now();
    let mut passes = 0;
    'passes: loop {
        for part in events.chunks(EVENTS_PER_LOOK) {
            for event in part {
                let matches = black_box(filter.matches(black_box(*event)));
                asked = asked.saturating_add(1);
                if passes == 0 {
                    first_pass += 1;
                    matched += usize::from(matches);
                }
            }
            if start.elapsed() >= FILTER_MAX {
                break 'passes;
            }
        }
        passes += 1;
        if start.elapsed() >= ENOUGH {
            break;
        }
    }
    Measured {
        nanoseconds_per_event: start.elapsed().as_secs_f64() * 1e9 / f64::from(asked.max(1)),
        matched,
        events: first_pass,
    }
}
