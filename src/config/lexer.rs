//! The lines of a configuration file: comments taken away, every line told apart.
//!
//! The dialect is Asterisk's (`main/config.c`, `config_text_file_load` and `process_text_line`), the odd corners
//! included. One difference is on purpose: a line that Asterisk skips with a warning, because it is too long or
//! malformed, is an error here; a skipped line could have been the one that denies access.
//! This module knows neither files nor sections; it sees one line at a time.

use thiserror::Error;

/// Longest line in bytes, line end not counted. Asterisk's buffer has 8192 bytes, with room for LF and NUL.
pub const LINE_BYTES_MAX: usize = 8190;
/// Deepest nesting of block comments (`MAX_NESTED_COMMENTS`).
pub const COMMENT_DEPTH_MAX: usize = 128;
/// Longest section name in bytes; longer ones are cut (`struct ast_category`).
pub const SECTION_NAME_BYTES_MAX: usize = 79;

/// Why a line is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LineError {
    /// Longer than [`LINE_BYTES_MAX`].
    #[error("the line is longer than 8190 bytes")]
    TooLong,
    /// A NUL or another control character but tab.
    #[error("the line has a control character")]
    ControlCharacter,
    /// The bytes are no UTF-8.
    #[error("the line is not valid UTF-8")]
    NotUtf8,
    /// More than [`COMMENT_DEPTH_MAX`] block comments within each other.
    #[error("block comments are nested deeper than 128")]
    CommentDepth,
    /// `--;` without `;--`.
    #[error("'--;' ends a block comment that was not begun")]
    StrayCommentEnd,
    /// `[` without `]`.
    #[error("a section name has no closing ']'")]
    NoBracket,
    /// `[name](` without `)`.
    #[error("the options of a section have no closing ')'")]
    NoParenthesis,
    /// `[]`.
    #[error("a section has no name")]
    NoSectionName,
    /// A backslash with nothing that could be taken literally.
    #[error("a backslash at the start of a line has no character after it")]
    Escape,
    /// Neither section nor directive, and no `=`.
    #[error("the line has no '='")]
    NoEqualSign,
    /// `= value`.
    #[error("the line has no name before '='")]
    NoName,
}

impl LineError {
    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::TooLong => "write it shorter, or as several lines with '+='",
            Self::ControlCharacter => "remove everything that is not printable",
            Self::NotUtf8 => "save the file as UTF-8",
            Self::CommentDepth => "remove nested ';--'",
            Self::StrayCommentEnd => "write '\\;' for a literal semicolon, or remove it",
            Self::NoBracket => "write [name]",
            Self::NoParenthesis => "write [name](template)",
            Self::NoSectionName => "give the section a name",
            Self::Escape => "remove the backslash",
            Self::NoEqualSign => "write name = value, or ';' before a comment",
            Self::NoName => "write name = value",
        }
    }
}

/// One line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<'a> {
    /// `[name]` or `[name](modifiers)`; the modifiers are not trimmed.
    Section {
        /// The name, not yet cut to its longest length.
        name: &'a str,
        /// The text between the parentheses.
        modifiers: Option<&'a str>,
    },
    /// `#word argument`.
    Directive {
        /// The word after `#`.
        word: &'a str,
        /// The rest of the line without quotes around it.
        argument: Option<&'a str>,
    },
    /// `name = value`, `name => value`, `name += value`.
    Option {
        /// The name, trimmed.
        name: &'a str,
        /// The text after `=`; leading blanks are still there.
        value: &'a str,
        /// Whether it was `+=`.
        append: bool,
    },
}

/// Takes the comments out of a file, line by line; remembers which block comments are open.
#[derive(Debug, Default)]
pub struct CommentStripper {
    /// The lines on which the open block comments began.
    open: Vec<u32>,
}

/// What is left of a line without its comments.
#[derive(Debug, PartialEq, Eq)]
pub struct Stripped {
    /// The text, blanks around it removed.
    pub text: String,
    /// A comment began right after a character that is no blank, as in `secret = a;b`.
    pub comment_glued: bool,
}

