//! Bracket expressions, `[...]`: sets of characters with ranges, classes, collating symbols and equivalence classes, as
//! glibc's `parse_bracket_exp` reads them. A backslash is an ordinary character here.
//!
//! In C.UTF-8 characters beyond ASCII have no place in the collating order that glibc's regular expressions use, so
//! they can be members but not ends of a range, and there are no named collating elements.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::EreError;
use super::characters::{self, Class};
use super::parser::Parser;

enum Element {
    Character(char),
    Equivalents(char),
    Class(Class),
}

impl Parser<'_> {
    /// The set, from after the `[`, which stands at `open`.
    pub(super) fn bracket(&mut self, open: usize) -> Result<ClassUnicode, EreError> {
        let negated = self.eat('^');
        let mut set = ClassUnicode::empty();
        let mut first = true;
        // A `]` in the first place is a member.
        while first || self.peek() != Some(']') {
            let at = self.at;
            self.refuse_misplaced_hyphen(at, first)?;
            first = false;
            match self.element(open)? {
                Element::Class(class) => set.union(&characters::class(class, self.ignore_case)),
                Element::Equivalents(character) => set.push(single(self.fold(character))),
                Element::Character(start) if self.at_range() => {
                    self.at += 1;
                    let Element::Character(end) = self.element(open)? else {
                        let what = "a class cannot be an end of a range";
                        return Err(EreError::new(at, what));
                    };
                    set.push(range(at, self.fold(start), self.fold(end))?);
                }
                Element::Character(character) => set.push(single(self.fold(character))),
            }
            if self.peek().is_none() {
                return Err(unclosed(open));
            }
        }
        self.at += 1;
        if self.ignore_case {
            set = characters::with_other_cases(&set);
        }
        if negated {
            set.negate();
        }
        Ok(set)
    }

    /// A hyphen is a member in the first and in the last place, and a range's end; elsewhere it makes a range.
    fn refuse_misplaced_hyphen(&self, at: usize, first: bool) -> Result<(), EreError> {
        if first || !self.at_range() {
            return Ok(());
        }
        let what =
            "a hyphen here makes no range; as a member it stands first or last in the brackets";
        Err(EreError::new(at, what))
    }

    /// Whether a hyphen comes next that is not the last member.
    fn at_range(&self) -> bool {
        let mut rest = self.rest().chars();
        rest.next() == Some('-') && rest.next() != Some(']')
    }

    fn fold(&self, character: char) -> char {
        if self.ignore_case {
            characters::upper(character)
        } else {
            character
        }
    }

    fn element(&mut self, open: usize) -> Result<Element, EreError> {
        let at = self.at;
        let character = self.next().ok_or_else(|| unclosed(open))?;
        if character != '[' {
            return Ok(Element::Character(character));
        }
        let (kind, end) = match self.peek() {
            Some('.') => ('.', ".]"),
            Some('=') => ('=', "=]"),
            Some(':') => (':', ":]"),
            _ => return Ok(Element::Character(character)),
        };
        self.at += 1;
        let Some((name, _)) = self.rest().split_once(end) else {
            return Err(EreError::new(at, format!("a [{kind} without its {end}")));
        };
        let name = name.to_owned();
        self.at += name.len() + end.len();
        let mut characters = name.chars();
        match (kind, characters.next(), characters.next()) {
            (':', ..) => Class::named(&name)
                .map(Element::Class)
                .ok_or_else(|| EreError::new(at, "there is no character class of this name")),
            ('.', Some(only), None) if only.is_ascii() => Ok(Element::Character(only)),
            ('=', Some(only), None) if only.is_ascii() => Ok(Element::Equivalents(only)),
            _ => {
                let what =
                    format!("only a single ASCII character can stand between [{kind} and {end}");
                Err(EreError::new(at, what))
            }
        }
    }
}

fn unclosed(open: usize) -> EreError {
    EreError::new(open, "a [ without its ]")
}

fn single(character: char) -> ClassUnicodeRange {
    ClassUnicodeRange::new(character, character)
}

fn range(at: usize, start: char, end: char) -> Result<ClassUnicodeRange, EreError> {
    if !start.is_ascii() || !end.is_ascii() {
        let what =
            "Asterisk's locale has no ranges of characters beyond ASCII; list them one by one";
        return Err(EreError::new(at, what));
    }
    if start > end {
        let what = format!("a range whose end ({end}) comes before its start ({start})");
        return Err(EreError::new(at, what));
    }
    Ok(ClassUnicodeRange::new(start, end))
}
