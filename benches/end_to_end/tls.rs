//! What TLS costs: events to clients with it beside clients without, the memory of idle ones, and logins, each of which
//! is a handshake.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::json;
use tokio::task::JoinSet;

use crate::child::Contestant;
use crate::fanout_table;
use crate::identity::{Identity, Key};
use crate::options::Options;
use crate::report::{Report, Spread};
use crate::sessions::{self, Wave, Who, possible};

/// Slow enough for one core to make RSA signatures beside everything else.
const LOGINS_PER_SECOND: u64 = 200;

/// Logins under way at a time where as many are made as can be.
const LOGINS_AT_A_TIME: usize = 16;

/// `tls`, all of it.
pub(crate) fn measure(options: &Options, report: &mut Report) {
    fanout_table::tls(options, report);
    if options.clients.is_empty() {
        idle(options, report);
        if let Err(error) = logins(options, report) {
            report.failed("tls_logins", "certificates", &error);
        }
    }
}

fn idle(options: &Options, report: &mut Report) {
    report.heading(
        "tls, idle",
        "resident memory of amimux for each client that has logged in and does nothing, or asked once before",
        "  clients  with   asked  bytes/client",
    );
    let wanted = if options.quick { 1000 } else { 10_000 };
    let clients = possible(report, wanted);
    for (tls, asks) in [(false, false), (true, false), (true, true)] {
        let mut figures = Vec::new();
        for _ in 0..if options.quick { 1 } else { 3 } {
            match memory(tls, clients, asks) {
                Ok(run) => figures.push(run),
                Err(error) => report.failed("tls_idle", &format!("{clients} clients"), &error),
            }
        }
        if figures.is_empty() {
            continue;
        }
        let each = Spread::of(figures);
        let with = if tls { "TLS" } else { "plain" };
        report.line(&format!(
            "  {clients:>7}  {with:<5}  {:<5}  {:>12.0}",
            if asks { "yes" } else { "no" },
            each.median,
        ));
        report.record(
            "tls_idle",
            json!({
                "clients": clients, "tls": tls, "asked_once": asks, "bytes_per_client": each.json(),
            }),
        );
    }
}

/// Bytes for each client.
fn memory(tls: bool, clients: u64, asks: bool) -> anyhow::Result<f64> {
    let identity = Identity::new(Key::EcdsaP256)?;
    let who = if tls {
        Who::Tls(&identity, false)
    } else {
        Who::Plain(Contestant::Amimux)
    };
    Ok(sessions::memory(who, clients, asks)?.0)
}

/// What came out of one run of logins.
struct Logins {
    /// At a fixed rate, in a process whose table of files is large enough.
    wave: Wave,
    /// As many as can be.
    per_second: f64,
}

fn logins(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    report.heading(
        "tls, logins",
        "200 per second: CPU of amimux and time from connecting to the answer; and how many per second with 16 under\n\
         way, where the bench's own handshakes count as well",
        "  with                CPU us/login            x plain  p50 ms   p99 ms                   per second",
    );
    let (ecdsa, rsa) = (Identity::new(Key::EcdsaP256)?, Identity::new(Key::Rsa2048)?);
    let mut runs = [
        ("plain", Who::Plain(Contestant::Amimux)),
        ("ECDSA P-256", Who::Tls(&ecdsa, false)),
        ("RSA 2048", Who::Tls(&rsa, false)),
        ("session taken up", Who::Tls(&ecdsa, true)),
    ]
    .map(|(name, who)| (name, who, Vec::new()));
    let count = match options.quick {
        true => LOGINS_PER_SECOND / 2,
        false => LOGINS_PER_SECOND * 3,
    };
    for _ in 0..options.repetitions() {
        for (name, who, figures) in &mut runs {
            match run(*who, count) {
                Ok(run) => figures.push(run),
                Err(error) => report.failed("tls_logins", name, &error),
            }
        }
    }
    let cpu = |runs: &[Logins]| Spread::of(runs.iter().map(|run| run.wave.cpu_microseconds));
    let base = runs.first().map_or(f64::NAN, |(.., runs)| cpu(runs).median);
    for (name, _, runs) in runs.iter().filter(|(.., runs)| !runs.is_empty()) {
        row(report, name, runs, cpu(runs), base);
    }
    Ok(())
}

fn row(report: &mut Report, name: &str, runs: &[Logins], cpu: Spread, base: f64) {
    let spread = |value: fn(&Logins) -> f64| Spread::of(runs.iter().map(value));
    let (p50, p99) = (spread(|run| run.wave.p50), spread(|run| run.wave.p99));
    let per_second = spread(|run| run.per_second);
    let ratio = cpu.median / base;
    report.line(&format!(
        "  {name:<18}  {:<22}  {ratio:>7.2}  {:>6.3}  {:<23}  {:>10.0}",
        cpu.text(0),
        p50.median,
        p99.text(3),
        per_second.median,
    ));
    report.record(
        "tls_logins",
        json!({
            "with": name, "cpu_us_per_login": cpu.json(), "ratio": ratio, "p50_ms": p50.json(),
            "p99_ms": p99.json(), "per_second": per_second.json(),
        }),
    );
}

fn run(who: Who<'_>, count: u64) -> anyhow::Result<Logins> {
    let [_, wave] = sessions::log_many_in(who, count, LOGINS_PER_SECOND)?;
    let expected = match who {
        Who::Tls(_, true) => usize::try_from(count)?,
        _ => 0,
    };
    // The first of a few at the same time may find no session left to take up.
    let fits = wave.resumed <= expected && wave.resumed >= expected / 10 * 9;
    ensure!(fits, "{} logins took up a session", wave.resumed);
    let per_second = as_many_as_can_be(who, count)?;
    Ok(Logins { wave, per_second })
}

/// Logs so many in, a few at a time, each of whom leaves at once; how many there were per second.
fn as_many_as_can_be(who: Who<'_>, count: u64) -> anyhow::Result<f64> {
    let (_running, target, _asterisk) = who.start()?;
    sessions::runtime()?.block_on(async {
        drop(target.log_in("sleeper").await?);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let began = Instant::now();
        let mut logins = JoinSet::new();
        for _ in 0..count {
            if logins.len() >= LOGINS_AT_A_TIME
                && let Some(ended) = logins.join_next().await
            {
                ended??;
            }
            let target = target.clone();
            logins.spawn(async move { target.log_in("sleeper").await.map(drop) });
        }
        while let Some(ended) = logins.join_next().await {
            ended??;
        }
        Ok(count as f64 / began.elapsed().as_secs_f64())
    })
}
