//! Patterns for "anything but": astmanproxy lets pass what begins with a text, or is one, and filters can only forbid.
//! Neither kind of filter knows negation, so the complement of the text is spelt out, character by character.

use std::fmt::Write;

/// The longest text; longer ones would make patterns that are nested too deep.
pub(super) const CHARACTERS_MAX: usize = 100;

/// A regular expression for every value that does not begin with `text`, whatever the case of its letters.
pub(super) fn not_beginning_with(text: &str) -> Option<String> {
    complement(text, None)
}

/// A regular expression for every value but `text`, whatever the case of its letters.
pub(super) fn other_than(text: &str) -> Option<String> {
    complement(text, Some("."))
}

/// A regular expression for every value that begins with `text`, whatever the case of its letters.
pub(super) fn beginning_with(text: &str) -> Option<String> {
    is_usable(text).then(|| {
        let mut pattern = "^".to_owned();
        for character in text.chars() {
            let _ = write!(pattern, "[{}]", both_cases(character));
        }
        pattern
    })
}

/// Each character may be another one, or the value end before it; `behind` is what may follow the whole text.
fn complement(text: &str, behind: Option<&str>) -> Option<String> {
    if !is_usable(text) {
        return None;
    }
    let count = text.chars().count();
    let mut pattern = "^".to_owned();
    for (number, character) in (1..).zip(text.chars()) {
        let class = both_cases(character);
        let _ = write!(pattern, "($|[^{class}]");
        if number < count || behind.is_some() {
            let _ = write!(pattern, "|[{class}]");
        }
    }
    pattern.push_str(behind.unwrap_or_default());
    pattern.push_str(&")".repeat(count));
    Some(pattern)
}

/// Names of channels and contexts are plain; whatever else might be special within brackets is not attempted.
fn is_usable(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_-.@:+*#$!~".contains(c);
    !text.is_empty() && text.len() <= CHARACTERS_MAX && text.chars().all(plain)
}

fn both_cases(character: char) -> String {
    let (small, large) = (character.to_ascii_lowercase(), character.to_ascii_uppercase());
    if small == large {
        character.to_string()
    } else {
        format!("{small}{large}")
    }
}

#[cfg(test)]
mod tests {
    use regex_automata::meta::Regex;

    use super::*;

    fn matches(pattern: &str, value: &str) -> bool {
        Regex::new(pattern).unwrap().is_match(value)
    }

    #[test]
    fn complements_match_everything_else() {
        let values = [
            "", "s", "S", "SI", "sip", "SIP/", "sip/10", "SIP/100", "SIP/1000-1", "SIP/101", "PJSIP/100",
            "xSIP/100", "Local/SIP/100", "sip/100 ", "żip/100",
        ];
        let begins = beginning_with("SIP/100").unwrap();
        let not = not_beginning_with("SIP/100").unwrap();
        let other = other_than("SIP/100").unwrap();
        for value in values {
            let lower = value.to_ascii_lowercase();
            assert_eq!(matches(&begins, value), lower.starts_with("sip/100"), "{value}");
            assert_eq!(matches(&not, value), !lower.starts_with("sip/100"), "{value}");
            assert_eq!(matches(&other, value), lower != "sip/100", "{value}");
        }
    }

    #[test]
    fn what_could_be_special_is_not_attempted() {
        for text in ["", "a]", "a^b", "a\\", "ż", &"x".repeat(CHARACTERS_MAX + 1)] {
            assert_eq!(other_than(text), None, "{text}");
            assert_eq!(beginning_with(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_value_is_the_text_or_matches_its_complement(
            text in "[a-cA-C/*.$-]{1,12}", value in "[a-dA-D/*.$-]{0,13}",
        ) {
            let (small, value_small) = (text.to_ascii_lowercase(), value.to_ascii_lowercase());
            let other = other_than(&text).unwrap();
            proptest::prop_assert_eq!(matches(&other, &value), small != value_small);
            let not = not_beginning_with(&text).unwrap();
            proptest::prop_assert_eq!(matches(&not, &value), !value_small.starts_with(&small));
        }
    }
}
