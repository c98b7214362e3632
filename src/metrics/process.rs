//! What the kernel knows of this process, under the names that Prometheus has for it. Source: `proc(5)`.

use std::fmt::Error;
use std::path::Path;

use super::page::{Labels, Page, Value};

/// Ticks per second in `/proc`: `USER_HZ`, which is 100 on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// This process, as far as `/proc` tells.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Process {
    cpu_seconds: Option<f64>,
    start_time_seconds: Option<f64>,
    resident_bytes: Option<u64>,
    virtual_bytes: Option<u64>,
    threads: Option<u64>,
    open_files: Option<u64>,
    open_files_max: Option<u64>,
}

impl Process {
    /// Reads it; what cannot be read is left out.
    pub(super) fn read() -> Self {
        let read = |path: &str| std::fs::read_to_string(Path::new("/proc").join(path));
        let mut process = Self::default();
        if let (Ok(stat), Ok(system)) = (read("self/stat"), read("stat")) {
            process.take_stat(&stat, boot_time(&system));
        }
        if let Ok(status) = read("self/status") {
            process.take_status(&status);
        }
        if let Ok(limits) = read("self/limits") {
            process.open_files_max = open_files_max(&limits);
        }
        let files = std::fs::read_dir("/proc/self/fd");
        // One of them is the folder itself.
        process.open_files = files
            .ok()
            .map(|files| files.count().saturating_sub(1) as u64);
        process
    }

    fn take_stat(&mut self, stat: &str, boot_time: Option<f64>) {
        // The name in brackets can hold anything.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let fields = fields.split_ascii_whitespace().collect::<Vec<_>>();
        // Numbered as in proc(5), where the state behind the name is the third.
        let ticks = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        self.cpu_seconds = ticks(14)
            .zip(ticks(15))
            .map(|(user, system)| (user + system) / TICKS_PER_SECOND);
        self.start_time_seconds = ticks(22)
            .zip(boot_time)
            .map(|(since_boot, boot)| boot + since_boot / TICKS_PER_SECOND);
    }

    fn take_status(&mut self, status: &str) {
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_ascii_whitespace().next()?.parse::<u64>().ok()
        };
        let bytes = |name| number(name).map(|kib| kib * 1024);
        self.resident_bytes = bytes("VmRSS:");
        self.virtual_bytes = bytes("VmSize:");
        self.threads = number("Threads:");
    }

    /// Writes what there is.
    pub(super) fn write(&self, page: &mut Page<'_>) -> Result<(), Error> {
        page.counter(
            "process_cpu_seconds",
            "Time on processors, of user and system together.",
            self.cpu_seconds.map(plain),
        )?;
        for (name, help, value) in [
            (
                "process_start_time_seconds",
                "When the process began, since 1970.",
                self.start_time_seconds.map(Value::from),
            ),
            (
                "process_resident_memory_bytes",
                "Memory that is resident.",
                self.resident_bytes.map(Value::from),
            ),
            (
                "process_virtual_memory_bytes",
                "Address space.",
                self.virtual_bytes.map(Value::from),
            ),
            ("process_threads", "Threads.", self.threads.map(Value::from)),
            (
                "process_open_fds",
                "Files and sockets that are open.",
                self.open_files.map(Value::from),
            ),
            (
                "process_max_fds",
                "Files and sockets that may be open.",
                self.open_files_max.map(Value::from),
            ),
        ] {
            page.gauge(name, help, value.map(plain))?;
        }
        Ok(())
    }
}

fn plain<'a>(value: impl Into<Value<'a>>) -> (Labels<'a>, Value<'a>) {
    (Labels::new(), value.into())
}

fn boot_time(system: &str) -> Option<f64> {
    let line = system
        .lines()
        .find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

/// `Max open files`: the soft limit; `None` where there is none.
fn open_files_max(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_the_kernel_are_read() {
        let mut process = Process::default();
        let fields = (3..=52).map(|number| (number * 100).to_string());
        let stat = format!("42 (a) b) {}", fields.collect::<Vec<_>>().join(" "));
        process.take_stat(&stat, boot_time("cpu 1\nbtime 1700000000\n"));
        process.take_status("Name:\tx\nVmSize:\t   2048 kB\nVmRSS:\t 1024 kB\nThreads:\t7\n");
        process.open_files_max = open_files_max(
            "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n",
        );
        let expected = Process {
            cpu_seconds: Some(29.0),
            start_time_seconds: Some(1_700_000_022.0),
            resident_bytes: Some(1024 * 1024),
            virtual_bytes: Some(2048 * 1024),
            threads: Some(7),
            open_files: None,
            open_files_max: Some(1024),
        };
        assert_eq!(process, expected);
        assert_eq!(
            open_files_max("Max open files unlimited unlimited files"),
            None
        );
    }

    #[test]
    fn this_process_is_read() {
        let process = Process::read();
        assert!(process.resident_bytes.unwrap() > 100_000);
        assert!(process.open_files.unwrap() >= 3);
        assert!(process.threads.unwrap() >= 1);
        assert!(process.start_time_seconds.unwrap() > 1.6e9);
        assert!(process.cpu_seconds.is_some() && process.open_files_max.is_some());
    }
}
