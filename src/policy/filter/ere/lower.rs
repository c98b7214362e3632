//! From the tree of a pattern to the engine's representation.
//!
//! All is one to one but for anchors, which mean more in glibc than in its manual, and filters have to decide as they
//! do in Asterisk:
//!
//! * `^` holds at the start of the text, and after a line feed that the same match has consumed: `Event.*^Channel`
//!   finds a second line, but `^Channel` does not. `$` holds at the end of the text, and before a line feed that the
//!   match goes on to consume. (`build_trtable` and `group_nodes_into_DFAstates` in `posix/regexec.c` do not ask
//!   whether REG_NEWLINE was given.) So it matters whether anything is consumed before or after an anchor; where that
//!   differs from match to match, as in `a*^b`, the cases are written out.
//! * A repetition is written out as copies (`a{2,}` is `a`, a copy, and a starred copy; `a+` is `a` and a starred
//!   copy), and an anchor is forgotten if what comes after it belongs to a copy: `(^a){2}` matches `aa`.
//!   (`calc_eclosure_iter` takes these copies for those that it makes itself for anchors.)

use regex_syntax::hir::{Class, Hir, Look};

use super::ast::{self, Anchor, Ast, Traits};
use super::part::{Part, either, sequence};
use super::place::{Piece, Place, pieces, places};
use super::{EreError, limits};

pub(super) fn lower(ast: &Ast) -> Result<Hir, EreError> {
    let place = Place {
        in_copy: false,
        before_copy: false,
        first: true,
        last: true,
    };
    let whole = Lowering { parts: 0 }.part(ast, place, Extent::Any)?;
    Ok(whole.map_or_else(Hir::fail, |whole| whole.hir))
}

/// Which matches of a part are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Any,
    /// Only the empty ones.
    Empty,
    /// Only those that are not empty.
    Some,
}

/// `None` is a part that cannot match.
type Lowered = Result<Option<Part>, EreError>;

struct Lowering {
    parts: usize,
}

impl Lowering {
    fn part(&mut self, ast: &Ast, place: Place, extent: Extent) -> Lowered {
        self.spend(match ast {
            Ast::Set(set) => 1 + set.ranges().len() / 64,
            _ => 1,
        })?;
        let traits = ast.traits();
        let extent = match extent {
            Extent::Empty if !traits.nullable => return Ok(None),
            Extent::Some if !traits.consuming => return Ok(None),
            Extent::Some if !traits.nullable => Extent::Any,
            extent => extent,
        };
        let empty = (extent != Extent::Some).then(Part::empty);
        let consuming = extent != Extent::Empty;
        Ok(match ast {
            Ast::Nothing | Ast::EmptyGroup => empty,
            Ast::Character(character) => consuming.then(|| {
                let mut bytes = [0; 4];
                Part::single(Hir::literal(character.encode_utf8(&mut bytes).as_bytes()))
            }),
            Ast::Set(set) => {
                consuming.then(|| Part::single(Hir::class(Class::Unicode(set.clone()))))
            }
            Ast::Anchor(_) if place.before_copy => empty,
            Ast::Anchor(anchor) => empty.map(|_| Part::single(Hir::look(look(*anchor, place)))),
            Ast::Instance { part, copy } => {
                let in_copy = place.in_copy || *copy;
                self.part(part, Place { in_copy, ..place }, extent)?
            }
            Ast::Sequence(parts) => self.sequence(parts, place, extent)?,
            Ast::Choice(parts) => {
                let mut branches = Vec::with_capacity(parts.len());
                for part in parts {
                    branches.extend(self.part(part, place, extent)?);
                }
                either(branches)
            }
            Ast::Repeat { part, min, max } => match (min, max) {
                _ if !part.has_anchor() => self.plain_repeat(part, (*min, *max), place, extent)?,
                (0, None) => self.star(part, place, extent)?,
                (0, Some(1)) => match extent {
                    Extent::Empty => empty,
                    Extent::Some => self.part(part, place, extent)?,
                    Extent::Any => self
                        .part(part, place, extent)?
                        .map(|part| part.repeat(0, Some(1))),
                },
                (min, max) => {
                    let count = usize::try_from(max.unwrap_or(*min)).unwrap_or(usize::MAX);
                    self.spend(count)?;
                    self.part(&ast::written_out(part, *min, *max), place, extent)?
                }
            },
        })
    }

