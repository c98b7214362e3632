//! The hash of a secret, as a configuration may hold it in the secret's place: whoever reads the file does not
//! learn what to log in with. Argon2id (RFC 9106) in the PHC string format, within bounds that keep one login
//! from taking a machine's memory or minutes of its time.

use std::fmt;
use std::ops::RangeInclusive;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Params, Version};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

/// KiB of memory that a hash may take.
pub const MEMORY_KIB: RangeInclusive<u32> = 8..=262_144;
/// Passes over that memory.
pub const PASSES: RangeInclusive<u32> = 1..=16;
/// Lanes that the memory is divided into.
pub const LANES: RangeInclusive<u32> = 1..=4;
/// Bytes of the result.
pub const HASH_BYTES: RangeInclusive<usize> = 16..=64;
/// KiB of memory when nothing is said: the first of OWASP's recommended settings, together with [`PASSES_DEFAULT`].
pub const MEMORY_KIB_DEFAULT: u32 = 19_456;
/// Passes when nothing is said.
pub const PASSES_DEFAULT: u32 = 2;

/// The KiB that Argon2 needs for each lane at least.
const LANE_KIB_MIN: u32 = 8;
/// Bytes of the result of a new hash.
const NEW_HASH_BYTES: usize = 32;

/// Why a text is not the hash of a secret. The text itself is not shown: it may be a secret in the wrong line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum SecretHashError {
    /// It does not begin as it must.
    #[error("it does not begin with '$argon2id$v=19$'")]
    Kind,
    /// The rest is not `m=…,t=…,p=…$salt$hash`, each number and each part written in the one proper way.
    #[error("it is not of the form '$argon2id$v=19$m=...,t=...,p=...$SALT$HASH'")]
    Form,
    /// Too little or too much memory.
    #[error("m, the memory in KiB, is not from 8 to 262144 and at least 8 for each lane")]
    Memory,
    /// Too few or too many passes.
    #[error("t, the number of passes, is not from 1 to 16")]
    Passes,
    /// Too few or too many lanes.
    #[error("p, the number of lanes, is not from 1 to 4")]
    Lanes,
    /// The result is too short or too long.
    #[error("the hash at its end is not of 16 to 64 bytes")]
    Length,
}

impl SecretHashError {
    /// What to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Kind | Self::Form => "write a line that 'amimux hash-secret' printed, as it is",
            Self::Memory | Self::Passes | Self::Lanes | Self::Length => {
                "make a new one with 'amimux hash-secret'"
            }
        }
    }
}

/// Argon2id of a secret, with its salt and its settings. `Debug` shows none of it.
#[derive(Clone)]
pub struct SecretHash(Box<Parts>);

#[derive(Clone)]
struct Parts {
    argon2: Argon2<'static>,
    salt: Salt,
    hash: Output,
}

/// The same hash, with the same salt and settings. Takes as long whatever differs.
impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.to_phc()
            .as_bytes()
            .ct_eq(other.to_phc().as_bytes())
            .into()
    }
}

impl Eq for SecretHash {}

impl SecretHash {
    /// Reads a PHC string: `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`, and nothing else that means the same.
    ///
    /// # Errors
    /// When it is of another form, or asks for more than the bounds of this module.
    pub fn parse(text: &str) -> Result<Self, SecretHashError> {
        if !text.starts_with("$argon2id$v=19$") {
            return Err(SecretHashError::Kind);
        }
        let parsed = PasswordHash::new(text).map_err(|_| SecretHashError::Form)?;
        let (Some(salt), Some(hash)) = (parsed.salt, parsed.hash) else {
            return Err(SecretHashError::Form);
        };
        let number = |name: &str| parsed.params.get_decimal(name).ok_or(SecretHashError::Form);
        let (memory, passes, lanes) = (number("m")?, number("t")?, number("p")?);
        if !HASH_BYTES.contains(&hash.len()) {
            return Err(SecretHashError::Length);
        }
        let argon2 = machine(memory, passes, lanes, hash.len())?;
        let read = Self(Box::new(Parts { argon2, salt, hash }));
        // Other parameters, another order, leading zeros: what was read is not what was written.
        match read.to_phc() == text {
            true => Ok(read),
            false => Err(SecretHashError::Form),
        }
    }

