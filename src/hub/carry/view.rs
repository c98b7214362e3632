//! Views and their logs, as they are carried, and how sessions find their view again.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::plain::{Blob, Nanos};
use super::{CarryError, bounded, unsound};
use crate::hub::log::{Batch, LogPosition, ViewLog};
use crate::hub::view::{View, ViewId, ViewKey};
use crate::policy::class::Classes;
use crate::policy::event_filter::{EventFilter, EventFilters};

/// What a [`ViewKey`] says, in plain data.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
pub(super) struct CarriedKey {
    classes: u32,
    all_action_ids: bool,
    /// The texts of its filters, in their order.
    filters: Vec<Box<str>>,
}

impl CarriedKey {
    fn of(key: &ViewKey) -> Self {
        let ViewKey {
            classes,
            all_action_ids,
            filters,
        } = key;
        Self {
            classes: classes.bits(),
            all_action_ids: *all_action_ids,
            filters: filters.iter().map(|filter| filter.text().into()).collect(),
        }
    }

    /// Whether it says the same as that key.
    pub(super) fn is(&self, key: &ViewKey) -> bool {
        self.classes == key.classes.bits()
            && self.all_action_ids == key.all_action_ids
            && self.has_filters(&key.filters)
    }

    /// Whether these are its filters.
    pub(super) fn has_filters(&self, filters: &EventFilters) -> bool {
        let texts = filters.iter().map(EventFilter::text);
        texts.eq(self.filters.iter().map(|text| &**text))
    }

    pub(super) const fn classes(&self) -> Classes {
        Classes::from_bits(self.classes)
    }

    pub(super) const fn all_action_ids(&self) -> bool {
        self.all_action_ids
    }
}

#[derive(Serialize, Deserialize)]
struct CarriedBatch {
    events_before: u64,
    bytes: Blob,
}

/// A view with its log.
#[derive(Serialize, Deserialize)]
pub(super) struct CarriedView {
    pub(super) number: u64,
    /// `None`: it is closed already.
    pub(super) key: Option<CarriedKey>,
    /// Until when it is kept for followers, if it is.
    pub(super) kept_until: Option<Nanos>,
    start: u64,
    batches: Vec<CarriedBatch>,
    events: u64,
}

impl CarriedView {
    /// Its log must be sealed. `is_open`: it is the view of its key.
    pub(super) fn pack(view: View, is_open: bool, kept_until: Option<Nanos>) -> Self {
        let View {
            key,
            log,
            number,
            // All of these are found out from the sessions.
            members: _,
            polled: _,
            waiting: _,
            subscribers: _,
            references: _,
            expected: _,
            // Kept until then.
            is_kept: _,
            // Whoever has not read all is written to at once.
            grown: _,
            // Filters are compiled together anew.
            set: _,
        } = view;
        let start = log.base();
        let ViewLog {
            batches,
            open: _,
            open_start: _,
            open_events: _,
            sealed_events,
            retained_bytes: _,
        } = log;
        let each = |batch| {
            let Batch {
                start: _,
                events_before,
                bytes,
            } = batch;
            CarriedBatch {
                events_before,
                bytes: Blob(bytes),
            }
        };
        Self {
            number,
            key: is_open.then(|| CarriedKey::of(&key)),
            kept_until,
            start: start.0,
            batches: batches.into_iter().map(each).collect(),
            events: sealed_events,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.batches.iter().map(|batch| batch.bytes.0.len()).sum()
    }

    /// The log that was packed.
    pub(super) fn take_log(&mut self) -> Result<ViewLog, CarryError> {
        let mut at = LogPosition(bounded(self.start)?);
        let (mut batches, mut retained, mut events) = (VecDeque::new(), 0, 0);
        for batch in std::mem::take(&mut self.batches) {
            let CarriedBatch {
                events_before,
                bytes: Blob(bytes),
            } = batch;
            if bytes.is_empty() || events_before < events {
                return Err(unsound("a log's batches are not in order"));
            }
            events = bounded(events_before)?;
            let start = at;
            at = at.plus(bytes.len());
            retained += bytes.len();
            batches.push_back(Batch {
                start,
                events_before,
                bytes,
            });
        }
        Ok(ViewLog {
            batches,
            open_start: LogPosition(bounded(at.0)?),
            sealed_events: bounded(self.events)?,
            retained_bytes: retained,
            ..ViewLog::default()
        })
    }
}

/// The view at a place of the list.
pub(super) fn view_at(ids: &[ViewId], place: u32) -> Result<ViewId, CarryError> {
    let id = usize::try_from(place).ok().and_then(|place| ids.get(place));
    id.copied().ok_or(unsound("there is no such view"))
}