    /// Bounds the work: repetitions may be written out, and parts may be needed in several versions.
    fn spend(&mut self, parts: usize) -> Result<(), EreError> {
        self.parts = self.parts.saturating_add(parts);
        if self.parts > limits::PARTS_MAX {
            return Err(EreError::new(
                0,
                "the pattern is too large when its anchors and repetitions are written out",
            ));
        }
        Ok(())
    }

    fn copy(&mut self, part: &Option<Part>) -> Lowered {
        self.spend(part.as_ref().map_or(0, |part| part.size))?;
        Ok(part.clone())
    }

    /// A repetition of a part without anchors.
    fn plain_repeat(
        &mut self,
        part: &Ast,
        (min, max): (u32, Option<u32>),
        place: Place,
        extent: Extent,
    ) -> Lowered {
        let nullable = min == 0 || part.traits().nullable;
        if extent == Extent::Empty {
            return Ok(nullable.then(Part::empty));
        }
        let Some(all) = self.part(part, place, Extent::Any)? else {
            return Ok(nullable.then(Part::empty));
        };
        if extent == Extent::Any || !nullable {
            return Ok(Some(all.repeat(min, max)));
        }
        // One that is not empty, then as many others.
        let Some(one) = self.part(part, place, Extent::Some)? else {
            return Ok(None);
        };
        let others = all.repeat(min.saturating_sub(1), max.map(|max| max.saturating_sub(1)));
        Ok(sequence([Some(one), Some(others)]))
    }

    /// Any number of times. Empty rounds change nothing, so that only the others count.
    fn star(&mut self, part: &Ast, place: Place, extent: Extent) -> Lowered {
        if extent == Extent::Empty {
            return Ok(Some(Part::empty()));
        }
        // The operator itself comes after each round.
        let place = Place {
            before_copy: place.in_copy,
            ..place
        };
        let traits = part.traits();
        let cares = (place.first && traits.caret) || (place.last && traits.dollar);
        if !cares {
            let round = self.part(part, place, extent)?;
            let min = u32::from(extent == Extent::Some);
            return Ok(round.map(|round| round.repeat(min, None)));
        }
        let middle = Place {
            first: false,
            last: false,
            ..place
        };
        let middles = self.part(part, middle, Extent::Some)?;
        let middles = middles.map_or_else(Part::empty, |round| round.repeat(0, None));
        let only = self.part(part, place, Extent::Some)?;
        let first = self.part(
            part,
            Place {
                last: false,
                ..place
            },
            Extent::Some,
        )?;
        let last = self.part(
            part,
            Place {
                first: false,
                ..place
            },
            Extent::Some,
        )?;
        let several = sequence([first, Some(middles), last]);
        let some = either(only.into_iter().chain(several));
        Ok(match extent {
            Extent::Any => Some(some.map_or_else(Part::empty, |some| some.repeat(0, Some(1)))),
            _ => some,
        })
    }

    fn sequence(&mut self, parts: &[Ast], place: Place, extent: Extent) -> Lowered {
        let pieces = pieces(parts, place);
        if extent == Extent::Any
            && let Some(places) = places(&pieces, place)
        {
            let mut hirs = Vec::with_capacity(pieces.len());
            for (piece, place) in pieces.iter().zip(places) {
                hirs.push(self.piece(piece.parts, place, Extent::Any)?);
            }
            return Ok(sequence(hirs));
        }
        self.cases(&pieces, place, extent)
    }

