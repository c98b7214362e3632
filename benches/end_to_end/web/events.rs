//! Events as a stream over HTTP, to a thousand followers.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use memchr::memmem;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

use super::client::Browser;
use super::{CONTESTANTS, Served};
use crate::child::Contestant;
use crate::event::{Block, KINDS};
use crate::options::Options;
use crate::report::{Report, Spread};
use crate::sessions::{possible, runtime};

const FOLLOWERS: u64 = 1000;

/// Events per second.
const RATE: u64 = 100;

/// Followers that connect at a time.
const CONNECTING_MAX: u64 = 32;

/// Between the last follower and the first event.
const SETTLE: Duration = Duration::from_millis(200);

/// How long the last event may take.
const DELIVERED_WITHIN: Duration = Duration::from_secs(20);

/// What each event is sent as begins with it.
const DATA: &[u8] = b"data: ";

/// What came out of one run.
struct Figures {
    cpu_per_event: f64,
    core: f64,
    bytes_per_event: f64,
}

/// What the followers of one run share.
#[derive(Default)]
struct Count {
    events: Cell<u64>,
    bytes: Cell<u64>,
}

pub(super) fn measure(options: &Options, report: &mut Report) {
    report.heading(
        "web, events",
        "1,000 followers of a stream of 100 events per second",
        "  followers  who     CPU ns/event            x bare  core  bytes sent/event",
    );
    let followers = possible(report, FOLLOWERS);
    let mut runs = CONTESTANTS.map(|who| (who, Vec::new()));
    for _ in 0..options.repetitions() {
        for (who, figures) in &mut runs {
            match run(*who, followers, options) {
                Ok(run) => figures.push(run),
                Err(error) => report.failed("web_events", who.name(), &error),
            }
        }
    }
    let cpu = |runs: &[Figures]| Spread::of(runs.iter().map(|run| run.cpu_per_event));
    let base = runs.first().map_or(f64::NAN, |(_, runs)| cpu(runs).median);
    for (who, runs) in runs.iter().filter(|(_, runs)| !runs.is_empty()) {
        let spread = |value: fn(&Figures) -> f64| Spread::of(runs.iter().map(value));
        let (cpu, core) = (cpu(runs), spread(|run| run.core));
        let bytes = spread(|run| run.bytes_per_event);
        let ratio = cpu.median / base;
        report.line(&format!(
            "  {followers:>9}  {:<6}  {:<22}  {ratio:>6.2}  {:>3.0}%  {:>16.0}",
            who.name(),
            cpu.text(0),
            core.median * 100.0,
            bytes.median,
        ));
        report.record(
            "web_events",
            json!({
                "clients": followers, "who": who.name(), "cpu_ns_per_event": cpu.json(), "ratio": ratio,
                "core": core.json(), "bytes_per_event": bytes.json(),
            }),
        );
    }
}

fn run(contestant: Contestant, followers: u64, options: &Options) -> anyhow::Result<Figures> {
    let served = Served::start(contestant)?;
    let seconds = if options.quick { 1 } else { 4 };
    let events = RATE * seconds;
    let count = Rc::new(Count::default());
    let work = async {
        let mut tasks = JoinSet::new();
        for (socket, rest) in connect(served.port, followers).await? {
            tasks.spawn_local(follow(socket, rest, Rc::clone(&count)));
        }
        tokio::time::sleep(SETTLE).await;
        let (bytes, cpu, began) = (count.bytes.get(), served.running.cpu()?, Instant::now());
        let mut block = Block::new(KINDS);
        for sequence in 0..events {
            let due = began + Duration::from_nanos(sequence * 1_000_000_000 / RATE);
            tokio::time::sleep_until(due.into()).await;
            let place = usize::try_from(sequence % KINDS)?;
            served.line.send(block.stamped(place, 1, sequence, 0))?;
        }
        let deadline = Instant::now() + DELIVERED_WITHIN;
        while count.events.get() < events * followers {
            if let Some(ended) = tasks.try_join_next() {
                ended??;
                bail!("a follower was disconnected");
            }
            ensure!(Instant::now() < deadline, "events were lost");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let (elapsed, cpu) = (began.elapsed(), served.running.cpu()?.saturating_sub(cpu));
        let deliveries = count.events.get();
        ensure!(
            deliveries == events * followers,
            "events were sent more than once"
        );
        anyhow::Ok(Figures {
            cpu_per_event: cpu.as_nanos() as f64 / deliveries as f64,
            core: cpu.as_secs_f64() / elapsed.as_secs_f64(),
            bytes_per_event: (count.bytes.get() - bytes) as f64 / deliveries as f64,
        })
    };
    let figures = LocalSet::new().block_on(&runtime()?, work);
    figures.with_context(|| format!("{followers} followers"))
}

async fn connect(port: u16, followers: u64) -> anyhow::Result<Vec<(TcpStream, Vec<u8>)>> {
    let mut connected = Vec::new();
    let mut left = followers;
    while left > 0 {
        let mut logins = JoinSet::new();
        for _ in 0..CONNECTING_MAX.min(left) {
            logins.spawn(async move { Browser::log_in(port).await?.follow().await });
            left -= 1;
        }
        while let Some(login) = logins.join_next().await {
            connected.push(login??);
        }
    }
    Ok(connected)
}

/// Counts events until it is disconnected.
async fn follow(mut socket: TcpStream, rest: Vec<u8>, count: Rc<Count>) -> anyhow::Result<()> {
    // The end of what was read, in which the mark may have begun.
    let mut text = rest;
    loop {
        let found = memmem::find_iter(&text, DATA).count();
        count.events.set(count.events.get() + u64::try_from(found)?);
        let keep = text.len().saturating_sub(DATA.len() - 1);
        text.drain(..keep);
        let read = socket.read_buf(&mut text).await?;
        if read == 0 {
            return Ok(());
        }
        count.bytes.set(count.bytes.get() + u64::try_from(read)?);
    }
}
