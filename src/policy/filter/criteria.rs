//! The grammar of filters: `eventfilter(action(exclude),name(Newchannel),header(Channel),method(regex)) = ^Local/` and
//! the older `eventfilter = !regex`, read once into [`Criteria`].
//!
//! The meaning is Asterisk's (`main/manager.c`, `manager_add_filter`). Its reader lets much pass that its author cannot
//! have meant (`actionx(include)`, two `name`s, text behind the parentheses) and goes on without a filter that it
//! cannot read; here all of that is an error.

mod error;

pub use error::CriteriaError;

use super::matcher::{Matcher, Method};
use error::cut;

/// Longest pattern in bytes.
pub const PATTERN_BYTES_MAX: usize = 4096;

/// What a filter looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Events on their way to a client: Asterisk's own filters.
    Events,
    /// Actions on their way to Asterisk. There is [`Kind::Require`], and what excludes ignores ASCII case: Asterisk
    /// takes many arguments in any case, and a filter that is to keep something out must not be got round by that.
    Actions,
}

/// What a match means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// One of these must match, if there is any.
    #[default]
    Include,
    /// None of these may match.
    Exclude,
    /// Each of these must match. For action filters only.
    Require,
}

impl Kind {
    const WORDS: [(&'static str, Self); 3] = [
        ("include", Self::Include),
        ("exclude", Self::Exclude),
        ("require", Self::Require),
    ];
}

/// One filter as understood.
#[derive(Debug, Clone)]
pub struct Criteria {
    /// What a match means.
    pub kind: Kind,
    /// The name of the event or action that it is about; without it, it is about all of them.
    pub name: Option<String>,
    /// The header that is looked at, without a colon; without it, the whole message is.
    pub header: Option<String>,
    /// What the header or the message must look like.
    pub matcher: Matcher,
}

impl Criteria {
    /// Reads an option: `option` is its name with the criteria in parentheses, if there are any; `value` is the pattern.
    ///
    /// # Errors
    /// Whatever is not exactly the grammar; see [`CriteriaError`].
    pub fn parse(option: &str, value: &str, subject: Subject) -> Result<Self, CriteriaError> {
        match option.split_once('(') {
            Some((_, rest)) => Self::advanced(before_end(rest)?, value, subject),
            None => Self::legacy(value, subject),
        }
    }

    /// Reads the advanced form: criteria without the parentheses around them, and a pattern.
    ///
    /// # Errors
    /// As [`Criteria::parse`].
    pub fn advanced(
        criteria: &str,
        pattern: &str,
        subject: Subject,
    ) -> Result<Self, CriteriaError> {
        let items = Items::read(criteria)?;
        let (pattern, marked) = without_mark(pattern)?;
        let kind = items.kind(subject)?.unwrap_or(marked);
        let method = items.method()?;
        let header = items.header()?;
        if method == Method::None {
            if !pattern.is_empty() {
                return Err(CriteriaError::PatternWithoutMethod(cut(pattern)));
            }
            if items.name.is_none() && header.is_none() {
                return Err(CriteriaError::MatchesEverything);
            }
        } else if pattern.is_empty() {
            return Err(CriteriaError::MethodWithoutPattern(method.word()));
        }
        Ok(Self {
            kind,
            name: items.name.map(str::to_owned),
            header: header.map(str::to_owned),
            matcher: matcher(method, pattern, kind, subject)?,
        })
    }

    /// Reads the legacy form: a regular expression over the whole message, behind `!` when it excludes.
    ///
    /// # Errors
    /// No regular expression, or none that is accepted.
    pub fn legacy(pattern: &str, subject: Subject) -> Result<Self, CriteriaError> {
        let (pattern, kind) = without_mark(pattern)?;
        if pattern.is_empty() {
            return Err(CriteriaError::NoRegex);
        }
        Ok(Self {
            kind,
            name: None,
            header: None,
            matcher: matcher(Method::Regex, pattern, kind, subject)?,
        })
    }
}

fn matcher(
    method: Method,
    pattern: &str,
    kind: Kind,
    subject: Subject,
) -> Result<Matcher, CriteriaError> {
    let ignore_case = subject == Subject::Actions && kind == Kind::Exclude;
    Matcher::new(method, pattern, ignore_case).map_err(|error| CriteriaError::regex(pattern, error))
}

/// The pattern without a leading `!`, and what that says.
fn without_mark(pattern: &str) -> Result<(&str, Kind), CriteriaError> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(CriteriaError::TooLong);
    }
    Ok(match pattern.strip_prefix('!') {
        Some(rest) => (rest, Kind::Exclude),
        None => (pattern, Kind::Include),
    })
}

