//! What an event filter costs in kind, and how to write it so that it costs less or says more exactly what is meant.
//! Advice names the difference in meaning, if there is any.

use super::criteria::{Criteria, Kind};
use super::matcher::{Matcher, Method};
use super::shape::{Fixed, Shape};
use crate::policy::event_filter::EventFilter;
use crate::policy::event_table::EVENTS;

/// Most names that are listed as a difference.
const NAMES_MAX: usize = 4;

/// What has to be done to compare with a filter's pattern, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// There is no pattern: the name, or that the header is there, is enough.
    NoPattern,
    /// A regular expression that matches every text.
    Always,
    /// Searching for fixed texts.
    FixedText,
    /// A regular expression; it need not be run where a fixed text does not occur.
    RegexWithText,
    /// A regular expression that has to be run each time.
    RegexWithoutText,
}

impl Effort {
    /// The effort for a filter.
    pub fn of(filter: &EventFilter) -> Self {
        let matcher = &filter.criteria().matcher;
        if matches!(matcher, Matcher::Present) {
            return Self::NoPattern;
        }
        match Shape::of(matcher) {
            Shape::Always => Self::Always,
            Shape::Fixed(_) => Self::FixedText,
            Shape::Required(texts) if texts.is_empty() => Self::RegexWithoutText,
            Shape::Required(_) => Self::RegexWithText,
        }
    }

    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoPattern => "no pattern",
            Self::Always => "always",
            Self::FixedText => "fixed text",
            Self::RegexWithText => "regular expression with a fixed text that must occur",
            Self::RegexWithoutText => "regular expression without a fixed text",
        }
    }
}

/// Another way to write a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// The line of configuration; where it cannot be known, words in its place.
    pub instead: String,
    /// In what it differs; `None` if it means the same.
    pub differs: Option<String>,
}

impl Advice {
    const fn same(instead: String) -> Self {
        Self {
            instead,
            differs: None,
        }
    }

    fn other(instead: impl Into<String>, differs: impl Into<String>) -> Self {
        Self {
            instead: instead.into(),
            differs: Some(differs.into()),
        }
    }
}

/// How the filter is better written, if there is a way.
pub fn advice(filter: &EventFilter) -> Option<Advice> {
    let criteria = filter.criteria();
    let Matcher::Regex(_) = criteria.matcher else {
        return None;
    };
    let shape = Shape::of(&criteria.matcher);
    let legacy = criteria.name.is_none() && criteria.header.is_none();
    match &shape {
        Shape::Always if legacy => {
            return Some(Advice::other(
                "no filter, or one with name(NAME)",
                "it matches every event",
            ));
        }
        Shape::Always => return Some(Advice::same(line(criteria, None, Method::None, ""))),
        Shape::Fixed(texts) => {
            if let [text] = texts.as_slice()
                && let Some(found) = for_fixed(criteria, text)
            {
                return Some(found);
            }
        }
        Shape::Required(_) => {}
    }
    if let Some(shorter) = without_ends(filter.text()) {
        return Some(Advice::same(shorter));
    }
    (legacy && Effort::of(filter) == Effort::RegexWithoutText).then(|| {
        Advice::other(
            "name(NAME) or header(HEADER),method(regex)",
            "it then looks only at that event or header, no longer at everything in every event",
        )
    })
}

/// Advice for a pattern that is nothing but one fixed text.
fn for_fixed(criteria: &Criteria, fixed: &Fixed) -> Option<Advice> {
    let text = std::str::from_utf8(&fixed.bytes).ok()?;
    if criteria.header.is_some() {
        let method = match (fixed.at_start, fixed.at_end) {
            (true, true) => Method::Exact,
            (true, false) => Method::StartsWith,
            (false, true) => Method::EndsWith,
            (false, false) => Method::Contains,
        };
        return is_writable(text).then(|| Advice::same(line(criteria, None, method, text)));
    }
    let (header, value) = text.split_once(": ")?;
    if fixed.at_end || !is_word(header) || !is_writable(value) {
        return None;
    }
    if header != "Event" {
        // At its start, every event has its name.
        return (!fixed.at_start).then(|| {
            Advice::other(
                line(criteria, Some(header), Method::StartsWith, value),
                format!("the pattern also matches in headers whose names end in {header}, and within values"),
            )
        });
    }
    if criteria.name.is_some() || !is_word(value) {
        return None;
    }
    let named = Criteria {
        name: Some(value.to_owned()),
        ..criteria.clone()
    };
    Some(Advice::other(
        line(&named, None, Method::None, ""),
        difference_of_name(value, fixed.at_start),
    ))
}

