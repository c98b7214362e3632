//! The action `Filter`: a session narrows what it is sent, from here on and for good. Source: `main/manager.c`,
//! `action_filter`, `manager_add_filter`.
//!
//! Compiling a pattern may take milliseconds, so the hub never does it: in its turn, a request becomes a
//! [`FilterDraft`] that is run elsewhere, and is answered when the result is there. What the session asks behind it
//! waits; nothing else does.

use std::sync::Arc;

use super::limit::Limit;
use super::requests::Denied;
use super::session::{Local, SessionId, Stage};
use super::{Hub, Now};
use crate::policy::event_filter::{EventFilterError, EventFilters};
use crate::protocol::request::Request;
use crate::protocol::writer::{MessageWriter, Text};

/// Asterisk's texts for a regular expression that is none, and for anything else that it does not understand.
const NOT_COMPILED: &[u8] = b"Filter did not compile.  Check the syntax of the filter given.";
const NOT_UNDERSTOOD: &[u8] =
    b"Filter was formatted incorrectly.  Check the syntax of the filter given.";

/// Bytes in memory of the filters that all sessions of one Asterisk added: some ten thousand of them.
const ADDED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What such a request asks for.
pub(super) fn filter_of(request: Request<'_>) -> Result<Local, Denied> {
    if !request
        .get_or_empty("Operation")
        .eq_ignore_ascii_case(b"Add")
    {
        return Err(Denied::unable(b"Unknown operation"));
    }
    let text = |name| std::str::from_utf8(request.get_or_empty(name));
    let (Ok(pattern), Ok(criteria)) = (text("Filter"), text("MatchCriteria")) else {
        return Err(Denied::unable(NOT_COMPILED));
    };
    let criteria = Some(criteria).filter(|criteria| !criteria.is_empty());
    Ok(Local::Filter(criteria.map(Box::from), pattern.into()))
}

/// A session's filters with one more, to be compiled.
#[derive(Debug)]
#[must_use = "the session waits for the result"]
pub struct FilterDraft {
    session: SessionId,
    filters: Arc<EventFilters>,
    criteria: Option<Box<str>>,
    pattern: Box<str>,
}

/// What came of a [`FilterDraft`].
#[derive(Debug)]
pub struct FilterDrafted {
    session: SessionId,
    /// What the filter was added to.
    base: Option<Arc<EventFilters>>,
    result: Result<EventFilters, EventFilterError>,
}

impl FilterDraft {
    /// Compiles it: some milliseconds at most.
    pub fn run(self) -> FilterDrafted {
        let mut filters = (*self.filters).clone();
        let added = filters.push_parts(self.criteria.as_deref(), &self.pattern);
        FilterDrafted {
            session: self.session,
            base: Some(self.filters),
            result: added.map(|()| filters),
        }
    }

    /// What to hand back if it could not be run.
    pub const fn failed(session: SessionId) -> FilterDrafted {
        FilterDrafted {
            session,
            base: None,
            result: Err(EventFilterError::TooCostly),
        }
    }

    /// Whose it is.
    pub const fn session(&self) -> SessionId {
        self.session
    }
}

/// How far a session's `Filter` has come.
#[derive(Debug, Clone, Default)]
pub(super) enum Drafting {
    /// There is none.
    #[default]
    Idle,
    /// It is waiting to be compiled, or being compiled.
    Waiting,
    /// It is compiled, or refused.
    Done(Result<EventFilters, EventFilterError>),
}

impl Hub {
    /// The next filter to be compiled, outside this thread; the result goes to [`Hub::filter_drafted`].
    pub fn next_filter_draft(&mut self) -> Option<FilterDraft> {
        loop {
            let id = self.drafting.pop_front()?;
            let Some(session) = self.session(id) else {
                continue;
            };
            let head = session.pending.front().map(|pending| &pending.stage);
            if let Some(Stage::Local(Local::Filter(criteria, pattern))) = head {
                let owner = self.session(self.owner(id)).unwrap_or(session);
                return Some(FilterDraft {
                    session: id,
                    filters: Arc::clone(&owner.filters),
                    criteria: criteria.clone(),
                    pattern: pattern.clone(),
                });
            }
        }
    }

    /// A filter was compiled, or refused: its session is answered.
    pub fn filter_drafted(&mut self, now: Now, drafted: FilterDrafted) {
        let FilterDrafted {
            session: id,
            base,
            result,
        } = drafted;
        let filters = self.session(self.owner(id)).map(|owner| &owner.filters);
        if let (Some(base), Some(filters)) = (base, filters)
            && !Arc::ptr_eq(&base, filters)
        {
            // Another request of the same session has added one meanwhile: once more, with that.
            self.drafting.push_back(id);
            return;
        }
        if let Some(session) = self.session_mut(id)
            && session.closing.is_none()
        {
            session.drafting = Drafting::Done(result);
            self.pump(now, id);
            self.end_turn(now);
        }
    }

    /// Adds a filter in its turn, once it is compiled; where it is not understood, nothing changes. `false`: it is not
    /// compiled yet.
    pub(super) fn add_filter(&mut self, id: SessionId, action_id: Option<Text<'_>>) -> bool {
        let Some(session) = self.session_mut(id) else {
            return true;
        };
        let result = match std::mem::take(&mut session.drafting) {
            Drafting::Done(result) => result,
            drafting => {
                session.drafting = Drafting::Waiting;
                if matches!(drafting, Drafting::Idle) {
                    self.drafting.push_back(id);
                }
                return false;
            }
        };
        let owner = self.owner(id);
        let result = result.and_then(|filters| self.take_filters(owner, filters));
        if let Err(EventFilterError::TooMany | EventFilterError::TooCostly) = &result {
            self.limits.count(Limit::Filters);
        }
        let (word, text) = match &result {
            Ok(()) => ("Success", &b"Success"[..]),
            Err(error) => ("Error", text_for(error)),
        };
        self.post(id, |out| {
            let text = Text::new(text).unwrap_or(Text::fixed(""));
            MessageWriter::response(out, Text::fixed(word), action_id)
                .header(Text::fixed("Message"), text)
                .finish();
        });
        if result.is_ok() {
            self.choose_view(owner);
        }
        true
    }

    fn take_filters(
        &mut self,
        id: SessionId,
        filters: EventFilters,
    ) -> Result<(), EventFilterError> {
        let total = self.added_filter_bytes;
        let Some(session) = self.session_mut(id) else {
            return Ok(());
        };
        let before = session.filters.added_bytes();
        let total = total.saturating_add(filters.added_bytes().saturating_sub(before));
        if total > ADDED_BYTES_MAX {
            return Err(EventFilterError::TooCostly);
        }
        session.filters = Arc::new(filters);
        self.added_filter_bytes = total;
        Ok(())
    }
}

/// Asterisk's text where it has one.
const fn text_for(error: &EventFilterError) -> &'static [u8] {
    use crate::policy::filter::criteria::CriteriaError::Regex;
    match error {
        EventFilterError::Criteria(Regex { .. }) => NOT_COMPILED,
        EventFilterError::Criteria(_) => NOT_UNDERSTOOD,
        EventFilterError::TooMany | EventFilterError::TooCostly => {
            b"Too many filters in this session"
        }
    }
}
