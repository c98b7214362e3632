//! What is told of the measurements: medians with their spread, lines of a table as soon as they are known, and the
//! same as JSON in the end.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value, json};

/// The value below which `percent` of the sorted values lie.
pub(crate) fn percentile(sorted: &[u32], percent: usize) -> u32 {
    let index = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(index).copied().unwrap_or_default()
}

/// The middle one of several runs, and the extremes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Spread {
    /// Of at least one value; of none, it is not a number.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values = values.into_iter().collect::<Vec<_>>();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let last = values.len().saturating_sub(1);
        let median = f64::midpoint(at(last / 2), at(last - last / 2));
        Self {
            median,
            low: at(0),
            high: at(last),
        }
    }

    /// With so many digits behind the point.
    pub(crate) fn text(self, digits: usize) -> String {
        let Self { median, low, high } = self;
        format!("{median:.digits$} ({low:.digits$}-{high:.digits$})")
    }

    pub(crate) fn json(self) -> Value {
        json!({ "median": self.median, "low": self.low, "high": self.high })
    }
}

/// The day, as a line of a table has it.
fn today() -> String {
    let date = Command::new("date").args(["-u", "+%F"]).output();
    // Where there is no such program, the figures have no date.
    let text = date.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// Collects and prints.
#[derive(Debug, Default)]
pub(crate) struct Report {
    sections: Map<String, Value>,
    failures: usize,
}

impl Report {
    /// A line for whoever watches. A closed pipe is no reason to stop measuring.
    pub(crate) fn line(&self, text: &str) {
        let mut out = std::io::stdout();
        let _ = writeln!(out, "{text}").and_then(|()| out.flush());
    }

    /// The heading of a table, with a word about how to read it.
    pub(crate) fn heading(&self, name: &str, explanation: &str, columns: &str) {
        self.line(&format!("\n{name}: {explanation}\n{columns}"));
    }

    /// A run that failed: it gives no figure.
    pub(crate) fn failed(&mut self, section: &str, what: &str, error: &anyhow::Error) {
        self.failures += 1;
        self.line(&format!("  FAILED {what}: {error:#}"));
        let entry = json!({ "run": what, "failed": format!("{error:#}") });
        self.record(section, entry);
    }

    /// An entry of the JSON file.
    pub(crate) fn record(&mut self, section: &str, entry: Value) {
        let entries = self.sections.entry(section).or_insert_with(|| json!([]));
        if let Value::Array(entries) = entries {
            entries.push(entry);
        }
    }

    /// The entries of a section so far.
    pub(crate) fn entries(&self, section: &str) -> &[Value] {
        let entries = self.sections.get(section).and_then(Value::as_array);
        entries.map_or(&[], Vec::as_slice)
    }

    /// Tells on what the figures were made.
    pub(crate) fn machine(&mut self, quick: bool) {
        let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
        let processors = read("/proc/cpuinfo");
        let model = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let (kernel, load) = (read("/proc/sys/kernel/osrelease"), read("/proc/loadavg"));
        let (kernel, load) = (kernel.trim(), load.trim());
        let build = if cfg!(debug_assertions) {
            "debug build: its figures mean nothing"
        } else {
            "release build"
        };
        self.line(&format!(
            "amimux {}, {build}; {cores} cores of {model}; Linux {kernel}; load before: {load}",
            env!("CARGO_PKG_VERSION")
        ));
        let machine = json!({
            "amimux": env!("CARGO_PKG_VERSION"), "build": build, "cores": cores, "processor": model,
            "kernel": kernel, "load_before": load, "quick": quick, "measured": today(),
        });
        self.sections.insert("machine".to_owned(), machine);
    }

    /// Tells how busy the machine was; others' work shows in latencies first.
    pub(crate) fn load_after(&mut self) {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load = load.trim();
        self.line(&format!("\nload after: {load}"));
        let machine = self.sections.get_mut("machine");
        if let Some(fields) = machine.and_then(Value::as_object_mut) {
            fields.insert("load_after".to_owned(), json!(load));
        }
    }

    /// Writes the JSON file if one was asked for; returns how many runs failed.
    pub(crate) fn finish(self, file: Option<&Path>) -> anyhow::Result<usize> {
        if let Some(file) = file {
            let text = serde_json::to_string_pretty(&Value::Object(self.sections))?;
            std::fs::write(file, text + "\n")?;
        }
        Ok(self.failures)
    }
}
