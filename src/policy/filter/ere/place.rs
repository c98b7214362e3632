//! Where the parts of a sequence stand, as far as anchors care.

use super::ast::{Ast, Traits};

/// Where a part stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// It belongs to one of glibc's copies.
    pub(super) in_copy: bool,
    /// So does what comes after it.
    pub(super) before_copy: bool,
    /// The match consumes nothing before it.
    pub(super) first: bool,
    /// The match consumes nothing after it.
    pub(super) last: bool,
}

/// Neighbours in a sequence that are treated as one: an anchored part, or all between two of them.
pub(super) struct Piece<'a> {
    pub(super) parts: &'a [Ast],
    pub(super) traits: Traits,
    pub(super) before_copy: bool,
}

pub(super) fn pieces(parts: &[Ast], place: Place) -> Vec<Piece<'_>> {
    let mut pieces: Vec<_> = parts
        .chunk_by(|one, next| !one.has_anchor() && !next.has_anchor())
        .map(|parts| Piece {
            parts,
            traits: Traits::of_all(parts),
            before_copy: place.before_copy,
        })
        .collect();
    let mut next = place.before_copy;
    for piece in pieces.iter_mut().rev() {
        piece.before_copy = next;
        next = piece
            .parts
            .first()
            .is_some_and(|part| starts_in_copy(part, place.in_copy));
    }
    pieces
}

/// Whether what a part begins with counts as belonging to a copy. `()` never does.
fn starts_in_copy(part: &Ast, in_copy: bool) -> bool {
    match part {
        Ast::EmptyGroup => false,
        Ast::Instance { part, copy } => starts_in_copy(part, in_copy || *copy),
        Ast::Repeat { part, min: 1.., .. } => starts_in_copy(part, in_copy),
        Ast::Sequence(parts) => parts
            .first()
            .map_or(in_copy, |part| starts_in_copy(part, in_copy)),
        _ => in_copy,
    }
}

/// The place of each piece, if it is the same in every match as far as its anchors care.
pub(super) fn places(pieces: &[Piece<'_>], place: Place) -> Option<Vec<Place>> {
    let first = edges(pieces.iter(), place.first, |traits| traits.caret)?;
    let mut last = edges(pieces.iter().rev(), place.last, |traits| traits.dollar)?;
    last.reverse();
    let edges = first.into_iter().zip(last);
    let places = pieces
        .iter()
        .zip(edges)
        .map(|(piece, (first, last))| Place {
            in_copy: place.in_copy,
            before_copy: piece.before_copy,
            first,
            last,
        });
    Some(places.collect())
}

/// Whether nothing is consumed on the way to each piece; no answer, if it depends and a piece cares.
fn edges<'a>(
    pieces: impl Iterator<Item = &'a Piece<'a>>,
    edge: bool,
    cares: impl Fn(&Traits) -> bool,
) -> Option<Vec<bool>> {
    let mut possible = edge;
    let mut certain = edge;
    let mut edges = Vec::new();
    for piece in pieces {
        if possible != certain && cares(&piece.traits) {
            return None;
        }
        edges.push(certain);
        possible &= piece.traits.nullable;
        certain &= !piece.traits.consuming;
    }
    Some(edges)
}
