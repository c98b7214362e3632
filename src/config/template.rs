//! Section headers with modifiers: `[name](!)`, `[name](parent)`, `[name](+)`, `[name](+filter)`; and `+=`.
//!
//! Source: `main/config.c`, `process_text_line`, `does_category_match`, `ast_category_inherit`, `ast_variable_update`.
//! A filter's names and values are regular expressions in Asterisk; here they are plain text that may be anchored with
//! `^` and `$`, and anything else that is special in a regular expression is refused.

use thiserror::Error;
use zeroize::Zeroizing;

use super::diagnostics::quoted;
use super::lexer::strip_blanks;
use super::raw::{RawOption, RawSection, cut_name};

/// Why a section header is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum HeaderError {
    #[error("there is an empty name in the parentheses after the section name")]
    EmptyModifier,
    #[error("the section {} to inherit from does not exist above this line", quoted(.0))]
    NoParent(String),
    #[error("the section {} to add to does not exist above this line", quoted(.0))]
    NothingToExtend(String),
    #[error("the filter {} has no '='", quoted(.0))]
    FilterWithoutValue(String),
    #[error("the filter {} is a regular expression", quoted(.0))]
    FilterPattern(String),
}

impl HeaderError {
    pub(super) const fn remedy(&self) -> &'static str {
        match self {
            Self::EmptyModifier => "write [name], [name](!) or [name](template)",
            Self::NoParent(_) => "correct the name (blanks count), or move that section up",
            Self::NothingToExtend(_) => {
                "correct the name, move that section up, or write [name] without '+' (a template needs (+TEMPLATES=include))"
            }
            Self::FilterWithoutValue(_) => "write (+option=value)",
            Self::FilterPattern(_) => "write plain text, at most with '^' before and '$' after it",
        }
    }
}

/// Appends a section; the result is its index.
pub(super) fn append(sections: &mut Vec<RawSection>, section: RawSection) -> usize {
    sections.push(section);
    sections.len() - 1
}

/// Applies the modifiers from left to right, then appends the section unless `+` made it part of an earlier one.
/// The result is the index of the section that is open now.
pub(super) fn apply<'a>(
    sections: &mut Vec<RawSection>,
    section: RawSection,
    modifiers: impl Iterator<Item = &'a str>,
) -> Result<usize, HeaderError> {
    let name = section.name.clone();
    let mut fresh = Some(section);
    let mut extended = None;
    for modifier in modifiers {
        if let Some(filter) = modifier.strip_prefix('+') {
            let index = find(sections, &name, filter)?
                .ok_or_else(|| HeaderError::NothingToExtend(name.clone()))?;
            extended = Some(index);
            if let (Some(begun), Some(target)) = (fresh.take(), sections.get_mut(index)) {
                target.template |= begun.template;
                target.options.extend(begun.options);
            }
            continue;
        }
        let inherited = if modifier == "!" {
            None
        } else {
            Some(inherited(sections, modifier)?)
        };
        let open = match extended {
            Some(index) => sections.get_mut(index),
            None => fresh.as_mut(),
        };
        match (open, inherited) {
            (Some(open), Some(options)) => open.options.extend(options),
            (Some(open), None) => open.template = true,
            (None, _) => {}
        }
    }
    match (extended, fresh) {
        (Some(index), _) => Ok(index),
        (None, Some(section)) => Ok(append(sections, section)),
        (None, None) => Err(HeaderError::NothingToExtend(name)),
    }
}

/// `name += text`: the text is added to the last option of that name (case counts). Asterisk then changes the first
/// option of that name and value; the two differ only where a line is written twice.
/// Returns false when there is no such option, in which case the line is an ordinary one.
pub(super) fn append_value(section: &mut RawSection, addition: &RawOption) -> bool {
    let same_name = |option: &&RawOption| option.name == addition.name;
    let Some(last) = section.options.iter().rev().find(same_name) else {
        return false;
    };
    let before = last.value.clone();
    let Some(target) = section.options.iter_mut().find(|option| {
        option.name.eq_ignore_ascii_case(&addition.name)
            && (before.is_empty() || option.value.eq_ignore_ascii_case(&before))
    }) else {
        return false;
    };
    let joined = Zeroizing::new([before.as_str(), addition.value.as_str()].concat());
    target.value = Zeroizing::new(strip_blanks(&joined).to_owned());
    target.location = addition.location.clone();
    target.exposed |= addition.exposed;
    target.comment_glued = addition.comment_glued;
    true
}

