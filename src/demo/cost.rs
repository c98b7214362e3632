//! What the proxy costs: the CPU time of its own thread, as the kernel accounts for it.

use std::time::Duration;

/// The kernel's unit of CPU time in `/proc` (`USER_HZ`, a hundredth of a second on every Linux).
const TICK: Duration = Duration::from_millis(10);

/// CPU time (user and system) of the hub's threads so far; `None` where `/proc` does not tell.
pub(super) fn hub_cpu() -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut found = false;
    for entry in std::fs::read_dir("/proc/self/task").ok()?.flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        if let Some((name, time)) = parse_stat(&stat)
            && name.starts_with("hub-")
        {
            total += time;
            found = true;
        }
    }
    found.then_some(total)
}

/// Name and CPU time out of a line of `/proc/…/stat` (proc(5): comm in parentheses, utime and stime are fields 14 and 15).
fn parse_stat(stat: &str) -> Option<(&str, Duration)> {
    let (_, rest) = stat.split_once('(')?;
    let (name, fields) = rest.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((name, TICK * (user + system)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_from_the_kernels_line() {
        let line = "12 (hub-a (b)) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0 20 0 1 0";
        assert_eq!(
            parse_stat(line),
            Some(("hub-a (b)", Duration::from_secs(4)))
        );
        assert_eq!(parse_stat("nonsense"), None);
    }
}