/// What stands before the parenthesis that closes the criteria; nothing may stand behind it.
fn before_end(text: &str) -> Result<&str, CriteriaError> {
    let mut open = 1_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            let (inner, rest) = text.split_at_checked(at).unwrap_or((text, ""));
            let after = rest.strip_prefix(')').unwrap_or(rest).trim_start();
            return match after.is_empty() {
                true => Ok(inner),
                false => Err(CriteriaError::AfterEnd(cut(after))),
            };
        }
    }
    Err(CriteriaError::Unclosed(format!("({}", cut(text))))
}

/// The criteria as written, each at most once and none empty.
#[derive(Default)]
struct Items<'a> {
    action: Option<&'a str>,
    name: Option<&'a str>,
    header: Option<&'a str>,
    method: Option<&'a str>,
}

impl<'a> Items<'a> {
    fn read(text: &'a str) -> Result<Self, CriteriaError> {
        let mut items = Self::default();
        let mut rest = text.trim_matches(is_separator);
        if rest.is_empty() {
            return Err(CriteriaError::NoCriteria);
        }
        while !rest.is_empty() {
            let after = items.read_one(rest)?;
            let next = after.trim_start_matches(is_separator);
            if next.len() == after.len() && !next.is_empty() {
                return Err(CriteriaError::NotSeparated(cut(next)));
            }
            rest = next;
        }
        Ok(items)
    }

    /// Reads `keyword(value)` and returns what follows it.
    fn read_one(&mut self, text: &'a str) -> Result<&'a str, CriteriaError> {
        let (word, rest) = split_before(text, |c| is_separator(c) || matches!(c, '(' | ')'));
        let (keyword, slot) = match word {
            "action" => ("action", &mut self.action),
            "name" => ("name", &mut self.name),
            "header" => ("header", &mut self.header),
            "method" => ("method", &mut self.method),
            _ => {
                let shown = if word.is_empty() { text } else { word };
                return Err(CriteriaError::UnknownKeyword(cut(shown)));
            }
        };
        let opened = rest
            .strip_prefix('(')
            .ok_or(CriteriaError::NotOpened(keyword))?;
        let (value, rest) = split_before(opened, |c| is_separator(c) || matches!(c, '(' | ')'));
        let Some(after) = rest.strip_prefix(')') else {
            return Err(CriteriaError::NotClosed(cut(&format!("{keyword}({value}"))));
        };
        if value.is_empty() {
            return Err(CriteriaError::EmptyValue(keyword));
        }
        if slot.replace(value).is_some() {
            return Err(CriteriaError::Twice(keyword));
        }
        Ok(after)
    }

    fn kind(&self, subject: Subject) -> Result<Option<Kind>, CriteriaError> {
        let Some(word) = self.action else {
            return Ok(None);
        };
        match Kind::WORDS.iter().find(|(known, _)| *known == word) {
            Some((_, Kind::Require)) if subject == Subject::Events => {
                Err(CriteriaError::RequireForEvents)
            }
            Some((_, kind)) => Ok(Some(*kind)),
            None => Err(CriteriaError::UnknownAction(cut(word))),
        }
    }

    fn method(&self) -> Result<Method, CriteriaError> {
        let Some(word) = self.method else {
            return Ok(Method::default());
        };
        Method::WORDS
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, method)| *method)
            .ok_or_else(|| CriteriaError::UnknownMethod(cut(word)))
    }

    /// Without the colon that may end it.
    fn header(&self) -> Result<Option<&'a str>, CriteriaError> {
        let Some(written) = self.header else {
            return Ok(None);
        };
        let name = written.strip_suffix(':').unwrap_or(written);
        match name {
            "" => Err(CriteriaError::EmptyValue("header")),
            _ if name.contains(':') => Err(CriteriaError::HeaderName(cut(written))),
            _ => Ok(Some(name)),
        }
    }
}

const fn is_separator(c: char) -> bool {
    matches!(c, ',' | ' ' | '\t')
}

/// The text before the first such character, and the rest that begins with it.
fn split_before(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    let at = text.find(ends).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests;
