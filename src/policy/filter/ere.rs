//! POSIX extended regular expressions as Asterisk reads them in event filters: with glibc's
//! `regcomp(…, REG_EXTENDED | REG_NOSUB)` in the locale C.UTF-8, which Asterisk sets for itself (`main/asterisk.c`).
//!
//! A pattern is parsed by glibc's rules ([`parse`]) and matched by an engine whose cost is linear in the text, so that
//! no pattern of a client can keep the others waiting. `.` and `[^x]` match CR and LF but no byte that is not UTF-8.
//! `^` and `$` hold at the ends of the whole text, and next to a line feed if the match itself goes over it: `lower`
//! tells the details. `tests/ere_oracle` compares every construct with glibc itself.
//!
//! Where this differs from glibc (2.36), and why:
//! * back-references are refused, as are patterns that would need too much memory: see [`limits`];
//! * `\b`, `\B`, `\<`, `\>` take some characters for part of a word that glibc does not: combining marks, the joiners
//!   and other connectors than `_`; and beside a byte that is not UTF-8, glibc sees the Latin-1 character of that byte;
//! * what Unicode has since ruled out (surrogates, code points above U+10FFFF) is not UTF-8 here; glibc lets `.` match
//!   it, or not, depending on the rest of the pattern;
//! * an anchor in a repeated group, right behind another anchor, counts less often in glibc, or more often;
//! * without regard to case (Asterisk has no such filters), `\a` matches `a` and `A`, while glibc keeps a small letter
//!   behind a backslash from ever matching; and glibc loses its way in texts that are not UTF-8.

mod ast;
mod bracket;
mod characters;
mod lower;
mod parser;
mod part;
mod place;

#[cfg(test)]
mod tests;

use regex_automata::meta::Regex;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_syntax::hir::{Hir, HirKind};
use thiserror::Error;

use super::shape::trim;

/// How large a pattern may be. Patterns come from clients, too (`Action: Filter`), and are matched with every event.
pub mod limits {
    /// Length of a pattern, in bytes: the longest line of Asterisk's configuration files (`main/config.c`, `MAX_LINE`
    /// and its continuation lines apart).
    pub const PATTERN_BYTES_MAX: usize = 8192;
    /// Groups and stacked repetitions inside each other; parser and compiler recurse that deep.
    pub const NESTING_MAX: usize = 64;
    /// Pieces of a sequence in which `^` or `$` come between parts that may be empty.
    pub const CASES_MAX: usize = 32;
    /// Parts of the pattern after repetitions with anchors have been written out, a large set counting for several.
    pub const PARTS_MAX: usize = 32 * 1024;
    /// The largest number in an interval: glibc's `RE_DUP_MAX`.
    pub const INTERVAL_MAX: u32 = 0x7fff;
    /// Characters and literals, as often as repetitions allow them at most, or demand them. All of them may be waited for
    /// at once, so that this bounds the time per byte of text: the worst patterns take some 25 µs.
    pub const POSITIONS_MAX: u64 = 2048;
    /// Bytes of the compiled automaton, each for searching forwards and backwards: enough for 40 times `[[:alpha:]]`.
    pub const AUTOMATON_BYTES_MAX: usize = 2 * 1024 * 1024;
    /// Bytes of the states kept while matching, per pattern and thread, for each direction.
    pub const CACHE_BYTES_MAX: usize = 1024 * 1024;
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct EreError {
    /// What is wrong, in one clause.
    pub what: String,
    /// Where in the pattern, in bytes from its start.
    pub at: usize,
}

impl EreError {
    fn new(at: usize, what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            at,
        }
    }

