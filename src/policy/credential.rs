//! Who a client is: the login decision, without a clock and without a socket.
//! Source: `main/manager.c`, `authenticate`, `action_challenge`.
//!
//! All failures look the same to the client, and an unknown name costs the same work as a known one. The one
//! exception is a user of whose secret only a hash is known: checking that takes so long that it is left to the
//! caller as a [`Verification`]. Nothing is told from its duration if failures are answered at a fixed time.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use arrayvec::ArrayString;
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::secret::{Credential, Secret};
use super::user::{LoginForms, User, Users};
use crate::protocol::request::Request;

/// Why a login failed: for the log. The client is told nothing but that it did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum LoginFailure {
    /// `Username` is absent or empty.
    #[error("the login names no user")]
    NoUsername,
    /// No section of the configuration has that name.
    #[error("there is no such user")]
    UnknownUser,
    /// The user's access control list denies the client's address.
    #[error("the address is denied by the user's access control list")]
    Address,
    /// The user has neither `secret` nor `tlsclientname`, so that nobody can log in as it.
    #[error("the user has no secret configured")]
    NoSecret,
    /// The user has a `tlsclientname`, and the client showed no certificate.
    #[error("the user's tlsclientname asks for a TLS client certificate, and there is none")]
    NoCertificate,
    /// The client's certificate does not have the name in the user's `tlsclientname`.
    #[error("the client's certificate does not have the name in the user's tlsclientname")]
    WrongCertificate,
    /// `Secret` is not the configured one.
    #[error("the secret is wrong")]
    WrongSecret,
    /// `AuthType: MD5` without a Challenge action before it.
    #[error("the login answers a challenge that was never asked for")]
    NoChallenge,
    /// `AuthType: MD5` with `Key` absent or empty.
    #[error("the login has no key")]
    NoKey,
    /// `Key` is not the answer to this session's challenge.
    #[error("the key is wrong")]
    WrongKey,
    /// `AuthType: MD5`, which the user's `authtype` forbids.
    #[error("the user's authtype forbids a login with AuthType: MD5")]
    Md5Forbidden,
    /// A login with `Secret`, which the user's `authtype` forbids.
    #[error("the user's authtype forbids a login with the secret itself")]
    PlainForbidden,
    /// `AuthType: MD5` for a user with `secrethash`.
    #[error("AuthType: MD5 needs the secret itself, of which only a hash is configured")]
    Md5OfHash,
}

/// What a login came to.
#[derive(Clone, Debug)]
pub enum Login {
    /// The client is this user.
    Proved(Arc<User>),
    /// It is if this says so.
    Hashed(Verification),
}

/// A secret that is still to be compared with a hash. Both are wiped or redacted as secrets are.
#[derive(Clone, Debug)]
pub struct Verification {
    user: Arc<User>,
    candidate: Secret,
}

impl Verification {
    /// The user that the client claims to be.
    pub const fn user(&self) -> &Arc<User> {
        &self.user
    }

    /// Compares: takes tens of milliseconds as a rule and the memory that the hash asks for. Not for a thread
    /// that others wait for.
    pub fn run(&self) -> bool {
        match &self.user.credential {
            Credential::Hash(hash) => hash.verify(self.candidate.expose()),
            Credential::Secret(_) | Credential::None => false,
        }
    }
}

/// The digits to be hashed with the secret: one for each session, the same each time it is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge(ArrayString<CHALLENGE_DIGITS_MAX>);

/// The most digits that Asterisk writes: its buffer has ten bytes.
const CHALLENGE_DIGITS_MAX: usize = 9;

impl Challenge {
    /// Makes a challenge from a number that nobody can guess.
    pub fn new(random: u32) -> Self {
        let mut digits = ArrayString::new();
        // A number below 10^9 has at most nine digits, so that it fits.
        let _fits = write!(digits, "{}", random % 1_000_000_000);
        Self(digits)
    }

    /// A challenge that was made before, by its digits; `None` where they are none.
    pub fn of_digits(digits: &str) -> Option<Self> {
        let sound = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        ArrayString::from(digits).ok().filter(|_| sound).map(Self)
    }

