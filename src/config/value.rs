//! Values: booleans as Asterisk reads them, whole numbers, sizes with K, M, G, and durations with ms and s.
//!
//! Each function notes a problem in the report and returns nothing when the text is not such a value.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::diagnostics::{Report, quoted};
use super::raw::RawOption;

/// The words that Asterisk takes for true (`main/utils.c`, `ast_true`); everything else is false.
const TRUE_WORDS: [&str; 6] = ["yes", "true", "y", "t", "1", "on"];
/// The words that Asterisk takes for an outspoken false (`ast_false`).
const FALSE_WORDS: [&str; 6] = ["no", "false", "n", "f", "0", "off"];

/// The unit of a duration that is written as a number alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
}

impl Unit {
    const fn microseconds(self) -> u64 {
        match self {
            Self::Seconds => 1_000_000,
            Self::Milliseconds => 1_000,
        }
    }
}

/// Takes over a value that could be read; otherwise what was there stays.
pub(super) fn assign<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

/// Whether Asterisk takes the word for true.
pub(crate) fn is_true(value: &str) -> bool {
    TRUE_WORDS
        .iter()
        .any(|word| word.eq_ignore_ascii_case(value))
}

/// A boolean; a word that is neither true nor false to Asterisk is false, with a warning.
pub(super) fn boolean(option: &RawOption, report: &mut Report) -> bool {
    let known = TRUE_WORDS.iter().chain(&FALSE_WORDS);
    if !known
        .into_iter()
        .any(|word| word.eq_ignore_ascii_case(&option.value))
    {
        report.warning(
            &option.location,
            format!(
                "{} = {} is neither yes nor no and counts as no",
                option.name,
                quoted(&option.value)
            ),
            "write yes or no",
        );
    }
    is_true(&option.value)
}

/// A whole number within limits.
pub(super) fn number(
    option: &RawOption,
    limits: RangeInclusive<u64>,
    report: &mut Report,
) -> Option<u64> {
    let number = digits(&option.value).filter(|number| limits.contains(number));
    if number.is_none() {
        refuse(
            option,
            format!(
                "write a whole number from {} to {}",
                limits.start(),
                limits.end()
            ),
            report,
        );
    }
    number
}

/// The same as [`number`], for counts of things in memory.
pub(super) fn count(
    option: &RawOption,
    limits: RangeInclusive<u64>,
    report: &mut Report,
) -> Option<usize> {
    number(option, limits, report).and_then(|number| usize::try_from(number).ok())
}

/// A number of bytes: digits, then K, M or G (powers of 1024) or nothing.
pub(super) fn size_bytes(
    option: &RawOption,
    limits: RangeInclusive<u64>,
    report: &mut Report,
) -> Option<usize> {
    let size = parse_size(&option.value)
        .filter(|bytes| limits.contains(bytes))
        .and_then(|bytes| usize::try_from(bytes).ok());
    if size.is_none() {
        refuse(
            option,
            format!(
                "write a size from {} to {}, as in 512K, 4M or 1G",
                size_words(*limits.start()),
                size_words(*limits.end())
            ),
            report,
        );
    }
    size
}

/// A duration: a number that may have decimals, then `ms` or `s` or nothing, in which case `unit` holds.
pub(super) fn duration(
    option: &RawOption,
    unit: Unit,
    limits: RangeInclusive<Duration>,
    report: &mut Report,
) -> Option<Duration> {
    let duration = parse_duration(&option.value, unit).filter(|value| limits.contains(value));
    if duration.is_none() {
        let example = match unit {
            Unit::Seconds => "as in 5, 0.5, 5s or 500ms",
            Unit::Milliseconds => "as in 100, 100ms or 0.1s",
        };
        refuse(
            option,
            format!(
                "write a time from {:?} to {:?}, {example}",
                limits.start(),
                limits.end()
            ),
            report,
        );
    }
    duration
}

/// One word of several; nothing and an error for any other.
pub(super) fn one_of<T: Copy>(
    option: &RawOption,
    words: &[(&str, T)],
    report: &mut Report,
) -> Option<T> {
    let found = words
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(&option.value));
    if found.is_none() {
        let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        refuse(option, format!("write {}", names.join(" or ")), report);
    }
    found.map(|(_, value)| *value)
}

/// Text that may not be empty.
pub(super) fn text(option: &RawOption, report: &mut Report) -> Option<String> {
    if option.value.is_empty() {
        report.error(
            &option.location,
            format!("{} has no value", quoted(&option.name)),
            "write a value after '=', or remove the line",
        );
        return None;
    }
    Some(option.value.to_string())
}

fn refuse(option: &RawOption, remedy: String, report: &mut Report) {
    report.error(
        &option.location,
        format!("{} = {} is not valid", option.name, quoted(&option.value)),
        remedy,
    );
}

