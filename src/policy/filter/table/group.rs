//! Many conditions on one and the same text: all of them are decided in about one pass, by what they have in common.
//!
//! Fixed texts are found by one automaton. A regular expression is run only where the fixed text that it must contain
//! was found; those that are due are run one by one while they are few, and else by the dozen.

use std::collections::HashSet;
use std::ops::Range;

use regex_syntax::hir::{Hir, Look};

use super::automaton::{Automaton, PATTERNS_MAX, Temper};
use super::bits::Bits;
use super::needles::{Needles, NeedlesBuilder, too_nested};
use crate::policy::filter::matcher::Matcher;
use crate::policy::filter::shape::{AnyOf, Fixed, Shape};

/// Up to so many conditions are asked one by one, whatever they are.
const FEW: usize = 3;

/// Up to so many of the patterns of an automaton are run one by one rather than by it.
const ONE_BY_ONE_MAX: usize = 6;

/// A condition with the number by which it is told.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) number: u32,
    pub(super) matcher: Matcher,
}

/// A condition that has to be run.
#[derive(Debug)]
struct Pattern {
    condition: Condition,
    /// What must have been found besides what made it due.
    needs: Box<[u32]>,
}

/// Patterns that are run together.
#[derive(Debug)]
struct Chunk {
    patterns: Range<usize>,
    automaton: Option<Automaton>,
    /// Every pattern is due with every text.
    is_eager: bool,
    /// Scratch: the patterns that are due.
    due: Vec<usize>,
}

/// Conditions on one text.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Those that hold for every text that is not empty.
    always: Vec<u32>,
    needles: Option<Needles>,
    /// The patterns, those of one chunk beside each other.
    patterns: Vec<Pattern>,
    chunks: Vec<Chunk>,
    /// By requirement: the patterns that are due once it is met, with their chunks.
    due_with: Vec<Vec<(usize, usize)>>,
    /// Scratch: the requirements that are met.
    met: Bits,
    met_list: Vec<u32>,
}

/// A condition on its way into a group.
struct Draft {
    condition: Condition,
    hir: Hir,
    temper: Temper,
    requirements: Vec<AnyOf>,
}

impl Group {
    /// Sorts conditions by their shape and compiles them.
    pub(super) fn build(conditions: Vec<Condition>) -> Self {
        let mut group = Self::default();
        if conditions.len() <= FEW {
            group.keep_few(conditions);
            return group;
        }
        let shaped: Vec<_> = conditions
            .into_iter()
            .map(|condition| (Shape::of(&condition.matcher), condition))
            .collect();
        let nested = nested_texts(shaped.iter().map(|(shape, _)| shape));
        let mut needles = NeedlesBuilder::default();
        let mut drafts = Vec::new();
        for (shape, condition) in &shaped {
            let requirements = match shape {
                Shape::Always => {
                    group.always.push(condition.number);
                    continue;
                }
                Shape::Fixed(texts) if texts.iter().all(|text| !nested.contains(&text.bytes)) => {
                    needles.condition(condition.number, texts);
                    continue;
                }
                Shape::Fixed(_) => Vec::new(),
                Shape::Required(sets) => {
                    let possible = |set: &&AnyOf| set.iter().all(|text| !nested.contains(text));
                    sets.iter().filter(possible).cloned().collect()
                }
            };
            let hir = hir_of(&condition.matcher);
            drafts.push(Draft {
                temper: Temper::of(&hir),
                hir,
                condition: condition.clone(),
                requirements,
            });
        }
        group.add_patterns(drafts, &mut needles);
        group.met = Bits::new(needles.requirement_count());
        let Ok(needles) = needles.build() else {
            let mut group = Self::default();
            group.keep_few(shaped.into_iter().map(|(_, condition)| condition).collect());
            return group;
        };
        group.needles = needles;
        group
    }

    /// Conditions that are asked one by one.
    fn keep_few(&mut self, conditions: Vec<Condition>) {
        self.chunks.push(Chunk {
            patterns: 0..conditions.len(),
            automaton: None,
            is_eager: true,
            due: Vec::new(),
        });
        let pattern = |condition| Pattern {
            condition,
            needs: Box::default(),
        };
        self.patterns = conditions.into_iter().map(pattern).collect();
    }

    /// Whether there is no condition.
    pub(super) const fn is_empty(&self) -> bool {
        self.always.is_empty() && self.patterns.is_empty() && self.needles.is_none()
    }

    fn add_patterns(&mut self, mut drafts: Vec<Draft>, needles: &mut NeedlesBuilder) {
        drafts.sort_by_key(|draft| (draft.requirements.is_empty(), draft.temper));
        let same = |one: &Draft, other: &Draft| {
            one.temper == other.temper
                && one.requirements.is_empty() == other.requirements.is_empty()
        };
        let mut numbers = Vec::new();
        for draft in &drafts {
            let sets = draft.requirements.iter();
            numbers.push(sets.map(|set| needles.requirement(set)).collect::<Vec<_>>());
        }
        let mut users = vec![0_usize; needles.requirement_count()];
        for number in numbers.iter().flatten() {
            if let Some(count) = users.get_mut(*number) {
                *count += 1;
            }
        }
        self.due_with = vec![Vec::new(); needles.requirement_count()];
        let mut numbers = numbers.into_iter();
        for alike in drafts.chunk_by(same) {
            for some in alike.chunks(PATTERNS_MAX) {
                let chunk = self.add_chunk(some);
                for draft in some {
                    let needs = numbers.next().unwrap_or_default();
                    self.add_pattern(draft, needs, chunk, &users);
                }
            }
        }
    }

