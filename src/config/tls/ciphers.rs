//! Cipher strings of OpenSSL (`tlscipher`), turned into the suites that rustls has.
//!
//! The grammar is that of `SSL_CTX_set_cipher_list`, which is what Asterisk gives the option to (`main/tcptls.c`): elements
//! between `:`, `,` or blanks; a word chooses what it fits and is not chosen yet; `+` in front moves what it fits to the
//! end, `-` takes it away, `!` takes it away for good; words joined by `+` must all fit. There, such a list is about TLS
//! 1.2 only. Here the suites of TLS 1.3 stay as well, unless some of them are named.

use rustls::SupportedCipherSuite;
use rustls::crypto::ring::cipher_suite as suites;

/// What a suite is, in OpenSSL's words.
struct Suite {
    suite: SupportedCipherSuite,
    /// OpenSSL's name.
    name: &'static str,
    /// The name in the standards, where it is another.
    standard: &'static str,
    /// Groups that it belongs to.
    words: &'static [&'static str],
    key_bits: u16,
    tls13: bool,
}

macro_rules! suite {
    ($constant:ident, $name:literal, $standard:literal, $bits:literal, $tls13:literal, $words:expr) => {
        Suite {
            suite: suites::$constant,
            name: $name,
            standard: $standard,
            words: $words,
            key_bits: $bits,
            tls13: $tls13,
        }
    };
}

/// Every suite there is, the preferred ones first.
static SUITES: [Suite; 9] = [
    suite!(
        TLS13_AES_256_GCM_SHA384,
        "TLS_AES_256_GCM_SHA384",
        "",
        256,
        true,
        &[]
    ),
    suite!(
        TLS13_AES_128_GCM_SHA256,
        "TLS_AES_128_GCM_SHA256",
        "",
        128,
        true,
        &[]
    ),
    suite!(
        TLS13_CHACHA20_POLY1305_SHA256,
        "TLS_CHACHA20_POLY1305_SHA256",
        "",
        256,
        true,
        &[]
    ),
    suite!(
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        256,
        false,
        &["AECDSA", "ECDSA", "AES", "AES256", "AESGCM"]
    ),
    suite!(
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        128,
        false,
        &["AECDSA", "ECDSA", "AES", "AES128", "AESGCM"]
    ),
    suite!(
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        256,
        false,
        &["AECDSA", "ECDSA", "CHACHA20"]
    ),
    suite!(
        TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        "ECDHE-RSA-AES256-GCM-SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        256,
        false,
        &["ARSA", "AES", "AES256", "AESGCM"]
    ),
    suite!(
        TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        "ECDHE-RSA-AES128-GCM-SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        128,
        false,
        &["ARSA", "AES", "AES128", "AESGCM"]
    ),
    suite!(
        TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        "ECDHE-RSA-CHACHA20-POLY1305",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        256,
        false,
        &["ARSA", "CHACHA20"]
    ),
];

/// Words that fit every suite of TLS 1.2 that rustls has.
const ALL_WORDS: [&str; 11] = [
    "ALL", "DEFAULT", "HIGH", "FIPS", "TLSV1.2", "AEAD", "ECDHE", "EECDH", "KECDHE", "KEECDH",
    "ECDH",
];

/// OpenSSL's words for what rustls has none of: old, weak, or without a key of one session only.
const FOREIGN_WORDS: [&str; 60] = [
    "3DES",
    "ADH",
    "ADSS",
    "AECDH",
    "AESCCM",
    "AESCCM8",
    "AGOST",
    "AGOST01",
    "ANULL",
    "APSK",
    "ARIA",
    "ARIA128",
    "ARIA256",
    "ARIAGCM",
    "ASRP",
    "CAMELLIA",
    "CAMELLIA128",
    "CAMELLIA256",
    "CBC",
    "COMPLEMENTOFALL",
    "COMPLEMENTOFDEFAULT",
    "DES",
    "DH",
    "DHE",
    "DSS",
    "EDH",
    "ENULL",
    "EXP",
    "EXPORT",
    "GOST89MAC",
    "GOST94",
    "IDEA",
    "KDHE",
    "KDHEPSK",
    "KECDHEPSK",
    "KEDH",
    "KGOST",
    "KPSK",
    "KRB5",
    "KRSA",
    "KRSAPSK",
    "KSRP",
    "LOW",
    "MD5",
    "MEDIUM",
    "NULL",
    "PSK",
    "RC2",
    "RC4",
    "RSA",
    "SEED",
    "SHA",
    "SHA1",
    "SHA256",
    "SHA384",
    "SRP",
    "SSLV2",
    "SSLV3",
    "TLSV1",
    "TLSV1.0",
];

