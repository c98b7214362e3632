//! Forced headers: what is written into every request of one action, in place of whatever the client wrote there.

use thiserror::Error;

use crate::protocol::limits::REQUEST_TEXT_BYTES_MAX;

/// A header that is written into every request of one action, in place of whatever the client wrote there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForcedHeader {
    /// The action's name; case does not count.
    pub action: String,
    /// The header's name; case does not count.
    pub name: String,
    /// Its value. An empty one is sent as such, which Asterisk reads as if the header were absent.
    pub value: String,
}

/// Why a forced header is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ForcedHeaderError {
    /// Not two words in one pair of parentheses.
    #[error("'{0}' does not name an action and a header")]
    Form(String),
    /// A colon, a blank, a parenthesis or a control character in one of the names.
    #[error("'{0}' cannot be the name of an action or a header")]
    Name(String),
    /// `Action` and `ActionID` say what the request is, and to whom the answer goes.
    #[error("the header '{0}' cannot be forced")]
    Reserved(String),
    /// The value would end the line.
    #[error("the value has a line end or NUL in it")]
    Value,
    /// The line would be longer than Asterisk reads.
    #[error("the header is longer than {REQUEST_TEXT_BYTES_MAX} bytes")]
    TooLong,
}

impl ForcedHeaderError {
    /// What to write instead.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Form(_) => "write setheader(Action,Header) = value",
            Self::Name(_) => "write the names alone, as in setheader(Originate,Account) = value",
            Self::Reserved(_) => "remove the line",
            Self::Value => "write the value on one line",
            Self::TooLong => "use a shorter value",
        }
    }
}

impl ForcedHeader {
    /// Reads `setheader(Action,Header)` and the value. Blanks around the two names do not count.
    ///
    /// # Errors
    /// It is not of that form, the header is `Action` or `ActionID`, or the line could not be sent as meant.
    pub fn parse(option: &str, value: &str) -> Result<Self, ForcedHeaderError> {
        let form = || ForcedHeaderError::Form(cut(option));
        let names = option
            .split_once('(')
            .and_then(|(_, rest)| rest.strip_suffix(')'))
            .ok_or_else(form)?;
        let (action, name) = names.split_once(',').ok_or_else(form)?;
        let (action, name) = (action.trim(), name.trim());
        if action.is_empty() || name.is_empty() || name.contains(',') {
            return Err(form());
        }
        for word in [action, name] {
            if !is_name(word) {
                return Err(ForcedHeaderError::Name(cut(word)));
            }
        }
        if ["Action", "ActionID"]
            .iter()
            .any(|own| own.eq_ignore_ascii_case(name))
        {
            return Err(ForcedHeaderError::Reserved(name.to_owned()));
        }
        if value.contains(['\r', '\n', '\0']) {
            return Err(ForcedHeaderError::Value);
        }
        if name.len() + ": ".len() + value.len() > REQUEST_TEXT_BYTES_MAX {
            return Err(ForcedHeaderError::TooLong);
        }
        Ok(Self {
            action: action.to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }

    /// Whether both force the same header of the same action.
    pub fn is_same_header(&self, other: &Self) -> bool {
        self.action.eq_ignore_ascii_case(&other.action)
            && self.name.eq_ignore_ascii_case(&other.name)
    }
}

fn is_name(word: &str) -> bool {
    !word
        .chars()
        .any(|c| c <= ' ' || c.is_control() || matches!(c, ':' | '(' | ')'))
}

/// The offending text, short enough for a message, on one line.
fn cut(text: &str) -> String {
    text.chars()
        .take(50)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read() {
        for (option, value, action, name) in [
            (
                "setheader(Originate,Account)",
                "crm",
                "Originate",
                "Account",
            ),
            (
                "setheader( Originate , Account )",
                "a b",
                "Originate",
                "Account",
            ),
            ("SetHeader(x,y)", "", "x", "y"),
        ] {
            let read = ForcedHeader::parse(option, value).unwrap();
            assert_eq!((&*read.action, &*read.name), (action, name), "{option}");
            assert_eq!(read.value, value);
        }
    }

    #[test]
    fn what_is_refused() {
        use ForcedHeaderError::{Form, Name, Reserved, TooLong, Value};
        let long = "x".repeat(REQUEST_TEXT_BYTES_MAX - 2);
        let form = |option: &str| Form(option.to_owned());
        let cases = [
            ("setheader", "x", form("setheader")),
            ("setheader(A)", "x", form("setheader(A)")),
            ("setheader(A,)", "x", form("setheader(A,)")),
            ("setheader(,B)", "x", form("setheader(,B)")),
            ("setheader(A,B,C)", "x", form("setheader(A,B,C)")),
            ("setheader(A,B", "x", form("setheader(A,B")),
            ("setheader(A,B) x", "x", form("setheader(A,B) x")),
            ("setheader(A,B:)", "x", Name("B:".to_owned())),
            ("setheader(A,B C)", "x", Name("B C".to_owned())),
            ("setheader(A:,B)", "x", Name("A:".to_owned())),
            ("setheader(A,B))", "x", Name("B)".to_owned())),
            ("setheader(A,B\u{1})", "x", Name("B?".to_owned())),
            ("setheader(A,action)", "x", Reserved("action".to_owned())),
            (
                "setheader(A,ActionId)",
                "x",
                Reserved("ActionId".to_owned()),
            ),
            ("setheader(A,B)", "x\r\nC: y", Value),
            ("setheader(A,B)", "x\ny", Value),
            ("setheader(A,B)", "x\0", Value),
            ("setheader(A,B)", &long, TooLong),
        ];
        for (option, value, expected) in cases {
            let error = ForcedHeader::parse(option, value).unwrap_err();
            assert_eq!(error, expected, "{option}");
            assert!(!error.remedy().is_empty());
        }
        assert!(ForcedHeader::parse("setheader(A,B)", &long[1..]).is_ok());
    }
}
