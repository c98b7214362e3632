//! Our regular expressions against glibc's, which Asterisk uses: a table by construct, random patterns by the
//! grammar, and the kinds of all characters. AMIMUX_ERE_PAIRS asks for more random pairs, AMIMUX_ERE_SEED for others.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod brackets;
mod generator;
mod glibc;
mod table;

use std::ffi::CString;
use std::fmt;

use amimux::policy::filter::ere::Ere;
use generator::Random;

/// What one of the two engines says.
#[derive(PartialEq, Eq)]
enum Verdict {
    Match,
    NoMatch,
    Refused(String),
}

impl Verdict {
    fn of(matched: bool) -> Self {
        if matched { Self::Match } else { Self::NoMatch }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Match => write!(out, "match"),
            Self::NoMatch => write!(out, "no match"),
            Self::Refused(why) => write!(out, "refused ({why})"),
        }
    }
}

/// A pattern in both engines.
struct Both {
    ours: Result<Ere, String>,
    theirs: Result<glibc::Pattern, String>,
}

impl Both {
    fn compile(pattern: &str, ignore_case: bool) -> Self {
        Self {
            ours: Ere::compile(pattern, ignore_case).map_err(|error| error.what),
            theirs: glibc::Pattern::compile(pattern, ignore_case),
        }
    }

    fn verdicts(&self, text: &[u8]) -> (Verdict, Verdict) {
        let ours = match &self.ours {
            Ok(pattern) => Verdict::of(pattern.is_match(text)),
            Err(why) => Verdict::Refused(why.clone()),
        };
        let theirs = match &self.theirs {
            Ok(pattern) => Verdict::of(pattern.is_match(text)),
            Err(why) => Verdict::Refused(why.clone()),
        };
        (ours, theirs)
    }
}

fn agree(ours: &Verdict, theirs: &Verdict) -> bool {
    match (ours, theirs) {
        (Verdict::Refused(_), Verdict::Refused(_)) => true,
        _ => ours == theirs,
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap(),
        Err(_) => otherwise,
    }
}

/// Patterns that glibc itself cannot bear are not for a comparison: it writes repetitions out (`a+` as `aa*`), and those
/// within each other cost it time exponential in the copies.
fn is_bearable(pattern: &str) -> bool {
    let numbers = pattern.split(|character: char| !character.is_ascii_digit());
    let counts = numbers.filter_map(|number| number.parse::<u64>().ok());
    let doubled = pattern.matches('+').count() + pattern.matches(",}").count();
    let copies = counts
        .chain(std::iter::repeat_n(2, doubled))
        .fold(1_u64, |product, count| product.saturating_mul(count.max(1)));
    copies <= 64
}

/// Without regard to case, glibc never matches a small letter that has a backslash, and loses its way in texts that
/// have a letter whose other case is longer or shorter, and bytes that are not UTF-8.
fn is_lost_on_case(pattern: &str, text: &[u8]) -> bool {
    let escaped = pattern
        .split('\\')
        .skip(1)
        .filter_map(|after| after.chars().next());
    let resized = ["ſ", "ı", "ⱥ"].map(str::as_bytes);
    let has = |letter: &[u8]| text.windows(letter.len()).any(|window| window == letter);
    escaped
        .into_iter()
        .any(|letter| letter.is_lowercase() && !"wsb".contains(letter))
        || (std::str::from_utf8(text).is_err() && resized.into_iter().any(has))
}

/// The two differences that chance finds hardly ever: patterns that we refuse because anchors in nested repetitions
/// make them too large, and anchors in repetitions right behind other anchors, which glibc sometimes forgets.
fn is_known(pattern: &str, ours: &Verdict) -> bool {
    let repeats = pattern.contains(['+', '{']);
    let anchors = pattern.matches(['^', '$', '\\']).count();
    match ours {
        Verdict::Refused(why) => why.contains("too large") && anchors >= 1 && repeats,
        _ => anchors >= 2 && repeats,
    }
}

fn compare(constructs: &[table::Construct], ignore_case: bool) -> usize {
    let mut pairs = 0;
    for (construct, patterns) in constructs {
        for (pattern, texts) in *patterns {
            let both = Both::compile(pattern, ignore_case);
            for text in *texts {
                let (ours, theirs) = both.verdicts(text);
                let text = text.escape_ascii();
                assert!(
                    agree(&ours, &theirs),
                    "{construct}: {pattern:?} on \"{text}\": {ours}, glibc: {theirs}"
                );
                pairs += 1;
            }
        }
    }
    pairs
}

#[test]
fn every_construct_means_what_it_means_to_glibc() {
    let plain = compare(table::CONSTRUCTS, false) + compare(brackets::BRACKETS, false);
    let pairs = plain + compare(table::WITHOUT_CASE, true);
    assert!(pairs >= 400, "only {pairs} pairs");
}

