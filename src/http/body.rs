//! The body of a request: read whole, within a bound of size and time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap};
use thiserror::Error;

/// Longest body (`main/http.c`, `MAX_CONTENT_LENGTH`).
pub(super) const BODY_BYTES_MAX: usize = 40_960;

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum BodyError {
    /// More than [`BODY_BYTES_MAX`].
    #[error("the body is longer than 40,960 bytes")]
    TooLong,
    /// It did not come within `session_inactivity`.
    #[error("the body did not come in time")]
    TooSlow,
    /// The connection ended within it, or it is no body.
    #[error("the body is broken")]
    Broken,
}

/// Reads a body.
///
/// Not cancel safe: what was read is gone.
///
/// # Errors
/// Too long, too slow, or broken; the rest is not read.
pub(super) async fn read(mut body: Incoming, within: Duration) -> Result<Bytes, BodyError> {
    let most = u64::try_from(BODY_BYTES_MAX).unwrap_or(u64::MAX);
    if body.size_hint().lower() > most {
        return Err(BodyError::TooLong);
    }
    let whole = async {
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > BODY_BYTES_MAX {
                return Err(BodyError::TooLong);
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.freeze())
    };
    tokio::time::timeout(within, whole)
        .await
        .unwrap_or(Err(BodyError::TooSlow))
}

/// Whether the body is of that type. What is behind a `;` does not count; the type must end right there.
pub(super) fn is_of_type(headers: &HeaderMap, media_type: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.map_or(&b""[..], |value| value.as_bytes());
    let own = value.split(|byte| *byte == b';').next().unwrap_or_default();
    own.eq_ignore_ascii_case(media_type.as_bytes())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn media_types() {
        for (value, expected) in [
            ("application/json", true),
            ("Application/JSON", true),
            ("application/json; charset=utf-8", true),
            ("application/json ;charset=utf-8", false),
            ("application/jsonp", false),
            ("text/plain; application/json", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(
                is_of_type(&headers, "application/json"),
                expected,
                "{value}"
            );
        }
        assert!(!is_of_type(&HeaderMap::new(), "application/json"));
    }
}
