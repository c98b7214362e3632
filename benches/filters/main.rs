//! What event filters cost, by their number: all of them in one pass, as amimux judges them; one by one with the same
//! engine; and one by one with glibc, as Asterisk does it for each session. The events are those of a recorded busy
//! Asterisk; every filter is a set of its own, as if each belonged to another user.
//!
//! Criterion's throughput is in events: `Kelem/s` are thousands of events per second.

#[path = "../../tests/ere_oracle/glibc.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod glibc;
mod mix;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use amimux::policy::event_filter::EventFilters;
use amimux::policy::filter::table::FilterTable;
use amimux::protocol::frame::{Frame, FrameKind};
use amimux::protocol::upstream_framer::{Step, UpstreamFramer};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const BUSY: &[u8] = include_bytes!("../../tests/data/busy.recv");

/// So many events of the recording, from its middle: glibc needs half a millisecond for each with 1,000 filters.
const EVENTS: usize = 1000;

const COUNTS: [usize; 4] = [1, 10, 100, 1000];

fn events() -> Vec<&'static [u8]> {
    let mut framer = UpstreamFramer::new(1 << 20);
    let (mut rest, mut events) = (BUSY, Vec::new());
    loop {
        let length = match framer.next(rest) {
            Step::Incomplete => break,
            Step::Skip(length) | Step::Oversized { length } => length,
            Step::Frame { length } => {
                let (frame, _) = rest.split_at(length);
                if Frame::new(frame).kind() == FrameKind::Event {
                    events.push(frame);
                }
                length
            }
        };
        rest = rest.split_at(length).1;
    }
    let middle = events.len() / 2;
    events.into_iter().skip(middle).take(EVENTS).collect()
}

fn set((option, pattern): &(String, String)) -> Arc<EventFilters> {
    let mut filters = EventFilters::default();
    if let Err(error) = filters.push("", option, pattern) {
        unreachable!("{option} = {pattern}: {error}");
    }
    Arc::new(filters)
}

fn judge(table: &mut FilterTable, events: &[&[u8]], sets: &[Arc<EventFilters>]) -> usize {
    let last = sets.last().and_then(|set| table.number(set));
    events
        .iter()
        .filter(|event| {
            let verdicts = table.judge(Frame::new(black_box(event)));
            last.is_some_and(|last| verdicts.pass(last))
        })
        .count()
}

fn compare(criterion: &mut Criterion, name: &str, filters: &[(String, String)]) {
    let events = events();
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    group.warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(2));
    group.throughput(Throughput::Elements(EVENTS as u64));
    for count in COUNTS {
        // Spread over the whole list, so that few filters are of the same kinds as many.
        let chosen: Vec<_> = (0..count)
            .filter_map(|number| filters.get(number * filters.len() / count))
            .collect();
        let sets: Vec<_> = chosen.iter().map(|filter| set(filter)).collect();
        let mut table = FilterTable::build(sets.iter().cloned());
        group.bench_function(BenchmarkId::new("together", count), |bencher| {
            bencher.iter(|| judge(&mut table, &events, &sets));
        });
        group.bench_function(BenchmarkId::new("one_by_one", count), |bencher| {
            bencher.iter(|| {
                let events = events.iter().map(|event| Frame::new(black_box(event)));
                events
                    .map(|event| sets.iter().filter(|set| set.pass(event)).count())
                    .sum::<usize>()
            });
        });
        if filters.iter().any(|(option, _)| option != "eventfilter") {
            continue;
        }
        let patterns: Vec<_> = chosen
            .iter()
            .filter_map(|(_, pattern)| glibc::Pattern::compile(pattern, false).ok())
            .collect();
        group.bench_function(BenchmarkId::new("glibc_one_by_one", count), |bencher| {
            bencher.iter(|| {
                let events = events.iter().map(|event| black_box(*event));
                events
                    .map(|event| {
                        let matching = patterns.iter().filter(|pattern| pattern.is_match(event));
                        matching.count()
                    })
                    .sum::<usize>()
            });
        });
    }
    group.finish();
}

fn legacy(criterion: &mut Criterion) {
    compare(criterion, "legacy_filters", &mix::legacy(1000));
}

fn advanced(criterion: &mut Criterion) {
    compare(criterion, "advanced_filters", &mix::advanced(1000));
}

/// What it takes to compile: one filter by itself, as the action `Filter` has it done, and all of them together.
fn compile(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("compile");
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(2));
    for (name, pattern) in [
        ("usual", "^Event: (Hangup|Newstate).*CallerIDNum: 100"),
        ("nested", "x(.*a){30}x"),
        ("intervals", "x(a?.?){250}x"),
        ("letters", "x[[:alpha:]]{35}x"),
    ] {
        let filter = ("eventfilter".to_owned(), pattern.to_owned());
        group.bench_function(BenchmarkId::new("one", name), |bencher| {
            bencher.iter(|| set(black_box(&filter)));
        });
    }
    let sets: Vec<_> = mix::legacy(1000).iter().map(set).collect();
    group.bench_function("1000_together", |bencher| {
        bencher.iter(|| FilterTable::build(sets.iter().cloned()));
    });
    group.finish();
}

criterion_group!(benches, legacy, advanced, compile);
criterion_main!(benches);
