//! The filters of all views, judged together, and the work of compiling them. That takes milliseconds, so the hub never
//! does it: it hands out a [`FilterBuild`] to be run elsewhere and takes the result when it is ready. Until then, a
//! view whose filters are new is judged by itself, with the same verdicts.

use std::sync::Arc;
use std::time::Duration;

use super::{Hub, Now};
use crate::policy::event_filter::EventFilters;
use crate::policy::filter::table::{FilterTable, SetNumber, Verdicts};
use crate::protocol::frame::Frame;

/// The shortest time between the end of one build and the start of the next, so that clients that come together are
/// compiled together.
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// A build that took T is followed by a pause of this many T: whoever adds filters all the time keeps no core busy.
const PAUSE_PER_BUILD: u32 = 9;

/// Filters of clients that have left are judged on for this long after the last build, so that those who come and go
/// cause no builds; no longer, because whatever they cost, everybody pays.
const LEFTOVERS_FOR: Duration = Duration::from_secs(10);

/// The pause after a build that failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(60);

/// Filters to be compiled together.
#[derive(Debug)]
#[must_use = "the hub waits for the result"]
pub struct FilterBuild {
    sets: Vec<Arc<EventFilters>>,
}

impl FilterBuild {
    /// Compiles them: some 30 microseconds for each.
    pub fn run(self) -> FilterTable {
        FilterTable::build(self.sets)
    }
}

/// What the filters of an Asterisk's clients cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FilterStatistics {
    /// Sets of filters that are judged together.
    pub sets: usize,
    /// How often they were compiled.
    pub builds: u64,
    /// How often an automaton gave up on an event, and its patterns were asked one by one.
    pub given_up: u64,
    /// How long they took to be compiled, in all; beside the hub's thread.
    pub build_time: Duration,
}

/// The filters that are judged together.
#[derive(Debug, Default)]
pub(super) struct Judge {
    table: FilterTable,
    /// Some view's filters are not in the table.
    is_stale: bool,
    /// Some filters in the table are perhaps nobody's any more.
    has_leftovers: bool,
    /// When the build that is being run began.
    building_since: Option<Duration>,
    not_before: Duration,
    builds: u64,
    /// What earlier tables gave up.
    given_up: u64,
    build_time: Duration,
}

impl Clone for Judge {
    /// A hub is copied only to be packed, and what its filters are compiled to does not go along.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Judge {
    pub(super) fn number(&self, filters: &Arc<EventFilters>) -> Option<SetNumber> {
        self.table.number(filters)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.set_count() == 0
    }

    pub(super) fn judge(&mut self, event: Frame<'_>) -> Verdicts<'_> {
        self.table.judge(event)
    }

    /// Some view's filters are not in the table.
    pub(super) const fn ask_for_build(&mut self) {
        self.is_stale = true;
    }

    /// Nobody reads a view with filters any more.
    pub(super) const fn note_leftovers(&mut self) {
        self.has_leftovers = true;
    }

    fn deadline(&self) -> Option<Duration> {
        if self.building_since.is_some() {
            None
        } else if self.is_stale {
            Some(self.not_before)
        } else {
            self.has_leftovers
                .then(|| self.not_before.saturating_add(LEFTOVERS_FOR))
        }
    }

    fn install(&mut self, now: Now, built: Option<FilterTable>) {
        let began = self.building_since.take().unwrap_or(now.since_start);
        let took = now.since_start.saturating_sub(began);
        self.build_time = self.build_time.saturating_add(took);
        self.not_before = now.since_start + PAUSE_MIN.max(took * PAUSE_PER_BUILD);
        match built {
            Some(table) => {
                self.given_up += self.table.given_up();
                self.builds += 1;
                self.table = table;
            }
            None => {
                self.is_stale = true;
                self.not_before = now.since_start + PAUSE_AFTER_FAILURE;
            }
        }
    }
}

impl Hub {
    /// Filters that are to be compiled, outside this thread; the result goes to [`Hub::filters_built`]. One build at a
    /// time.
    pub fn next_filter_build(&mut self, now: Now) -> Option<FilterBuild> {
        let judge = self.views.judge_mut();
        if judge.deadline().is_none_or(|at| at > now.since_start) {
            return None;
        }
        judge.is_stale = false;
        judge.has_leftovers = false;
        judge.building_since = Some(now.since_start);
        Some(FilterBuild {
            sets: self.views.filters_in_use(),
        })
    }

    /// A build is done; `None` if it failed: everything stays as it was, and is tried again later.
    pub fn filters_built(&mut self, now: Now, built: Option<FilterTable>) {
        self.views.judge_mut().install(now, built);
        self.views.judge_anew();
    }

    /// When [`Hub::next_filter_build`] has something.
    pub fn filter_build_at(&self) -> Option<Duration> {
        self.views.judge().deadline()
    }

    /// What the filters cost.
    pub fn filter_statistics(&self) -> FilterStatistics {
        let judge = self.views.judge();
        FilterStatistics {
            sets: judge.table.set_count(),
            builds: judge.builds,
            given_up: judge.given_up + judge.table.given_up(),
            build_time: judge.build_time,
        }
    }
}