#[test]
fn differences_are_those_that_are_meant() {
    for (pattern, ignore_case, text, expected, why) in table::DIFFERENCES {
        let ours = Ere::compile(pattern, *ignore_case);
        let verdict = ours.ok().map(|ours| ours.is_match(text));
        assert_eq!(verdict, *expected, "{pattern:?}: {why}");
    }
}

/// Those that glibc can be asked about do differ; else they would not belong in the list.
#[test]
fn differences_are_differences() {
    for (pattern, ignore_case, text, expected, why) in table::DIFFERENCES {
        if is_bearable(pattern) {
            let theirs = glibc::Pattern::compile(pattern, *ignore_case);
            let verdict = theirs.ok().map(|theirs| theirs.is_match(text));
            assert_ne!(verdict, *expected, "{pattern:?}: {why}");
        }
    }
}

/// Of the characters in glibc's version of Unicode (14 in glibc 2.36) and ours, all but a few marks that later versions
/// count as alphabetic, and letters that later versions count as small.
#[test]
fn characters_are_of_the_kinds_that_glibc_knows() {
    for class in [
        "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
        "upper", "xdigit",
    ] {
        let ours = Ere::compile(&format!("^[[:{class}:]]$"), false).unwrap();
        let name = CString::new(class).unwrap();
        let differing: Vec<_> = ('\u{1}'..='\u{1ffff}')
            .filter(|&character| glibc::is_of_class(character, c"print") || character.is_control())
            .filter(|&character| {
                let mut bytes = [0; 4];
                let text = character.encode_utf8(&mut bytes).as_bytes();
                ours.is_match(text) != glibc::is_of_class(character, &name)
            })
            .collect();
        let allowed = match class {
            "alnum" | "alpha" | "punct" | "lower" => 60,
            _ => 0,
        };
        assert!(differing.len() <= allowed, "{class}: {differing:x?}");
        assert!(
            differing.iter().all(|character| *character > '\u{2ff}'),
            "{class}: {differing:x?}"
        );
    }
}

#[test]
fn capitals_are_those_that_glibc_knows() {
    let mut differing = 0;
    for character in '\u{1}'..='\u{1ffff}' {
        let capital = glibc::upper(character);
        if capital != character {
            let ours = Ere::compile(&capital.to_string(), true);
            let mut bytes = [0; 4];
            let matches =
                ours.is_ok_and(|ours| ours.is_match(character.encode_utf8(&mut bytes).as_bytes()));
            differing += usize::from(!matches);
        }
    }
    assert_eq!(differing, 0);
}

#[test]
fn random_patterns_mean_what_they_mean_to_glibc() {
    const TEXTS_PER_PATTERN: u64 = 10;
    let pairs = number("AMIMUX_ERE_PAIRS", 120_000);
    let seed = number("AMIMUX_ERE_SEED", 1);
    let mut random = Random(seed);
    let (mut compared, mut matched, mut refused, mut known) = (0, 0, 0, 0);
    let mut wrong = Vec::new();
    while compared < pairs {
        let case = generator::pattern(&mut random);
        let ignore_case = random.one_in(4);
        if !is_bearable(&case.pattern) {
            continue;
        }
        let both = Both::compile(&case.pattern, ignore_case);
        if both.ours.is_err() && both.theirs.is_err() {
            compared += 1;
            refused += 1;
            continue;
        }
        for _ in 0..TEXTS_PER_PATTERN {
            let text = generator::text(&mut random, &case);
            if ignore_case && is_lost_on_case(&case.pattern, &text) {
                continue;
            }
            let (ours, theirs) = both.verdicts(&text);
            compared += 1;
            matched += u64::from(theirs == Verdict::Match);
            if agree(&ours, &theirs) {
                continue;
            }
            if is_known(&case.pattern, &ours) {
                known += 1;
            } else {
                wrong.push(format!(
                    "{:?} (ignore case: {ignore_case}) on {:?}: {ours}, glibc: {theirs}",
                    case.pattern,
                    text.escape_ascii().to_string(),
                ));
            }
            break;
        }
    }
    assert!(
        wrong.is_empty(),
        "seed {seed}: {} of {compared} differ\n{}",
        wrong.len(),
        wrong
            .iter()
            .take(40)
            .cloned()
            .collect::<Vec<_>>()
            .join("\n")
    );
    let allowed = compared / 20_000 + 2;
    assert!(known <= allowed, "{known} of {compared} differ as known");
    // Else the comparison says little.
    assert!(matched > compared / 5, "only {matched} of {compared} match");
    assert!(
        refused > compared / 100,
        "only {refused} of {compared} are refused"
    );
}