/// What `Event: NAME` as a regular expression matches, and `name(NAME)` does not.
fn difference_of_name(name: &str, at_start: bool) -> String {
    let longer: Vec<&str> = EVENTS
        .iter()
        .flat_map(|(_, names)| names.iter().copied())
        .filter(|other| *other != name && other.starts_with(name))
        .collect();
    let mut text = format!("the pattern also matches events whose name begins with {name}");
    if !longer.is_empty() {
        let some: Vec<_> = longer.iter().take(NAMES_MAX).copied().collect();
        let more = if longer.len() > NAMES_MAX {
            ", …"
        } else {
            ""
        };
        text.push_str(&format!(" ({}{more})", some.join(", ")));
    }
    if !at_start {
        text.push_str(", or with that text within a value");
    }
    text
}

/// The line of configuration for these criteria with another header, method and pattern.
fn line(criteria: &Criteria, header: Option<&str>, method: Method, pattern: &str) -> String {
    let mut items = Vec::new();
    if criteria.kind == Kind::Exclude {
        items.push("action(exclude)".to_owned());
    }
    if let Some(name) = &criteria.name {
        items.push(format!("name({name})"));
    }
    if let Some(header) = header.or(criteria.header.as_deref()) {
        items.push(format!("header({header})"));
    }
    if method != Method::None {
        items.push(format!("method({})", method.word()));
    }
    // A semicolon by itself begins a comment.
    let line = format!(
        "eventfilter({}) = {}",
        items.join(","),
        pattern.replace(';', "\\;")
    );
    line.trim_end().to_owned()
}

/// Whether it can stand in parentheses, and looks like the name of a header or an event.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether it can be the value of an option as it is.
fn is_writable(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && !text.starts_with(['!', '=', '>'])
        && !text.contains(['\\', '\0'])
        && !text.chars().any(char::is_control)
}

/// The line without `.*` at the ends of its pattern, where that means the same: a pattern is looked for anywhere.
/// Not beside an anchor, which says where the match must end.
fn without_ends(text: &str) -> Option<String> {
    let (option, pattern) = split_option(text)?;
    let (mark, pattern) = match pattern.strip_prefix('!') {
        Some(rest) => ("!", rest),
        None => ("", pattern),
    };
    let mut kept = pattern;
    if let Some(rest) = kept.strip_prefix(".*")
        && !rest.starts_with(['*', '+', '?', '{', '|'])
        && !has_anchor(rest, '^')
    {
        kept = rest;
    }
    if let Some(rest) = kept.strip_suffix(".*")
        && !rest.ends_with(['\\', '|', '('])
        && !has_anchor(rest, '$')
    {
        kept = rest;
    }
    // What a shorter pattern begins or ends with could be read as something else.
    let safe = kept.trim() == kept && !kept.starts_with(['!', '=', '>']);
    let changed = kept.len() < pattern.len() && !kept.is_empty();
    (changed && safe).then(|| format!("{option} = {mark}{}", kept.replace(';', "\\;")))
}

/// Whether this sign stands anywhere but where it begins a negated set.
fn has_anchor(pattern: &str, sign: char) -> bool {
    pattern.replace("[^", "").contains(sign)
}

/// The option's name with its criteria, and the pattern.
fn split_option(text: &str) -> Option<(&str, &str)> {
    let mut open = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            '=' if open == 0 => {
                let (option, rest) = text.split_at_checked(at)?;
                return Some((option.trim_end(), rest.strip_prefix('=')?));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