    /// A sequence by the cases of what is empty in it, from its end.
    fn cases(&mut self, pieces: &[Piece<'_>], place: Place, extent: Extent) -> Lowered {
        if pieces.len() > limits::CASES_MAX {
            return Err(EreError::new(
                0,
                "the pattern has too many anchors between parts that may be empty",
            ));
        }
        let mut rest = Rest {
            empty: Some(Part::empty()),
            some_later: None,
            some_first: None,
            empty_first: Some(Part::empty()),
        };
        for piece in pieces.iter().rev() {
            let end = Place {
                before_copy: piece.before_copy,
                ..place
            };
            let later = Place {
                first: false,
                ..end
            };
            let (empty, some_later) =
                self.case(piece, later, (&rest.empty, &rest.some_later), &rest)?;
            let (empty_first, some_first) = if !place.first {
                (None, None)
            } else if piece.traits.caret || piece.traits.nullable {
                self.case(piece, end, (&rest.empty_first, &rest.some_first), &rest)?
            } else {
                // Something is consumed from here on.
                (None, self.copy(&some_later)?)
            };
            rest = Rest {
                empty,
                some_later,
                some_first,
                empty_first,
            };
        }
        let (empty, some) = if place.first {
            (rest.empty_first, rest.some_first)
        } else {
            (rest.empty, rest.some_later)
        };
        Ok(match extent {
            Extent::Empty => empty,
            Extent::Some => some,
            Extent::Any => either(empty.into_iter().chain(some)),
        })
    }

    /// A piece and the rest: all of it empty, and not all of it. If the piece is empty, the rest is `if_empty`.
    fn case(
        &mut self,
        piece: &Piece<'_>,
        place: Place,
        if_empty: (&Option<Part>, &Option<Part>),
        rest: &Rest,
    ) -> Result<(Option<Part>, Option<Part>), EreError> {
        let inside = Place {
            last: false,
            ..place
        };
        let empty_at_end = self.piece(piece.parts, place, Extent::Empty)?;
        let some_at_end = self.piece(piece.parts, place, Extent::Some)?;
        let (empty_inside, some_inside) = if piece.traits.dollar {
            let empty = self.piece(piece.parts, inside, Extent::Empty)?;
            (empty, self.piece(piece.parts, inside, Extent::Some)?)
        } else {
            (self.copy(&empty_at_end)?, self.copy(&some_at_end)?)
        };
        let empty = sequence([empty_at_end, self.copy(if_empty.0)?]);
        let some = [
            sequence([empty_inside, self.copy(if_empty.1)?]),
            sequence([some_at_end, self.copy(&rest.empty)?]),
            sequence([some_inside, self.copy(&rest.some_later)?]),
        ];
        Ok((empty, either(some.into_iter().flatten())))
    }

    /// One part, or several without anchors.
    fn piece(&mut self, parts: &[Ast], place: Place, extent: Extent) -> Lowered {
        if let [part] = parts {
            return self.part(part, place, extent);
        }
        let nullable = Traits::of_all(parts).nullable;
        match extent {
            Extent::Empty => Ok(nullable.then(Part::empty)),
            Extent::Some if nullable => {
                // Whichever is the first that is not empty, the others follow.
                let mut cases = Vec::new();
                let mut rest = parts;
                while let Some((part, others)) = rest.split_first() {
                    let one = self.part(part, place, Extent::Some)?;
                    let others_hir = self.piece(others, place, Extent::Any)?;
                    cases.extend(sequence([one, others_hir]));
                    rest = others;
                }
                Ok(either(cases))
            }
            _ => {
                let mut hirs = Vec::with_capacity(parts.len());
                for part in parts {
                    hirs.push(self.part(part, place, Extent::Any)?);
                }
                Ok(sequence(hirs))
            }
        }
    }
}

/// The rest of a sequence: all of it empty, and not all of it; after something was consumed, and while nothing was.
struct Rest {
    empty: Option<Part>,
    some_later: Option<Part>,
    empty_first: Option<Part>,
    some_first: Option<Part>,
}

fn look(anchor: Anchor, place: Place) -> Look {
    match anchor {
        Anchor::Caret if place.first => Look::Start,
        Anchor::Caret => Look::StartLF,
        Anchor::Dollar if place.last => Look::End,
        Anchor::Dollar => Look::EndLF,
        Anchor::Look(look) => look,
    }
}
