//! Event filters: which of the events that its classes allow a client is sent. Source: `main/manager.c`,
//! `should_send_event`, `match_filter`, `filter_cmp_fn`.
//!
//! A filter looks at the whole message as Asterisk sends it, or at the headers of one name. With includes only, one of
//! them must match; with excludes only, none may; with both, both. Two sets of the same filters are equal, so that
//! their clients can share a view.

use std::hash::{Hash, Hasher};

use thiserror::Error;

use super::filter::criteria::{Criteria, CriteriaError, Kind, Subject};
use super::filter::matcher::Matcher;
use crate::protocol::frame::Frame;

/// Most event filters of one session, the user's own included.
pub const FILTERS_MAX: usize = 256;

/// [`Ere::positions`] of all regular expressions that a session added by itself: what one pattern may cost at worst is
/// the most that a session can make everybody wait with all of its own.
///
/// [`Ere::positions`]: super::filter::ere::Ere::positions
pub const ADDED_POSITIONS_MAX: u64 = 2048;

/// Bytes in memory of what a session added by itself.
pub const ADDED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why an event filter is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EventFilterError {
    /// It is not in the grammar.
    #[error(transparent)]
    Criteria(#[from] CriteriaError),
    /// More than [`FILTERS_MAX`].
    #[error("there are more than {FILTERS_MAX} event filters")]
    TooMany,
    /// What a session added costs more than [`ADDED_POSITIONS_MAX`] or [`ADDED_BYTES_MAX`].
    #[error("the filters that the session added are too many or too large together")]
    TooCostly,
}

impl EventFilterError {
    /// What to write instead.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Criteria(error) => error.remedy(),
            Self::TooMany | Self::TooCostly => {
                "use regular expressions that say several things at once"
            }
        }
    }
}

/// One event filter.
#[derive(Debug, Clone)]
pub struct EventFilter {
    criteria: Criteria,
    /// As it was written: what makes two filters the same.
    text: Box<str>,
    /// Where it was written; empty when a session added it.
    origin: Box<str>,
    /// How long the criteria are, if a session added it, whether or not its user has it as well; zero where it has none.
    added_criteria: Option<usize>,
}

impl EventFilter {
    /// What it looks at, and how.
    pub const fn criteria(&self) -> &Criteria {
        &self.criteria
    }

    /// The line of configuration that says the same.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// File and line of the configuration; empty when a session added it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether it speaks of this event, given as Asterisk sends it.
    pub fn matches(&self, event: Frame<'_>) -> bool {
        let Criteria {
            name,
            header,
            matcher,
            ..
        } = &self.criteria;
        if name
            .as_ref()
            .is_some_and(|name| name.as_bytes() != event.name())
        {
            return false;
        }
        match header {
            // An event always has a name: nothing more is asked.
            None if matches!(matcher, Matcher::Present) => true,
            None => matcher.is_match(event.bytes()),
            Some(header) => {
                values(event, header).any(|value| !value.is_empty() && matcher.is_match(value))
            }
        }
    }
}

/// What a user's filters say about one event, and which of them decided.
#[derive(Debug, Clone, Copy)]
pub enum Decided<'a> {
    /// It is not sent: this filter keeps it out.
    Excluded(&'a EventFilter),
    /// It is not sent: there are filters that take events in, and none of them speaks of it.
    NotIncluded,
    /// It is sent: this filter takes it in.
    Included(&'a EventFilter),
    /// It is sent: no filter keeps it out, and there is none that takes events in.
    NotExcluded,
}

impl Decided<'_> {
    /// Whether the event is sent.
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Included(_) | Self::NotExcluded)
    }
}

/// The values of all headers of exactly that name (case counts), without the blanks before them.
fn values<'a>(event: Frame<'a>, header: &str) -> impl Iterator<Item = &'a [u8]> {
    event.lines().filter_map(move |line| {
        let mut value = line.strip_prefix(header.as_bytes())?.strip_prefix(b":")?;
        while let [0..=32, rest @ ..] = value {
            value = rest;
        }
        Some(value)
    })
}

/// All event filters of a session.
#[derive(Debug, Clone, Default)]
pub struct EventFilters {
    /// Ordered by their texts, each once: the order of filters means nothing.
    filters: Vec<EventFilter>,
    /// What those cost that a session added.
    added_positions: u64,
    added_bytes: usize,
}

