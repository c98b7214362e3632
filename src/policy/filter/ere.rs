//! POSIX extended regular expressions as glibc reads them in the locale C.UTF-8, in which Asterisk runs.

use thiserror::Error;

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct EreError {
    /// What is wrong.
    pub what: String,
    /// Where in the pattern, in bytes from its start.
    pub at: usize,
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Ere(regex_automata::meta::Regex);

impl Ere {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// The pattern is none, or cannot be matched in bounded time and memory.
    pub fn compile(pattern: &str, ignore_case: bool) -> Result<Self, EreError> {
        let syntax = regex_automata::util::syntax::Config::new()
            .case_insensitive(ignore_case)
            .dot_matches_new_line(true);
        regex_automata::meta::Builder::new()
            .syntax(syntax)
            .build(pattern)
            .map(Self)
            .map_err(|error| EreError {
                what: error.to_string(),
                at: 0,
            })
    }

    /// Whether the pattern occurs anywhere in `text`.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }
}
