//! What the proxy costs: the CPU time of its own thread, as the kernel accounts for it.

use std::time::Duration;

/// CPU time of the hubs' threads so far; `None` where `/proc` does not tell.
pub(super) fn hub_cpu() -> Option<Duration> {
    let mut total = None;
    for entry in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
        let read =
            |file: &str| std::fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        if read("comm").starts_with("hub-")
            && let Some(time) = parse_schedstat(&read("schedstat"))
        {
            total = Some(total.unwrap_or(Duration::ZERO) + time);
        }
    }
    total
}

/// The first field of `/proc/…/schedstat`: nanoseconds spent on a CPU, in user and kernel mode.
fn parse_schedstat(schedstat: &str) -> Option<Duration> {
    let nanoseconds = schedstat.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_from_the_kernels_line() {
        assert_eq!(
            parse_schedstat("2500000000 36000 19\n"),
            Some(Duration::from_millis(2500))
        );
        assert_eq!(parse_schedstat(""), None);
    }
}
