//! Sessions themselves: the memory of clients that do nothing, and how long a login takes when a thousand clients
//! log in each second.
//!
//! Logins come in two waves on one process. In the first its table of open files grows, for which the kernel lets
//! a process of several threads wait, some milliseconds each time; in the second it is large enough.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use memchr::memmem;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::asterisk;
use crate::child::{Contestant, Running};
use crate::client::{self, SECRET};
use crate::limits::open_files;
use crate::options::Options;
use crate::report::{Report, Spread, percentile};

/// Clients that are there before memory is counted: what the first of them costs, further ones do not.
const FIRST_CLIENTS: u64 = 16;

/// Files of this process besides the sockets of clients.
const OTHER_FILES: u64 = 200;

/// Clients that connect at a time.
const CONNECTING_MAX: u64 = 32;

const LOGINS_PER_SECOND: u64 = 1000;

/// Between the two waves, for the clients of the first to be forgotten.
const BETWEEN_WAVES: Duration = Duration::from_millis(300);

/// Between the last login and the count of memory.
const SETTLE: Duration = Duration::from_millis(300);

/// How long the last login may take.
const LOGIN_WITHIN: Duration = Duration::from_secs(10);

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    Ok(builder.enable_all().build()?)
}

fn start(contestant: Contestant) -> anyhow::Result<(Running, impl Sized)> {
    let source = TcpListener::bind("127.0.0.1:0")?;
    let source_port = source.local_addr()?.port();
    let asterisk = asterisk::answer_all(source)?;
    let users = format!("[sleeper]\nsecret = {SECRET}\nread = call,dialplan\nwrite = all\n");
    let running = Running::start(contestant, source_port, 0, &users)?;
    Ok((running, asterisk))
}

/// `idle`.
pub(crate) fn idle(options: &Options, report: &mut Report) {
    report.heading(
        "idle",
        "resident memory of amimux for each client that has logged in and does nothing, or asked once before",
        "  clients  asked  bytes/client  MiB in all",
    );
    for (wanted, asks) in [(1000, false), (10_000, false), (10_000, true)] {
        let clients = wanted.min(open_files().saturating_sub(OTHER_FILES));
        if clients < wanted {
            report.line(&format!(
                "  (the limit of open files allows {clients} clients instead of {wanted})"
            ));
        }
        let runs = if options.quick { 1 } else { 3 };
        let mut figures = Vec::new();
        for _ in 0..runs {
            match memory(clients, asks) {
                Ok(run) => figures.push(run),
                Err(error) => report.failed("idle", &format!("{clients} clients"), &error),
            }
        }
        if figures.is_empty() {
            continue;
        }
        let each = Spread::of(figures.iter().map(|(each, _)| *each));
        let all = Spread::of(figures.iter().map(|(_, all)| *all));
        report.line(&format!(
            "  {clients:>7}  {:<5}  {:>12.0}  {:>10.1}",
            if asks { "yes" } else { "no" },
            each.median,
            all.median / (1024.0 * 1024.0)
        ));
        report.record(
            "idle",
            json!({
                "clients": clients, "asked_once": asks, "bytes_per_client": each.json(), "bytes": all.json(),
            }),
        );
    }
}

async fn log_in(port: u16, asks: bool) -> anyhow::Result<TcpStream> {
    let (mut socket, mut input) = client::log_in(port, "sleeper").await?;
    if asks {
        socket.write_all(b"Action: Ping\r\n\r\n").await?;
        while memmem::find(&input, b"Timestamp: ").is_none() {
            let more = socket.read_buf(&mut input).await? > 0;
            ensure!(more, "a client was disconnected");
        }
    }
    Ok(socket)
}

/// Bytes for each client, and in all.
fn memory(clients: u64, asks: bool) -> anyhow::Result<(f64, f64)> {
    let (running, _asterisk) = start(Contestant::Amimux)?;
    let port = running.port;
    runtime()?.block_on(async {
        let mut sockets = Vec::new();
        let mut before = 0;
        let mut connected = 0;
        while connected < clients {
            let mut logins = JoinSet::new();
            for _ in 0..CONNECTING_MAX.min(clients - connected) {
                logins.spawn(log_in(port, asks));
            }
            while let Some(login) = logins.join_next().await {
                sockets.push(login??);
                connected += 1;
                if connected == FIRST_CLIENTS {
                    before = running.resident()?;
                }
            }
        }
        tokio::time::sleep(SETTLE).await;
        let all = running.resident()?;
        let grown = all.saturating_sub(before) as f64;
        Ok((grown / (clients - FIRST_CLIENTS) as f64, all as f64))
    })
}

