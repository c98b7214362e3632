//! A secret: never printed, wiped when dropped, compared in constant time only.

use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

use super::secret_hash::SecretHash;

/// Most bytes of a file or an input that holds a secret alone.
pub const LINE_BYTES_MAX: usize = 4096;

/// Why bytes are not one line with a secret. They are not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SecretLineError {
    /// More than [`LINE_BYTES_MAX`].
    #[error("longer than 4096 bytes")]
    TooLong,
    /// A line end that is not the last thing.
    #[error("more than one line")]
    Lines,
    /// A zero byte.
    #[error("not text: it holds a NUL")]
    Nul,
}

/// A password or key. `Debug` prints `[redacted]`, and there is no `Display`. Comparing two takes as long whatever differs.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes of a secret as written.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// Takes a secret that is alone in a file or an input. One line end is not part of it; the rest may be empty.
    ///
    /// # Errors
    /// When it is too long, or what no request could carry.
    pub fn from_line(bytes: &[u8]) -> Result<Self, SecretLineError> {
        if bytes.len() > LINE_BYTES_MAX {
            return Err(SecretLineError::TooLong);
        }
        let secret = match bytes.strip_suffix(b"\n") {
            Some(rest) => rest.strip_suffix(b"\r").unwrap_or(rest),
            None => bytes,
        };
        if secret.contains(&0) {
            return Err(SecretLineError::Nul);
        }
        if secret.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            return Err(SecretLineError::Lines);
        }
        Ok(Self::new(secret))
    }

    /// Whether `candidate` is this secret. Time depends on the lengths only.
    pub fn matches(&self, candidate: &[u8]) -> bool {
        self.0.as_slice().ct_eq(candidate).into()
    }

    /// The bytes themselves, for hashing a challenge or for the login to Asterisk.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether the secret is the empty string (which is not the same as no secret at all).
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for Secret {}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// What a user proves itself with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credential {
    /// Nothing is configured: nobody can log in.
    #[default]
    None,
    /// The secret itself.
    Secret(Secret),
    /// A hash of the secret: enough to check one that is sent, but not a key made of a challenge.
    Hash(SecretHash),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_with_or_without_its_end() {
        let longest = [b'x'; LINE_BYTES_MAX];
        let longer = [b'x'; LINE_BYTES_MAX + 1];
        for (bytes, expected) in [
            (&b""[..], Ok(&b""[..])),
            (b"\n", Ok(b"")),
            (b"\r\n", Ok(b"")),
            (b"a b\n", Ok(b"a b")),
            (b" a\xff \r\n", Ok(b" a\xff ")),
            (b"a\n\n", Err(SecretLineError::Lines)),
            (b"a\nb", Err(SecretLineError::Lines)),
            (b"a\r", Err(SecretLineError::Lines)),
            (b"\na", Err(SecretLineError::Lines)),
            (b"a\0\n", Err(SecretLineError::Nul)),
            (&longest, Ok(&longest)),
            (&longer, Err(SecretLineError::TooLong)),
        ] {
            let read = Secret::from_line(bytes);
            let found = read.as_ref().map(Secret::expose).map_err(|error| *error);
            assert_eq!(found, expected, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn two_are_compared_by_their_bytes() {
        for (one, other, equal) in [("a", "a", true), ("a", "b", false), ("a", "ab", false)] {
            assert_eq!(
                Secret::new(one) == Secret::new(other),
                equal,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn debug_output_does_not_show_it() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert!(secret.matches(b"hunter2"));
        assert!(!secret.matches(b"hunter"));
        assert!(!secret.matches(b""));
    }
}