impl CommentStripper {
    /// Takes the comments out of one line (without its LF); `number` is the line's number.
    ///
    /// # Errors
    /// See [`LineError`]; the state of open comments stays usable.
    pub fn strip(&mut self, line: &[u8], number: u32) -> Result<Stripped, LineError> {
        if line.len() > LINE_BYTES_MAX {
            return Err(LineError::TooLong);
        }
        let mut text = Vec::new();
        let mut failure = None;
        // Where the text that is still to be kept begins, and where the search for ';' goes on. Asterisk never looks
        // back beyond the latter for a backslash or for dashes.
        let mut keep = 0;
        let mut from = 0;
        let mut comment_glued = false;
        while let Some(at) = find_semicolon(line, from) {
            let before = line.get(from..at).unwrap_or_default();
            let after = line.get(at + 1..).unwrap_or_default();
            let inside = !self.open.is_empty();
            let mut kept = line.get(keep..at).unwrap_or_default();
            let (next_keep, next_from) = if let [.., b'\\'] = before {
                kept = kept.strip_suffix(b"\\").unwrap_or(kept);
                (at, at + 1)
            } else if after.starts_with(b"--") && after.get(2) != Some(&b'-') {
                if self.open.len() < COMMENT_DEPTH_MAX {
                    self.open.push(number);
                } else {
                    failure = Some(LineError::CommentDepth);
                }
                (at + 3, at + 3)
            } else if before.ends_with(b"--") {
                if self.open.pop().is_none() {
                    failure = Some(LineError::StrayCommentEnd);
                }
                (at + 1, at + 1)
            } else if inside {
                (at + 1, at + 1)
            } else {
                comment_glued = kept.last().is_some_and(|byte| *byte > b' ');
                (line.len(), line.len())
            };
            if !inside {
                text.extend_from_slice(kept);
            }
            keep = next_keep;
            from = next_from;
        }
        if self.open.is_empty() {
            text.extend_from_slice(line.get(keep..).unwrap_or_default());
        }
        match failure {
            Some(failure) => Err(failure),
            None => Ok(Stripped {
                text: printable(&text)?,
                comment_glued,
            }),
        }
    }

    /// The line on which the innermost open block comment began, at the end of a file.
    pub fn unterminated(&self) -> Option<u32> {
        self.open.last().copied()
    }
}

impl<'a> Line<'a> {
    /// Tells what a line is, from its text without comments; nothing for an empty line.
    ///
    /// # Errors
    /// See [`LineError`].
    pub fn parse(text: &'a str) -> Result<Option<Self>, LineError> {
        match text.as_bytes().first() {
            None => Ok(None),
            Some(b'[') => parse_section(text).map(Some),
            Some(b'#') => Ok(Some(parse_directive(text))),
            Some(_) => parse_option(text).map(Some),
        }
    }
}

/// Without the characters that Asterisk takes for blanks (all below 33) at both ends.
pub(crate) fn strip_blanks(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

fn find_semicolon(line: &[u8], from: usize) -> Option<usize> {
    let rest = line.get(from..)?;
    memchr::memchr(b';', rest).map(|at| from + at)
}

fn printable(bytes: &[u8]) -> Result<String, LineError> {
    let text = std::str::from_utf8(bytes).map_err(|_| LineError::NotUtf8)?;
    let text = strip_blanks(text);
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return Err(LineError::ControlCharacter);
    }
    Ok(text.to_owned())
}

fn parse_section(text: &str) -> Result<Line<'_>, LineError> {
    let inner = text.strip_prefix('[').unwrap_or(text);
    let (name, after) = inner.split_once(']').ok_or(LineError::NoBracket)?;
    if name.is_empty() {
        return Err(LineError::NoSectionName);
    }
    let modifiers = match after.strip_prefix('(') {
        Some(rest) => Some(rest.split_once(')').ok_or(LineError::NoParenthesis)?.0),
        None => None,
    };
    Ok(Line::Section { name, modifiers })
}

fn parse_directive(text: &str) -> Line<'_> {
    let inner = text.strip_prefix('#').unwrap_or(text);
    let (word, argument) = inner.split_once(|c| c <= ' ').unwrap_or((inner, ""));
    let argument = strip_blanks(argument);
    Line::Directive {
        word,
        argument: (!argument.is_empty()).then(|| unquoted(argument)),
    }
}

/// Without `"…"` or `<…>` around it.
fn unquoted(argument: &str) -> &str {
    let inner = |open, close| {
        argument
            .strip_prefix(open)
            .and_then(|rest: &str| rest.strip_suffix(close))
    };
    inner('"', '"')
        .or_else(|| inner('<', '>'))
        .unwrap_or(argument)
}

fn parse_option(text: &str) -> Result<Line<'_>, LineError> {
    // After a leading backslash the next character is part of the name, even '=', '[' or '#'.
    let (text, literal) = match text.strip_prefix('\\') {
        Some(rest) => {
            let first = rest.chars().next().filter(|c| *c > ' ');
            (rest, first.ok_or(LineError::Escape)?.len_utf8())
        }
        None => (text, 0),
    };
    let search = text.get(literal..).unwrap_or_default();
    let at = literal + search.find('=').ok_or(LineError::NoEqualSign)?;
    let (name, value) = text.split_at_checked(at).ok_or(LineError::NoEqualSign)?;
    let value = value.strip_prefix('=').unwrap_or(value);
    // "+=" needs its '+' after an escaped first character.
    let appended = name.strip_suffix('+').filter(|_| at > literal);
    let name = strip_blanks(appended.unwrap_or(name));
    if name.is_empty() {
        return Err(LineError::NoName);
    }
    let value = match appended {
        Some(_) => value,
        None => value.strip_prefix('>').unwrap_or(value),
    };
    Ok(Line::Option {
        name,
        value,
        append: appended.is_some(),
    })
}

#[cfg(test)]
#[path = "lexer_tests.rs"]
mod tests;
