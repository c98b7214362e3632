//! The cookie of an HTTP session, `mansession_id`. Asterisk's has 32 bits, which is little, and shares its numbers with
//! Digest's nonces; ours has 128 bits of its own.

use super::hex;

/// The key to an HTTP session: who has it, has the session.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(u128);

/// The name of the cookie.
pub const NAME: &str = "mansession_id";

impl SessionKey {
    /// A key, from a number that nobody can guess.
    pub const fn new(random: u128) -> Self {
        Self(random)
    }

    /// The key that a token of 32 hexadecimal digits is.
    pub fn from_token(token: &[u8]) -> Option<Self> {
        hex::parse(token).map(Self)
    }

    /// The key as a token.
    pub fn token(self) -> String {
        hex::text(self.0)
    }

    /// The key in the `Cookie` headers of a request. As in Asterisk the last of them counts, and in it the last pair of
    /// the cookie's name, in any case, that has a value; quotes around that are not part of it. Anything but 32
    /// hexadecimal digits is no key, and then none that stands before it is.
    pub fn from_cookies<'a>(headers: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let header = headers.into_iter().last()?;
        let mut values = header.split(|byte| *byte == b';').filter_map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = halves.next()?.trim_ascii();
            let value = halves.next()?.trim_ascii();
            let value = value.strip_prefix(b"\"").unwrap_or(value);
            let value = value.strip_suffix(b"\"").unwrap_or(value);
            (name.eq_ignore_ascii_case(NAME.as_bytes()) && !value.is_empty()).then_some(value)
        });
        hex::parse(values.next_back()?).map(Self)
    }

    /// The value of `Set-Cookie`, in Asterisk's form, and with what keeps the key from other sites, scripts and paths.
    /// `max_age` is in seconds; `prefix` is that of the paths, with or without slashes, or empty; `secure` where the
    /// connection has TLS.
    pub fn set_cookie(self, max_age: u64, prefix: &str, secure: bool) -> String {
        let key = hex::text(self.0);
        let path = prefix.trim_matches('/');
        let secure = if secure { "; Secure" } else { "" };
        format!(
            "{NAME}=\"{key}\"; Version=1; Max-Age={max_age}; Path=/{path}; HttpOnly; SameSite=Strict{secure}"
        )
    }
}

impl std::fmt::Debug for SessionKey {
    /// Shows nothing of it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef0123456789abcdef";
    const B: &str = "ffffffffffffffffffffffffffffffff";

    fn key(text: &str) -> Option<SessionKey> {
        hex::parse(text.as_bytes()).map(SessionKey)
    }

    #[test]
    fn the_last_one_counts() {
        let cases: &[(&[&str], &str)] = &[
            (&[], ""),
            (&["mansession_id=<A>"], "A"),
            (&["mansession_id=\"<A>\""], "A"),
            (&["a=b; MANSESSION_ID = \"<A>\" ;c"], "A"),
            (&["$Version=1; mansession_id=\"<A>\"; $Path=/"], "A"),
            (&["mansession_id=<A>;mansession_id=<B>"], "B"),
            (&["mansession_id=<B>; mansession_id=; mansession_id"], "B"),
            (&["mansession_id=<A>", "mansession_id=<B>"], "B"),
            (&["mansession_id=<A>", "other=1"], ""),
            (&["mansession_id=<A>; mansession_id=1"], ""),
            (&["mansession_id=<A>0"], ""),
            (&["mansession_id=0x<A>"], ""),
            (&["xmansession_id=<A>"], ""),
            (&["mansession_id=<A> B"], ""),
            (&["mansession_id=b21ff244"], ""),
            (&["mansession_id=<A>=<A>"], ""),
            (&[""], ""),
        ];
        for (headers, expected) in cases {
            let filled = |text: &str| text.replace("<A>", A).replace("<B>", B);
            let headers: Vec<String> = headers.iter().map(|header| filled(header)).collect();
            let expected = match *expected {
                "A" => key(A),
                "B" => key(B),
                _ => None,
            };
            let found = SessionKey::from_cookies(headers.iter().map(|header| header.as_bytes()));
            assert_eq!(found, expected, "{headers:?}");
        }
    }

    #[test]
    fn set_and_sent_back() {
        let key = SessionKey::new(0xabc);
        let text = key.set_cookie(60, "", false);
        assert_eq!(
            text,
            "mansession_id=\"00000000000000000000000000000abc\"; Version=1; Max-Age=60; Path=/; HttpOnly; SameSite=Strict"
        );
        let sent_back = text.split(';').next().unwrap();
        assert_eq!(SessionKey::from_cookies([sent_back.as_bytes()]), Some(key));
        for prefix in ["asterisk", "/asterisk/"] {
            let text = key.set_cookie(5, prefix, true);
            assert!(
                text.ends_with("; Max-Age=5; Path=/asterisk; HttpOnly; SameSite=Strict; Secure"),
                "{text}"
            );
        }
        assert_eq!(format!("{key:?}"), "SessionKey([redacted])");
    }
}
