//! Patterns for "anything but": astmanproxy lets pass what begins with a text, or is one, and filters can only forbid.
//! Neither kind of filter knows negation, so the complement of the text is spelt out, character by character.

use std::fmt::Write;

/// The longest text; longer ones would make patterns that are nested too deep.
pub(super) const CHARACTERS_MAX: usize = 100;

/// Who reads a pattern: whether the case of letters counts for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reader {
    /// Event filters, for which it counts, so that a pattern has to name both; for astmanproxy it did not count.
    Events,
    /// Action filters that forbid, for which it does not.
    Actions,
}

impl Reader {
    /// A regular expression for every value that does not begin with `text`.
    pub(super) fn not_beginning_with(self, text: &str) -> Option<String> {
        self.complement(text, "")
    }

    /// A regular expression for every value but `text`.
    pub(super) fn other_than(self, text: &str) -> Option<String> {
        self.complement(text, ".")
    }

    /// A regular expression for every value that begins with `text`.
    pub(super) fn beginning_with(self, text: &str) -> Option<String> {
        is_usable(text).then(|| {
            let tokens = text.chars().map(|character| self.token(character));
            format!("^{}", tokens.collect::<String>())
        })
    }

    /// Each character may be another one, or the value end before it; `behind` is what may follow the whole text.
    fn complement(self, text: &str, behind: &str) -> Option<String> {
        if !is_usable(text) {
            return None;
        }
        let mut pattern = "^".to_owned();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let _ = write!(pattern, "($|[^{}]", self.class(character));
            if characters.peek().is_some() || !behind.is_empty() {
                let _ = write!(pattern, "|{}", self.token(character));
            }
        }
        pattern.push_str(behind);
        pattern.push_str(&")".repeat(text.chars().count()));
        Some(pattern)
    }

    /// The character as a pattern.
    fn token(self, character: char) -> String {
        let class = self.class(character);
        if class.len() == 1 && !".+*$".contains(character) {
            class
        } else {
            format!("[{class}]")
        }
    }

    /// What stands between brackets for the character.
    fn class(self, character: char) -> String {
        let (small, large) = (
            character.to_ascii_lowercase(),
            character.to_ascii_uppercase(),
        );
        if self == Self::Actions || small == large {
            small.to_string()
        } else {
            format!("{small}{large}")
        }
    }
}

/// Names of channels and contexts are plain; whatever else might be special within brackets is not attempted.
fn is_usable(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_-.@:+*#$!~".contains(c);
    !text.is_empty() && text.len() <= CHARACTERS_MAX && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use regex_automata::meta::Regex;

    use super::*;

    const READERS: [Reader; 2] = [Reader::Events, Reader::Actions];

    /// Whether the pattern is found, as that reader looks for it.
    fn matches(reader: Reader, pattern: Option<String>, value: &str) -> bool {
        let syntax = regex_automata::util::syntax::Config::new();
        Regex::builder()
            .syntax(syntax.case_insensitive(reader == Reader::Actions))
            .build(&pattern.unwrap())
            .unwrap()
            .is_match(value)
    }

    #[test]
    fn complements_match_everything_else() {
        let values = [
            "",
            "s",
            "S",
            "SI",
            "sip",
            "SIP/",
            "sip/10",
            "SIP/100",
            "SIP/1000-1",
            "SIP/101",
            "PJSIP/100",
            "xSIP/100",
            "Local/SIP/100",
            "sip/100 ",
            "żip/100",
        ];
        let text = "SIP/100";
        for reader in READERS {
            for value in values {
                let (lower, small) = (value.to_ascii_lowercase(), "sip/100");
                let holds = |pattern| matches(reader, pattern, value);
                assert_eq!(
                    holds(reader.beginning_with(text)),
                    lower.starts_with(small),
                    "{value}"
                );
                assert_eq!(
                    holds(reader.not_beginning_with(text)),
                    !lower.starts_with(small),
                    "{value}"
                );
                assert_eq!(holds(reader.other_than(text)), lower != small, "{value}");
            }
        }
    }

    #[test]
    fn what_could_be_special_is_not_attempted() {
        for text in ["", "a]", "a^b", "a\\", "ż", &"x".repeat(CHARACTERS_MAX + 1)] {
            assert_eq!(Reader::Events.other_than(text), None, "{text}");
            assert_eq!(Reader::Actions.beginning_with(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_value_is_the_text_or_matches_its_complement(
            text in "[a-cA-C/*.$-]{1,12}", value in "[a-dA-D/*.$-]{0,13}",
        ) {
            let (small, value_small) = (text.to_ascii_lowercase(), value.to_ascii_lowercase());
            for reader in READERS {
                let other = matches(reader, reader.other_than(&text), &value);
                proptest::prop_assert_eq!(other, small != value_small);
                let not = matches(reader, reader.not_beginning_with(&text), &value);
                proptest::prop_assert_eq!(not, !value_small.starts_with(&small));
            }
        }
    }
}
