//! What others may see of a hub's thread without a call into it: that it still turns, whether its Asterisk is connected,
//! and how many events came. For the service manager, which restarts a program whose threads stand still.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Kept by the thread of one hub, read by any.
#[derive(Debug, Default)]
pub struct Pulse {
    events: AtomicU64,
    beats: AtomicU64,
    is_connected: AtomicBool,
}

impl Pulse {
    /// One more event came from Asterisk.
    pub fn count_event(&self) {
        // Only one thread writes, so that no locked instruction is needed.
        let events = self.events.load(Ordering::Relaxed).wrapping_add(1);
        self.events.store(events, Ordering::Relaxed);
    }

    /// The thread turned once more; whether actions can be run now.
    pub fn beat(&self, is_connected: bool) {
        let beats = self.beats.load(Ordering::Relaxed).wrapping_add(1);
        self.beats.store(beats, Ordering::Relaxed);
        self.is_connected.store(is_connected, Ordering::Relaxed);
    }

    /// How many events came since the start.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// How often the thread has turned; only a change of it says anything.
    pub fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// Whether Asterisk was connected at the last beat.
    pub fn is_connected(&self) -> bool {
        self.is_connected.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_thread_writes_is_read() {
        let pulse = Pulse::default();
        assert_eq!((pulse.beats(), pulse.events()), (0, 0));
        assert!(!pulse.is_connected());
        pulse.count_event();
        pulse.count_event();
        pulse.beat(true);
        assert_eq!((pulse.beats(), pulse.events()), (1, 2));
        assert!(pulse.is_connected());
        pulse.beat(false);
        assert_eq!((pulse.beats(), pulse.is_connected()), (2, false));
    }
}
