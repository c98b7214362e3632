//! Requests: a hundred clients, each with one request in flight that the fake Asterisk answers at once; beside a
//! forwarder that has a connection upstream for each client. And the same with one client that floods.

use std::cell::{Cell, RefCell};
use std::net::TcpListener;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use memchr::memmem;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

use crate::asterisk;
use crate::child::{Contestant, Running};
use crate::client::{self, SECRET};
use crate::options::{Options, Section};
use crate::report::{Report, Spread, percentile};

const CLIENTS: usize = 100;

/// Requests that the flooding client writes at a time.
const FLOOD_REQUESTS: usize = 100;

/// Before measuring, so that everything has its memory.
const WARM_UP: Duration = Duration::from_millis(100);

/// How long an answer may take before the run is given up.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What came out of one run.
struct Figures {
    cpu_per_trip: f64,
    trips_per_second: f64,
    p50: f64,
    p99: f64,
}

/// What the clients of one run share.
struct Shared {
    measuring: Cell<bool>,
    over: Cell<bool>,
    /// Nanoseconds.
    latencies: RefCell<Vec<u32>>,
}

/// `actions` and `flood`.
pub(crate) fn measure(options: &Options, report: &mut Report) {
    let mut plain = [Contestant::Forward, Contestant::Amimux].map(|who| (who, false, Vec::new()));
    let mut flooded = plain.each_ref().map(|(who, ..)| (*who, true, Vec::new()));
    let with_flood = options.wants(Section::Flood);
    for _ in 0..options.repetitions() {
        let flooded = flooded.iter_mut().filter(|_| with_flood);
        for (who, flood, runs) in plain.iter_mut().chain(flooded) {
            match run(*who, *flood, options.duration()) {
                Ok(figures) => runs.push(figures),
                Err(error) => report.failed("actions", who.name(), &error),
            }
        }
    }
    report.heading(
        "actions, flood",
        "100 clients with one request in flight each; flood: one more client never waits for answers",
        "  who        flood  CPU ns/trip             x forward  trips/s   p50 ms   p99 ms           p99 x without",
    );
    for (place, (who, flood, runs)) in plain.iter().chain(&flooded).enumerate() {
        let Some(without) = plain.get(place % plain.len()) else {
            continue;
        };
        if !runs.is_empty() {
            row(report, who.name(), *flood, runs, &plain[0].2, &without.2);
        }
    }
}

fn spread(runs: &[Figures], value: fn(&Figures) -> f64) -> Spread {
    Spread::of(runs.iter().map(value))
}

fn row(
    report: &mut Report,
    who: &str,
    flood: bool,
    runs: &[Figures],
    forward: &[Figures],
    without: &[Figures],
) {
    let cpu = spread(runs, |run| run.cpu_per_trip);
    let ratio = cpu.median / spread(forward, |run| run.cpu_per_trip).median;
    let trips = spread(runs, |run| run.trips_per_second);
    let (p50, p99) = (spread(runs, |run| run.p50), spread(runs, |run| run.p99));
    let raised = p99.median / spread(without, |run| run.p99).median;
    // The flooding client's own requests cost, too, and are not counted.
    let (cpu_text, ratio_text) = if flood {
        ("-".to_owned(), "-".to_owned())
    } else {
        (cpu.text(0), format!("{ratio:.2}"))
    };
    report.line(&format!(
        "  {who:<9}  {:<5}  {cpu_text:<22}  {ratio_text:>9}  {:>7.0}  {:>7.3}  {:<20} {raised:>9.2}",
        if flood { "yes" } else { "no" },
        trips.median,
        p50.median,
        p99.text(3),
    ));
    let mut entry = json!({
        "who": who, "flood": flood, "trips_per_second": trips.json(), "latency_p50_ms": p50.json(),
        "latency_p99_ms": p99.json(), "p99_beside_without": raised,
    });
    if let (false, Some(fields)) = (flood, entry.as_object_mut()) {
        fields.insert("cpu_ns_per_trip".to_owned(), cpu.json());
        fields.insert("ratio".to_owned(), json!(ratio));
    }
    report.record("actions", entry);
}