    /// The pattern, and below it a caret at the place that is wrong. Of a long pattern only the part around that place;
    /// control characters as `?`, so that both lines stay lines and the caret stays below its place.
    pub fn mark(&self, pattern: &str) -> String {
        const BEFORE: usize = 48;
        const AFTER: usize = 24;
        let at = pattern.floor_char_boundary(self.at);
        let (before, after) = pattern.split_at_checked(at).unwrap_or((pattern, ""));
        let cut = before.chars().count().saturating_sub(BEFORE);
        let mut line = String::new();
        if cut > 0 {
            line.push('…');
        }
        line.extend(before.chars().skip(cut).map(printable));
        let column = line.chars().count();
        line.extend(after.chars().take(AFTER).map(printable));
        if after.chars().nth(AFTER).is_some() {
            line.push('…');
        }
        format!("{line}\n{:column$}^", "")
    }
}

fn printable(character: char) -> char {
    if character.is_control() {
        '?'
    } else {
        character
    }
}

/// What a pattern means, not compiled yet: for those who compile many patterns together.
///
/// With `ignore_case`, letters match their other case as with glibc's `REG_ICASE`; Asterisk's filters have no such
/// option.
///
/// # Errors
/// The pattern is malformed by glibc's rules, has a back-reference, or exceeds the [`limits`] on patterns.
pub fn parse(pattern: &str, ignore_case: bool) -> Result<Hir, EreError> {
    let ast = parser::parse(pattern, ignore_case)?;
    lower::lower(&ast)
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Ere {
    pattern: Box<str>,
    ignore_case: bool,
    regex: Regex,
    positions: u64,
}

impl Ere {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// Those of [`parse`], and patterns that need too large an automaton (see [`limits`]).
    pub fn compile(pattern: &str, ignore_case: bool) -> Result<Self, EreError> {
        let (regex, positions) = build(&trim(parse(pattern, ignore_case)?))?;
        Ok(Self {
            pattern: pattern.into(),
            ignore_case,
            regex,
            positions,
        })
    }

    /// The pattern as it was written.
    pub const fn pattern(&self) -> &str {
        &self.pattern
    }

    /// What it means, without what does not matter at its ends; for those who compile many patterns together.
    ///
    /// # Errors
    /// None for a pattern that has been compiled.
    pub fn hir(&self) -> Result<Hir, EreError> {
        parse(&self.pattern, self.ignore_case).map(trim)
    }

    /// Whether the pattern occurs anywhere in `text`.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    /// Bytes that it takes in memory, without what is kept of states while matching.
    pub fn memory_bytes(&self) -> usize {
        self.pattern.len() + self.regex.memory_usage()
    }

    /// How much may have to be waited for at once while matching: the time per byte of text grows with it, at worst.
    /// See [`limits::POSITIONS_MAX`].
    pub const fn positions(&self) -> u64 {
        self.positions
    }
}

/// The engine for one pattern, and its [`limits::POSITIONS_MAX`].
pub(super) fn build(hir: &Hir) -> Result<(Regex, u64), EreError> {
    let positions = positions(hir);
    if positions > limits::POSITIONS_MAX {
        return Err(too_large());
    }
    let config = Regex::config()
        .which_captures(WhichCaptures::None)
        .utf8_empty(false)
        .onepass(false)
        .nfa_size_limit(Some(limits::AUTOMATON_BYTES_MAX))
        .hybrid_cache_capacity(limits::CACHE_BYTES_MAX);
    Regex::builder()
        .configure(config)
        .build_from_hir(hir)
        .map(|regex| (regex, positions))
        .map_err(|error| match error.size_limit() {
            Some(_) => too_large(),
            None => EreError::new(0, format!("the pattern cannot be compiled: {error}")),
        })
}

fn too_large() -> EreError {
    EreError::new(
        0,
        "the pattern is too large when its intervals and classes are written out",
    )
}

/// See [`limits::POSITIONS_MAX`].
fn positions(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(_) | HirKind::Class(_) => 1,
        HirKind::Capture(group) => positions(&group.sub),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min).max(1);
            positions(&repetition.sub).saturating_mul(times.into())
        }
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().map(positions).fold(0, u64::saturating_add)
        }
    }
}