fn inherited(sections: &[RawSection], parent: &str) -> Result<Vec<RawOption>, HeaderError> {
    if parent.is_empty() {
        return Err(HeaderError::EmptyModifier);
    }
    sections
        .iter()
        .find(|section| section.name.eq_ignore_ascii_case(cut_name(parent)))
        .map(|section| section.options.clone())
        .ok_or_else(|| HeaderError::NoParent(parent.to_owned()))
}

/// The first section of that name that passes the filter.
fn find(sections: &[RawSection], name: &str, filter: &str) -> Result<Option<usize>, HeaderError> {
    let terms = parse_filter(filter)?;
    Ok(sections
        .iter()
        .position(|section| section.name.eq_ignore_ascii_case(name) && passes(section, &terms)))
}

/// One `name=value` of a filter.
enum Term<'a> {
    /// `TEMPLATES=include`: templates are welcome.
    WithTemplates,
    /// `TEMPLATES=restrict`: nothing but templates.
    OnlyTemplates,
    /// An option whose name and value contain these texts.
    Option(Pattern<'a>, Pattern<'a>),
}

struct Pattern<'a> {
    text: &'a str,
    at_start: bool,
    at_end: bool,
}

impl<'a> Pattern<'a> {
    fn parse(text: &'a str) -> Result<Self, HeaderError> {
        let without_start = text.strip_prefix('^').unwrap_or(text);
        let bare = without_start.strip_suffix('$').unwrap_or(without_start);
        if bare.contains([
            '^', '$', '.', '[', ']', '*', '+', '?', '{', '}', '|', '\\', '(',
        ]) {
            return Err(HeaderError::FilterPattern(text.to_owned()));
        }
        Ok(Self {
            text: bare,
            at_start: text.starts_with('^'),
            at_end: without_start.ends_with('$'),
        })
    }

    fn matches(&self, text: &str) -> bool {
        match (self.at_start, self.at_end) {
            (true, true) => text == self.text,
            (true, false) => text.starts_with(self.text),
            (false, true) => text.ends_with(self.text),
            (false, false) => text.contains(self.text),
        }
    }
}

fn parse_filter(filter: &str) -> Result<Vec<Term<'_>>, HeaderError> {
    if filter.is_empty() {
        return Ok(Vec::new());
    }
    let without_value = |term: &str| HeaderError::FilterWithoutValue(term.to_owned());
    let parse_term = |term| {
        let (name, value) = str::split_once(term, '=').ok_or_else(|| without_value(term))?;
        let (name, value) = (strip_blanks(name), strip_blanks(value));
        if name != "TEMPLATES" {
            return Ok(Term::Option(Pattern::parse(name)?, Pattern::parse(value)?));
        }
        if value.eq_ignore_ascii_case("include") {
            Ok(Term::WithTemplates)
        } else if value.eq_ignore_ascii_case("restrict") {
            Ok(Term::OnlyTemplates)
        } else {
            Err(HeaderError::FilterPattern(term.to_owned()))
        }
    };
    filter.split('&').map(parse_term).collect()
}

fn passes(section: &RawSection, terms: &[Term<'_>]) -> bool {
    let templates_welcome = terms.iter().any(|term| !matches!(term, Term::Option(..)));
    let holds = |term: &Term<'_>| match term {
        Term::WithTemplates => true,
        Term::OnlyTemplates => section.template,
        Term::Option(name, value) => section
            .options
            .iter()
            .any(|option| name.matches(&option.name) && value.matches(&option.value)),
    };
    (!section.template || templates_welcome) && terms.iter().all(holds)
}
