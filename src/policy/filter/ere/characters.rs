//! Characters by kind and by case, as glibc's locale C.UTF-8 knows them (`localedata/locales/i18n_ctype`, made from the
//! Unicode tables by rules that are repeated here).

use std::sync::OnceLock;

use regex_syntax::hir::{Class as HirClass, ClassUnicode, ClassUnicodeRange, HirKind};

/// A kind of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Alnum,
    Alpha,
    Blank,
    Cntrl,
    Digit,
    Graph,
    Lower,
    Print,
    Punct,
    Space,
    Upper,
    Xdigit,
    /// `\w`: what `alnum` has, and `_`.
    Word,
}

impl Class {
    /// The class that `[:name:]` means.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "alnum" => Self::Alnum,
            "alpha" => Self::Alpha,
            "blank" => Self::Blank,
            "cntrl" => Self::Cntrl,
            "digit" => Self::Digit,
            "graph" => Self::Graph,
            "lower" => Self::Lower,
            "print" => Self::Print,
            "punct" => Self::Punct,
            "space" => Self::Space,
            "upper" => Self::Upper,
            "xdigit" => Self::Xdigit,
            _ => return None,
        })
    }

    /// The members, in the notation of `regex_syntax`. Digits are those of ASCII, and the others count as letters;
    /// blanks at which no line may break are not blanks, but count as punctuation.
    fn notation(self) -> &'static str {
        match self {
            Self::Alnum => r"[\p{Alphabetic}\p{Nd}]",
            Self::Alpha => r"[\p{Alphabetic}\p{Nd}--[0-9]]",
            Self::Blank => r"[\t\p{Zs}--[\u{a0}\u{2007}\u{202f}]]",
            Self::Cntrl => r"[\p{Cc}\p{Zl}\p{Zp}]",
            Self::Digit => r"[0-9]",
            Self::Graph => r"[^\p{Unassigned}\p{Cc}\p{Zl}\p{Zp}[\p{Zs}--[\u{a0}\u{2007}\u{202f}]]]",
            // The four are capital and small at once, and have both other cases.
            Self::Lower => r"[\p{Lowercase}\u{1c5}\u{1c8}\u{1cb}\u{1f2}]",
            Self::Print => r"[^\p{Unassigned}\p{Cc}\p{Zl}\p{Zp}]",
            Self::Punct => {
                r"[^\p{Unassigned}\p{Cc}\p{Zl}\p{Zp}[\p{Zs}--[\u{a0}\u{2007}\u{202f}]]\p{Alphabetic}\p{Nd}]"
            }
            Self::Space => r"[\s--[\u{85}\u{a0}\u{2007}\u{202f}]]",
            Self::Upper => r"[\p{Uppercase}\p{Lt}]",
            Self::Xdigit => r"[0-9A-Fa-f]",
            Self::Word => r"[\p{Alphabetic}\p{Nd}_]",
        }
    }
}

/// The members of a class. Without regard to case, capital and small letters are all letters.
pub(super) fn class(class: Class, ignore_case: bool) -> ClassUnicode {
    let class = match class {
        Class::Upper | Class::Lower if ignore_case => Class::Alpha,
        class => class,
    };
    let parsed = regex_syntax::parse(class.notation()).map(regex_syntax::hir::Hir::into_kind);
    match parsed {
        Ok(HirKind::Class(HirClass::Unicode(members))) => members,
        // Not for any notation above, as the tests show.
        _ => ClassUnicode::empty(),
    }
}

/// `\w`, `\W`, `\s` and `\S`.
pub(super) fn shorthand(kind: Class, negated: bool, ignore_case: bool) -> ClassUnicode {
    let mut members = class(kind, ignore_case);
    if ignore_case {
        members = with_other_cases(&members);
    }
    if negated {
        members.negate();
    }
    members
}

/// What `.` matches: every character but NUL.
pub(super) fn any() -> ClassUnicode {
    ClassUnicode::new([ClassUnicodeRange::new('\u{1}', char::MAX)])
}

/// The capital of a letter, or the character itself, as `towupper` says: one character for one. Where Unicode's full
/// mapping has several (`ß`), there is none, but for the Greek letters with iota below.
pub(super) fn upper(character: char) -> char {
    let step = match character {
        'ᾀ'..='ᾇ' | 'ᾐ'..='ᾗ' | 'ᾠ'..='ᾧ' => 8,
        'ᾳ' | 'ῃ' | 'ῳ' => 9,
        _ => {
            let mut full = character.to_uppercase();
            return match (full.next(), full.next()) {
                (Some(only), None) => only,
                _ => character,
            };
        }
    };
    char::from_u32(u32::from(character) + step).unwrap_or(character)
}

/// All characters that have the same capital as this one.
pub(super) fn cases_of(character: char) -> ClassUnicode {
    let capital = upper(character);
    with_other_cases(&ClassUnicode::new([ClassUnicodeRange::new(
        capital, capital,
    )]))
}

/// All characters whose capital is in the set. `REG_ICASE` compares the capitals of the text with those of the pattern.
pub(super) fn with_other_cases(capitals: &ClassUnicode) -> ClassUnicode {
    let mut gone = ClassUnicode::empty();
    let mut come = ClassUnicode::empty();
    for &(character, capital) in small_letters() {
        let range = ClassUnicodeRange::new(character, character);
        if contains(capitals, capital) {
            come.push(range);
        } else {
            gone.push(range);
        }
    }
    let mut all = capitals.clone();
    all.difference(&gone);
    all.union(&come);
    all
}

fn contains(set: &ClassUnicode, character: char) -> bool {
    let ranges = set.ranges();
    let after = ranges.partition_point(|range| range.start() <= character);
    let last = after.checked_sub(1).and_then(|index| ranges.get(index));
    last.is_some_and(|range| character <= range.end())
}

/// Every character that has another one as its capital, with that one.
fn small_letters() -> &'static [(char, char)] {
    // No script beyond the first supplementary plane has two cases.
    const LAST: char = '\u{1ffff}';
    static PAIRS: OnceLock<Vec<(char, char)>> = OnceLock::new();
    PAIRS.get_or_init(|| {
        ('\0'..=LAST)
            .map(|character| (character, upper(character)))
            .filter(|(character, capital)| character != capital)
            .collect()
    })
}