    /// Hashes a secret: takes as long as the settings ask for. `salt` must be new and random.
    ///
    /// # Errors
    /// When the settings are out of bounds.
    pub fn create(
        secret: &[u8],
        salt: [u8; 16],
        memory_kib: u32,
        passes: u32,
    ) -> Result<Self, SecretHashError> {
        let argon2 = machine(memory_kib, passes, 1, NEW_HASH_BYTES)?;
        let mut hash = [0; NEW_HASH_BYTES];
        argon2
            .hash_password_into(secret, &salt, &mut hash)
            .map_err(|_| SecretHashError::Memory)?;
        let salt = Salt::new(&salt).map_err(|_| SecretHashError::Form)?;
        let hash = Output::new(&hash).map_err(|_| SecretHashError::Length)?;
        Ok(Self(Box::new(Parts { argon2, salt, hash })))
    }

    /// Whether `candidate` is the secret. The empty one never is. Takes the memory and the time that the hash
    /// asks for, tens of milliseconds as a rule: not for a thread that others wait for.
    pub fn verify(&self, candidate: &[u8]) -> bool {
        if candidate.is_empty() {
            return false;
        }
        let Parts { argon2, salt, hash } = &*self.0;
        let mut found = Zeroizing::new(vec![0; hash.len()]);
        let hashed = argon2.hash_password_into(candidate, salt, &mut found);
        hashed.is_ok() && found.ct_eq(hash.as_bytes()).into()
    }

