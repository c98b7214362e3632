//! What applications cost a real Asterisk: the CPU time of its process while it handles a steady load of calls, with
//! applications connected to it directly, and with the same ones behind amimux. What the calls themselves cost, measured
//! without any application, is taken off.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use memchr::memmem;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::child::{self, Contestant, Running};
use crate::client::{self, SECRET};
use crate::options::Options;
use crate::report::{Report, Spread};
use crate::support::{Asterisk, CallLoad, installed};

const CALLS_PER_SECOND: u32 = 5;

/// Calls last so long at most: from then on as many end as begin.
const WARM_UP: Duration = Duration::from_secs(8);

/// Between the last login and the measurement.
const SETTLE: Duration = Duration::from_millis(700);

const END: &[u8] = b"\r\n\r\n";

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Case {
    /// Through whom; none is directly.
    through: Option<Contestant>,
    clients: u64,
    /// The user whom all of them log in as.
    user: &'static str,
}

/// What came out, in milliseconds of CPU per second.
struct Figures {
    asterisk: f64,
    amimux: f64,
    deliveries: f64,
}

/// `asterisk`.
pub(crate) fn measure(options: &Options, report: &mut Report) {
    report.heading(
        "asterisk",
        "CPU of a real Asterisk with 5 calls a second, in ms per second; beside none: what it is more than without\n\
         any application",
        "  clients  who     wants       Asterisk               beside none            deliveries/s  us/delivery  amimux",
    );
    if !installed("asterisk").join("env.sh").exists() {
        report.line(
            "  SKIPPED: there is no Asterisk; `scripts/asterisk/install.sh target/asterisk` installs one",
        );
        return;
    }
    let asterisk = Asterisk::start_with(&users());
    child::end_as_well(Some(asterisk.pid()));
    let load = CallLoad::start(&asterisk, CALLS_PER_SECOND);
    std::thread::sleep(WARM_UP);
    let mut runs = cases().map(|case| (case, Vec::new()));
    for _ in 0..options.repetitions() {
        for (case, figures) in &mut runs {
            match run(&asterisk, *case, options) {
                Ok(run) => figures.push(run),
                Err(error) => report.failed("asterisk", &format!("{case:?}"), &error),
            }
        }
    }
    let calls = load.started();
    drop(load);
    child::end_as_well(None);
    drop(asterisk);
    report.line(&format!("  (Asterisk has taken {calls} calls)"));
    let none = runs.first().map_or(&[][..], |(_, runs)| runs.as_slice());
    for (case, runs) in runs.iter().filter(|(_, runs)| !runs.is_empty()) {
        row(report, *case, runs, none);
    }
}

/// For Asterisk and for amimux alike; one of them is what amimux logs in as.
fn users() -> String {
    ["amimux = all", "everything = all", "user = user"]
        .iter()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, read)| {
            format!(
                "[{name}]\nsecret = {SECRET}\nread = {read}\nwrite = all\nwritetimeout = 10000\n\n"
            )
        })
        .collect()
}

/// Without applications first.
fn cases() -> [Case; 13] {
    let mut all = [Case {
        through: None,
        clients: 0,
        user: "everything",
    }; 13];
    let kinds = ["everything", "user"].into_iter().flat_map(|user| {
        let counts = [1, 10, 100].into_iter();
        counts.flat_map(move |clients| {
            [None, Some(Contestant::Amimux)].map(|through| Case {
                through,
                clients,
                user,
            })
        })
    });
    for (place, case) in all.iter_mut().skip(1).zip(kinds) {
        *place = case;
    }
    all
}

