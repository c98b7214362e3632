//! Lines of astmanproxy's files: `name = value` without sections, blanks count nowhere, and `;` and `#` begin comments.

use std::path::Path;

use zeroize::Zeroizing;

use crate::config::diagnostics::Location;
use crate::config::include::Files;
use crate::import::ImportError;

/// The longest name or value; it had room for 80 bytes, and wrote behind them.
const BYTES_MAX: usize = 1024;

/// One line.
pub(super) struct Entry {
    pub(super) place: Location,
    /// As it stands in the file.
    pub(super) text: Zeroizing<String>,
    /// Name and value without blanks; `None` for a comment or nothing.
    pub(super) pair: Option<(String, Zeroizing<String>)>,
}

impl Entry {
    pub(super) fn name(&self) -> Option<&str> {
        self.pair.as_ref().map(|(name, _)| name.as_str())
    }
}

/// Reads a file.
///
/// # Errors
/// What the system says.
pub(super) fn read(path: &Path) -> Result<Vec<Entry>, ImportError> {
    let content = Files::new(path)
        .open(path)
        .map_err(|error| ImportError::Read(error.to_string(), error.remedy()))?;
    let file = path.display().to_string();
    let text = Zeroizing::new(String::from_utf8_lossy(&content.bytes).into_owned());
    let lines = (1..).zip(text.lines());
    Ok(lines
        .map(|(line, text)| Entry {
            place: Location {
                file: file.as_str().into(),
                line,
            },
            text: Zeroizing::new(
                text.trim_end()
                    .chars()
                    .filter(|c| !c.is_control())
                    .collect(),
            ),
            pair: pair(text),
        })
        .collect())
}

fn pair(line: &str) -> Option<(String, Zeroizing<String>)> {
    let code = line.split([';', '#', '\r']).next().unwrap_or_default();
    let (name, value) = code.split_once('=')?;
    let kept = |text: &str| -> String {
        // A second '=' of the line is not part of the value either.
        let all = text.chars().filter(|c| !matches!(c, ' ' | '\t' | '='));
        all.take(BYTES_MAX).collect()
    };
    let name = kept(name);
    (!name.is_empty()).then(|| (name, Zeroizing::new(kept(value))))
}

/// The fields of a value, with an empty one for each that is not there.
pub(super) fn fields<const N: usize>(value: &str) -> [&str; N] {
    let mut fields = value.split(',');
    std::array::from_fn(|_| fields.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_comments_do_not_count() {
        let cases = [
            ("host = a, 5038, b ; c", Some(("host", "a,5038,b"))),
            ("listen port = 12 34", Some(("listenport", "1234"))),
            ("crm=pass#word", Some(("crm", "pass"))),
            ("crm=a=b", Some(("crm", "ab"))),
            ("; host = a", None),
            ("# host = a", None),
            ("nothing", None),
            ("= a", None),
        ];
        for (line, expected) in cases {
            let pair = pair(line);
            let found = pair
                .as_ref()
                .map(|(name, value)| (name.as_str(), value.as_str()));
            assert_eq!(found, expected, "{line}");
        }
        assert_eq!(fields::<3>("a,,c,d"), ["a", "", "c"]);
        assert_eq!(fields::<2>(""), ["", ""]);
    }
}
