//! Views whose events are kept for a while although everybody has read them: those of followers, so that one whose
//! connection breaks can come back and go on where it was.

use std::time::Duration;

use super::view::{ViewId, Views};

/// How long a view and its events are kept for a follower that may come back.
pub(super) const KEEP_FOR: Duration = Duration::from_secs(60);

/// Bytes of a view that are kept although everybody has read them.
pub(super) const KEPT_BYTES_MAX: usize = 256 * 1024;

/// Views that are kept at a time; of more, those are given up that would be first.
const KEPT_MAX: usize = 256;

/// Which views are kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    pub(super) views: Vec<(ViewId, Duration)>,
    /// When one is to be given up: never too late, but perhaps too early.
    due: Option<Duration>,
}

impl Views {
    /// Keeps a view until then: as if there were a reader.
    pub(super) fn keep(&mut self, id: ViewId, until: Duration) {
        if let Some((_, known)) = self.kept.views.iter_mut().find(|(view, _)| *view == id) {
            *known = until.max(*known);
            return;
        }
        if self.kept.views.len() >= KEPT_MAX
            && let Some(index) = (0..self.kept.views.len())
                .min_by_key(|index| self.kept.views.get(*index).map(|(_, until)| *until))
        {
            let (first, _) = self.kept.views.swap_remove(index);
            self.give_up(first);
        }
        if let Some(view) = self.get_mut(id) {
            view.is_kept = true;
            self.hold(id);
            self.kept.views.push((id, until));
            self.kept.due = Some(self.kept.due.map_or(until, |due| due.min(until)));
        }
    }

    /// Gives up the views that nobody has come back to.
    pub(super) fn give_up_kept(&mut self, now: Duration) {
        if self.kept.due.is_none_or(|due| due > now) {
            return;
        }
        let over = self.kept.views.extract_if(.., |(_, until)| *until <= now);
        for (id, _) in over.collect::<Vec<_>>() {
            self.give_up(id);
        }
        self.kept.due = self.kept.views.iter().map(|(_, until)| *until).min();
    }

    fn give_up(&mut self, id: ViewId) {
        if let Some(view) = self.get_mut(id) {
            view.is_kept = false;
        }
        self.unsubscribe(id);
        self.release(id);
    }

    /// When [`Views::give_up_kept`] has something to do.
    pub(super) const fn kept_due(&self) -> Option<Duration> {
        self.kept.due
    }
}