impl EventFilters {
    /// Adds a filter: `origin` is the place where it is written, `option` the option's name with the criteria,
    /// `pattern` its value.
    ///
    /// # Errors
    /// The filter is not understood, or one too many. Nothing is added then.
    pub fn push(
        &mut self,
        origin: &str,
        option: &str,
        pattern: &str,
    ) -> Result<(), EventFilterError> {
        self.insert(EventFilter {
            criteria: Criteria::parse(option, pattern, Subject::Events)?,
            text: format!("{option}={pattern}").into(),
            origin: origin.into(),
            added_criteria: None,
        })
    }

    /// Adds a filter as the action `Filter` has it: `criteria` without the parentheses, if there are any.
    ///
    /// # Errors
    /// As [`EventFilters::push`], and when what was added in this way would cost too much.
    pub fn push_parts(
        &mut self,
        criteria: Option<&str>,
        pattern: &str,
    ) -> Result<(), EventFilterError> {
        let (read, text) = match criteria {
            Some(criteria) => (
                Criteria::advanced(criteria, pattern, Subject::Events)?,
                format!("eventfilter({criteria})={pattern}"),
            ),
            None => (
                Criteria::legacy(pattern, Subject::Events)?,
                format!("eventfilter={pattern}"),
            ),
        };
        let (positions, memory) = match &read.matcher {
            Matcher::Regex(regex) => (regex.positions(), regex.memory_bytes()),
            _ => (0, text.len()),
        };
        let added_positions = self.added_positions.saturating_add(positions);
        let added_bytes = self.added_bytes.saturating_add(memory + text.len());
        if added_positions > ADDED_POSITIONS_MAX || added_bytes > ADDED_BYTES_MAX {
            return Err(EventFilterError::TooCostly);
        }
        self.insert(EventFilter {
            criteria: read,
            text: text.into(),
            origin: Box::default(),
            added_criteria: Some(criteria.map_or(0, str::len)),
        })?;
        self.added_positions = added_positions;
        self.added_bytes = added_bytes;
        Ok(())
    }

