//! Regular expressions by the dozen, run in one pass: an automaton whose states are made as they are needed, within
//! bounded memory. Where that does not go well with some text, it gives up, and the caller asks pattern by pattern.

use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{NFA, WhichCaptures};
use regex_automata::{Input, MatchKind, PatternSet};
use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// Most patterns of one automaton: a pattern that multiplies the states spoils no more than these.
pub(super) const PATTERNS_MAX: usize = 128;

/// Bytes of the states of one automaton.
const CACHE_BYTES: usize = 2 * 1024 * 1024;

/// How often the states may be thrown away before it is asked whether they are worth their making, and how many bytes of
/// text each must have served for.
const CLEARED_MAX: usize = 4;
const BYTES_PER_STATE: usize = 10;

/// Bytes of the patterns' own automaton, for all of them.
const PATTERNS_BYTES_MAX: usize = 8 * 1024 * 1024;

/// After so many times, and more than one in so many searches, an automaton is not tried any more.
const GIVEN_UP_MAX: u64 = 32;
const GIVEN_UP_SHARE: u64 = 16;

/// Patterns that had better not be in one automaton.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Temper {
    /// What it has seen is soon forgotten.
    Plain,
    /// It remembers one thing while it waits for another: the states of such patterns multiply.
    Patient,
    /// It asks for ends of words, for which texts that are not ASCII have to be given up.
    Words,
}

impl Temper {
    pub(super) fn of(hir: &Hir) -> Self {
        if hir.properties().look_set().contains_word() {
            Self::Words
        } else if waits(hir) {
            Self::Patient
        } else {
            Self::Plain
        }
    }
}

/// Whether there is a repetition of many different characters without a near end.
fn waits(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
        HirKind::Repetition(Repetition { max, sub, .. }) => {
            waits(sub) || (max.is_none_or(|max| max > 8) && is_wide(sub))
        }
        HirKind::Capture(group) => waits(&group.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(waits),
    }
}

fn is_wide(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            class
                .ranges()
                .iter()
                .map(|range| range.len())
                .sum::<usize>()
                > 64
        }
        HirKind::Class(Class::Bytes(_)) => true,
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => false,
        HirKind::Repetition(repetition) => is_wide(&repetition.sub),
        HirKind::Capture(group) => is_wide(&group.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(is_wide),
    }
}

/// It gave up: which patterns match has to be found out in another way.
#[derive(Debug)]
pub(super) struct GaveUp;

/// The automaton of some patterns.
#[derive(Debug)]
pub(super) struct Automaton {
    dfa: DFA,
    cache: Cache,
    found: PatternSet,
    searches: u64,
    given_up: u64,
}

impl Automaton {
    /// Compiles; `None` if they are too large together.
    pub(super) fn build(patterns: &[Hir]) -> Option<Self> {
        let config = NFA::config()
            .which_captures(WhichCaptures::None)
            .utf8(false)
            .nfa_size_limit(Some(PATTERNS_BYTES_MAX));
        let nfa = NFA::compiler()
            .configure(config)
            .build_many_from_hir(patterns)
            .ok()?;
        let config = DFA::config()
            .match_kind(MatchKind::All)
            .unicode_word_boundary(true)
            .cache_capacity(CACHE_BYTES)
            .minimum_cache_clear_count(Some(CLEARED_MAX))
            .minimum_bytes_per_state(Some(BYTES_PER_STATE));
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa).ok()?;
        Some(Self {
            cache: dfa.create_cache(),
            found: PatternSet::new(patterns.len()),
            dfa,
            searches: 0,
            given_up: 0,
        })
    }

    /// Whether it is still worth trying.
    pub(super) const fn is_worth_it(&self) -> bool {
        self.given_up < GIVEN_UP_MAX || self.given_up < self.searches / GIVEN_UP_SHARE
    }

    /// The numbers of the patterns that match somewhere in `text`.
    ///
    /// # Errors
    /// It gave up.
    pub(super) fn search(&mut self, text: &[u8]) -> Result<impl Iterator<Item = usize>, GaveUp> {
        self.searches += 1;
        self.found.clear();
        let searched = self.dfa.try_which_overlapping_matches(
            &mut self.cache,
            &Input::new(text),
            &mut self.found,
        );
        if searched.is_err() {
            self.given_up += 1;
            return Err(GaveUp);
        }
        Ok(self.found.iter().map(|pattern| pattern.as_usize()))
    }
}
