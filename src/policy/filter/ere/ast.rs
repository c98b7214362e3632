//! The tree of a pattern, as close to the one that glibc's `posix/regcomp.c` builds as its meaning depends on that.

use std::rc::Rc;

use regex_syntax::hir::{ClassUnicode, Look};

/// A part of a pattern.
#[derive(Debug)]
pub(super) enum Ast {
    /// No part at all: an empty branch, or `a{0}`.
    Nothing,
    /// `()`: matches the empty text, and is a part.
    EmptyGroup,
    /// This character.
    Character(char),
    /// One character of these.
    Set(ClassUnicode),
    /// A place in the text.
    Anchor(Anchor),
    /// One after the other; none of them is `Nothing`.
    Sequence(Vec<Self>),
    /// One of them.
    Choice(Vec<Self>),
    /// A part several times; `max` of `None` means without end, and 0 does not occur.
    Repeat {
        part: Rc<Self>,
        min: u32,
        max: Option<u32>,
    },
    /// A repeated part once, when a repetition is written out: the part itself, or a copy of it.
    Instance { part: Rc<Self>, copy: bool },
}

/// A place in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// `^`
    Caret,
    /// `$`
    Dollar,
    /// One that means the same wherever it stands in a pattern.
    Look(Look),
}

/// What can be said about a part without matching it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traits {
    /// It can match the empty text, at some places at least.
    pub(super) nullable: bool,
    /// It can match a text that is not empty.
    pub(super) consuming: bool,
    /// There is an anchor in it.
    pub(super) anchor: bool,
    /// There is a `^` in it.
    pub(super) caret: bool,
    /// There is a `$` in it.
    pub(super) dollar: bool,
}

impl Traits {
    const EMPTY: Self = Self {
        nullable: true,
        consuming: false,
        anchor: false,
        caret: false,
        dollar: false,
    };

    fn with(self, other: Self, nullable: bool) -> Self {
        Self {
            nullable,
            consuming: self.consuming || other.consuming,
            anchor: self.anchor || other.anchor,
            caret: self.caret || other.caret,
            dollar: self.dollar || other.dollar,
        }
    }

    /// Those of parts one after the other.
    pub(super) fn of_all(parts: &[Ast]) -> Self {
        let all = parts.iter().map(Ast::traits);
        all.fold(Self::EMPTY, |sum, part| {
            sum.with(part, sum.nullable && part.nullable)
        })
    }
}

impl Ast {
    pub(super) fn traits(&self) -> Traits {
        match self {
            Self::Nothing | Self::EmptyGroup => Traits::EMPTY,
            Self::Character(_) | Self::Set(_) => Traits {
                nullable: false,
                consuming: true,
                ..Traits::EMPTY
            },
            Self::Anchor(anchor) => Traits {
                anchor: true,
                caret: *anchor == Anchor::Caret,
                dollar: *anchor == Anchor::Dollar,
                ..Traits::EMPTY
            },
            Self::Sequence(parts) => Traits::of_all(parts),
            Self::Choice(parts) => {
                let all = parts.iter().map(Self::traits);
                let any = all.reduce(|sum, part| sum.with(part, sum.nullable || part.nullable));
                any.unwrap_or(Traits::EMPTY)
            }
            Self::Repeat { part, min, .. } => {
                let part = part.traits();
                let nullable = part.nullable || *min == 0;
                Traits { nullable, ..part }
            }
            Self::Instance { part, .. } => part.traits(),
        }
    }

    pub(super) fn has_anchor(&self) -> bool {
        self.traits().anchor
    }
}

/// A repetition as glibc writes it out: the part and copies as often as it has to be there; then a starred copy, or
/// copies that are optional from the left (`((a?a)?a)?`), so that the last one is there whenever any is.
pub(super) fn written_out(part: &Rc<Ast>, min: u32, max: Option<u32>) -> Ast {
    let instance = |copy| Ast::Instance {
        part: Rc::clone(part),
        copy,
    };
    let repeated = |part, max| Ast::Repeat {
        part: Rc::new(part),
        min: 0,
        max,
    };
    let copies = |count: u32| (0..count).map(|_| instance(true));
    let mut parts = Vec::new();
    if let Some(others) = min.checked_sub(1) {
        parts.push(instance(false));
        parts.extend(copies(others));
    }
    let Some(max) = max else {
        parts.push(repeated(instance(min > 0), None));
        return Ast::Sequence(parts);
    };
    let rest = max.saturating_sub(min);
    // All the optional ones, the first of which is not a copy if it is the first of all.
    let all = std::iter::once(instance(min > 0)).chain(copies(rest.saturating_sub(1)));
    let all = Ast::Sequence(all.collect());
    // Only the last ones, which are copies.
    let but_last = copies(rest.saturating_sub(2)).map(|copy| Ast::Instance {
        part: Rc::new(repeated(copy, Some(1))),
        copy: true,
    });
    let some = Ast::Sequence(but_last.chain(copies(1)).collect());
    match rest {
        0 => {}
        1 => parts.push(repeated(all, Some(1))),
        _ => parts.push(repeated(Ast::Choice(vec![all, some]), Some(1))),
    }
    Ast::Sequence(parts)
}
