//! Digest access (`/arawman`, `/amanager`, `/amxml`): RFC 2617 with `qop=auth`, and RFC 2069 without. Source:
//! `main/manager.c`, `auth_http_callback`; `main/utils.c`, `ast_parse_digest`. Unlike Asterisk we never compute with the
//! secret of a user that has none. Nonces are in [`super::nonces`]: a header is to be proved before its nonce is used up.

use md5::{Digest as _, Md5};
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::nonces::Nonce;
use crate::policy::credential::LoginFailure;
use crate::policy::secret::{Credential, Secret};
use crate::policy::user::{LoginForms, User};

/// Most bytes of an `Authorization` header.
pub const BYTES_MAX: usize = 4096;

/// Why an `Authorization` header cannot be looked at. The texts are fit for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DigestError {
    /// Another way to authorize.
    #[error("the Authorization header is not Digest")]
    Scheme,
    /// More than [`BYTES_MAX`].
    #[error("the Authorization header has more than 4,096 bytes")]
    TooLong,
    /// It is no list of names with values, or one of ours is there twice.
    #[error("the Digest credentials are malformed")]
    Malformed,
    /// `username`, `realm`, `nonce`, `uri` or `response` is absent or empty.
    #[error("the Digest credentials have no {0}")]
    Missing(&'static str),
    /// `algorithm` is something other than MD5.
    #[error("the Digest credentials use an algorithm other than MD5")]
    Algorithm,
    /// `qop` is something other than `auth`, or has no `cnonce` and no `nc` of eight digits with it.
    #[error("the Digest credentials have a qop other than auth, or one without nc and cnonce")]
    Qop,
    /// `response` is not 32 hexadecimal digits.
    #[error("the response in the Digest credentials is not 32 hexadecimal digits")]
    Response,
}

/// An `Authorization: Digest` header, read but not proved.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    username: Vec<u8>,
    nonce: Vec<u8>,
    uri: Vec<u8>,
    /// In lower case.
    response: Vec<u8>,
    /// What goes with `qop=auth`.
    count: Option<Count>,
}

// With what is left out here, secrets can be guessed without asking anybody.
impl std::fmt::Debug for Authorization {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let username = String::from_utf8_lossy(&self.username);
        formatter
            .debug_struct("Authorization")
            .field("username", &username)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Eq)]
struct Count {
    number: u32,
    /// As sent, because it is hashed so.
    text: Vec<u8>,
    client_nonce: Vec<u8>,
}

impl Authorization {
    /// Reads the value of an `Authorization` header. Parameters that we do not know are passed over.
    ///
    /// # Errors
    /// When it is no Digest, or not all of it that is needed.
    pub fn parse(value: &[u8]) -> Result<Self, DigestError> {
        if value.len() > BYTES_MAX {
            return Err(DigestError::TooLong);
        }
        let (scheme, rest) = value
            .trim_ascii_start()
            .split_at_checked(7)
            .ok_or(DigestError::Scheme)?;
        if !scheme.eq_ignore_ascii_case(b"Digest ") {
            return Err(DigestError::Scheme);
        }
        let mut fields = Fields::read(rest)?;
        if !fields
            .take("algorithm")
            .is_none_or(|algorithm| algorithm.eq_ignore_ascii_case(b"MD5"))
        {
            return Err(DigestError::Algorithm);
        }
        fields.need("realm")?;
        let count = fields.count()?;
        let response = fields.need("response")?.to_ascii_lowercase();
        if response.len() != 32 || !response.iter().all(u8::is_ascii_hexdigit) {
            return Err(DigestError::Response);
        }
        Ok(Self {
            username: fields.need("username")?,
            nonce: fields.need("nonce")?,
            uri: fields.need("uri")?,
            response,
            count,
        })
    }

    /// The name of the user, as the client wrote it.
    pub fn username(&self) -> &[u8] {
        &self.username
    }

    /// Whether they were made for the request with this target, a path and a query (RFC 7616, section 3.4.6). Asterisk
    /// does not look, so that whoever intercepts them may ask for something else.
    pub fn is_for(&self, target: &str) -> bool {
        let own = self.uri.as_slice();
        let absolute = [&b"http://"[..], b"https://"]
            .into_iter()
            .find_map(|scheme| own.strip_prefix(scheme));
        let own = match absolute {
            Some(rest) => {
                let path = rest.iter().position(|byte| *byte == b'/');
                rest.get(path.unwrap_or(rest.len())..).unwrap_or_default()
            }
            None => own,
        };
        own == target.as_bytes()
    }

    /// The nonce, if it can be one of ours.
    pub fn nonce(&self) -> Option<Nonce> {
        Nonce::parse(&self.nonce)
    }

    /// Which use of the nonce this says to be; `None` without `qop`, where a nonce can be used once.
    pub fn nonce_count(&self) -> Option<u32> {
        self.count.as_ref().map(|count| count.number)
    }

    /// Whether it was made with the secret of `user`, for this realm and a request with this method. It takes as long for
    /// a user that does not exist.
    ///
    /// # Errors
    /// When it was not, when only a hash of the secret is known or the user has none, or when its `authtype` forbids
    /// what is a form of login with MD5.
    pub fn prove(
        &self,
        user: Option<&User>,
        realm: &str,
        method: &str,
    ) -> Result<(), LoginFailure> {
        let nobody = Secret::new("a user that does not exist");
        let (name, secret) = match user.map(|user| (user.name.as_bytes(), &user.credential)) {
            Some((name, Credential::Secret(secret))) => (name, secret),
            Some((name, Credential::Hash(_) | Credential::None)) => (name, &nobody),
            None => (self.username(), &nobody),
        };
        let expected = self.expected(name, secret, realm, method);
        let same: bool = expected.as_bytes().ct_eq(&self.response).into();
        let user = user.ok_or(LoginFailure::UnknownUser)?;
        match &user.credential {
            Credential::None => Err(LoginFailure::NoSecret),
            _ if user.login_forms == LoginForms::Plain => Err(LoginFailure::Md5Forbidden),
            Credential::Hash(_) => Err(LoginFailure::Md5OfHash),
            Credential::Secret(_) if same => Ok(()),
            Credential::Secret(_) => Err(LoginFailure::WrongKey),
        }
    }

