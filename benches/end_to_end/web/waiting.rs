//! Sessions with a cookie, each of which waits for an event: what they are remembered by, what they cost while nothing
//! happens, and how long one event takes to answer all of them.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use memchr::memmem;
use serde_json::json;
use tokio::task::JoinSet;

use super::client::Browser;
use super::{CONTESTANTS, Served};
use crate::child::Contestant;
use crate::event::Block;
use crate::options::Options;
use crate::report::{Report, Spread};
use crate::sessions::{possible, runtime};

/// Sessions that are there before memory is counted: what the first of them costs, further ones do not.
const FIRST_SESSIONS: u64 = 16;

/// Sessions that log in at a time.
const CONNECTING_MAX: u64 = 32;

/// Between the last request and the count of memory.
const SETTLE: Duration = Duration::from_millis(300);

/// How long the last answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

const WAIT: &str = "/rawman?action=waitevent&timeout=600";

/// What came out of one run.
struct Figures {
    bytes: f64,
    /// CPU while nothing happens, in microseconds per second.
    idle: f64,
    /// CPU for each answer to a `WaitEvent`, in microseconds.
    answer: f64,
    /// Until the last had its answer, in milliseconds.
    all_answered: f64,
}

pub(super) fn measure(options: &Options, report: &mut Report) {
    report.heading(
        "web, waiting",
        "sessions of HTTP with a WaitEvent each; resident memory for each, CPU while nothing happens, and one event\n\
         that answers all of them",
        "  sessions  who     bytes/session           idle, us CPU/s  us CPU/answer           all answered in, ms",
    );
    let wanted = if options.quick { 1000 } else { 10_000 };
    let sessions = possible(report, wanted);
    let mut runs = CONTESTANTS.map(|who| (who, Vec::new()));
    for _ in 0..options.repetitions() {
        for (who, figures) in &mut runs {
            match run(*who, sessions, options) {
                Ok(run) => figures.push(run),
                Err(error) => report.failed("web_waiting", who.name(), &error),
            }
        }
    }
    for (who, runs) in runs.iter().filter(|(_, runs)| !runs.is_empty()) {
        let spread = |value: fn(&Figures) -> f64| Spread::of(runs.iter().map(value));
        let (bytes, idle) = (spread(|run| run.bytes), spread(|run| run.idle));
        let (answer, all) = (spread(|run| run.answer), spread(|run| run.all_answered));
        report.line(&format!(
            "  {sessions:>8}  {:<6}  {:<22}  {:>14.0}  {:<22}  {:<22}",
            who.name(),
            bytes.text(0),
            idle.median,
            answer.text(1),
            all.text(1),
        ));
        report.record(
            "web_waiting",
            json!({
                "clients": sessions, "who": who.name(), "bytes_per_session": bytes.json(),
                "idle_us_per_second": idle.json(), "cpu_us_per_answer": answer.json(), "all_answered_ms": all.json(),
            }),
        );
    }
}

fn run(contestant: Contestant, sessions: u64, options: &Options) -> anyhow::Result<Figures> {
    let served = Served::start(contestant)?;
    let quiet = Duration::from_secs(if options.quick { 1 } else { 5 });
    let is_proxy = contestant == Contestant::Amimux;
    runtime()?.block_on(async {
        let (browsers, before) = connect(&served, sessions).await?;
        tokio::time::sleep(SETTLE).await;
        let grown = served.running.resident()?.saturating_sub(before) as f64;
        let (began, cpu) = (Instant::now(), served.running.cpu()?);
        tokio::time::sleep(quiet).await;
        let idle = served.running.cpu()?.saturating_sub(cpu);
        let idle = idle.as_secs_f64() * 1e6 / began.elapsed().as_secs_f64();
        let mut answers = JoinSet::new();
        for mut browser in browsers {
            answers.spawn(async move { browser.receive().await });
        }
        // They are all at their sockets by then.
        tokio::time::sleep(SETTLE).await;
        let (began, cpu) = (Instant::now(), served.running.cpu()?);
        served.line.send(Block::new(1).stamped(0, 1, 0, 0))?;
        let all = async {
            while let Some(answer) = answers.join_next().await {
                let answer = answer??;
                let has_event = memmem::find(&answer, b"Event: VarSet").is_some();
                ensure!(has_event || !is_proxy, "an answer is without the event");
            }
            anyhow::Ok(())
        };
        let all = tokio::time::timeout(ANSWER_WITHIN, all).await;
        all.context("a WaitEvent was not answered")??;
        let all_answered = began.elapsed().as_secs_f64() * 1e3;
        let cpu = served.running.cpu()?.saturating_sub(cpu);
        Ok(Figures {
            bytes: grown / (sessions - FIRST_SESSIONS) as f64,
            idle,
            answer: cpu.as_secs_f64() * 1e6 / sessions as f64,
            all_answered,
        })
    })
}

/// Logs so many in, each of whom waits then; and the memory when the first of them were there.
async fn connect(served: &Served, sessions: u64) -> anyhow::Result<(Vec<Browser>, u64)> {
    let port = served.port;
    let mut browsers = Vec::new();
    let mut before = 0;
    let mut connected = 0;
    while connected < sessions {
        let mut logins = JoinSet::new();
        let count = match connected {
            0 => FIRST_SESSIONS,
            _ => CONNECTING_MAX.min(sessions - connected),
        };
        for _ in 0..count {
            logins.spawn(async move {
                let mut browser = Browser::log_in(port).await?;
                browser.send(WAIT).await?;
                anyhow::Ok(browser)
            });
        }
        while let Some(login) = logins.join_next().await {
            browsers.push(login??);
        }
        connected += count;
        if connected == FIRST_SESSIONS {
            tokio::time::sleep(SETTLE).await;
            before = served.running.resident()?;
        }
    }
    Ok((browsers, before))
}