fn digits(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

pub(super) fn parse_size(text: &str) -> Option<u64> {
    let (number, shift) = match text.as_bytes().last()?.to_ascii_uppercase() {
        b'K' => (text.get(..text.len() - 1)?, 10),
        b'M' => (text.get(..text.len() - 1)?, 20),
        b'G' => (text.get(..text.len() - 1)?, 30),
        _ => (text, 0),
    };
    digits(number.trim_end())?.checked_mul(1 << shift)
}

fn size_words(bytes: u64) -> String {
    [(30, 'G'), (20, 'M'), (10, 'K')]
        .into_iter()
        .find(|(shift, _)| bytes > 0 && bytes.trailing_zeros() >= *shift)
        .map_or_else(
            || bytes.to_string(),
            |(shift, letter)| format!("{}{letter}", bytes >> shift),
        )
}

/// Exact to the microsecond.
pub(super) fn parse_duration(text: &str, unit: Unit) -> Option<Duration> {
    let (number, unit) = if let Some(number) = text.strip_suffix("ms") {
        (number, Unit::Milliseconds)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, Unit::Seconds)
    } else {
        (text, unit)
    };
    let number = number.trim_end();
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let scale = 10u64.checked_pow(u32::try_from(decimals.len()).ok()?)?;
    let fraction = digits(decimals)?
        .checked_mul(unit.microseconds())?
        .checked_div(scale)?;
    let microseconds = digits(whole)?
        .checked_mul(unit.microseconds())?
        .checked_add(fraction)?;
    Some(Duration::from_micros(microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::diagnostics::Location;
    use zeroize::Zeroizing;

    fn option(value: &str) -> RawOption {
        RawOption {
            name: "option".to_owned(),
            value: Zeroizing::new(value.to_owned()),
            location: Location::whole_file("f"),
            exposed: false,
            comment_glued: false,
        }
    }

    #[test]
    fn booleans() {
        let cases = [
            ("yes", true, false),
            ("TRUE", true, false),
            ("y", true, false),
            ("T", true, false),
            ("1", true, false),
            ("on", true, false),
            ("no", false, false),
            ("False", false, false),
            ("0", false, false),
            ("off", false, false),
            ("", false, true),
            ("2", false, true),
            ("enabled", false, true),
        ];
        for (word, expected, warned) in cases {
            let mut report = Report::default();
            assert_eq!(boolean(&option(word), &mut report), expected, "{word}");
            assert_eq!(report.warnings().count() == 1, warned, "{word}");
        }
    }

    #[test]
    fn sizes() {
        let cases = [
            ("0", Some(0)),
            ("17", Some(17)),
            ("4k", Some(4096)),
            ("4 K", Some(4096)),
            ("16M", Some(16 << 20)),
            ("2G", Some(2 << 30)),
            ("", None),
            ("K", None),
            ("4KB", None),
            ("-1", None),
            ("1.5M", None),
            ("4Ã", None),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551615K", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_size(text), expected, "{text}");
        }
        assert_eq!(size_words(64 << 10), "64K");
        assert_eq!(size_words(3 << 30), "3G");
        assert_eq!(size_words(1000), "1000");
    }

    #[test]
    fn durations() {
        let ms = |ms| Some(Duration::from_millis(ms));
        let cases = [
            ("5", ms(5000)),
            ("5s", ms(5000)),
            ("5 s", ms(5000)),
            ("0.5", ms(500)),
            ("500ms", ms(500)),
            ("1.25s", ms(1250)),
            ("0", ms(0)),
            ("", None),
            ("s", None),
            ("ms", None),
            (".5", None),
            ("5.", None),
            ("-5", None),
            ("5m", None),
            ("1e3", None),
            ("1.2.3", None),
            ("99999999999999999999", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_duration(text, Unit::Seconds), expected, "{text}");
        }
        assert_eq!(parse_duration("10", Unit::Milliseconds), ms(10));
        assert_eq!(parse_duration("10s", Unit::Milliseconds), ms(10_000));
        assert_eq!(
            parse_duration("0.25", Unit::Milliseconds),
            Some(Duration::from_micros(250))
        );
    }

    #[test]
    fn refusals_name_the_value_and_the_limits() {
        let mut report = Report::default();
        assert_eq!(number(&option("x"), 1..=9, &mut report), None);
        assert_eq!(size_bytes(&option("1"), 65536..=1 << 30, &mut report), None);
        let limits = Duration::from_millis(500)..=Duration::from_secs(60);
        assert_eq!(
            duration(&option("90"), Unit::Seconds, limits, &mut report),
            None
        );
        assert_eq!(
            one_of(&option("x"), &[("a", 1), ("b", 2)], &mut report),
            None
        );
        assert_eq!(text(&option(""), &mut report), None);
        assert_eq!(
            report.to_string(),
            "f: error: option = 'x' is not valid; write a whole number from 1 to 9\n\
             f: error: option = '1' is not valid; write a size from 64K to 1G, as in 512K, 4M or 1G\n\
             f: error: option = '90' is not valid; write a time from 500ms to 60s, as in 5, 0.5, 5s or 500ms\n\
             f: error: option = 'x' is not valid; write a or b\n\
             f: error: 'option' has no value; write a value after '=', or remove the line"
        );
    }
}
