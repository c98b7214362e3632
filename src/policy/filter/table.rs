//! All event filters of one Asterisk's clients, judged together: one question per event, one verdict per set of filters.
//! The cost hardly depends on how many there are.
//!
//! What is asked twice is asked once: filters of different users that look at the same thing are one *condition*.
//! Conditions are grouped by what they look at (events of one name or all, the whole message or one header), each
//! group is decided in about one pass, and only the sets that a condition belongs to are touched when it holds.
//! [`EventFilters::pass`] says the same, filter by filter.

mod automaton;
mod bits;
mod group;
mod needles;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use self::bits::Bits;
use self::group::{Condition, Group};
use super::criteria::Kind;
use super::matcher::Matcher;
use crate::policy::event_filter::EventFilters;
use crate::protocol::frame::Frame;

/// Many sets of filters, compiled together.
#[derive(Debug, Default)]
pub struct FilterTable {
    sets: HashMap<Arc<EventFilters>, SetNumber>,
    /// The sets without a filter that takes events in: they pass what no filter keeps out.
    passing: Bits,
    uses: Vec<Uses>,
    /// What is asked of every event.
    every: Scope,
    /// What is asked of events of one name.
    by_name: HashMap<Box<[u8]>, Scope>,
    given_up: u64,
    /// Scratch: the conditions that hold for this event.
    holding: Bits,
    holding_list: Vec<u32>,
    verdicts: Bits,
}

/// A set of filters in a [`FilterTable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetNumber(usize);

/// The sets that a condition belongs to.
#[derive(Debug, Default)]
struct Uses {
    includes: Vec<usize>,
    excludes: Vec<usize>,
}

/// What is asked of some events.
#[derive(Debug, Default)]
struct Scope {
    /// Conditions that hold for all of them.
    always: Vec<u32>,
    /// Conditions on the whole message.
    message: Group,
    headers: Headers,
}

/// Conditions on the values of headers.
#[derive(Debug, Default)]
struct Headers {
    /// The first bytes of their names.
    starts: [u64; 4],
    /// Ordered by name.
    groups: Vec<(Box<[u8]>, Group)>,
}

/// Which sets of filters let an event pass.
#[derive(Debug, Clone, Copy)]
pub struct Verdicts<'a>(&'a Bits);

impl Verdicts<'_> {
    /// Whether it is sent to those who have this set.
    pub fn pass(self, set: SetNumber) -> bool {
        self.0.contains(set.0)
    }
}

impl FilterTable {
    /// Compiles sets of filters. This takes a while (some 30 microseconds per filter): not to be done between two events.
    pub fn build(sets: impl IntoIterator<Item = Arc<EventFilters>>) -> Self {
        let mut draft = Draft::default();
        for set in sets {
            draft.add(set);
        }
        draft.build()
    }

    /// The number of a set, if it is here.
    pub fn number(&self, set: &Arc<EventFilters>) -> Option<SetNumber> {
        self.sets.get(set).copied()
    }

    /// How many sets there are.
    pub fn set_count(&self) -> usize {
        self.sets.len()
    }

    /// How often an automaton gave up, and its patterns were asked one by one.
    pub const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Judges an event, given as Asterisk sends it.
    pub fn judge(&mut self, event: Frame<'_>) -> Verdicts<'_> {
        let Self {
            holding,
            holding_list,
            ..
        } = self;
        holding.clear();
        holding_list.clear();
        let mut holds = |condition: u32| {
            if holding.insert(condition as usize) {
                holding_list.push(condition);
            }
        };
        self.given_up += self.every.search(event, &mut holds);
        if !self.by_name.is_empty()
            && let Some(scope) = self.by_name.get_mut(event.name())
        {
            self.given_up += scope.search(event, &mut holds);
        }
        self.verdicts.copy_from(&self.passing);
        let uses = |condition: &u32| self.uses.get(*condition as usize);
        for uses in self.holding_list.iter().filter_map(uses) {
            for set in &uses.includes {
                self.verdicts.insert(*set);
            }
        }
        for uses in self.holding_list.iter().filter_map(uses) {
            for set in &uses.excludes {
                self.verdicts.remove(*set);
            }
        }
        Verdicts(&self.verdicts)
    }
}

impl Scope {
    fn search(&mut self, event: Frame<'_>, holds: &mut impl FnMut(u32)) -> u64 {
        self.always.iter().copied().for_each(&mut *holds);
        let mut given_up = 0;
        if !self.message.is_empty() {
            given_up += self.message.search(event.bytes(), &mut *holds);
        }
        if !self.headers.groups.is_empty() {
            for line in event.lines() {
                given_up += self.headers.search(line, holds);
            }
        }
        given_up
    }
}

impl Headers {
    fn new(groups: HashMap<String, Vec<Condition>>) -> Self {
        let mut headers = Self::default();
        for (name, conditions) in groups {
            let name: Box<[u8]> = name.into_bytes().into();
            if let Some((word, mask)) = name.first().and_then(|byte| headers.start(*byte)) {
                *word |= mask;
            }
            headers.groups.push((name, Group::build(conditions)));
        }
        headers.groups.sort_by(|one, other| one.0.cmp(&other.0));
        headers
    }

