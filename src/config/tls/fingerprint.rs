//! Fingerprints of certificates: SHA-256 of the DER, as `openssl x509 -fingerprint -sha256` prints it.

use std::fmt;
use std::fmt::Write as _;

use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// Bytes of a SHA-256.
const BYTES: usize = 32;

/// The fingerprint of one certificate. `Display` has it in capitals with colons, the form that `tlsfingerprint` takes.
#[derive(Clone, Copy)]
pub struct Fingerprint([u8; BYTES]);

/// Why text is not a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FingerprintError {
    /// As long as a SHA-1.
    #[error("it is as long as a SHA-1, and SHA-256 is needed")]
    Sha1,
    /// Another number of digits.
    #[error("it has {0} hexadecimal digits instead of 64")]
    Length(usize),
    /// Something that is neither a hexadecimal digit nor a colon.
    #[error("it has a character that is neither a hexadecimal digit nor a colon")]
    Character,
}

impl Fingerprint {
    /// That of a certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        Self(Sha256::digest(certificate.as_ref()).into())
    }

    /// Reads 64 hexadecimal digits; colons do not count.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> Result<Self, FingerprintError> {
        let digits: Option<Vec<u8>> = text
            .chars()
            .filter(|c| *c != ':')
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let digits = digits.ok_or(FingerprintError::Character)?;
        let mut bytes = [0; BYTES];
        let (pairs, rest) = digits.as_chunks::<2>();
        if pairs.len() != BYTES || !rest.is_empty() {
            return Err(match digits.len() {
                40 => FingerprintError::Sha1,
                length => FingerprintError::Length(length),
            });
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
    }

    /// Whether the other is the same. Time does not depend on where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_char(':')?;
            }
            write!(formatter, "{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of "abc" (FIPS 180-2, B.1).
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_fingerprint_is_that_of_openssl() {
        let found = Fingerprint::of(&CertificateDer::from(b"abc".to_vec()));
        assert!(found.matches(&Fingerprint::parse(ABC).unwrap()));
        let shown = found.to_string();
        assert!(shown.starts_with("BA:78:16:BF:"), "{shown}");
        assert_eq!(shown.len(), 32 * 3 - 1);
        assert!(found.matches(&Fingerprint::parse(&shown).unwrap()));
        let other = ABC.replace("ba", "bb");
        assert!(!found.matches(&Fingerprint::parse(&other).unwrap()));
    }

    #[test]
    fn what_is_no_fingerprint_is_told() {
        let cases = [
            ("", FingerprintError::Length(0)),
            ("ba:78", FingerprintError::Length(4)),
            (&ABC[1..], FingerprintError::Length(63)),
            (&ABC[24..], FingerprintError::Sha1),
            ("SHA256:abcd", FingerprintError::Character),
            ("ba 78", FingerprintError::Character),
            ("Ã", FingerprintError::Character),
        ];
        for (text, expected) in cases {
            assert_eq!(Fingerprint::parse(text).unwrap_err(), expected, "{text}");
        }
    }
}
