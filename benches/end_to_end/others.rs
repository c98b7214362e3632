//! How much of the machine others have used during a measurement. CPU per event bears some of that, latencies do not.

/// Processor time so far, in clock ticks.
#[derive(Debug, Clone, Copy, Default)]
struct Ticks {
    /// Of the whole machine, idle time included.
    all: u64,
    /// The same without idle time.
    busy: u64,
    /// Of this process and of the contestants that have ended.
    own: u64,
}

impl Ticks {
    fn now() -> Self {
        let numbers = |text: &str, skip: usize| {
            let fields = text.split_ascii_whitespace().skip(skip);
            fields
                .map(|field| field.parse().unwrap_or(0))
                .collect::<Vec<u64>>()
        };
        let machine = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        // user nice system idle iowait irq softirq steal; what follows is contained in these.
        let mut machine = numbers(machine.lines().next().unwrap_or_default(), 1);
        machine.truncate(8);
        let all = machine.iter().sum();
        let idle: u64 = machine.iter().skip(3).take(2).sum();
        let own = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let (_, own) = own.rsplit_once(')').unwrap_or_default();
        // utime stime cutime cstime
        let own = numbers(own, 11).iter().take(4).sum();
        Self {
            all,
            busy: all - idle,
            own,
        }
    }
}

/// Runs `measure`; returns what share of the machine others used meanwhile, and what `measure` returned.
pub(crate) fn share_during<R>(measure: impl FnOnce() -> R) -> (f64, R) {
    let before = Ticks::now();
    let result = measure();
    let after = Ticks::now();
    let busy = after.busy.saturating_sub(before.busy);
    let others = busy.saturating_sub(after.own.saturating_sub(before.own));
    let all = after.all.saturating_sub(before.all).max(1);
    (others as f64 / all as f64, result)
}
