//! A secret: never printed, wiped when dropped, compared in constant time only.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::secret_hash::SecretHash;

/// A password or key. `Debug` prints `[redacted]`; there is no `Display` and no `PartialEq`.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes of a secret as written.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
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

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// What a user proves itself with.
#[derive(Clone, Debug, Default)]
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
    fn debug_output_does_not_show_it() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert!(secret.matches(b"hunter2"));
        assert!(!secret.matches(b"hunter"));
        assert!(!secret.matches(b""));
    }
}