    /// The decimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Decides a login.
///
/// `AuthType: MD5` (ignoring case) asks for `Key`, the lower-case hexadecimal MD5 of challenge and secret;
/// anything else, or none, for `Secret` as it is. A user whose configured secret is empty logs in with an
/// empty or absent `Secret`; one without any cannot log in. One with a hash never logs in with an empty secret,
/// nor with a key. What Asterisk does not have, `authtype` and `secrethash`, fails before anything is compared.
///
/// `certificate` holds the names in the certificate that the client has shown and that was verified. A user with
/// `tlsclientname` needs one with that name, ignoring case; if it has no secret, that is enough, and `Secret` is ignored.
///
/// # Errors
/// The first reason in Asterisk's order: name, address, credentials; a certificate comes before a secret.
pub fn authenticate(
    users: &Users,
    request: Request<'_>,
    challenge: Option<&Challenge>,
    address: IpAddr,
    certificate: Option<&[String]>,
) -> Result<Login, LoginFailure> {
    let username = request.get_or_empty("Username");
    let user = users.get(username);
    // Checked before it is known whether it counts, so that time does not tell which names exist.
    let nobody = Secret::new("a user that does not exist");
    let known = user.and_then(|user| match &user.credential {
        Credential::Secret(secret) => Some(secret),
        Credential::Hash(_) | Credential::None => None,
    });
    let credentials = verify(known.unwrap_or(&nobody), request, challenge);
    if username.is_empty() {
        return Err(LoginFailure::NoUsername);
    }
    let user = user.ok_or(LoginFailure::UnknownUser)?;
    if !user.acl.allows(address) {
        return Err(LoginFailure::Address);
    }
    let certified = has_certificate(user, certificate)?;
    if matches!(user.credential, Credential::None) {
        return match certified {
            true => Ok(Login::Proved(Arc::clone(user))),
            false => Err(LoginFailure::NoSecret),
        };
    }
    match (user.login_forms, is_md5(request)) {
        (LoginForms::Plain, true) => return Err(LoginFailure::Md5Forbidden),
        (LoginForms::Md5, false) => return Err(LoginFailure::PlainForbidden),
        _ => {}
    }
    if matches!(user.credential, Credential::Hash(_)) {
        return hashed(user, request);
    }
    credentials.map(|()| Login::Proved(Arc::clone(user)))
}

/// Whether the client has proved by its certificate that it is the user; `false` where none is asked for.
///
/// # Errors
/// One is asked for, and the client has shown none or another.
pub fn has_certificate(user: &User, certificate: Option<&[String]>) -> Result<bool, LoginFailure> {
    let Some(wanted) = &user.tls_client_name else {
        return Ok(false);
    };
    let names = certificate.ok_or(LoginFailure::NoCertificate)?;
    match names.iter().any(|name| name.eq_ignore_ascii_case(wanted)) {
        true => Ok(true),
        false => Err(LoginFailure::WrongCertificate),
    }
}

fn hashed(user: &Arc<User>, request: Request<'_>) -> Result<Login, LoginFailure> {
    if is_md5(request) {
        return Err(LoginFailure::Md5OfHash);
    }
    match request.get_or_empty("Secret") {
        // Nothing to work for.
        b"" => Err(LoginFailure::WrongSecret),
        candidate => Ok(Login::Hashed(Verification {
            user: Arc::clone(user),
            candidate: Secret::new(candidate),
        })),
    }
}

fn is_md5(request: Request<'_>) -> bool {
    request
        .get_or_empty("AuthType")
        .eq_ignore_ascii_case(b"MD5")
}

fn verify(
    secret: &Secret,
    request: Request<'_>,
    challenge: Option<&Challenge>,
) -> Result<(), LoginFailure> {
    if !is_md5(request) {
        return match secret.matches(request.get_or_empty("Secret")) {
            true => Ok(()),
            false => Err(LoginFailure::WrongSecret),
        };
    }
    let challenge = challenge.ok_or(LoginFailure::NoChallenge)?;
    let key = request.get_or_empty("Key");
    if key.is_empty() {
        return Err(LoginFailure::NoKey);
    }
    let expected = key_for(challenge, secret);
    match expected.as_bytes().ct_eq(key).into() {
        true => Ok(()),
        false => Err(LoginFailure::WrongKey),
    }
}

/// Lower-case hexadecimal MD5 of the challenge's digits and the secret.
fn key_for(challenge: &Challenge, secret: &Secret) -> ArrayString<32> {
    let mut hash = Md5::new();
    hash.update(challenge.as_str());
    hash.update(secret.expose());
    let mut hex = ArrayString::new();
    for byte in hash.finalize() {
        // Sixteen bytes of two digits each fit.
        let _fits = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests;