    fn start(&mut self, byte: u8) -> Option<(&mut u64, u64)> {
        let word = self.starts.get_mut(usize::from(byte / 64))?;
        Some((word, 1 << (byte % 64)))
    }

    fn search(&mut self, line: &[u8], holds: &mut impl FnMut(u32)) -> u64 {
        let is_start = |byte: &u8| {
            self.start(*byte)
                .is_some_and(|(word, mask)| *word & mask != 0)
        };
        if !line.first().is_some_and(is_start) {
            return 0;
        }
        let Some((name, value)) =
            memchr::memchr(b':', line).and_then(|at| line.split_at_checked(at))
        else {
            return 0;
        };
        let found = self.groups.binary_search_by(|group| (*group.0).cmp(name));
        let group = found.ok().and_then(|at| self.groups.get_mut(at));
        group.map_or(0, |(_, group)| group.search(value_of(value), holds))
    }
}

/// What stands behind the colon, without the blanks before it.
fn value_of(mut value: &[u8]) -> &[u8] {
    value = value.strip_prefix(b":").unwrap_or(value);
    while let [0..=32, rest @ ..] = value {
        value = rest;
    }
    value
}

/// What a condition looks at, and what it is.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ConditionKey {
    name: Option<String>,
    header: Option<String>,
    method: &'static str,
    pattern: Vec<u8>,
}

/// A table before it is compiled.
#[derive(Default)]
struct Draft {
    sets: HashMap<Arc<EventFilters>, SetNumber>,
    including: Vec<bool>,
    numbers: HashMap<ConditionKey, usize>,
    conditions: Vec<(Option<String>, Option<String>, Matcher)>,
    uses: Vec<Uses>,
}

impl Draft {
    fn add(&mut self, set: Arc<EventFilters>) {
        if self.sets.contains_key(&set) {
            return;
        }
        let number = self.including.len();
        let mut including = false;
        for filter in set.iter() {
            let criteria = filter.criteria();
            let (method, pattern) = identity(&criteria.matcher);
            let key = ConditionKey {
                name: criteria.name.clone(),
                header: criteria.header.clone(),
                method,
                pattern,
            };
            let next = self.conditions.len();
            let condition = *self.numbers.entry(key).or_insert(next);
            if condition == next {
                let (name, header) = (criteria.name.clone(), criteria.header.clone());
                self.conditions
                    .push((name, header, criteria.matcher.clone()));
                self.uses.push(Uses::default());
            }
            let Some(uses) = self.uses.get_mut(condition) else {
                continue;
            };
            match criteria.kind {
                Kind::Exclude => uses.excludes.push(number),
                Kind::Include | Kind::Require => {
                    including = true;
                    uses.includes.push(number);
                }
            }
        }
        self.including.push(including);
        self.sets.insert(set, SetNumber(number));
    }

    fn build(self) -> FilterTable {
        let mut passing = Bits::new(self.including.len());
        for (number, including) in self.including.iter().enumerate() {
            if !including {
                passing.insert(number);
            }
        }
        let mut scopes: HashMap<Option<String>, ScopeDraft> = HashMap::new();
        let count = self.conditions.len();
        for (number, (name, header, matcher)) in self.conditions.into_iter().enumerate() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            scopes
                .entry(name)
                .or_default()
                .add(header, Condition { number, matcher });
        }
        let every = scopes.remove(&None).unwrap_or_default().build();
        let by_name = scopes.into_iter().filter_map(|(name, scope)| {
            let name: Box<[u8]> = name?.into_bytes().into();
            Some((name, scope.build()))
        });
        FilterTable {
            sets: self.sets,
            verdicts: passing.clone(),
            passing,
            uses: self.uses,
            every,
            by_name: by_name.collect(),
            given_up: 0,
            holding: Bits::new(count),
            holding_list: Vec::with_capacity(count),
        }
    }
}

/// What makes two comparisons the same.
fn identity(matcher: &Matcher) -> (&'static str, Vec<u8>) {
    let literal = |literal: &super::matcher::Literal| literal.bytes().to_vec();
    match matcher {
        Matcher::Present => ("none", Vec::new()),
        Matcher::Exact(text) => ("exact", literal(text)),
        Matcher::StartsWith(text) => ("starts_with", literal(text)),
        Matcher::EndsWith(text) => ("ends_with", literal(text)),
        Matcher::Contains(text) => ("contains", literal(text)),
        Matcher::Regex(regex) => ("regex", regex.pattern().as_bytes().to_vec()),
    }
}

/// A scope before it is compiled.
#[derive(Default)]
struct ScopeDraft {
    always: Vec<u32>,
    message: Vec<Condition>,
    headers: HashMap<String, Vec<Condition>>,
}

impl ScopeDraft {
    fn add(&mut self, header: Option<String>, condition: Condition) {
        match header {
            Some(header) => self.headers.entry(header).or_default().push(condition),
            // An event is never empty: nothing more is asked of it.
            None if matches!(condition.matcher, Matcher::Present) => {
                self.always.push(condition.number);
            }
            None => self.message.push(condition),
        }
    }

    fn build(self) -> Scope {
        Scope {
            always: self.always,
            message: Group::build(self.message),
            headers: Headers::new(self.headers),
        }
    }
}