fn run(contestant: Contestant, flood: bool, duration: Duration) -> anyhow::Result<Figures> {
    let source = TcpListener::bind("127.0.0.1:0")?;
    let source_port = source.local_addr()?.port();
    let _asterisk = asterisk::answer_all(source)?;
    let users = format!("[requests]\nsecret = {SECRET}\nwrite = all\n");
    let running = Running::start(contestant, source_port, CLIENTS, &users)?;
    let shared = Rc::new(Shared {
        measuring: Cell::new(false),
        over: Cell::new(false),
        latencies: RefCell::default(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let clients = drive(&running, flood, duration, Rc::clone(&shared));
    let (cpu, elapsed) = LocalSet::new().block_on(&runtime, clients)?;
    let mut latencies = shared.latencies.take();
    ensure!(!latencies.is_empty(), "nothing was answered");
    latencies.sort_unstable();
    Ok(Figures {
        cpu_per_trip: cpu.as_nanos() as f64 / latencies.len() as f64,
        trips_per_second: latencies.len() as f64 / elapsed.as_secs_f64(),
        p50: f64::from(percentile(&latencies, 50)) / 1e6,
        p99: f64::from(percentile(&latencies, 99)) / 1e6,
    })
}

async fn drive(
    running: &Running,
    flood: bool,
    duration: Duration,
    shared: Rc<Shared>,
) -> anyhow::Result<(Duration, Duration)> {
    let mut tasks = JoinSet::new();
    for index in 0..CLIENTS {
        let (socket, _) = client::log_in(running.port, "requests").await?;
        tasks.spawn_local(ask(socket, index, Rc::clone(&shared)));
    }
    let flooding = if flood {
        let (socket, _) = client::log_in(running.port, "requests").await?;
        Some(tokio::task::spawn_local(flood_with(socket)))
    } else {
        None
    };
    tokio::time::sleep(WARM_UP).await;
    let (began, cpu) = (Instant::now(), running.cpu()?);
    shared.measuring.set(true);
    tokio::time::sleep(duration).await;
    shared.measuring.set(false);
    let (elapsed, cpu) = (began.elapsed(), running.cpu()?.saturating_sub(cpu));
    shared.over.set(true);
    if let Some(flooding) = flooding {
        ensure!(
            !flooding.is_finished(),
            "the flooding client was disconnected"
        );
        flooding.abort();
    }
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

/// Asks and waits for the answer, again and again.
async fn ask(mut socket: TcpStream, index: usize, shared: Rc<Shared>) -> anyhow::Result<()> {
    let (mut input, mut count) = (Vec::with_capacity(1024), 0_u64);
    while !shared.over.get() {
        count += 1;
        let action_id = format!("ActionID: {index}-{count}\r\n");
        let request = format!("Action: Getvar\r\n{action_id}Variable: BENCH\r\n\r\n");
        let began = Instant::now();
        socket.write_all(request.as_bytes()).await?;
        loop {
            let more = socket.read_buf(&mut input).await? > 0;
            ensure!(more, "a client was disconnected");
            // The greeting of a session may still come before it.
            if let Some(at) = memmem::find(&input, action_id.as_bytes())
                && let Some(answer) = input.get(at..)
                && memmem::find(answer, b"\r\n\r\n").is_some()
            {
                break;
            }
        }
        if shared.measuring.get() {
            let latency = u32::try_from(began.elapsed().as_nanos()).unwrap_or(u32::MAX);
            shared.latencies.borrow_mut().push(latency);
        }
        let refused = memmem::find(&input, b"Response: Error").is_some();
        ensure!(
            !refused,
            "a request was refused: {}",
            String::from_utf8_lossy(&input)
        );
        input.clear();
    }
    Ok(())
}

/// Writes requests as fast as they are taken, and throws the answers away. Ends when it is disconnected.
async fn flood_with(mut socket: TcpStream) -> anyhow::Result<()> {
    let requests =
        "Action: Getvar\r\nActionID: flood\r\nVariable: BENCH\r\n\r\n".repeat(FLOOD_REQUESTS);
    let (mut reader, mut writer) = socket.split();
    let write = async {
        loop {
            writer.write_all(requests.as_bytes()).await?;
        }
    };
    let read = async {
        let mut buffer = vec![0_u8; 64 * 1024];
        while reader.read(&mut buffer).await? > 0 {}
        anyhow::Ok(())
    };
    tokio::select! {
        ended = write => ended,
        ended = read => ended,
    }
}
