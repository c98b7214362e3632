//! The filters that a session added itself: it keeps them, whatever becomes of its user's.

use super::{EventFilter, EventFilters};

impl EventFilters {
    /// These filters of a user, and those that a session had added to others. Whatever its user has now, it keeps them.
    #[must_use]
    pub fn with_added_of(&self, session: &Self) -> Self {
        let mut filters = self.clone();
        for filter in session
            .filters
            .iter()
            .filter(|filter| filter.added_criteria.is_some())
        {
            match filters.place(&filter.text) {
                Ok(at) => filters.mark_added(at, filter.added_criteria),
                Err(at) => filters.filters.insert(
                    at,
                    EventFilter {
                        origin: Box::default(),
                        ..filter.clone()
                    },
                ),
            }
        }
        filters.added_positions = session.added_positions;
        filters.added_bytes = session.added_bytes;
        filters
    }

    /// What [`EventFilters::push_parts`] was given for each filter that is there through it.
    pub fn added(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.filters.iter().filter_map(|filter| {
            let length = filter.added_criteria?;
            let text = filter.text.strip_prefix("eventfilter")?;
            match text.strip_prefix('(') {
                Some(text) => {
                    let (criteria, rest) = text.split_at_checked(length)?;
                    Some((Some(criteria), rest.strip_prefix(")=")?))
                }
                None => Some((None, text.strip_prefix('=')?)),
            }
        })
    }

    pub(super) fn mark_added(&mut self, at: usize, criteria: Option<usize>) {
        if let Some(filter) = self.filters.get_mut(at) {
            filter.added_criteria = criteria;
        }
    }
}
