//! Pieces of the engine's representation that know their size.

use regex_syntax::hir::{Class, Hir, HirKind, Repetition};

/// A part of the result, and how many parts it consists of.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) hir: Hir,
    pub(super) size: usize,
}

impl Part {
    pub(super) fn single(hir: Hir) -> Self {
        let size = match hir.kind() {
            HirKind::Class(Class::Unicode(set)) => 1 + set.ranges().len() / 64,
            _ => 1,
        };
        Self { hir, size }
    }

    pub(super) fn empty() -> Self {
        Self::single(Hir::empty())
    }

    pub(super) fn repeat(self, min: u32, max: Option<u32>) -> Self {
        let hir = Hir::repetition(Repetition {
            min,
            max,
            greedy: true,
            sub: Box::new(self.hir),
        });
        Self {
            hir,
            size: self.size + 1,
        }
    }
}

/// All of them, one after the other; nothing, if one of them cannot match.
pub(super) fn sequence(parts: impl IntoIterator<Item = Option<Part>>) -> Option<Part> {
    let parts = parts.into_iter().collect::<Option<Vec<_>>>()?;
    let size = parts.iter().map(|part| part.size).sum();
    let hir = Hir::concat(parts.into_iter().map(|part| part.hir).collect());
    Some(Part { hir, size })
}

pub(super) fn either(branches: impl IntoIterator<Item = Part>) -> Option<Part> {
    let branches: Vec<_> = branches.into_iter().collect();
    let size = branches.iter().map(|part| part.size).sum();
    let hir = Hir::alternation(branches.into_iter().map(|part| part.hir).collect());
    (size > 0).then_some(Part { hir, size })
}
