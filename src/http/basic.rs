//! `Authorization` headers that carry a secret itself: Basic (RFC 7617) with a name and a secret, and Bearer (RFC 6750)
//! with a token. Asterisk has neither for AMI.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::policy::secret::{LINE_BYTES_MAX, Secret};

/// What an `Authorization` header carries.
#[derive(Debug, Clone)]
pub enum Authorization {
    /// A name and a secret.
    Basic {
        /// The name of a user, as the client wrote it.
        username: Vec<u8>,
        /// What is said to be its secret; it may be empty.
        secret: Secret,
    },
    /// A token that says whose it is.
    Bearer(Secret),
}

/// Why there is no secret in an `Authorization` header. The texts are fit for an answer, and show nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AuthorizationError {
    /// More than a secret may have.
    #[error("the Authorization header has more than 4,096 bytes")]
    TooLong,
    /// Another way to authorize, such as Digest.
    #[error("the Authorization header is neither Basic nor Bearer")]
    Scheme,
    /// Behind `Basic` is no base64, or one whose end is not as RFC 4648 wants it.
    #[error("the Basic credentials are no base64")]
    Base64,
    /// The name does not end anywhere.
    #[error("the Basic credentials have no colon")]
    NoColon,
    /// A control byte in the name, or CR, LF or NUL in the secret.
    #[error("the Basic credentials hold a control byte")]
    Control,
    /// A blank, a control byte or a byte above 126, or nothing.
    #[error("the Bearer token is empty or holds what is no visible ASCII")]
    Token,
}

/// Reads the value of an `Authorization` header.
///
/// # Errors
/// When it is of another kind, too long, or malformed.
pub fn parse(value: &[u8]) -> Result<Authorization, AuthorizationError> {
    if value.len() > LINE_BYTES_MAX {
        return Err(AuthorizationError::TooLong);
    }
    let value = value.trim_ascii();
    let end = value
        .iter()
        .position(|byte| *byte == b' ')
        .unwrap_or(value.len());
    let (scheme, rest) = value.split_at_checked(end).unwrap_or_default();
    let credentials = rest.trim_ascii_start();
    if scheme.eq_ignore_ascii_case(b"Basic") {
        basic(credentials)
    } else if scheme.eq_ignore_ascii_case(b"Bearer") {
        bearer(credentials)
    } else {
        Err(AuthorizationError::Scheme)
    }
}

fn basic(credentials: &[u8]) -> Result<Authorization, AuthorizationError> {
    let decoded = STANDARD
        .decode(credentials)
        .map_err(|_| AuthorizationError::Base64)?;
    let decoded = Zeroizing::new(decoded);
    let colon = memchr::memchr(b':', &decoded).ok_or(AuthorizationError::NoColon)?;
    let (username, secret) = decoded.split_at_checked(colon).unwrap_or_default();
    let secret = secret.get(1..).unwrap_or_default();
    let unfit = |byte: &u8| matches!(byte, b'\r' | b'\n' | 0);
    if username.iter().any(u8::is_ascii_control) || secret.iter().any(unfit) {
        return Err(AuthorizationError::Control);
    }
    Ok(Authorization::Basic {
        username: username.to_vec(),
        secret: Secret::new(secret),
    })
}

fn bearer(token: &[u8]) -> Result<Authorization, AuthorizationError> {
    if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
        return Err(AuthorizationError::Token);
    }
    Ok(Authorization::Bearer(Secret::new(token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a header was read as, its secret included.
    fn shown(value: &[u8]) -> String {
        match parse(value) {
            Ok(Authorization::Basic { username, secret }) => {
                format!(
                    "{} {}",
                    username.escape_ascii(),
                    secret.expose().escape_ascii()
                )
            }
            Ok(Authorization::Bearer(secret)) => format!("{}", secret.expose().escape_ascii()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn headers() {
        let cases: &[(&[u8], &str)] = &[
            (b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin open sesame"),
            (b" basic  dGVzdDoxMjPCow== ", "test 123\\xc2\\xa3"),
            (b"BASIC YTpiOmM=", "a b:c"),
            (b"Basic Og==", " "),
            (b"Bearer mF_9.B5f-4.1JqM", "mF_9.B5f-4.1JqM"),
            (b"bearer   a", "a"),
            (b"Basic YQ==", "the Basic credentials have no colon"),
            (b"Basic", "the Basic credentials have no colon"),
            (b"Basic YTpi\x01", "the Basic credentials are no base64"),
            (b"Basic YTpiOmM", "the Basic credentials are no base64"),
            (b"Basic YTpiOmN=", "the Basic credentials are no base64"),
            (b"Basic YT pi", "the Basic credentials are no base64"),
            (b"Basic YTpi=", "the Basic credentials are no base64"),
            (
                b"Basic YTpiDQo=",
                "the Basic credentials hold a control byte",
            ),
            (
                b"Basic YQk6Yg==",
                "the Basic credentials hold a control byte",
            ),
            (
                b"Bearer",
                "the Bearer token is empty or holds what is no visible ASCII",
            ),
            (
                b"Bearer a b",
                "the Bearer token is empty or holds what is no visible ASCII",
            ),
            (
                b"Bearer \xc3\xa9",
                "the Bearer token is empty or holds what is no visible ASCII",
            ),
            (
                b"Digest username=\"a\"",
                "the Authorization header is neither Basic nor Bearer",
            ),
            (
                b"BasicYTpi",
                "the Authorization header is neither Basic nor Bearer",
            ),
            (b"", "the Authorization header is neither Basic nor Bearer"),
            (
                &[b'x'; 4097],
                "the Authorization header has more than 4,096 bytes",
            ),
        ];
        for (value, expected) in cases {
            assert_eq!(shown(value), *expected, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        for value in [&b"Basic YTpodW50ZXIy"[..], b"Bearer hunter2"] {
            let shown = format!("{:?}", parse(value).unwrap());
            assert!(
                !shown.contains("hunter2") && !shown.contains("104"),
                "{shown}"
            );
        }
    }
}