    /// Bytes in memory of what was added with [`EventFilters::push_parts`].
    pub const fn added_bytes(&self) -> usize {
        self.added_bytes
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

    /// These filters of a user, and those that a session had added to others. Whatever its user has now, it keeps them.
    #[must_use]
    pub fn with_added_of(&self, session: &Self) -> Self {
        let mut filters = self.clone();
        let added = session.filters.iter();
        for filter in added.filter(|filter| filter.added_criteria.is_some()) {
            match filters.place(&filter.text) {
                Ok(at) => filters.mark_added(at, filter),
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

    fn place(&self, text: &str) -> Result<usize, usize> {
        self.filters
            .binary_search_by(|other| other.text.as_ref().cmp(text))
    }

    fn mark_added(&mut self, at: usize, added: &EventFilter) {
        if let Some(filter) = self.filters.get_mut(at) {
            filter.added_criteria = added.added_criteria;
        }
    }

    fn insert(&mut self, filter: EventFilter) -> Result<(), EventFilterError> {
        match self.place(&filter.text) {
            Ok(at) if filter.added_criteria.is_some() => {
                self.mark_added(at, &filter);
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(_) if self.filters.len() >= FILTERS_MAX => Err(EventFilterError::TooMany),
            Err(at) => {
                self.filters.insert(at, filter);
                Ok(())
            }
        }
    }

    /// Whether there is none, and every event passes.
    pub const fn is_empty(&self) -> bool {
        self.filters.is_empty()
    }

    /// The filters, ordered by their texts.
    pub fn iter(&self) -> impl Iterator<Item = &EventFilter> {
        self.filters.iter()
    }

    /// Whether an event is to be sent, given as Asterisk sends it.
    pub fn pass(&self, event: Frame<'_>) -> bool {
        self.decide(event).passes()
    }

    /// As [`EventFilters::pass`], with the filter that decides.
    pub fn decide(&self, event: Frame<'_>) -> Decided<'_> {
        let (mut includes, mut included) = (false, None);
        for filter in &self.filters {
            match filter.criteria.kind {
                Kind::Exclude if filter.matches(event) => return Decided::Excluded(filter),
                Kind::Exclude => {}
                Kind::Include | Kind::Require => {
                    includes = true;
                    if included.is_none() && filter.matches(event) {
                        included = Some(filter);
                    }
                }
            }
        }
        match included {
            Some(filter) => Decided::Included(filter),
            None if includes => Decided::NotIncluded,
            None => Decided::NotExcluded,
        }
    }
}

impl PartialEq for EventFilters {
    fn eq(&self, other: &Self) -> bool {
        let texts = |filters: &Self| filters.filters.len();
        texts(self) == texts(other)
            && self
                .filters
                .iter()
                .zip(&other.filters)
                .all(|(one, other)| one.text == other.text)
    }
}

impl Eq for EventFilters {}

impl Hash for EventFilters {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for filter in &self.filters {
            filter.text.hash(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &[u8] =
        b"Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/100-1;2\r\nCallerIDName:\r\n\
        CallerIDName:  Zo\xc3\xab\r\nExten: 200\r\n\r\n";

    fn filters(lines: &[(&str, &str)]) -> EventFilters {
        let mut filters = EventFilters::default();
        for (criteria, pattern) in lines {
            filters
                .push("", &format!("eventfilter{criteria}"), pattern)
                .unwrap();
        }
        filters
    }

    fn pass(lines: &[(&str, &str)]) -> bool {
        filters(lines).pass(Frame::new(EVENT))
    }

    #[test]
    fn single_filters() {
        for (criteria, pattern, expected) in [
            ("", "Event: New", true),
            ("", "^Event: Newchannel.*Exten: 200", true),
            ("", "event", false),
            ("", "200$", false),
            ("", "200\r\n\r\n$", true),
            ("", "!Newchannel", false),
            ("", "!Hangup", true),
            ("(name(Newchannel))", "", true),
            ("(name(newchannel))", "", false),
            ("(action(exclude),name(Newchannel))", "", false),
            ("(header(Exten))", "", true),
            ("(header(exten))", "", false),
            ("(header(CallerIDName))", "", true),
            ("(header(CallerIDName),method(exact))", "Zoë", true),
            ("(header(Channel),method(ends_with))", ";2", true),
            ("(header(Channel),method(starts_with))", "SIP", false),
            ("(name(Hangup),header(Exten),method(contains))", "0", false),
            ("(method(contains))", "PJSIP/100", true),
            ("(method(exact))", "Newchannel", false),
            ("(header(Exten),method(regex))", "^[0-9]+$", true),
        ] {
            assert_eq!(
                pass(&[(criteria, pattern)]),
                expected,
                "{criteria} {pattern}"
            );
        }
    }

    #[test]
    fn combinations() {
        let (yes, no) = (("(name(Newchannel))", ""), ("(name(Hangup))", ""));
        let (out, keep) = (
            ("(action(exclude),name(Newchannel))", ""),
            ("(action(exclude),name(Hangup))", ""),
        );
        assert!(pass(&[]));
        assert!(pass(&[yes, no]));
        assert!(!pass(&[no]));
        assert!(!pass(&[out]));
        assert!(pass(&[keep]));
        assert!(pass(&[yes, keep]));
        assert!(!pass(&[no, keep]));
        assert!(!pass(&[yes, out]));
    }

    #[test]
    fn what_a_session_adds_is_bounded_by_its_cost() {
        let mut filters = EventFilters::default();
        let heavy = |number: u32| format!("a(x?.?){{250}}{number}");
        let added = (0..10).take_while(|number| filters.push_parts(None, &heavy(*number)).is_ok());
        assert_eq!(added.count(), 4);
        assert_eq!(
            filters.push_parts(None, &heavy(7)),
            Err(EventFilterError::TooCostly)
        );
        // What costs little still goes, and the configuration is the administrator's word.
        filters.push_parts(Some("name(Hangup)"), "").unwrap();
        filters.push("", "eventfilter", &heavy(8)).unwrap();
    }

    #[test]
    fn what_a_session_added_stays_with_other_filters_of_its_user() {
        let texts = |filters: &EventFilters| {
            let texts = filters.iter().map(|filter| filter.text().to_owned());
            texts.collect::<Vec<_>>()
        };
        let mut session = filters(&[("", "a"), ("", "b")]);
        session.push_parts(None, "b").unwrap();
        session.push_parts(None, "c").unwrap();
        let changed = filters(&[("", "c"), ("", "d")]).with_added_of(&session);
        let expected = ["eventfilter=b", "eventfilter=c", "eventfilter=d"];
        assert_eq!(texts(&changed), expected);
        assert_eq!(changed.added_bytes(), session.added_bytes());
        let again = EventFilters::default().with_added_of(&changed);
        assert_eq!(
            texts(&again),
            expected[..2],
            "b and c were its own all along"
        );
    }

    #[test]
    fn the_same_filters_are_equal_in_any_order() {
        let (one, other) = (("", "a"), ("(name(X))", ""));
        assert_eq!(filters(&[one, other]), filters(&[other, one, other]));
        assert_ne!(filters(&[one]), filters(&[other]));
    }
}