    fn expected(&self, name: &[u8], secret: &Secret, realm: &str, method: &str) -> String {
        let who = hash(&[name, realm.as_bytes(), secret.expose()]);
        let what = hash(&[method.as_bytes(), &self.uri]);
        match &self.count {
            None => hash(&[who.as_bytes(), &self.nonce, what.as_bytes()]),
            Some(count) => hash(&[
                who.as_bytes(),
                &self.nonce,
                &count.text,
                &count.client_nonce,
                b"auth",
                what.as_bytes(),
            ]),
        }
    }
}

/// The MD5 of `parts` with colons between them, as lower-case digits.
fn hash(parts: &[&[u8]]) -> String {
    let mut md5 = Md5::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            md5.update(b":");
        }
        md5.update(part);
    }
    md5.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The value of `WWW-Authenticate`, in Asterisk's form. `stale` tells the client that its credentials are right but its
/// nonce is not good any more, so that it tries again without asking anybody.
pub fn challenge(realm: &str, nonce: Nonce, opaque: u32, stale: bool) -> String {
    let realm = realm.replace('\\', "\\\\").replace('"', "\\\"");
    let stale = if stale { ", stale=true" } else { "" };
    format!(
        "Digest algorithm=MD5, realm=\"{realm}\", nonce=\"{nonce}\", qop=\"auth\", opaque=\"{opaque:08x}\"{stale}"
    )
}

/// The parameters that we know.
const KNOWN: [&str; 9] = [
    "username",
    "realm",
    "nonce",
    "uri",
    "response",
    "algorithm",
    "qop",
    "nc",
    "cnonce",
];

/// The known parameters of one header.
struct Fields(Vec<(&'static str, Vec<u8>)>);

impl Fields {
    fn read(mut rest: &[u8]) -> Result<Self, DigestError> {
        let mut fields: Vec<(&'static str, Vec<u8>)> = Vec::new();
        loop {
            while let [b' ' | b'\t' | b',', behind @ ..] = rest {
                rest = behind;
            }
            if rest.is_empty() {
                return Ok(Self(fields));
            }
            let (name, behind) = token(rest);
            let behind = behind
                .trim_ascii_start()
                .strip_prefix(b"=")
                .ok_or(DigestError::Malformed)?;
            let (value, behind) = value(behind.trim_ascii_start()).ok_or(DigestError::Malformed)?;
            rest = behind.trim_ascii_start();
            if name.is_empty() || !matches!(rest.first(), None | Some(b',')) {
                return Err(DigestError::Malformed);
            }
            let Some(known) = KNOWN
                .iter()
                .find(|known| name.eq_ignore_ascii_case(known.as_bytes()))
            else {
                continue;
            };
            if fields.iter().any(|(name, _)| name == known) {
                return Err(DigestError::Malformed);
            }
            fields.push((known, value));
        }
    }

    fn take(&mut self, name: &str) -> Option<Vec<u8>> {
        let at = self.0.iter().position(|(own, _)| *own == name)?;
        Some(self.0.swap_remove(at).1)
    }

    fn need(&mut self, name: &'static str) -> Result<Vec<u8>, DigestError> {
        self.take(name)
            .filter(|value| !value.is_empty())
            .ok_or(DigestError::Missing(name))
    }

    fn count(&mut self) -> Result<Option<Count>, DigestError> {
        let Some(qop) = self.take("qop") else {
            return Ok(None);
        };
        let text = self
            .take("nc")
            .filter(|text| text.len() == 8 && text.iter().all(u8::is_ascii_hexdigit));
        let client_nonce = self.take("cnonce").filter(|nonce| !nonce.is_empty());
        let (true, Some(text), Some(client_nonce)) =
            (qop.eq_ignore_ascii_case(b"auth"), text, client_nonce)
        else {
            return Err(DigestError::Qop);
        };
        let digits = std::str::from_utf8(&text).map_err(|_| DigestError::Qop)?;
        let number = u32::from_str_radix(digits, 16).map_err(|_| DigestError::Qop)?;
        Ok(Some(Count {
            number,
            text,
            client_nonce,
        }))
    }
}

/// What can stand without quotes (RFC 9110, section 5.6.2), and what is behind it.
fn token(text: &[u8]) -> (&[u8], &[u8]) {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let end = text
        .iter()
        .position(|byte| !is_token(byte))
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or_default()
}

/// A value with or without quotes, and what is behind it.
fn value(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let Some(mut rest) = text.strip_prefix(b"\"") else {
        let (value, behind) = token(text);
        return (!value.is_empty()).then(|| (value.to_vec(), behind));
    };
    let mut value = Vec::new();
    loop {
        let (byte, behind) = match rest {
            [b'"', behind @ ..] => return Some((value, behind)),
            [b'\\', byte, behind @ ..] | [byte, behind @ ..] => (*byte, behind),
            [] => return None,
        };
        if byte.is_ascii_control() && byte != b'\t' {
            return None;
        }
        value.push(byte);
        rest = behind;
    }
}

#[cfg(test)]
mod tests;