fn run(asterisk: &Asterisk, case: Case, options: &Options) -> anyhow::Result<Figures> {
    let duration = Duration::from_secs(if options.quick { 4 } else { 10 });
    let running = match case.through {
        Some(contestant) => Some(Running::start(contestant, asterisk.ami_port, 0, &users())?),
        None => None,
    };
    let port = running
        .as_ref()
        .map_or(asterisk.ami_port, |running| running.port);
    let amimux_cpu = || running.as_ref().map_or(Ok(Duration::ZERO), Running::cpu);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let events = Rc::new(Cell::new(0_u64));
    let lost = Rc::new(Cell::new(false));
    let measured = async {
        for _ in 0..case.clients {
            let (socket, rest) = client::log_in(port, case.user).await?;
            let (events, lost) = (Rc::clone(&events), Rc::clone(&lost));
            tokio::task::spawn_local(async move {
                count(socket, rest, &events).await;
                lost.set(true);
            });
        }
        tokio::time::sleep(SETTLE).await;
        let (began, before) = (Instant::now(), events.get());
        let (cpu, amimux) = (child::cpu_in_ticks(asterisk.pid())?, amimux_cpu()?);
        tokio::time::sleep(duration).await;
        let seconds = began.elapsed().as_secs_f64();
        let cpu = child::cpu_in_ticks(asterisk.pid())?.saturating_sub(cpu);
        let amimux = amimux_cpu()?.saturating_sub(amimux);
        ensure!(!lost.get(), "an application was disconnected");
        anyhow::Ok(Figures {
            asterisk: cpu.as_secs_f64() * 1e3 / seconds,
            amimux: amimux.as_secs_f64() * 1e3 / seconds,
            deliveries: (events.get() - before) as f64 / seconds,
        })
    };
    let figures = LocalSet::new().block_on(&runtime, measured);
    let figures = figures.with_context(|| format!("{} clients", case.clients))?;
    ensure!(
        case.clients == 0 || figures.deliveries > 0.0,
        "no events came"
    );
    Ok(figures)
}

/// An application that counts the messages that it is sent, until it is disconnected.
async fn count(mut socket: TcpStream, mut input: Vec<u8>, events: &Cell<u64>) {
    while let Ok(1..) = socket.read_buf(&mut input).await {
        let mut rest = input.as_slice();
        while let Some(at) = memmem::find(rest, END) {
            events.set(events.get() + 1);
            rest = rest.get(at + END.len()..).unwrap_or_default();
        }
        let consumed = input.len() - rest.len();
        input.drain(..consumed);
    }
}

fn row(report: &mut Report, case: Case, runs: &[Figures], none: &[Figures]) {
    let spread = |value: fn(&Figures) -> f64| Spread::of(runs.iter().map(value));
    let (cpu, amimux) = (spread(|run| run.asterisk), spread(|run| run.amimux));
    let deliveries = spread(|run| run.deliveries);
    // Each run beside the one without applications of the same turn.
    let pairs = || runs.iter().zip(none);
    let beside = Spread::of(pairs().map(|(run, none)| run.asterisk - none.asterisk));
    let each = pairs().map(|(run, none)| (run.asterisk - none.asterisk) * 1e6 / run.deliveries);
    let each = Spread::of(each);
    let who = match (case.clients, case.through) {
        (0, _) => "none",
        (_, None) => "direct",
        (_, Some(contestant)) => contestant.name(),
    };
    report.line(&format!(
        "  {:>7}  {who:<6}  {:<10}  {:<21}  {:<21}  {:>12.0}  {:>11.1}  {:>6.1}",
        case.clients,
        case.user,
        cpu.text(1),
        beside.text(1),
        deliveries.median,
        each.median / 1e3,
        amimux.median,
    ));
    let mut entry = json!({
        "clients": case.clients, "who": who, "wants": case.user, "cpu_ms_per_second": cpu.json(),
        "deliveries_per_second": deliveries.json(),
    });
    if let (1.., Some(fields)) = (case.clients, entry.as_object_mut()) {
        fields.insert("cpu_beside_none".to_owned(), beside.json());
        fields.insert("cpu_ns_per_event".to_owned(), each.json());
    }
    if let (Some(_), Some(fields)) = (case.through, entry.as_object_mut()) {
        fields.insert("amimux_ms_per_second".to_owned(), amimux.json());
    }
    report.record("asterisk", entry);
}
