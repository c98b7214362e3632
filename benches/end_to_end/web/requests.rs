//! Requests of AMI over HTTP: Pings over one connection that is kept, and over a hundred, beside the same in plain AMI.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use memchr::memmem;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::{JoinSet, LocalSet};

use super::Served;
use super::client::Browser;
use crate::child::Contestant;
use crate::client;
use crate::options::Options;
use crate::report::{Report, Spread, percentile};
use crate::sessions::runtime;

/// Before measuring, so that everything has its memory.
const WARM_UP: Duration = Duration::from_millis(100);

/// How long an answer may take before the run is given up.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

const PATH: &str = "/rawman?action=ping";

/// Whom is asked, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Bare,
    Http,
    Ami,
}

impl Way {
    const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Http => "amimux, /rawman",
            Self::Ami => "amimux, AMI",
        }
    }

    const fn contestant(self) -> Contestant {
        match self {
            Self::Bare => Contestant::Bare,
            Self::Http | Self::Ami => Contestant::Amimux,
        }
    }
}

/// What came out of one run.
struct Figures {
    cpu_per_request: f64,
    per_second: f64,
    p50: f64,
    p99: f64,
}

/// What the clients of one run share.
#[derive(Default)]
struct Shared {
    measuring: Cell<bool>,
    over: Cell<bool>,
    /// Nanoseconds.
    latencies: RefCell<Vec<u32>>,
}

pub(super) fn measure(options: &Options, report: &mut Report) {
    report.heading(
        "web, requests",
        "Pings, one under way per connection",
        "  connections  who              CPU ns/request          x bare  requests/s  p50 ms   p99 ms",
    );
    for connections in [1, 100] {
        let mut runs = [Way::Bare, Way::Http, Way::Ami].map(|way| (way, Vec::new()));
        for _ in 0..options.repetitions() {
            for (way, figures) in &mut runs {
                match run(*way, connections, options.duration()) {
                    Ok(run) => figures.push(run),
                    Err(error) => report.failed("web_requests", way.name(), &error),
                }
            }
        }
        let cpu = |runs: &[Figures]| Spread::of(runs.iter().map(|run| run.cpu_per_request));
        let base = runs.first().map_or(f64::NAN, |(_, runs)| cpu(runs).median);
        for (way, runs) in runs.iter().filter(|(_, runs)| !runs.is_empty()) {
            row(report, *way, connections, runs, cpu(runs), base);
        }
    }
}

fn row(
    report: &mut Report,
    way: Way,
    connections: usize,
    runs: &[Figures],
    cpu: Spread,
    base: f64,
) {
    let spread = |value: fn(&Figures) -> f64| Spread::of(runs.iter().map(value));
    let per_second = spread(|run| run.per_second);
    let (p50, p99) = (spread(|run| run.p50), spread(|run| run.p99));
    let ratio = cpu.median / base;
    report.line(&format!(
        "  {connections:>11}  {:<15}  {:<22}  {ratio:>6.2}  {:>10.0}  {:>6.3}  {}",
        way.name(),
        cpu.text(0),
        per_second.median,
        p50.median,
        p99.text(3),
    ));
    report.record(
        "web_requests",
        json!({
            "clients": connections, "who": way.name(), "cpu_ns_per_request": cpu.json(), "ratio": ratio,
            "per_second": per_second.json(), "latency_p50_ms": p50.json(), "latency_p99_ms": p99.json(),
        }),
    );
}

fn run(way: Way, connections: usize, duration: Duration) -> anyhow::Result<Figures> {
    let served = Served::start(way.contestant())?;
    let shared = Rc::new(Shared::default());
    let drive = drive(&served, way, connections, duration, Rc::clone(&shared));
    let (cpu, elapsed) = LocalSet::new().block_on(&runtime()?, drive)?;
    let mut latencies = shared.latencies.take();
    ensure!(!latencies.is_empty(), "nothing was answered");
    latencies.sort_unstable();
    let count = latencies.len() as f64;
    Ok(Figures {
        cpu_per_request: cpu.as_nanos() as f64 / count,
        per_second: count / elapsed.as_secs_f64(),
        p50: f64::from(percentile(&latencies, 50)) / 1e6,
        p99: f64::from(percentile(&latencies, 99)) / 1e6,
    })
}

async fn drive(
    served: &Served,
    way: Way,
    connections: usize,
    duration: Duration,
    shared: Rc<Shared>,
) -> anyhow::Result<(Duration, Duration)> {
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let shared = Rc::clone(&shared);
        if way == Way::Ami {
            tasks.spawn_local(ask_over_ami(served.running.port, shared));
        } else {
            tasks.spawn_local(ask_over_http(served.port, shared));
        }
    }
    tokio::time::sleep(WARM_UP).await;
    let (began, cpu) = (Instant::now(), served.running.cpu()?);
    shared.measuring.set(true);
    tokio::time::sleep(duration).await;
    shared.measuring.set(false);
    let (elapsed, cpu) = (began.elapsed(), served.running.cpu()?.saturating_sub(cpu));
    shared.over.set(true);
    let end = async {
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        anyhow::Ok(())
    };
    let ended = tokio::time::timeout(ANSWER_WITHIN, end).await;
    ended.context("a request was not answered")??;
    Ok((cpu, elapsed))
}

impl Shared {
    fn answered(&self, began: Instant, answer: &[u8]) -> anyhow::Result<()> {
        ensure!(
            memmem::find(answer, b"Ping: Pong").is_some(),
            "a Ping was answered by {}",
            String::from_utf8_lossy(answer)
        );
        if self.measuring.get() {
            let latency = u32::try_from(began.elapsed().as_nanos()).unwrap_or(u32::MAX);
            self.latencies.borrow_mut().push(latency);
        }
        Ok(())
    }
}

async fn ask_over_http(port: u16, shared: Rc<Shared>) -> anyhow::Result<()> {
    let mut browser = Browser::log_in(port).await?;
    while !shared.over.get() {
        let began = Instant::now();
        let answer = browser.ask(PATH).await?;
        shared.answered(began, &answer)?;
    }
    Ok(())
}

async fn ask_over_ami(port: u16, shared: Rc<Shared>) -> anyhow::Result<()> {
    let (mut socket, mut input) = client::log_in(port, "web").await?;
    while !shared.over.get() {
        input.clear();
        let began = Instant::now();
        socket.write_all(b"Action: Ping\r\n\r\n").await?;
        while memmem::find(&input, b"Timestamp: ").is_none() || !input.ends_with(b"\r\n\r\n") {
            let more = socket.read_buf(&mut input).await? > 0;
            ensure!(more, "a client was disconnected");
        }
        shared.answered(began, &input)?;
    }
    Ok(())
}
