//! What can be wrong with a filter, and what to write instead.

use thiserror::Error;

use super::PATTERN_BYTES_MAX;
use crate::policy::filter::ere::EreError;

/// Why a filter is refused. Texts of the filter are cut.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CriteriaError {
    /// The criteria end before their parentheses do.
    #[error("a parenthesis is not closed in '{0}'")]
    Unclosed(String),
    /// Something follows the criteria.
    #[error("'{0}' stands after the closing parenthesis of the criteria")]
    AfterEnd(String),
    /// `()`.
    #[error("there is nothing between the parentheses")]
    NoCriteria,
    /// A word that is no keyword; case counts, and so does the whole word.
    #[error("'{0}' is no keyword")]
    UnknownKeyword(String),
    /// A keyword for the second time.
    #[error("'{0}' is there twice")]
    Twice(&'static str),
    /// A keyword without a value.
    #[error("'{0}' has no '(' after it")]
    NotOpened(&'static str),
    /// A value that is not closed where it ends.
    #[error("'{0}' is not followed by ')'")]
    NotClosed(String),
    /// Two criteria without anything between them.
    #[error("there is neither comma nor blank before '{0}'")]
    NotSeparated(String),
    /// `name()` and the like.
    #[error("'{0}()' has no value")]
    EmptyValue(&'static str),
    /// A word in `action(…)` that is none of its words.
    #[error("'action({0})' is none of the kinds of filters")]
    UnknownAction(String),
    /// `action(require)` in an event filter.
    #[error("'action(require)' is for action filters only")]
    RequireForEvents,
    /// A word in `method(…)` that is none of its words.
    #[error("'method({0})' is none of the methods")]
    UnknownMethod(String),
    /// A header's name with a colon in it.
    #[error("'header({0})' has a colon within the name")]
    HeaderName(String),
    /// A pattern with method `none`, which would ignore it.
    #[error("there is a pattern, '{0}', but no method that would look at it")]
    PatternWithoutMethod(String),
    /// A method that needs a pattern, and none is there.
    #[error("there is no pattern for 'method({0})'")]
    MethodWithoutPattern(&'static str),
    /// Neither `name` nor `header`, with method `none`: it would match everything.
    #[error("there is neither 'name' nor 'header' nor a method")]
    MatchesEverything,
    /// The legacy form without a regular expression.
    #[error("there is no regular expression")]
    NoRegex,
    /// A pattern longer than [`PATTERN_BYTES_MAX`].
    #[error("the pattern is longer than {PATTERN_BYTES_MAX} bytes")]
    TooLong,
    /// No regular expression.
    #[error("the pattern is not accepted: {what}, at <HERE> in '{marked}'")]
    Regex {
        /// What is wrong with it.
        what: String,
        /// The part of the pattern around the place, which is marked.
        marked: String,
    },
}

impl CriteriaError {
    /// What to write instead.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Unclosed(_) | Self::NotOpened(_) => {
                "write criteria as in (action(exclude),name(NAME),header(HEADER),method(exact))"
            }
            Self::AfterEnd(_) => "write nothing but '=' behind it",
            Self::NoCriteria | Self::MatchesEverything => "write at least name(NAME)",
            Self::UnknownKeyword(_) => "write action, name, header or method, in lower case",
            Self::Twice(_) => "write it once; several filters may be given",
            Self::NotClosed(_) => {
                "close it with ')'; a value has no blank, comma or parenthesis in it"
            }
            Self::NotSeparated(_) => "write a comma between criteria",
            Self::EmptyValue(_) => "write a value or leave it out",
            Self::UnknownAction(_) => {
                "write include or exclude, or, for action filters, require, in lower case"
            }
            Self::RequireForEvents => "write include or exclude",
            Self::UnknownMethod(_) => {
                "write regex, exact, starts_with, ends_with, contains or none, in lower case"
            }
            Self::HeaderName(_) => "write the name alone, as in header(Context)",
            Self::PatternWithoutMethod(_) => "add a method, as in method(exact)",
            Self::MethodWithoutPattern(_) => "write the pattern after '='",
            Self::NoRegex => "write one after '=', behind '!' for what is to be left out",
            Self::TooLong => "write several filters",
            Self::Regex { .. } => {
                "write a POSIX extended regular expression; '\\' takes away a sign's meaning"
            }
        }
    }

    /// The error for a pattern that is no regular expression, with the place marked in what is near to it.
    pub(super) fn regex(pattern: &str, error: EreError) -> Self {
        const CHARACTERS_MAX: usize = 24;
        let at = pattern.floor_char_boundary(error.at.min(pattern.len()));
        let (before, after) = pattern.split_at_checked(at).unwrap_or((pattern, ""));
        let skipped = before.chars().count().saturating_sub(CHARACTERS_MAX);
        let near = before.chars().skip(skipped);
        let marked = near
            .chain("<HERE>".chars())
            .chain(after.chars().take(CHARACTERS_MAX))
            .map(printable)
            .collect();
        Self::Regex {
            what: error.what,
            marked,
        }
    }
}

/// The offending text, short enough for a message, on one line.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(50).map(printable).collect()
}

fn printable(c: char) -> char {
    if c.is_control() { '?' } else { c }
}