/// What came out of a wave of logins.
struct Wave {
    cpu_microseconds: f64,
    p50: f64,
    p99: f64,
}

/// `logins`.
pub(crate) fn logins(options: &Options, report: &mut Report) {
    report.heading(
        "logins",
        "1,000 per second, from connecting to the answer that lets the client in; two waves. The forwarder hands\n\
         them on to the fake Asterisk",
        "  who        wave  CPU us/login      p50 ms   p99 ms",
    );
    let count = LOGINS_PER_SECOND * if options.quick { 1 } else { 3 };
    let mut runs = [Contestant::Forward, Contestant::Amimux].map(|who| (who, Vec::new()));
    for _ in 0..options.repetitions() {
        for (who, waves) in &mut runs {
            match log_many_in(*who, count) {
                Ok(run) => waves.push(run),
                Err(error) => report.failed("logins", who.name(), &error),
            }
        }
    }
    for (who, waves) in runs.iter().filter(|(_, waves)| !waves.is_empty()) {
        let first = waves.iter().map(|[first, _]| first).collect::<Vec<_>>();
        let second = waves.iter().map(|[_, second]| second).collect::<Vec<_>>();
        for (wave, figures) in [(1, first), (2, second)] {
            row(report, who.name(), wave, &figures);
        }
    }
}

fn row(report: &mut Report, who: &str, wave: u32, figures: &[&Wave]) {
    let spread = |value: fn(&Wave) -> f64| Spread::of(figures.iter().map(|wave| value(wave)));
    let cpu = spread(|wave| wave.cpu_microseconds);
    let (p50, p99) = (spread(|wave| wave.p50), spread(|wave| wave.p99));
    report.line(&format!(
        "  {who:<9}  {wave:>4}  {:<16}  {:>6.3}  {:<20}",
        cpu.text(0),
        p50.median,
        p99.text(3)
    ));
    report.record(
        "logins",
        json!({
            "who": who, "wave": wave, "cpu_us_per_login": cpu.json(), "p50_ms": p50.json(), "p99_ms": p99.json(),
        }),
    );
}

fn log_many_in(contestant: Contestant, count: u64) -> anyhow::Result<[Wave; 2]> {
    let (running, _asterisk) = start(contestant)?;
    runtime()?.block_on(async {
        // The upstream is there from now on.
        let _first = client::log_in(running.port, "sleeper").await?;
        let first = wave(&running, count).await?;
        tokio::time::sleep(BETWEEN_WAVES).await;
        Ok([first, wave(&running, count).await?])
    })
}

async fn wave(running: &Running, count: u64) -> anyhow::Result<Wave> {
    let (port, cpu, start) = (running.port, running.cpu()?, Instant::now());
    let mut logins = JoinSet::new();
    for index in 0..count {
        let due = start + Duration::from_nanos(index * 1_000_000_000 / LOGINS_PER_SECOND);
        tokio::time::sleep_until(due.into()).await;
        // Timers are as coarse as a millisecond: that is not the contestant's.
        let began = Instant::now();
        logins.spawn(async move {
            let session = client::log_in(port, "sleeper").await?;
            anyhow::Ok((began.elapsed(), session))
        });
    }
    let (mut sessions, mut latencies) = (Vec::new(), Vec::new());
    let rest = async {
        while let Some(login) = logins.join_next().await {
            let (latency, session) = login??;
            latencies.push(u32::try_from(latency.as_nanos()).unwrap_or(u32::MAX));
            sessions.push(session);
        }
        anyhow::Ok(())
    };
    let ended = tokio::time::timeout(LOGIN_WITHIN, rest).await;
    ended.context("a login was not answered")??;
    let cpu = running.cpu()?.saturating_sub(cpu);
    latencies.sort_unstable();
    Ok(Wave {
        cpu_microseconds: cpu.as_micros() as f64 / count as f64,
        p50: f64::from(percentile(&latencies, 50)) / 1e6,
        p99: f64::from(percentile(&latencies, 99)) / 1e6,
    })
}
