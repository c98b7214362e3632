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
use tokio::task::JoinSet;

use crate::asterisk;
use crate::child::{Contestant, Running};
use crate::client::{SECRET, Socket, Target};
use crate::identity::Identity;
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

pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    Ok(builder.enable_all().build()?)
}

fn users() -> String {
    format!("[sleeper]\nsecret = {SECRET}\nread = call,dialplan\nwrite = all\n")
}

/// What stands before a fake Asterisk.
#[derive(Clone, Copy)]
pub(crate) enum Who<'a> {
    Plain(Contestant),
    /// amimux with TLS; whether its clients take up earlier TLS sessions.
    Tls(&'a Identity, bool),
}

impl Who<'_> {
    pub(crate) fn start(self) -> anyhow::Result<(Running, Target, impl Sized)> {
        let source = TcpListener::bind("127.0.0.1:0")?;
        let source_port = source.local_addr()?.port();
        let asterisk = asterisk::answer_all(source)?;
        let (running, target) = match self {
            Self::Plain(contestant) => {
                let running = Running::start(contestant, source_port, 0, &users())?;
                let target = Target::plain(running.port);
                (running, target)
            }
            Self::Tls(identity, resumes) => {
                identity.start_amimux(source_port, &users(), resumes)?
            }
        };
        Ok((running, target, asterisk))
    }
}

/// `idle`.
pub(crate) fn idle(options: &Options, report: &mut Report) {
    report.heading(
        "idle",
        "resident memory of amimux for each client that has logged in and does nothing, or asked once before",
        "  clients  asked  bytes/client  MiB in all",
    );
    for (wanted, asks) in [(1000, false), (10_000, false), (10_000, true)] {
        let clients = possible(report, wanted);
        let runs = if options.quick { 1 } else { 3 };
        let mut figures = Vec::new();
        for _ in 0..runs {
            match memory(Who::Plain(Contestant::Amimux), clients, asks) {
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

/// As many clients as are wanted, or as the limit of open files allows.
pub(crate) fn possible(report: &Report, wanted: u64) -> u64 {
    let clients = wanted.min(open_files().saturating_sub(OTHER_FILES));
    if clients < wanted {
        report.line(&format!(
            "  (the limit of open files allows {clients} clients instead of {wanted})"
        ));
    }
    clients
}

async fn log_in(target: Target, asks: bool) -> anyhow::Result<Socket> {
    let (mut socket, mut input) = target.log_in("sleeper").await?;
    if asks {
        socket.write_all(b"Action: Ping\r\n\r\n").await?;
        socket.flush().await?;
        while memmem::find(&input, b"Timestamp: ").is_none() {
            let more = socket.read_buf(&mut input).await? > 0;
            ensure!(more, "a client was disconnected");
        }
    }
    Ok(socket)
}

/// Bytes for each client, and in all.
pub(crate) fn memory(who: Who<'_>, clients: u64, asks: bool) -> anyhow::Result<(f64, f64)> {
    let (running, target, _asterisk) = who.start()?;
    runtime()?.block_on(async {
        let mut sockets = Vec::new();
        let mut before = 0;
        let mut connected = 0;
        while connected < clients {
            let mut logins = JoinSet::new();
            for _ in 0..CONNECTING_MAX.min(clients - connected) {
                logins.spawn(log_in(target.clone(), asks));
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
pub(crate) struct Wave {
    pub(crate) cpu_microseconds: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// How many took up an earlier TLS session.
    pub(crate) resumed: usize,
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
            match log_many_in(Who::Plain(*who), count, LOGINS_PER_SECOND) {
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

/// Two waves of logins, so many each.
pub(crate) fn log_many_in(who: Who<'_>, count: u64, rate: u64) -> anyhow::Result<[Wave; 2]> {
    let (running, target, _asterisk) = who.start()?;
    runtime()?.block_on(async {
        // The upstream is there from now on.
        let _first = target.log_in("sleeper").await?;
        let first = wave(&running, &target, count, rate).await?;
        tokio::time::sleep(BETWEEN_WAVES).await;
        Ok([first, wave(&running, &target, count, rate).await?])
    })
}

async fn wave(running: &Running, target: &Target, count: u64, rate: u64) -> anyhow::Result<Wave> {
    let (cpu, start) = (running.cpu()?, Instant::now());
    let mut logins = JoinSet::new();
    for index in 0..count {
        let due = start + Duration::from_nanos(index * 1_000_000_000 / rate);
        tokio::time::sleep_until(due.into()).await;
        // Timers are as coarse as a millisecond: that is not the contestant's.
        let (began, target) = (Instant::now(), target.clone());
        logins.spawn(async move {
            let session = target.log_in("sleeper").await?;
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
    let resumed = sessions
        .iter()
        .filter(|(socket, _)| socket.has_resumed())
        .count();
    Ok(Wave {
        resumed,
        cpu_microseconds: cpu.as_micros() as f64 / count as f64,
        p50: f64::from(percentile(&latencies, 50)) / 1e6,
        p99: f64::from(percentile(&latencies, 99)) / 1e6,
    })
}
