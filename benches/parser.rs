//! What reading Asterisk's messages costs, on a recorded busy session; beside it the way that comes to mind first.

use std::collections::HashMap;
use std::hint::black_box;

use amimux::protocol::frame::{Frame, FrameKind};
use amimux::protocol::request_framer::RequestFramer;
use amimux::protocol::upstream_framer::{Step, UpstreamFramer};
use bytes::{Buf, BytesMut};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const BUSY: &[u8] = include_bytes!("../tests/data/busy.recv");
const READ_BYTES: usize = 64 * 1024;

/// Hands every message in `input` to `each`, as if read in pieces of 64 KB.
fn for_each_frame<'a>(input: &'a [u8], mut each: impl FnMut(&'a [u8])) {
    let mut framer = UpstreamFramer::new(1 << 20);
    let (mut consumed, mut arrived) = (0, 0);
    while arrived < input.len() {
        arrived = (arrived + READ_BYTES).min(input.len());
        while let Some(seen) = input.get(consumed..arrived) {
            match framer.next(seen) {
                Step::Incomplete => break,
                Step::Skip(length) | Step::Oversized { length } => consumed += length,
                Step::Frame { length } => {
                    each(seen.get(..length).unwrap_or_default());
                    consumed += length;
                }
            }
        }
    }
}

/// The first idea: cut at blank lines and make a map of each message.
fn naive(input: &[u8]) -> usize {
    let text = String::from_utf8_lossy(input);
    let mut found = 0;
    for message in text.split("\r\n\r\n") {
        let headers: HashMap<String, String> = message
            .split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim_start().to_owned()))
            .collect();
        found += usize::from(headers.contains_key("event"));
        found += usize::from(headers.contains_key("actionid"));
        found += usize::from(
            headers
                .get("privilege")
                .is_some_and(|value| value.starts_with("call")),
        );
    }
    found
}

fn from_asterisk(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("from_asterisk");
    group.throughput(Throughput::Bytes(
        u64::try_from(BUSY.len()).unwrap_or_default(),
    ));
    group.bench_function("framing", |bencher| {
        bencher.iter(|| {
            let mut messages = 0_usize;
            for_each_frame(black_box(BUSY), |_| messages += 1);
            messages
        });
    });
    group.bench_function("framing_classification_action_id", |bencher| {
        bencher.iter(|| {
            let mut found = 0;
            for_each_frame(black_box(BUSY), |bytes| {
                let frame = Frame::new(bytes);
                found += usize::from(frame.kind() == FrameKind::Event);
                found += usize::from(frame.action_id().is_some());
                found += usize::from(
                    frame
                        .privilege()
                        .is_some_and(|value| value.starts_with(b"call")),
                );
                black_box(frame.name());
            });
            found
        });
    });
    group.bench_function("naive_split_and_map", |bencher| {
        bencher.iter(|| naive(black_box(BUSY)));
    });
    group.finish();
}

fn from_clients(criterion: &mut Criterion) {
    let requests = b"Action: Originate\r\nActionID: 17\r\nChannel: PJSIP/101\r\nContext: internal\r\nExten: 102\r\n\
        Priority: 1\r\nAsync: true\r\nVariable: CAMPAIGN=a,LEADID=7\r\n\r\n"
        .repeat(100);
    let mut group = criterion.benchmark_group("from_clients");
    group.throughput(Throughput::Bytes(
        u64::try_from(requests.len()).unwrap_or_default(),
    ));
    group.bench_function("framing", |bencher| {
        bencher.iter(|| {
            let mut framer = RequestFramer::default();
            let mut buffer = BytesMut::from(black_box(requests.as_slice()));
            let mut lines = 0;
            while let Some(end) = framer.next(&mut buffer) {
                lines += end.lines;
                buffer.advance(end.consumed);
            }
            lines
        });
    });
    group.finish();
}

criterion_group!(benches, from_asterisk, from_clients);
criterion_main!(benches);
