//! The grammar of extended regular expressions as glibc's `posix/regcomp.c` reads it, into a tree that keeps what that
//! parser's tree keeps. Where POSIX leaves a meaning open, glibc's stands here.

use std::rc::Rc;

use regex_syntax::hir::Look;

use super::ast::{Anchor, Ast};
use super::characters::{self, Class};
use super::{EreError, limits};

/// Reads a whole pattern.
pub(super) fn parse(pattern: &str, ignore_case: bool) -> Result<Ast, EreError> {
    if pattern.len() > limits::PATTERN_BYTES_MAX {
        let what = format!("a pattern has at most {} bytes", limits::PATTERN_BYTES_MAX);
        return Err(EreError::new(limits::PATTERN_BYTES_MAX, what));
    }
    if let Some(at) = pattern.find('\0') {
        return Err(EreError::new(at, "a pattern cannot contain a NUL"));
    }
    let mut parser = Parser {
        pattern,
        at: 0,
        ignore_case,
    };
    parser.choice(0)
}

pub(super) struct Parser<'p> {
    pub(super) pattern: &'p str,
    pub(super) at: usize,
    pub(super) ignore_case: bool,
}

impl Parser<'_> {
    pub(super) fn rest(&self) -> &str {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    pub(super) fn eat(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.at += expected.len_utf8();
        }
        found
    }

    /// Branches between `|`, up to the end of the pattern or, inside groups, to the `)`.
    fn choice(&mut self, depth: usize) -> Result<Ast, EreError> {
        let first = self.branch(depth)?;
        if self.peek() != Some('|') {
            return Ok(first);
        }
        let mut branches = vec![first];
        while self.eat('|') {
            branches.push(self.branch(depth)?);
        }
        Ok(Ast::Choice(branches))
    }

    fn branch(&mut self, depth: usize) -> Result<Ast, EreError> {
        let mut parts = Vec::new();
        loop {
            match self.peek() {
                None | Some('|') => break,
                // Outside of groups this is an ordinary character.
                Some(')') if depth > 0 => break,
                Some(_) => {}
            }
            match self.expression(depth)? {
                Ast::Nothing => {}
                part => parts.push(part),
            }
        }
        Ok(match parts.len() {
            0 => Ast::Nothing,
            1 => parts.remove(0),
            _ => Ast::Sequence(parts),
        })
    }

    /// One part with its repetitions.
    fn expression(&mut self, depth: usize) -> Result<Ast, EreError> {
        let at = self.at;
        let grouped = self.peek() == Some('(');
        let part = match self.next() {
            None => return Ok(Ast::Nothing),
            Some('(') => self.group(at, depth)?,
            Some('[') => Ast::Set(self.bracket(at)?),
            Some('.') => Ast::Set(characters::any()),
            Some('^') => Ast::Anchor(Anchor::Caret),
            Some('$') => Ast::Anchor(Anchor::Dollar),
            Some('\\') => self.escape(at)?,
            Some(operator @ ('*' | '+' | '?' | '{')) => {
                let what = format!("nothing before {operator} that it could repeat");
                return Err(EreError::new(at, what));
            }
            Some(character) => self.character(character),
        };
        match part {
            // Anchors cannot be repeated: an operator then stands as if at the start, and is refused. Groups of one can.
            Ast::Anchor(_) if !grouped => Ok(part),
            part => self.repetitions(part, depth),
        }
    }

    fn character(&self, character: char) -> Ast {
        if !self.ignore_case {
            return Ast::Character(character);
        }
        let cases = characters::cases_of(character);
        match cases.ranges() {
            [only] if only.start() == only.end() => Ast::Character(only.start()),
            _ => Ast::Set(cases),
        }
    }

    fn group(&mut self, at: usize, depth: usize) -> Result<Ast, EreError> {
        let inner = self.choice(deeper(at, depth)?)?;
        if !self.eat(')') {
            return Err(EreError::new(at, "a ( without its )"));
        }
        Ok(match inner {
            Ast::Nothing => Ast::EmptyGroup,
            inner => inner,
        })
    }

    /// What follows a backslash: GNU's operators, or any other character as itself.
    fn escape(&mut self, at: usize) -> Result<Ast, EreError> {
        let ignore_case = self.ignore_case;
        let set = |class, negated| Ast::Set(characters::shorthand(class, negated, ignore_case));
        Ok(match self.next() {
            None => {
                let what = "a backslash at the end has nothing to stand before";
                return Err(EreError::new(at, what));
            }
            Some(digit @ '1'..='9') => {
                let what =
                    format!("a back-reference (\\{digit}) cannot be matched in bounded time");
                return Err(EreError::new(at, what));
            }
            Some('`') => Ast::Anchor(Anchor::Look(Look::Start)),
            Some('\'') => Ast::Anchor(Anchor::Look(Look::End)),
            Some('<') => Ast::Anchor(Anchor::Look(Look::WordStartUnicode)),
            Some('>') => Ast::Anchor(Anchor::Look(Look::WordEndUnicode)),
            Some('b') => Ast::Anchor(Anchor::Look(Look::WordUnicode)),
            Some('B') => Ast::Anchor(Anchor::Look(Look::WordUnicodeNegate)),
            Some('w') => set(Class::Word, false),
            Some('W') => set(Class::Word, true),
            Some('s') => set(Class::Space, false),
            Some('S') => set(Class::Space, true),
            Some(character) => self.character(character),
        })
    }

    fn repetitions(&mut self, mut part: Ast, mut depth: usize) -> Result<Ast, EreError> {
        loop {
            let at = self.at;
            let (min, max) = match self.peek() {
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('?') => (0, Some(1)),
                Some('{') => {
                    self.at += 1;
                    self.interval(at)?
                }
                _ => return Ok(part),
            };
            if self.at == at {
                self.at += 1;
            }
            part = match part {
                Ast::Nothing => Ast::Nothing,
                _ if max == Some(0) => Ast::Nothing,
                // `a**` and the like, however many, are one repetition.
                Ast::Repeat {
                    part,
                    min: inner_min @ (0 | 1),
                    max: inner_max @ (None | Some(1)),
                } if min <= 1 && max.is_none_or(|max| max == 1) && !part.has_anchor() => {
                    Ast::Repeat {
                        part,
                        min: min * inner_min,
                        max: max.and(inner_max),
                    }
                }
                part => {
                    depth = deeper(at, depth)?;
                    let part = Rc::new(part);
                    Ast::Repeat { part, min, max }
                }
            };
        }
    }

    /// `{m}`, `{m,}`, `{m,n}`, `{,n}` and `{,}`, from after the brace.
    fn interval(&mut self, at: usize) -> Result<(u32, Option<u32>), EreError> {
        let malformed = || EreError::new(at, "an interval is {m}, {m,}, {,n} or {m,n}");
        let (min, end) = self.number(at)?;
        let (min, max) = match (min, end) {
            (Some(min), IntervalToken::Close) => (min, Some(min)),
            (min, IntervalToken::Comma) => {
                let (max, end) = self.number(at)?;
                if end != IntervalToken::Close {
                    return Err(malformed());
                }
                (min.unwrap_or(0), max)
            }
            _ => return Err(malformed()),
        };
        if max.is_some_and(|max| max < min) {
            return Err(EreError::new(
                at,
                "an interval's first number is the larger one",
            ));
        }
        if max.unwrap_or(min) > limits::INTERVAL_MAX {
            let what = format!("an interval's numbers go up to {}", limits::INTERVAL_MAX);
            return Err(EreError::new(at, what));
        }
        Ok((min, max))
    }

    /// The number up to the next comma or brace, if there is one, and which of both ended it.
    fn number(&mut self, at: usize) -> Result<(Option<u32>, IntervalToken), EreError> {
        let mut number = None;
        loop {
            let token = self.interval_token();
            match token {
                IntervalToken::End => return Err(EreError::new(at, "a { without its }")),
                IntervalToken::Close | IntervalToken::Comma => return Ok((number, token)),
                IntervalToken::Digit(digit) => {
                    let before: u32 = number.unwrap_or(0);
                    // One more than the largest is enough to be refused.
                    let value = before.saturating_mul(10).saturating_add(digit);
                    number = Some(value.min(limits::INTERVAL_MAX + 1));
                }
                IntervalToken::Other => {
                    let what = if self.rest().contains('}') {
                        "an interval has only digits and a comma between { and }"
                    } else {
                        "a { without its }"
                    };
                    return Err(EreError::new(at, what));
                }
            }
        }
    }

    fn interval_token(&mut self) -> IntervalToken {
        match self.next() {
            None => IntervalToken::End,
            Some('}') => IntervalToken::Close,
            Some(',') => IntervalToken::Comma,
            // A backslash makes `,` and `0` ordinary characters, which is what they are anyway.
            Some('\\') => match self.next() {
                Some(',') => IntervalToken::Comma,
                Some('0') => IntervalToken::Digit(0),
                _ => IntervalToken::Other,
            },
            Some(character) => match character.to_digit(10) {
                Some(digit) => IntervalToken::Digit(digit),
                None => IntervalToken::Other,
            },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IntervalToken {
    End,
    Close,
    Comma,
    Digit(u32),
    Other,
}

fn deeper(at: usize, depth: usize) -> Result<usize, EreError> {
    if depth >= limits::NESTING_MAX {
        let what = format!(
            "groups and repetitions go at most {} deep",
            limits::NESTING_MAX
        );
        return Err(EreError::new(at, what));
    }
    Ok(depth + 1)
}
