//! Who a client is: the login decision, without a clock and without a socket.
//! Source: `main/manager.c`, `authenticate`, `action_challenge`.
//!
//! All failures look the same to the client, and an unknown name costs the same work as a known one.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use arrayvec::ArrayString;
use md5::{Digest, Md5};
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::secret::{Credential, Secret};
use super::user::{User, Users};
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
    /// The user has no `secret` line, so that nobody can log in as it.
    #[error("the user has no secret configured")]
    NoSecret,
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

    /// The decimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Decides a login.
///
/// `AuthType: MD5` (ignoring case) asks for `Key`, the lower-case hexadecimal MD5 of challenge and secret;
/// anything else, or none, for `Secret` as it is. A user whose configured secret is empty logs in with an
/// empty or absent `Secret`; one without any cannot log in.
///
/// # Errors
/// The first reason in Asterisk's order: name, address, credentials.
pub fn authenticate(
    users: &Users,
    request: Request<'_>,
    challenge: Option<&Challenge>,
    address: IpAddr,
) -> Result<Arc<User>, LoginFailure> {
    let username = request.get_or_empty("Username");
    let user = users.get(username);
    // Checked before it is known whether it counts, so that time does not tell which names exist.
    let nobody = Secret::new("a user that does not exist");
    let known = user.and_then(|user| match &user.credential {
        Credential::Secret(secret) => Some(secret),
        Credential::None => None,
    });
    let credentials = verify(known.unwrap_or(&nobody), request, challenge);
    if username.is_empty() {
        return Err(LoginFailure::NoUsername);
    }
    let user = user.ok_or(LoginFailure::UnknownUser)?;
    if !user.acl.allows(address) {
        return Err(LoginFailure::Address);
    }
    if known.is_none() {
        return Err(LoginFailure::NoSecret);
    }
    credentials.map(|()| Arc::clone(user))
}

fn verify(
    secret: &Secret,
    request: Request<'_>,
    challenge: Option<&Challenge>,
) -> Result<(), LoginFailure> {
    if !request
        .get_or_empty("AuthType")
        .eq_ignore_ascii_case(b"MD5")
    {
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
