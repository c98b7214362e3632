//! All fixed texts of a group of conditions, found in one pass over the text: those that are a condition by
//! themselves, and those that must occur before a pattern is worth running.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};

use super::bits::Bits;
use crate::policy::filter::shape::{AnyOf, Fixed};

/// Up to so many bytes of needles they become the fastest kind of automaton, with a row for each byte.
const FAST_BYTES_MAX: usize = 32 * 1024;

/// Most needles that end in one another, as `b`, `ab` and `aab` do: all of them are found at each place.
const NESTED_MAX: usize = 8;

/// What is searched for, before it is compiled.
#[derive(Debug, Default)]
pub(super) struct NeedlesBuilder {
    numbers: HashMap<Vec<u8>, usize>,
    needles: Vec<Needle>,
    requirements: HashMap<AnyOf, usize>,
    requirement_count: usize,
}

/// What it means that a text occurs.
#[derive(Debug, Default)]
struct Needle {
    /// Conditions that hold then, wherever it stands.
    anywhere: Vec<u32>,
    /// Conditions that hold only if it stands there.
    anchored: Vec<Anchored>,
    /// Requirements that are met then.
    requirements: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Anchored {
    condition: u32,
    at_start: bool,
    at_end: bool,
}

impl NeedlesBuilder {
    /// A condition that holds exactly where one of these stands.
    pub(super) fn condition(&mut self, condition: u32, texts: &[Fixed]) {
        for text in texts {
            self.on(&text.bytes, |needle| match (text.at_start, text.at_end) {
                (false, false) => needle.anywhere.push(condition),
                (at_start, at_end) => needle.anchored.push(Anchored {
                    condition,
                    at_start,
                    at_end,
                }),
            });
        }
    }

    /// A requirement: one of these occurs. Returns its number.
    pub(super) fn requirement(&mut self, texts: &AnyOf) -> usize {
        if let Some(number) = self.requirements.get(texts) {
            return *number;
        }
        let number = self.requirement_count;
        self.requirement_count += 1;
        self.requirements.insert(texts.clone(), number);
        for text in texts {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            self.on(text, |needle| needle.requirements.push(number));
        }
        number
    }

    /// How many different requirements there are.
    pub(super) const fn requirement_count(&self) -> usize {
        self.requirement_count
    }

    /// Adds to what it means that `text` occurs.
    fn on(&mut self, text: &[u8], add: impl FnOnce(&mut Needle)) {
        let next = self.needles.len();
        let number = *self.numbers.entry(text.to_vec()).or_insert(next);
        if number == next {
            self.needles.push(Needle::default());
        }
        if let Some(needle) = self.needles.get_mut(number) {
            add(needle);
        }
    }

    /// The automaton; `None` if there is nothing to search for.
    ///
    /// # Errors
    /// It would be too large.
    pub(super) fn build(self) -> Result<Option<Needles>, BuildError> {
        let mut texts = vec![Vec::new(); self.needles.len()];
        for (text, number) in self.numbers {
            if let Some(slot) = texts.get_mut(number) {
                *slot = text;
            }
        }
        let bytes: usize = texts.iter().map(Vec::len).sum();
        if bytes == 0 {
            return Ok(None);
        }
        let kind = match bytes <= FAST_BYTES_MAX {
            true => AhoCorasickKind::DFA,
            false => AhoCorasickKind::ContiguousNFA,
        };
        let automaton = AhoCorasick::builder()
            .kind(Some(kind))
            .prefilter(false)
            .build(&texts)?;
        Ok(Some(Needles {
            seen: Bits::new(self.needles.len()),
            automaton,
            needles: self.needles,
        }))
    }
}

/// Which of these texts end in more than a few others; they had better not be searched for together.
pub(super) fn too_nested<'t>(texts: impl Iterator<Item = &'t [u8]> + Clone) -> Vec<bool> {
    let Ok(automaton) = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(texts.clone().collect::<std::collections::BTreeSet<_>>())
    else {
        return texts.map(|_| true).collect();
    };
    texts
        .map(|text| {
            let ends = automaton.find_overlapping_iter(text);
            ends.filter(|found| found.end() == text.len()).count() > NESTED_MAX
        })
        .collect()
}

/// The compiled texts.
#[derive(Debug)]
pub(super) struct Needles {
    automaton: AhoCorasick,
    needles: Vec<Needle>,
    /// Scratch: what was found in this text before.
    seen: Bits,
}

impl Needles {
    /// Tells which conditions hold in `text`, and which requirements are met; each at least once.
    pub(super) fn search(
        &mut self,
        text: &[u8],
        mut condition: impl FnMut(u32),
        mut requirement: impl FnMut(u32),
    ) {
        self.seen.clear();
        for found in self.automaton.find_overlapping_iter(text) {
            let number = found.pattern().as_usize();
            let Some(needle) = self.needles.get(number) else {
                continue;
            };
            for anchored in &needle.anchored {
                let right = (!anchored.at_start || found.start() == 0)
                    && (!anchored.at_end || found.end() == text.len());
                if right {
                    condition(anchored.condition);
                }
            }
            if self.seen.insert(number) {
                needle.anywhere.iter().copied().for_each(&mut condition);
                needle
                    .requirements
                    .iter()
                    .copied()
                    .for_each(&mut requirement);
            }
        }
    }
}
