//! How a filter compares: the methods of Asterisk's filters, each made ready once and then asked for every message.
//! Source: `main/manager.c`, `filter_cmp_fn`.

use memchr::memmem::Finder;

use super::ere::{Ere, EreError};

/// The words of `method(…)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// There need only be something.
    #[default]
    None,
    /// The whole text is the pattern.
    Exact,
    /// The text begins with the pattern.
    StartsWith,
    /// The text ends with the pattern.
    EndsWith,
    /// The pattern is somewhere in the text.
    Contains,
    /// The pattern is a POSIX extended regular expression, found anywhere in the text.
    Regex,
}

impl Method {
    /// Every method with its word; case counts.
    pub const WORDS: [(&'static str, Self); 6] = [
        ("none", Self::None),
        ("exact", Self::Exact),
        ("starts_with", Self::StartsWith),
        ("ends_with", Self::EndsWith),
        ("contains", Self::Contains),
        ("regex", Self::Regex),
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        Self::WORDS
            .iter()
            .find(|(_, method)| *method == self)
            .map_or("none", |(word, _)| word)
    }
}

/// A text to compare with, byte for byte or ignoring ASCII case.
#[derive(Debug, Clone)]
pub struct Literal {
    /// The text, ready to be searched for; in lower case when case does not count.
    finder: Finder<'static>,
    ignore_case: bool,
}

impl Literal {
    fn new(text: &str, ignore_case: bool) -> Self {
        let mut bytes = text.as_bytes().to_vec();
        if ignore_case {
            bytes.make_ascii_lowercase();
        }
        Self {
            finder: Finder::new(&bytes).into_owned(),
            ignore_case,
        }
    }

    /// The text; in lower case when case does not count.
    pub fn bytes(&self) -> &[u8] {
        self.finder.needle()
    }

    fn is(&self, text: &[u8]) -> bool {
        match self.ignore_case {
            true => text.eq_ignore_ascii_case(self.bytes()),
            false => text == self.bytes(),
        }
    }

    fn begins(&self, text: &[u8]) -> bool {
        text.get(..self.bytes().len())
            .is_some_and(|start| self.is(start))
    }

    fn ends(&self, text: &[u8]) -> bool {
        text.len()
            .checked_sub(self.bytes().len())
            .and_then(|at| text.get(at..))
            .is_some_and(|end| self.is(end))
    }

    fn is_within(&self, text: &[u8]) -> bool {
        let find = |text: &[u8]| self.finder.find(text).is_some();
        match self.ignore_case {
            true => find(&text.to_ascii_lowercase()),
            false => find(text),
        }
    }
}

/// A method with its pattern, ready to be asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Matcher {
    /// `none`: any text that is not empty.
    Present,
    /// `exact`.
    Exact(Literal),
    /// `starts_with`.
    StartsWith(Literal),
    /// `ends_with`.
    EndsWith(Literal),
    /// `contains`.
    Contains(Literal),
    /// `regex`.
    Regex(Ere),
}

impl Matcher {
    /// Makes a method ready; the pattern of `none` is not looked at.
    ///
    /// # Errors
    /// The pattern is to be a regular expression and is none.
    pub fn new(method: Method, pattern: &str, ignore_case: bool) -> Result<Self, EreError> {
        let literal = || Literal::new(pattern, ignore_case);
        Ok(match method {
            Method::None => Self::Present,
            Method::Exact => Self::Exact(literal()),
            Method::StartsWith => Self::StartsWith(literal()),
            Method::EndsWith => Self::EndsWith(literal()),
            Method::Contains => Self::Contains(literal()),
            Method::Regex => Self::Regex(Ere::compile(pattern, ignore_case)?),
        })
    }

    /// Whether this text is meant. An empty one never is, as in Asterisk.
    pub fn is_match(&self, text: &[u8]) -> bool {
        !text.is_empty()
            && match self {
                Self::Present => true,
                Self::Exact(literal) => literal.is(text),
                Self::StartsWith(literal) => literal.begins(text),
                Self::EndsWith(literal) => literal.ends(text),
                Self::Contains(literal) => literal.is_within(text),
                Self::Regex(ere) => ere.is_match(text),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_compare_bytes() {
        use Method::{Contains, EndsWith, Exact, None, Regex, StartsWith};
        // Method, pattern, text, matches exactly, matches ignoring case.
        let cases = [
            (None, "", "x", true, true),
            (None, "", "", false, false),
            (Exact, "Ab", "Ab", true, true),
            (Exact, "Ab", "aB", false, true),
            (Exact, "Ab", "Abc", false, false),
            (Exact, "Ab", "", false, false),
            (StartsWith, "PJSIP/a", "PJSIP/a-1", true, true),
            (StartsWith, "PJSIP/a", "pjsip/A-1", false, true),
            (StartsWith, "PJSIP/a", "PJSIP/", false, false),
            (StartsWith, "PJSIP/a", " PJSIP/a", false, false),
            (EndsWith, "@In", "x@In", true, true),
            (EndsWith, "@In", "x@iN", false, true),
            (EndsWith, "@In", "n", false, false),
            (EndsWith, "@In", "@In ", false, false),
            (Contains, "b", "abc", true, true),
            (Contains, "B", "abc", false, true),
            (Contains, "x", "abc", false, false),
            (Regex, "^a+$", "aaa", true, true),
            (Regex, "^A+$", "aaa", false, true),
            (Regex, "^a+$", "aab", false, false),
            (Regex, ".*", "", false, false),
        ];
        for (method, pattern, text, exactly, ignoring_case) in cases {
            for (ignore_case, expected) in [(false, exactly), (true, ignoring_case)] {
                let matcher = Matcher::new(method, pattern, ignore_case).unwrap();
                assert_eq!(
                    matcher.is_match(text.as_bytes()),
                    expected,
                    "{method:?} {pattern} {text} {ignore_case}"
                );
            }
        }
    }

    #[test]
    fn every_method_has_a_word_of_its_own() {
        for (word, method) in Method::WORDS {
            assert_eq!(method.word(), word);
        }
    }
}
