//! What fixed text a pattern is made of: whether it is nothing else, or which texts must occur wherever it matches.
//! Many patterns are found at once by their fixed texts, and most need not be looked at any further.

use regex_syntax::hir::{Class, Hir, HirKind, Look};

use super::matcher::Matcher;

/// Most texts that stand for one pattern, or of which one must occur.
const TEXTS_MAX: usize = 32;

/// Longest fixed text that is searched for; of longer ones, the beginning is.
pub const TEXT_BYTES_MAX: usize = 128;

/// Shorter texts occur in nearly every event and say nothing.
const REQUIRED_BYTES_MIN: usize = 3;

/// Most requirements of one pattern that are worth checking.
const REQUIREMENTS_MAX: usize = 4;

/// A fixed text, and where it has to stand.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fixed {
    /// The text; not empty.
    pub bytes: Vec<u8>,
    /// Only at the start.
    pub at_start: bool,
    /// Only at the end.
    pub at_end: bool,
}

/// A set of texts of which at least one occurs wherever the pattern matches.
pub type AnyOf = Vec<Vec<u8>>;

/// What is known of a pattern without running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// It matches every text that is not empty.
    Always,
    /// It matches exactly where one of these stands.
    Fixed(Vec<Fixed>),
    /// It has to be run; but only where, of each of these sets, one text occurs.
    Required(Vec<AnyOf>),
}

impl Shape {
    /// The shape of what a filter compares with.
    pub fn of(matcher: &Matcher) -> Self {
        let fixed = |literal: &super::matcher::Literal, at_start, at_end| {
            let bytes = literal.bytes();
            if bytes.is_empty() || bytes.len() > TEXT_BYTES_MAX {
                let beginning = bytes.get(..TEXT_BYTES_MAX).map(<[u8]>::to_vec);
                return Self::Required(beginning.map(|text| vec![text]).into_iter().collect());
            }
            Self::Fixed(vec![Fixed {
                bytes: bytes.to_vec(),
                at_start,
                at_end,
            }])
        };
        match matcher {
            Matcher::Present => Self::Always,
            Matcher::Exact(literal) => fixed(literal, true, true),
            Matcher::StartsWith(literal) => fixed(literal, true, false),
            Matcher::EndsWith(literal) => fixed(literal, false, true),
            Matcher::Contains(literal) => fixed(literal, false, false),
            Matcher::Regex(regex) => regex
                .hir()
                .map_or_else(|_| Self::Required(Vec::new()), |hir| Self::of_hir(&hir)),
        }
    }

    /// The shape of a regular expression, as [`super::ere::parse`] gives it or [`trim`]med.
    pub fn of_hir(hir: &Hir) -> Self {
        if can_be_nothing(hir) {
            return Self::Always;
        }
        match fixed_texts(hir) {
            Some(texts) if texts.iter().all(|text| text.bytes.len() <= TEXT_BYTES_MAX) => {
                Self::Fixed(texts)
            }
            _ => Self::Required(requirements(hir)),
        }
    }
}

/// Whether it can match nothing at all, at any place.
fn can_be_nothing(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty => true,
        HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
        HirKind::Repetition(repetition) => repetition.min == 0 || can_be_nothing(&repetition.sub),
        HirKind::Capture(group) => can_be_nothing(&group.sub),
        HirKind::Concat(parts) => parts.iter().all(can_be_nothing),
        HirKind::Alternation(parts) => parts.iter().any(can_be_nothing),
    }
}

/// The edge of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    Start,
    End,
}

/// The same question in fewer words: a pattern that is searched for anywhere loses nothing with `.*` at its ends.
pub fn trim(hir: Hir) -> Hir {
    trim_edge(trim_edge(hir, Edge::Start), Edge::End)
}

fn trim_edge(hir: Hir, edge: Edge) -> Hir {
    if can_be_nothing(&hir) {
        return Hir::empty();
    }
    match hir.into_kind() {
        HirKind::Capture(group) => trim_edge(*group.sub, edge),
        HirKind::Alternation(parts) => Hir::alternation(
            parts
                .into_iter()
                .map(|part| trim_edge(part, edge))
                .collect(),
        ),
        HirKind::Repetition(repetition) if repetition.min == 1 => trim_edge(*repetition.sub, edge),
        HirKind::Repetition(mut repetition) => {
            repetition.max = Some(repetition.min);
            Hir::repetition(repetition)
        }
        HirKind::Concat(mut parts) => {
            let kept = match edge {
                Edge::Start => parts.iter().position(|part| !can_be_nothing(part)),
                Edge::End => parts.iter().rposition(|part| !can_be_nothing(part)),
            };
            let kept = kept.unwrap_or_default();
            let at = match edge {
                Edge::Start => {
                    parts.drain(..kept.min(parts.len()));
                    0
                }
                Edge::End => {
                    parts.truncate(kept + 1);
                    parts.len().saturating_sub(1)
                }
            };
            if let Some(part) = parts.get_mut(at) {
                *part = trim_edge(std::mem::replace(part, Hir::empty()), edge);
            }
            Hir::concat(parts)
        }
        HirKind::Literal(literal) => Hir::literal(literal.0),
        HirKind::Class(class) => Hir::class(class),
        HirKind::Look(look) => Hir::look(look),
        HirKind::Empty => Hir::empty(),
    }
}

