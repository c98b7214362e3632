//! Class lists: the text of `read` and `write`.
//!
//! Asterisk's own reader (`main/manager.c`, `get_perm` and `ast_instring`) grants more than is written in some cases
//! (an element that is not the last matches every label that it begins; an empty one matches all) and less in others
//! (blanks are not trimmed). Here unknown and empty elements are errors, and a list with blanks is taken in the narrower
//! of the two meanings; [`ClassList::asterisk`] lets the caller tell the administrator about the difference.

use thiserror::Error;

use super::class::{Classes, LABELS};

/// A class list as understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassList {
    /// What is granted: what the words say, and never more than Asterisk would grant.
    pub granted: Classes,
    /// What the words say, blanks around them aside.
    pub written: Classes,
    /// What Asterisk would grant for the same text.
    pub asterisk: Classes,
}

impl ClassList {
    /// Whether Asterisk reads the list otherwise than its words say.
    pub fn differs(&self) -> bool {
        self.written != self.asterisk
    }
}

/// Why a class list is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClassListError {
    /// Two commas in a row, or one at an end.
    #[error("there is an empty element in the list of classes")]
    EmptyElement,
    /// A word that is no class; case counts.
    #[error("'{0}' is not a class")]
    Unknown(String),
}

/// Reads a class list: labels, `all` and `none`, separated by commas. Empty text is no class at all.
///
/// # Errors
/// Empty elements and words that are no class.
pub fn parse_class_list(text: &str) -> Result<ClassList, ClassListError> {
    let mut written = Classes::NONE;
    if !text.trim().is_empty() {
        for element in text.split(',') {
            written = written.union(parse_element(element.trim())?);
        }
    }
    let asterisk = as_asterisk_reads(text);
    Ok(ClassList {
        granted: written.intersection(asterisk),
        written,
        asterisk,
    })
}

/// What Asterisk grants for the text, quirks included.
pub fn as_asterisk_reads(text: &str) -> Classes {
    let labels = LABELS.iter().copied().chain([("all", Classes::ALL)]);
    labels
        .filter(|(label, _)| grants_label(text, label))
        .fold(Classes::NONE, |sum, (_, class)| sum.union(class))
}

/// Asterisk's search for a label: elements that are not the last match what they begin, the last matches in full.
fn grants_label(text: &str, label: &str) -> bool {
    let mut rest = text;
    while let Some((element, after)) = rest.split_once(',') {
        if label.starts_with(element) {
            return true;
        }
        if after.is_empty() {
            return false;
        }
        rest = after;
    }
    rest == label
}

fn parse_element(word: &str) -> Result<Classes, ClassListError> {
    match word {
        "" => Err(ClassListError::EmptyElement),
        "none" => Ok(Classes::NONE),
        _ => Classes::from_label(word.as_bytes())
            .ok_or_else(|| ClassListError::Unknown(word.chars().take(30).collect())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Classes = Classes::CALL;
    const AGENT: Classes = Classes::AGENT;

    #[test]
    fn plain_lists_mean_the_same_to_both() {
        let cases: &[(&str, Classes)] = &[
            ("", Classes::NONE),
            ("none", Classes::NONE),
            ("call", CALL),
            ("call,agent", CALL.union(AGENT)),
            ("call,call", CALL),
            ("all", Classes::ALL),
            ("all,call", Classes::ALL),
            ("call,all", Classes::ALL),
            ("none,cc", Classes::CC),
        ];
        for (text, expected) in cases {
            let list = parse_class_list(text).unwrap();
            assert_eq!(list.granted, *expected, "{text}");
            assert!(!list.differs(), "{text}");
        }
    }

    #[test]
    fn blanks_are_taken_in_the_narrower_meaning() {
        let cases: &[(&str, Classes)] = &[
            ("call, agent", CALL),
            ("call ,agent", AGENT),
            ("call , agent", Classes::NONE),
            ("all, call", Classes::ALL),
        ];
        for (text, granted) in cases {
            let list = parse_class_list(text).unwrap();
            assert_eq!(list.granted, *granted, "{text}");
        }
        let list = parse_class_list("call, agent").unwrap();
        assert_eq!(list.written, CALL.union(AGENT));
        assert_eq!(list.asterisk, CALL);
        assert!(list.differs());
        assert!(!parse_class_list("all, call").unwrap().differs());
    }

    #[test]
    fn empty_and_unknown_elements_are_refused() {
        let unknown = |word: &str| ClassListError::Unknown(word.into());
        let cases: &[(&str, ClassListError)] = &[
            (",", ClassListError::EmptyElement),
            ("call,", ClassListError::EmptyElement),
            (",call", ClassListError::EmptyElement),
            ("call,,agent", ClassListError::EmptyElement),
            ("call, ,agent", ClassListError::EmptyElement),
            ("sys,call", unknown("sys")),
            ("Call", unknown("Call")),
            ("call agent", unknown("call agent")),
            ("hookresponse", unknown("hookresponse")),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_class_list(text), Err(expected.clone()), "{text}");
        }
    }

    #[test]
    fn asterisk_grants_by_prefix_and_by_empty_element() {
        let cases: &[(&str, &str)] = &[
            ("sys,call", "system,call"),
            ("sys", ""),
            ("c,agent", "call,command,agent,config,cdr,cc"),
            ("call,", "call"),
            ("c,", "call,command,config,cdr,cc"),
            ("call, agent", "call"),
            ("call ,agent", "agent"),
        ];
        for (text, expected) in cases {
            assert_eq!(as_asterisk_reads(text).to_string(), *expected, "{text}");
        }
        for text in ["call,,agent", ",call", ",", "a,call"] {
            assert_eq!(as_asterisk_reads(text), Classes::ALL, "{text}");
        }
    }
}
