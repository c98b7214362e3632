//! The series of fan-out runs: contestants by turns, so that what else the machine does hits all of them, and the
//! ratios to the bare relay.

use serde_json::json;

use crate::child::Contestant;
use crate::fanout::{self, Case, Figures, Speed};
use crate::options::Options;
use crate::report::{Report, Spread};

const COLUMNS: &str = "  clients  speed     who        CPU ns/event            x relay  M deliveries/s  core   p50 ms    p99 ms";

const CONTESTANTS: [Contestant; 3] = [Contestant::Relay, Contestant::Queue, Contestant::Amimux];

/// The fixed rate for so many clients.
const fn rate(clients: u64) -> u64 {
    match clients {
        1 => 1000,
        1000.. => 500,
        _ => 5000,
    }
}

/// Every number of clients at full speed and at a fixed rate.
pub(crate) fn fanout(options: &Options, report: &mut Report) {
    report.heading(
        "fanout",
        "CPU of the contestant per delivered event; latency from source to reader",
        COLUMNS,
    );
    for clients in wanted(options, &[1, 10, 100, 1000]) {
        for speed in [Speed::Full, Speed::Rate(rate(clients))] {
            let case = case(options, clients, speed);
            let mut runs = CONTESTANTS.map(|who| (who, case, Vec::new()));
            repeat(options, report, "fanout", &mut runs);
            let base = runs.first().map_or(f64::NAN, |(_, _, runs)| cpu(runs));
            for (who, case, runs) in &runs {
                row(report, "fanout", who.name(), *case, runs, base);
            }
        }
    }
}

/// Eleven views beside one, with amimux alone.
pub(crate) fn views(options: &Options, report: &mut Report) {
    report.heading(
        "views",
        "half of the clients in ten further views; the ratio is to all clients in one view",
        &COLUMNS.replace("x relay", "x one  "),
    );
    for clients in wanted(options, &[100, 1000]) {
        for speed in [Speed::Full, Speed::Rate(rate(clients))] {
            let one = case(options, clients, speed);
            let many = Case { views: true, ..one };
            let mut runs = [one, many].map(|case| (Contestant::Amimux, case, Vec::new()));
            repeat(options, report, "views", &mut runs);
            let base = runs.first().map_or(f64::NAN, |(_, _, runs)| cpu(runs));
            for (_, case, runs) in &runs {
                let who = if case.views { "11 views" } else { "1 view" };
                row(report, "views", who, *case, runs, base);
            }
        }
    }
}

/// Clients with TLS beside clients without, with amimux alone.
pub(crate) fn tls(options: &Options, report: &mut Report) {
    report.heading(
        "tls",
        "clients with TLS (1.3, a certificate of ECDSA P-256); the ratio is to clients without",
        &COLUMNS.replace("x relay", "x plain"),
    );
    for clients in wanted(options, &[10, 100, 500]) {
        for speed in [Speed::Full, Speed::Rate(tls_rate(clients))] {
            let plain = case(options, clients, speed);
            let tls = Case { tls: true, ..plain };
            let mut runs = [plain, tls].map(|case| (Contestant::Amimux, case, Vec::new()));
            repeat(options, report, "tls", &mut runs);
            let base = runs.first().map_or(f64::NAN, |(_, _, runs)| cpu(runs));
            for (_, case, runs) in &runs {
                let who = if case.tls { "TLS" } else { "plain" };
                row(report, "tls", who, *case, runs, base);
            }
        }
    }
}

/// The fixed rate for so many clients that one thread decrypts for all of them.
const fn tls_rate(clients: u64) -> u64 {
    match clients {
        500.. => 1000,
        other => rate(other),
    }
}

fn wanted(options: &Options, usual: &[u64]) -> Vec<u64> {
    if options.clients.is_empty() {
        usual.to_vec()
    } else {
        options.clients.clone()
    }
}

const fn case(options: &Options, clients: u64, speed: Speed) -> Case {
    Case {
        clients,
        speed,
        views: false,
        tls: false,
        duration: options.duration(),
    }
}

fn repeat(
    options: &Options,
    report: &mut Report,
    section: &str,
    runs: &mut [(Contestant, Case, Vec<Figures>)],
) {
    for _ in 0..options.repetitions() {
        for (who, case, figures) in &mut *runs {
            match fanout::run(*who, *case) {
                Ok(run) => figures.push(run),
                Err(error) => {
                    let kind = if case.tls {
                        "clients with TLS"
                    } else {
                        "clients"
                    };
                    let what = format!("{} with {} {kind}", who.name(), case.clients);
                    report.failed(section, &what, &error);
                }
            }
        }
    }
}

fn cpu(runs: &[Figures]) -> f64 {
    Spread::of(runs.iter().map(|run| run.cpu_per_event)).median
}

fn row(report: &mut Report, section: &str, who: &str, case: Case, runs: &[Figures], base: f64) {
    if runs.is_empty() {
        return;
    }
    let spread = |value: fn(&Figures) -> f64| Spread::of(runs.iter().map(value));
    let cpu = spread(|run| run.cpu_per_event);
    let deliveries = spread(|run| run.deliveries);
    let core = spread(|run| run.core);
    let (p50, p99) = (spread(|run| run.p50), spread(|run| run.p99));
    let held = runs.iter().all(|run| run.held);
    // At full speed it says how far the window lets the source be ahead, and nothing else.
    let latency = match case.speed {
        Speed::Full => format!("{:>7}  {:>8}", "-", "-"),
        Speed::Rate(_) => format!("{:>7.3}  {:>8.3}", p50.median, p99.median),
    };
    let ratio = cpu.median / base;
    let speed = match case.speed {
        Speed::Full => "full".to_owned(),
        Speed::Rate(rate) => format!("{rate}/s"),
    };
    report.line(&format!(
        "  {:>7}  {speed:<8}  {who:<9}  {:<22}  {ratio:>7.2}  {:>14.2}  {:>3.0}%  {latency}{}",
        case.clients,
        cpu.text(0),
        deliveries.median / 1e6,
        core.median * 100.0,
        if held { "" } else { "  fell behind" },
    ));
    let mut entry = json!({
        "clients": case.clients, "speed": speed, "who": who, "cpu_ns_per_event": cpu.json(), "ratio": ratio,
        "deliveries_per_second": deliveries.json(), "core": core.json(), "kept_up": held,
    });
    if let (Speed::Rate(_), Some(fields)) = (case.speed, entry.as_object_mut()) {
        fields.insert("latency_p50_ms".to_owned(), p50.json());
        fields.insert("latency_p99_ms".to_owned(), p99.json());
    }
    report.record(section, entry);
}