/// Every text that it can match, if these are few and fixed.
fn expand(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![Vec::new()]),
        HirKind::Literal(literal) => Some(vec![literal.0.to_vec()]),
        HirKind::Look(_) => None,
        HirKind::Class(Class::Unicode(class)) => {
            let count: usize = class.ranges().iter().map(|range| range.len()).sum();
            (1..=TEXTS_MAX).contains(&count).then(|| {
                let characters = class.iter().flat_map(|range| range.start()..=range.end());
                characters.map(|c| c.to_string().into_bytes()).collect()
            })
        }
        HirKind::Class(Class::Bytes(_)) => None,
        HirKind::Capture(group) => expand(&group.sub),
        HirKind::Repetition(repetition) => {
            let max = repetition.max.filter(|max| *max <= 4)?;
            let once = expand(&repetition.sub)?;
            let mut texts = Vec::new();
            let mut times = vec![Vec::new()];
            for count in 0..=max {
                if count >= repetition.min {
                    texts.extend(times.iter().cloned());
                }
                times = product(&times, &once)?;
            }
            (texts.len() <= TEXTS_MAX).then_some(texts)
        }
        HirKind::Concat(parts) => parts.iter().try_fold(vec![Vec::new()], |texts, part| {
            product(&texts, &expand(part)?)
        }),
        HirKind::Alternation(parts) => {
            let mut texts = Vec::new();
            for part in parts {
                texts.extend(expand(part)?);
            }
            (texts.len() <= TEXTS_MAX).then_some(texts)
        }
    }
}

/// Every text of the one followed by every text of the other.
fn product(one: &[Vec<u8>], other: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
    (one.len() * other.len() <= TEXTS_MAX).then(|| {
        one.iter()
            .flat_map(|start| other.iter().map(|end| [start.as_slice(), end].concat()))
            .collect()
    })
}

/// The texts that it is nothing else than.
fn fixed_texts(hir: &Hir) -> Option<Vec<Fixed>> {
    let texts = match hir.kind() {
        HirKind::Alternation(parts) => {
            let mut texts = Vec::new();
            for part in parts {
                texts.extend(fixed_texts(part)?);
            }
            texts
        }
        HirKind::Capture(group) => fixed_texts(&group.sub)?,
        HirKind::Concat(parts) => {
            let is = |part: Option<&Hir>, look| {
                part.is_some_and(|part| matches!(part.kind(), HirKind::Look(this) if *this == look))
            };
            let at_start = is(parts.first(), Look::Start);
            let at_end = is(parts.last(), Look::End);
            let end = parts.len() - usize::from(at_end);
            let inner = parts.get(usize::from(at_start)..end)?;
            let texts = inner.iter().try_fold(vec![Vec::new()], |texts, part| {
                product(&texts, &expand(part)?)
            })?;
            let fixed = |bytes| Fixed {
                bytes,
                at_start,
                at_end,
            };
            texts.into_iter().map(fixed).collect()
        }
        _ => {
            let fixed = |bytes| Fixed {
                bytes,
                at_start: false,
                at_end: false,
            };
            expand(hir)?.into_iter().map(fixed).collect()
        }
    };
    let useful = texts.len() <= TEXTS_MAX && texts.iter().all(|text| !text.bytes.is_empty());
    useful.then_some(texts)
}

/// The sets of texts of which one each must occur, the most telling first.
fn requirements(hir: &Hir) -> Vec<AnyOf> {
    let mut found = Vec::new();
    collect(hir, &mut found);
    for texts in &mut found {
        for text in texts.iter_mut() {
            text.truncate(TEXT_BYTES_MAX);
        }
        texts.sort_unstable();
        texts.dedup();
    }
    found.retain(|texts| shortest(texts) >= REQUIRED_BYTES_MIN);
    found.sort_by_key(|texts| (usize::MAX - shortest(texts), texts.len()));
    found.dedup();
    found.truncate(REQUIREMENTS_MAX);
    found
}

fn shortest(texts: &[Vec<u8>]) -> usize {
    texts.iter().map(Vec::len).min().unwrap_or_default()
}

fn collect(hir: &Hir, found: &mut Vec<AnyOf>) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) => {}
        HirKind::Literal(literal) => found.push(vec![literal.0.to_vec()]),
        HirKind::Capture(group) => collect(&group.sub, found),
        HirKind::Repetition(repetition) if repetition.min > 0 => collect(&repetition.sub, found),
        HirKind::Repetition(_) => {}
        HirKind::Concat(parts) => collect_in_a_row(parts, found),
        HirKind::Alternation(parts) => {
            let mut any = Vec::new();
            for part in parts {
                let Some(best) = requirements(part).into_iter().next() else {
                    return;
                };
                any.extend(best);
            }
            if any.len() <= TEXTS_MAX {
                found.push(any);
            }
        }
    }
}

/// Fixed parts beside each other make one longer text; what stands between two characters takes no room.
fn collect_in_a_row(parts: &[Hir], found: &mut Vec<AnyOf>) {
    let mut run = vec![Vec::new()];
    for part in parts {
        if matches!(part.kind(), HirKind::Look(_)) {
            continue;
        }
        let texts = expand(part);
        if let Some(longer) = texts.as_ref().and_then(|texts| product(&run, texts)) {
            run = longer;
            continue;
        }
        found.push(std::mem::take(&mut run));
        match texts {
            Some(texts) => run = texts,
            None => {
                collect(part, found);
                run = vec![Vec::new()];
            }
        }
    }
    found.push(run);
}

#[cfg(test)]
mod tests;