    /// The PHC string.
    pub fn to_phc(&self) -> String {
        let Parts { argon2, salt, hash } = &*self.0;
        let params = argon2.params();
        let (memory, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
        format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// What computes a hash of these settings.
fn machine(
    memory: u32,
    passes: u32,
    lanes: u32,
    length: usize,
) -> Result<Argon2<'static>, SecretHashError> {
    if !LANES.contains(&lanes) {
        return Err(SecretHashError::Lanes);
    }
    if !PASSES.contains(&passes) {
        return Err(SecretHashError::Passes);
    }
    if !MEMORY_KIB.contains(&memory) || memory < lanes * LANE_KIB_MIN {
        return Err(SecretHashError::Memory);
    }
    let params = Params::new(memory, passes, lanes, Some(length));
    let params = params.map_err(|_| SecretHashError::Memory)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SALT: &str = "c2FsdHNhbHRzYWx0c2FsdA";
    const HASH: &str = "MDEyMzQ1Njc4OWFiY2RlZg";

    const LONG: &str =
        "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg";

    /// What is wrong with this text; what is right comes out as it went in.
    fn fault(text: &str) -> Option<SecretHashError> {
        let text = text.replace("SALT", SALT).replace("HASH", HASH);
        match SecretHash::parse(&text) {
            Ok(hash) => {
                assert_eq!(hash.to_phc(), text);
                assert_eq!(format!("{hash:?}"), "[redacted]");
                None
            }
            Err(error) => Some(error),
        }
    }

    #[test]
    fn forms() {
        use SecretHashError::{Form, Kind, Length};
        for (text, expected) in [
            ("$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH", None),
            ("", Some(Kind)),
            ("hunter2", Some(Kind)),
            ("$argon2i$v=19$m=8,t=1,p=1$SALT$HASH", Some(Kind)),
            ("$argon2d$v=19$m=8,t=1,p=1$SALT$HASH", Some(Kind)),
            ("$argon2id$v=16$m=8,t=1,p=1$SALT$HASH", Some(Kind)),
            ("$argon2id$m=8,t=1,p=1$SALT$HASH", Some(Kind)),
            ("$argon2id$v=19$m=8,t=1,p=1$SALT", Some(Form)),
            ("$argon2id$v=19$m=8,t=1,p=1$SALT$", Some(Form)),
            ("$argon2id$v=19$m=8,t=1,p=1$$HASH", Some(Form)),
            ("$argon2id$v=19$m=8,t=1,p=1$c2FsdA$HASH", Some(Form)),
            ("$argon2id$v=19$m=8,t=1,p=1$SALT$HASH=", Some(Form)),
            ("$argon2id$v=19$m=8,t=1,p=1$SALT$HASH$x", Some(Form)),
            ("$argon2id$v=19$m=8,t=1,p=1$SALT$HASH ", Some(Form)),
            (
                "$argon2id$v=19$m=8,t=1,p=1$SALT$MDEyMzQ1Njc4OWFiY2Rl",
                Some(Length),
            ),
        ] {
            assert_eq!(fault(text), expected, "{text}");
        }
    }

    #[test]
    fn settings_and_their_bounds() {
        use SecretHashError::{Form, Lanes, Memory, Passes};
        for (settings, expected) in [
            ("m=8,t=1,p=1", None),
            ("m=262144,t=16,p=4", None),
            ("m=8,t=1", Some(Form)),
            ("t=1,m=8,p=1", Some(Form)),
            ("m=08,t=1,p=1", Some(Form)),
            ("m=8,m=9,t=1,p=1", Some(Form)),
            ("m=8,t=1,p=1,keyid=AAAA", Some(Form)),
            ("m=-8,t=1,p=1", Some(Form)),
            ("m=7,t=1,p=1", Some(Memory)),
            ("m=16,t=1,p=3", Some(Memory)),
            ("m=262145,t=1,p=1", Some(Memory)),
            ("m=4294967295,t=1,p=1", Some(Memory)),
            ("m=4294967296,t=1,p=1", Some(Form)),
            ("m=8,t=0,p=1", Some(Passes)),
            ("m=8,t=17,p=1", Some(Passes)),
            ("m=64,t=1,p=0", Some(Lanes)),
            ("m=64,t=1,p=5", Some(Lanes)),
        ] {
            for hash in [HASH, LONG] {
                let text = format!("$argon2id$v=19${settings}$SALT${hash}");
                assert_eq!(fault(&text), expected, "{text}");
            }
        }
    }

    /// Of the tests of the reference implementation (`phc-winner-argon2`, `src/test.c`): "password", "somesalt".
    const REFERENCE: &str =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    #[test]
    fn a_hash_of_the_reference_implementation_is_verified() {
        let hash = SecretHash::parse(REFERENCE).unwrap();
        assert!(hash.verify(b"password"));
        assert!(!hash.verify(b"Password"));
        assert!(!hash.verify(b""));
    }

    #[test]
    fn what_the_bounds_forbid_is_not_made() {
        for (memory, passes, expected) in [
            (7, 1, SecretHashError::Memory),
            (262_145, 1, SecretHashError::Memory),
            (8, 0, SecretHashError::Passes),
            (8, 17, SecretHashError::Passes),
        ] {
            let made = SecretHash::create(b"x", [0; 16], memory, passes);
            assert_eq!(made.err(), Some(expected), "{memory} {passes}");
        }
    }

    #[test]
    fn the_hash_of_the_empty_secret_opens_nothing() {
        let hash = SecretHash::create(b"", [7; 16], 8, 1).unwrap();
        assert!(!hash.verify(b""));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn only_the_secret_fits(
            secret in prop::collection::vec(any::<u8>(), 1..40),
            other in prop::collection::vec(any::<u8>(), 0..40),
            salt: [u8; 16],
        ) {
            let made = SecretHash::create(&secret, salt, 16, 1).unwrap();
            let read = SecretHash::parse(&made.to_phc()).unwrap();
            prop_assert!(read.verify(&secret));
            prop_assert_eq!(read.verify(&other), secret == other);
        }

        #[test]
        fn any_text_is_read_or_refused(tail in "[$,=a-zA-Z0-9+/]{0,80}") {
            let text = format!("$argon2id$v=19${tail}");
            if let Ok(hash) = SecretHash::parse(&text) {
                prop_assert_eq!(hash.to_phc(), text);
            }
        }
    }
}
