//! Views that another process left: each is *closed*, read to its end and given no more events, unless it becomes the view
//! of a key again.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{NAMED_MAX, View, ViewCounts, ViewId, ViewKey, ViewLog, Views};
use crate::policy::class::Classes;

impl View {
    /// A view that another process left, held by the caller. It gets no events unless it becomes the view of a key.
    pub(in crate::hub) fn closed(log: ViewLog, number: u64) -> Self {
        Self {
            key: ViewKey {
                classes: Classes::NONE,
                all_action_ids: false,
                filters: Arc::default(),
            },
            log,
            number,
            members: Vec::new(),
            polled: BTreeSet::new(),
            waiting: Vec::new(),
            subscribers: 0,
            references: 1,
            expected: 0,
            is_kept: false,
            grown: false,
            set: None,
            is_named: false,
            counts: ViewCounts::default(),
        }
    }
}

impl Views {
    /// Whether it is the view of no key.
    pub(in crate::hub) fn is_closed(&self, id: ViewId) -> bool {
        let key = self.slab.get(id.0).map(|view| &view.key);
        key.is_none_or(|key| self.by_key.get(key) != Some(&id))
    }

    /// One more subscriber of a view that has that key or is closed, which has that key then.
    pub(in crate::hub) fn subscribe_again(&mut self, id: ViewId, key: &ViewKey) {
        if self.is_closed(id)
            && !self.by_key.contains_key(key)
            && let Some(view) = self.slab.get_mut(id.0)
        {
            view.key = key.clone();
            view.set = self.judge.number(&key.filters);
            view.is_named = self.named < NAMED_MAX;
            self.named += usize::from(view.is_named);
            self.by_key.insert(key.clone(), id);
        }
        self.count_subscriber(id);
        if let Some(view) = self.slab.get(id.0)
            && view.is_filtered()
            && view.set.is_none()
        {
            self.judge.ask_for_build();
        }
    }

    /// One more subscriber, which is counted as a reference otherwise.
    pub(in crate::hub) fn count_subscriber(&mut self, id: ViewId) {
        if let Some(view) = self.slab.get_mut(id.0) {
            view.subscribers += 1;
        }
    }

    /// One more reference.
    pub(in crate::hub) fn refer(&mut self, id: ViewId) {
        if let Some(view) = self.slab.get_mut(id.0) {
            view.references += 1;
        }
    }
}
