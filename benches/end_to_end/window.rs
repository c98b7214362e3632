//! The closed loop of a fan-out run: the source may be a number of blocks ahead of the slowest reader, whoever is
//! measured, so that nobody can look fast by letting others fall behind.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use anyhow::bail;

/// How long the readers may take for a window of blocks.
const STALL: Duration = Duration::from_secs(15);

#[derive(Debug, Default)]
struct State {
    /// Blocks that every reader has had.
    done: u64,
    failure: Option<String>,
}

/// Shared by the source and the readers.
#[derive(Debug, Default)]
pub(crate) struct Window {
    state: Mutex<State>,
    changed: Condvar,
}

impl Window {
    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// The run is lost, for this reason; the first counts.
    pub(crate) fn fail(&self, cause: &str) {
        self.update(|state| {
            state.failure.get_or_insert_with(|| cause.to_owned());
        });
    }

    /// Waits until every reader has had that many blocks.
    pub(crate) fn wait_for(&self, blocks: u64) -> anyhow::Result<()> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |state: &mut State| state.done < blocks && state.failure.is_none();
        let (state, time) = self
            .changed
            .wait_timeout_while(state, STALL, waits)
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(failure) = &state.failure {
            bail!("{failure}");
        }
        if time.timed_out() {
            bail!("events were lost, or the contestant has stopped");
        }
        Ok(())
    }
}

/// Counts, on the readers' thread, how many of them have had each block.
#[derive(Debug)]
pub(crate) struct Progress {
    readers: usize,
    done: u64,
    counts: VecDeque<usize>,
}

impl Progress {
    pub(crate) fn new(readers: usize) -> Self {
        Self {
            readers,
            done: 0,
            counts: VecDeque::new(),
        }
    }

    /// One reader more has had this block; blocks are counted from zero.
    pub(crate) fn passed(&mut self, block: u64, window: &Window) {
        let Ok(index) = usize::try_from(block.saturating_sub(self.done)) else {
            return;
        };
        if self.counts.len() <= index {
            self.counts.resize(index + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(index) {
            *count += 1;
        }
        let before = self.done;
        while self.counts.front() == Some(&self.readers) {
            self.counts.pop_front();
            self.done += 1;
        }
        if self.done > before {
            let done = self.done;
            window.update(|state| state.done = done);
        }
    }
}