    fn add_chunk(&mut self, drafts: &[Draft]) -> usize {
        let start = self.patterns.len();
        let patterns: Vec<_> = drafts.iter().map(|draft| draft.hir.clone()).collect();
        self.chunks.push(Chunk {
            patterns: start..start + drafts.len(),
            automaton: (drafts.len() > ONE_BY_ONE_MAX)
                .then(|| Automaton::build(&patterns))
                .flatten(),
            is_eager: drafts
                .first()
                .is_some_and(|draft| draft.requirements.is_empty()),
            due: Vec::new(),
        });
        self.chunks.len() - 1
    }

    /// A pattern is due with the requirement that the fewest others have; the others are looked up then.
    fn add_pattern(&mut self, draft: &Draft, needs: Vec<usize>, chunk: usize, users: &[usize]) {
        let rarest = needs.iter().copied().min_by_key(|need| users.get(*need));
        let pattern = self.patterns.len();
        if let Some(due_with) = rarest.and_then(|rarest| self.due_with.get_mut(rarest)) {
            due_with.push((pattern, chunk));
        }
        let others = needs.into_iter().filter(|need| Some(*need) != rarest);
        self.patterns.push(Pattern {
            condition: draft.condition.clone(),
            needs: others.filter_map(|need| u32::try_from(need).ok()).collect(),
        });
    }

    /// Tells which conditions hold for `text`, each at least once; returns how often an automaton gave up.
    pub(super) fn search(&mut self, text: &[u8], mut holds: impl FnMut(u32)) -> u64 {
        if text.is_empty() {
            return 0;
        }
        self.always.iter().copied().for_each(&mut holds);
        let Self { met, met_list, .. } = self;
        if let Some(needles) = &mut self.needles {
            met_list.clear();
            met.clear();
            needles.search(text, &mut holds, |requirement| {
                if met.insert(requirement as usize) {
                    met_list.push(requirement);
                }
            });
            self.note_due();
        }
        let mut given_up = 0;
        for chunk in &mut self.chunks {
            given_up += chunk.search(&self.patterns, text, &mut holds);
        }
        given_up
    }

    fn note_due(&mut self) {
        for requirement in &self.met_list {
            let Some(due_with) = self.due_with.get(*requirement as usize) else {
                continue;
            };
            for (pattern, chunk) in due_with {
                let is_due = self.patterns.get(*pattern).is_some_and(|pattern| {
                    let mut needs = pattern.needs.iter();
                    needs.all(|need| self.met.contains(*need as usize))
                });
                if is_due && let Some(chunk) = self.chunks.get_mut(*chunk) {
                    chunk.due.push(*pattern);
                }
            }
        }
    }
}

impl Chunk {
    fn search(&mut self, patterns: &[Pattern], text: &[u8], holds: &mut impl FnMut(u32)) -> u64 {
        let own = patterns.get(self.patterns.clone()).unwrap_or_default();
        let due = match self.is_eager {
            true => own.len(),
            false => self.due.len(),
        };
        let mut given_up = 0;
        if due > ONE_BY_ONE_MAX
            && let Some(automaton) = &mut self.automaton
            && automaton.is_worth_it()
        {
            if let Ok(found) = automaton.search(text) {
                let found = found.filter_map(|number| own.get(number));
                found.for_each(|pattern| holds(pattern.condition.number));
                self.due.clear();
                return 0;
            }
            given_up = 1;
        }
        let mut ask = |pattern: &Pattern| {
            if pattern.condition.matcher.is_match(text) {
                holds(pattern.condition.number);
            }
        };
        match self.is_eager {
            true => own.iter().for_each(ask),
            false => {
                let due = self.due.iter();
                due.filter_map(|pattern| patterns.get(*pattern))
                    .for_each(&mut ask);
            }
        }
        self.due.clear();
        given_up
    }
}

/// The fixed texts that end in more than a few others.
fn nested_texts<'s>(shapes: impl Iterator<Item = &'s Shape>) -> HashSet<Vec<u8>> {
    let mut texts = HashSet::new();
    for shape in shapes {
        match shape {
            Shape::Always => {}
            Shape::Fixed(fixed) => texts.extend(fixed.iter().map(|text| text.bytes.clone())),
            Shape::Required(sets) => texts.extend(sets.iter().flatten().cloned()),
        }
    }
    let nested = too_nested(texts.iter().map(Vec::as_slice));
    let nested: HashSet<_> = texts
        .iter()
        .zip(nested)
        .filter(|(_, nested)| *nested)
        .map(|(text, _)| text.clone())
        .collect();
    nested
}

/// What a filter compares with, as a regular expression.
fn hir_of(matcher: &Matcher) -> Hir {
    let anchored = |fixed: Fixed| {
        let start = fixed.at_start.then(|| Hir::look(Look::Start));
        let end = fixed.at_end.then(|| Hir::look(Look::End));
        let text = Hir::literal(fixed.bytes);
        Hir::concat(start.into_iter().chain([text]).chain(end).collect())
    };
    match matcher {
        Matcher::Regex(regex) => regex.hir().unwrap_or_else(|_| Hir::fail()),
        Matcher::Present => Hir::empty(),
        Matcher::Exact(literal)
        | Matcher::StartsWith(literal)
        | Matcher::EndsWith(literal)
        | Matcher::Contains(literal) => anchored(Fixed {
            bytes: literal.bytes().to_vec(),
            at_start: matches!(matcher, Matcher::Exact(_) | Matcher::StartsWith(_)),
            at_end: matches!(matcher, Matcher::Exact(_) | Matcher::EndsWith(_)),
        }),
    }
}
