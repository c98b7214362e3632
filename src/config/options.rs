//! Options: one table row for each says how it is spelt, what it is for, its default, and what is done with it.
//!
//! The rows drive reading, the suggestions for mistyped names and the documentation ([`documented`]). The rows
//! themselves stand beside the section they belong to: `general`, `user`, `upstream`, `http`.

use super::diagnostics::{Report, quoted};
use super::raw::RawOption;
use super::value::is_true;

/// In which sections an option may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `[general]`.
    General,
    /// User sections.
    User,
    /// Sections with `type = upstream`.
    Upstream,
    /// `[http]`.
    Http,
    /// Sections with `type = restriction`.
    Restriction,
}

impl Place {
    /// The sections, for a message.
    pub const fn words(self) -> &'static str {
        match self {
            Self::General => "[general]",
            Self::User => "user sections",
            Self::Upstream => "upstream sections",
            Self::Http => "[http]",
            Self::Restriction => "sections with type = restriction",
        }
    }
}

/// What documentation says about an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionDoc {
    /// Where it may stand.
    pub place: Place,
    /// Its name.
    pub name: &'static str,
    /// Other names for it.
    pub aliases: &'static [&'static str],
    /// What kind of value it takes, in words.
    pub kind: &'static str,
    /// What holds without it, in words.
    pub default: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Whether amimux does what it says; others are there to be refused or warned of in clear words.
    pub supported: bool,
    /// What to write instead of an option that is refused.
    pub instead: Option<&'static str>,
}

/// A row of the table; `D` is what is known of the section while it is being read.
pub(super) struct Spec<D: 'static> {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) kind: &'static str,
    pub(super) default: &'static str,
    pub(super) doc: &'static str,
    pub(super) treatment: Treatment<D>,
}

/// What is done with an option.
pub(super) enum Treatment<D: 'static> {
    /// It is read.
    Read(fn(&mut D, &RawOption, &mut Report)),
    /// It is read, and its name may go on in parentheses, as in `actionfilter(name(Originate))`.
    ReadCriteria(fn(&mut D, &RawOption, &mut Report)),
    /// It cannot apply: a warning.
    NoEffect,
    /// It cannot apply: a warning when it is true; false asks for nothing.
    NoEffectIfTrue,
    /// Leaving it out would open a hole: an error, whatever follows the name. The text is the remedy.
    Refused(&'static str),
}

impl<D> Spec<D> {
    /// A row for an option that is read.
    pub(super) const fn read(
        name: &'static str,
        kind: &'static str,
        default: &'static str,
        doc: &'static str,
        apply: fn(&mut D, &RawOption, &mut Report),
    ) -> Self {
        Self {
            name,
            aliases: &[],
            kind,
            default,
            doc,
            treatment: Treatment::Read(apply),
        }
    }

    /// A row for an option that is read and whose name may go on in parentheses.
    pub(super) const fn read_criteria(
        name: &'static str,
        kind: &'static str,
        default: &'static str,
        doc: &'static str,
        apply: fn(&mut D, &RawOption, &mut Report),
    ) -> Self {
        Self {
            treatment: Treatment::ReadCriteria(apply),
            ..Self::read(name, kind, default, doc, apply)
        }
    }

    /// The row with other names for the option.
    pub(super) const fn with_aliases(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// A row for an option that is not supported.
    pub(super) const fn unsupported(
        name: &'static str,
        aliases: &'static [&'static str],
        doc: &'static str,
        treatment: Treatment<D>,
    ) -> Self {
        Self {
            name,
            aliases,
            kind: "",
            default: "",
            doc,
            treatment,
        }
    }

    /// Whether the row is about an option of that name. Case does not count. Criteria in parentheses may follow where
    /// they are read, anything at all where the option is refused.
    fn is_named(&self, name: &str) -> bool {
        let equal = |own: &&str| own.eq_ignore_ascii_case(name);
        let goes_on = || {
            let (start, rest) = name.split_at_checked(self.name.len())?;
            start.eq_ignore_ascii_case(self.name).then_some(rest)
        };
        equal(&self.name)
            || self.aliases.iter().any(equal)
            || match self.treatment {
                Treatment::ReadCriteria(_) => goes_on().is_some_and(|rest| rest.starts_with('(')),
                Treatment::Refused(_) => goes_on().is_some(),
                _ => false,
            }
    }

    const fn documented(&self, place: Place) -> OptionDoc {
        OptionDoc {
            place,
            name: self.name,
            aliases: self.aliases,
            kind: self.kind,
            default: self.default,
            doc: self.doc,
            supported: matches!(
                self.treatment,
                Treatment::Read(_) | Treatment::ReadCriteria(_)
            ),
            instead: match self.treatment {
                Treatment::Refused(remedy) => Some(remedy),
                _ => None,
            },
        }
    }
}