/// What a cipher string comes to.
#[derive(Debug, Default)]
pub(super) struct Choice {
    /// The suites, the first preferred; those of TLS 1.3 first.
    pub(super) suites: Vec<SupportedCipherSuite>,
    /// Elements that would add something that rustls does not have.
    pub(super) absent: Vec<String>,
    /// Elements that mean nothing in OpenSSL either.
    pub(super) unknown: Vec<String>,
    /// Whether suites of TLS 1.3 are chosen by name.
    names_tls13: bool,
}

impl Choice {
    /// Whether nothing is left of what the string is about: of TLS 1.2, unless that is not spoken or the string is about TLS 1.3.
    pub(super) fn is_void(&self, without_tls12: bool) -> bool {
        let of = |tls13: bool| {
            let mut suites = self.suites.iter();
            suites.any(|suite| suite.tls13().is_some() == tls13)
        };
        match without_tls12 {
            true => !of(true),
            false => !(of(false) || self.names_tls13 && of(true)),
        }
    }
}

/// What the first character of an element asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Add,
    MoveToEnd,
    Remove,
    Ban,
}

/// Reads a cipher string.
pub(super) fn choose(text: &str) -> Choice {
    let mut choice = Choice::default();
    let mut chosen: Vec<usize> = Vec::new();
    let mut banned: Vec<usize> = Vec::new();
    for element in text.split([':', ',', ';', ' ', '\t']) {
        if element.is_empty() {
            continue;
        }
        if let Some(command) = element.strip_prefix('@') {
            if command.eq_ignore_ascii_case("STRENGTH") {
                chosen
                    .sort_by_key(|at| SUITES.get(*at).map_or(0, |suite| u16::MAX - suite.key_bits));
            } else if !command.to_ascii_uppercase().starts_with("SECLEVEL=") {
                choice.unknown.push(element.to_owned());
            }
            continue;
        }
        let (change, words) = split_change(element);
        let Fit { fitting, known } = fit(words);
        if !known {
            choice.unknown.push(element.to_owned());
        } else if fitting.is_empty() && change == Change::Add {
            choice.absent.push(element.to_owned());
        }
        choice.names_tls13 |= change == Change::Add && fitting.iter().any(|at| is_tls13(*at));
        apply(change, &fitting, &mut chosen, &mut banned);
    }
    if !choice.names_tls13 {
        let rest = (0..SUITES.len()).filter(|at| is_tls13(*at) && !banned.contains(at));
        chosen.extend(rest);
    }
    // Those of TLS 1.3 first; among themselves as chosen.
    chosen.sort_by_key(|at| !is_tls13(*at));
    choice.suites = chosen
        .iter()
        .filter_map(|at| SUITES.get(*at))
        .map(|suite| suite.suite)
        .collect();
    choice
}

fn is_tls13(at: usize) -> bool {
    SUITES.get(at).is_some_and(|suite| suite.tls13)
}

fn split_change(element: &str) -> (Change, &str) {
    for (mark, change) in [
        ('!', Change::Ban),
        ('-', Change::Remove),
        ('+', Change::MoveToEnd),
    ] {
        if let Some(rest) = element.strip_prefix(mark) {
            return (change, rest);
        }
    }
    (Change::Add, element)
}

fn apply(change: Change, fitting: &[usize], chosen: &mut Vec<usize>, banned: &mut Vec<usize>) {
    match change {
        Change::Add => {
            for at in fitting {
                if !banned.contains(at) && !chosen.contains(at) {
                    chosen.push(*at);
                }
            }
        }
        Change::MoveToEnd => chosen.sort_by_key(|at| fitting.contains(at)),
        Change::Remove => chosen.retain(|at| !fitting.contains(at)),
        Change::Ban => {
            chosen.retain(|at| !fitting.contains(at));
            banned.extend(fitting);
        }
    }
}

/// What words that are joined by `+` stand for.
struct Fit {
    /// Indices of suites.
    fitting: Vec<usize>,
    /// Whether OpenSSL knows every word.
    known: bool,
}

fn fit(words: &str) -> Fit {
    let mut result = Fit {
        fitting: (0..SUITES.len()).collect(),
        known: true,
    };
    for word in words.split('+') {
        let word = word.to_ascii_uppercase();
        let fits = |at: &usize| SUITES.get(*at).is_some_and(|suite| suite.fits(&word));
        let any = (0..SUITES.len()).any(|at| fits(&at));
        // A name with a hyphen, or of the standards, is a suite that only OpenSSL has.
        let foreign = FOREIGN_WORDS.contains(&word.as_str())
            || word.contains('-')
            || word.starts_with("TLS_")
            || word.starts_with("SUITEB");
        result.known &= any || foreign;
        result.fitting.retain(|at| fits(at));
    }
    result
}

impl Suite {
    /// Whether a word in capitals is about the suite.
    fn fits(&self, word: &str) -> bool {
        self.name == word
            || self.standard == word
            || self.words.contains(&word)
            || match self.tls13 {
                true => word == "TLSV1.3",
                false => ALL_WORDS.contains(&word),
            }
    }
}

#[cfg(test)]
#[path = "ciphers_tests.rs"]
mod tests;