/// Reads one option into the draft of its section.
pub(super) fn apply<D>(
    tables: &[&'static [Spec<D>]],
    place: Place,
    draft: &mut D,
    option: &RawOption,
    report: &mut Report,
) {
    let at = &option.location;
    let name = quoted(&option.name);
    let Some(spec) = tables
        .iter()
        .copied()
        .flatten()
        .find(|spec| spec.is_named(&option.name))
    else {
        let what = format!("the option {name} is unknown in {}", place.words());
        return report.error(at, what, unknown_remedy(&option.name, place));
    };
    let no_effect = || format!("the option {name} has no effect in amimux: {}", spec.doc);
    let refused = || format!("the option {name} is not supported: {}", spec.doc);
    match spec.treatment {
        Treatment::Read(read) | Treatment::ReadCriteria(read) => read(draft, option, report),
        Treatment::NoEffect => report.warning(at, no_effect(), "remove the line"),
        Treatment::NoEffectIfTrue if is_true(&option.value) => {
            report.warning(at, no_effect(), "remove the line");
        }
        Treatment::Refused(remedy) => report.error(at, refused(), remedy),
        Treatment::NoEffectIfTrue => {}
    }
}

/// Every option there is, section by section.
pub fn documented() -> Vec<OptionDoc> {
    fn rows<D>(
        tables: &'static [&'static [Spec<D>]],
        place: Place,
    ) -> impl Iterator<Item = OptionDoc> {
        let specs = tables.iter().copied().flatten();
        specs.map(move |spec| spec.documented(place))
    }
    rows(super::general::OPTIONS, Place::General)
        .chain(rows(super::user::OPTIONS, Place::User))
        .chain(rows(super::upstream::OPTIONS, Place::Upstream))
        .chain(rows(super::http::OPTIONS, Place::Http))
        .chain(rows(super::http::restriction::OPTIONS, Place::Restriction))
        .collect()
}

fn unknown_remedy(name: &str, place: Place) -> String {
    let name = name.split('(').next().unwrap_or(name);
    let options = documented();
    let here = options.iter().filter(|option| option.place == place);
    if let Some(near) = nearest(name, here.map(|option| option.name)) {
        return format!("did you mean '{near}'?");
    }
    match options
        .iter()
        .find(|option| option.name.eq_ignore_ascii_case(name))
    {
        Some(elsewhere) => format!("move it: it belongs to {}", elsewhere.place.words()),
        None => "remove the line or correct the name".to_owned(),
    }
}

/// The word nearest to what was written, if it is near enough for a typing error.
pub(super) fn nearest<'a>(written: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LENGTH_MAX: usize = 40;
    if written.len() > LENGTH_MAX {
        return None;
    }
    let written = written.to_ascii_lowercase();
    words
        .map(|word| (distance(&written, word), word))
        .filter(|(distance, word)| *distance <= word.len().div_ceil(4).min(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// Levenshtein's distance, in bytes.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.bytes().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(right.bytes()) {
            let substituted = diagonal + usize::from(a != b);
            diagonal = *cell;
            before = substituted.min(before + 1).min(diagonal + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        let cases = [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("permti", "permit", 2),
            ("secrt", "secret", 1),
            ("kitten", "sitting", 3),
        ];
        for (left, right, expected) in cases {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn suggestions_are_near() {
        let words = || ["read", "secret", "permit", "allowmultiplelogin"].into_iter();
        assert_eq!(nearest("Secrt", words()), Some("secret"));
        assert_eq!(nearest("permti", words()), Some("permit"));
        assert_eq!(
            nearest("allowmultilogin", words()),
            Some("allowmultiplelogin")
        );
        assert_eq!(nearest("raed", words()), None);
        assert_eq!(nearest("rea", words()), Some("read"));
        assert_eq!(nearest("colour", words()), None);
        assert_eq!(nearest(&"x".repeat(100_000), words()), None);
    }

    #[test]
    fn no_name_occurs_twice_in_one_kind_of_section() {
        let options = documented();
        for (index, option) in options.iter().enumerate() {
            let twice = options.iter().skip(index + 1).any(|other| {
                other.place == option.place
                    && (other.name == option.name || other.aliases.contains(&option.name))
            });
            assert!(!twice, "{} in {:?}", option.name, option.place);
            assert!(!option.doc.is_empty(), "{}", option.name);
        }
    }
}
