//! The options of a user section that say what the user proves itself with.

use std::sync::Arc;

use super::diagnostics::{Location, Report, quoted};
use super::options::Spec;
use super::raw::{RawOption, RawSection};
use super::secret_file::SecretFiles;
use super::upstream::warn_if_cut;
use super::user::{Surroundings, UserDraft};
use super::value;
use crate::policy::secret::{Credential, Secret};
use crate::policy::secret_hash::SecretHash;
use crate::policy::user::{LoginForms, User, Users};

/// The options that each say what the secret is.
const KINDS: [&str; 3] = ["secret", "secretfile", "secrethash"];

/// The options that each say what the token is.
const TOKENS: [&str; 2] = ["webtoken", "webtokenfile"];
/// Least bytes of a token.
const TOKEN_BYTES_MIN: usize = 20;
/// Most bytes of a token: it must fit a line of a request.
const TOKEN_BYTES_MAX: usize = 1024;

/// What a user section says of credentials, while it is being read: the last line of each kind.
#[derive(Default)]
pub(super) struct CredentialDraft {
    secret: Option<RawOption>,
    file: Option<RawOption>,
    hash: Option<RawOption>,
    allow_empty: bool,
    forms: LoginForms,
    forms_at: Option<Location>,
    token: Option<RawOption>,
    token_file: Option<RawOption>,
    client_name: Option<RawOption>,
}

/// What a user proves itself with.
pub(super) struct Proof {
    pub(super) credential: Credential,
    pub(super) login_forms: LoginForms,
    pub(super) tls_client_name: Option<String>,
    pub(super) web_token: Option<Secret>,
}

/// Options about credentials.
pub(super) const OPTIONS: &[Spec<UserDraft>] = &[
    Spec::read(
        "secret",
        "text",
        "none: nobody can log in",
        "the secret to log in with",
        |draft, option, report| {
            warn_if_cut(option, report);
            draft.credentials.secret = Some(option.clone());
        },
    ),
    Spec::read(
        "secretfile",
        "path, or %d/NAME",
        "none",
        "a file that holds the secret alone, instead of 'secret'; %d is the directory of systemd's credentials",
        |draft, option, _| draft.credentials.file = Some(option.clone()),
    ),
    Spec::read(
        "secrethash",
        "line of 'amimux hash-secret'",
        "none",
        "a hash of the secret, instead of 'secret'; such a user cannot log in with MD5",
        |draft, option, _| draft.credentials.hash = Some(option.clone()),
    ),
    Spec::read(
        "authtype",
        "any, plain or md5",
        "any",
        "which forms of login the user may use",
        |draft, option, report| {
            let words = [
                ("any", LoginForms::Any),
                ("plain", LoginForms::Plain),
                ("md5", LoginForms::Md5),
            ];
            draft.credentials.forms_at = Some(option.location.clone());
            value::assign(
                &mut draft.credentials.forms,
                value::one_of(option, &words, report),
            );
        },
    ),
    Spec::read(
        "tlsclientname",
        "text",
        "none",
        "the name that the client's certificate must have; with it the user needs no secret",
        |draft, option, _| draft.credentials.client_name = Some(option.clone()),
    ),
    Spec::read(
        "webtoken",
        "20 or more characters",
        "none",
        "what programs may show over HTTPS as a Bearer token, instead of name and secret",
        |draft, option, report| {
            warn_if_cut(option, report);
            draft.credentials.token = Some(option.clone());
        },
    ),
    Spec::read(
        "webtokenfile",
        "path, or %d/NAME",
        "none",
        "a file that holds the token alone, instead of 'webtoken'",
        |draft, option, _| draft.credentials.token_file = Some(option.clone()),
    ),
    Spec::read(
        "allowemptysecret",
        "yes or no",
        "no",
        "whether 'secret =' without a value is meant: anybody may log in",
        |draft, option, report| {
            draft.credentials.allow_empty = value::boolean(option, report);
        },
    ),
];

impl CredentialDraft {
    /// What can be said only when the whole section is known; files are read now.
    pub(super) fn finish(
        &self,
        section: &RawSection,
        surroundings: &Surroundings<'_>,
        report: &mut Report,
    ) -> Proof {
        if check_one_kind(section, &KINDS, report) {
            self.check_forms(report);
        }
        let files = surroundings.secret_files;
        Proof {
            tls_client_name: self.client_name(section, surroundings, report),
            web_token: self.web_token(section, surroundings, report),
            credential: self.credential(section, files, report),
            login_forms: self.forms,
        }
    }

    fn client_name(
        &self,
        section: &RawSection,
        surroundings: &Surroundings<'_>,
        report: &mut Report,
    ) -> Option<String> {
        let option = self.client_name.as_ref()?;
        let name = value::text(option, report)?;
        let asked = surroundings.general.tls.asks_for_certificates()
            || surroundings.served.asks_for_certificates;
        if !asked {
            report.warning(
                &option.location,
                format!(
                    "nobody can log in as {}: no port asks clients for the certificate that 'tlsclientname' is about",
                    quoted(&section.name)
                ),
                "write tlsclientcert = optional, with tlsenable and tlscafile, in [general] or [http]",
            );
        }
        Some(name)
    }

    /// The token, from wherever the section has it. It is never shown.
    fn web_token(
        &self,
        section: &RawSection,
        surroundings: &Surroundings<'_>,
        report: &mut Report,
    ) -> Option<Secret> {
        check_one_kind(section, &TOKENS, report);
        let (option, token) = match (&self.token, &self.token_file) {
            (Some(option), _) => (option, Secret::new(option.value.as_bytes())),
            (None, Some(option)) => (option, surroundings.secret_files.read(option, report)?),
            (None, None) => return None,
        };
        if let Some(what) = fault_of_token(token.expose()) {
            report.error(
                &option.location,
                format!("the token of {} {what}", quoted(&section.name)),
                "write what 'openssl rand -hex 32' prints",
            );
            return None;
        }
        let http = surroundings.served.http.as_ref();
        match http {
            None => report.warning(
                &option.location,
                format!("the token of {} is of no use: HTTP is not served", quoted(&section.name)),
                "write webenabled = yes in [general], and [http] with enabled = yes",
            ),
            Some(http) if http.tls.is_none() && !http.bind.ip().is_loopback() => report.warning(
                &option.location,
                format!(
                    "the token of {} is taken over HTTPS and from this machine only, and there is no HTTPS",
                    quoted(&section.name)
                ),
                "write tlsenable = yes and tlscertfile in [http]",
            ),
            Some(_) => {}
        }
        Some(token)
    }

    fn credential(
        &self,
        section: &RawSection,
        files: &SecretFiles<'_>,
        report: &mut Report,
    ) -> Credential {
        if let Some(option) = &self.hash {
            return read_hash(option, report);
        }
        let (option, secret) = match (&self.secret, &self.file) {
            (Some(option), _) => (option, Secret::new(option.value.as_bytes())),
            (None, Some(option)) => match files.read(option, report) {
                Some(secret) => (option, secret),
                None => return Credential::None,
            },
            (None, None) if self.client_name.is_some() || self.has_token() => {
                return Credential::None;
            }
            (None, None) => {
                report.warning(
                    &section.location,
                    format!(
                        "{} has no 'secret': nobody can log in as this user",
                        quoted(&section.name)
                    ),
                    "write a line secret = ..., or secretfile or secrethash",
                );
                return Credential::None;
            }
        };
        if secret.is_empty() && !self.allow_empty {
            report.error(
                &option.location,
                format!(
                    "the secret of {} is empty: anybody could log in",
                    quoted(&section.name)
                ),
                "write a secret, or allowemptysecret = yes if that is meant",
            );
        }
        Credential::Secret(secret)
    }

    const fn has_token(&self) -> bool {
        self.token.is_some() || self.token_file.is_some()
    }

    /// A hash is of no use for the key that a client makes of secret and challenge.
    fn check_forms(&self, report: &mut Report) {
        if let (Some(_), LoginForms::Md5, Some(at)) = (&self.hash, self.forms, &self.forms_at) {
            report.error(
                at,
                "authtype = md5 and 'secrethash' let nobody log in: MD5 needs the secret itself",
                "write authtype = plain, or secret or secretfile instead of secrethash",
            );
        }
    }
}

/// What is wrong with a token: it must be hard to guess and fit a header as it is (RFC 6750, `b64token`).
fn fault_of_token(token: &[u8]) -> Option<&'static str> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    let end = token
        .iter()
        .rposition(|byte| *byte != b'=')
        .map_or(0, |at| at + 1);
    let (start, _) = token.split_at_checked(end).unwrap_or_default();
    if token.len() < TOKEN_BYTES_MIN {
        Some("has less than 20 characters")
    } else if token.len() > TOKEN_BYTES_MAX {
        Some("has more than 1024 characters")
    } else if start.is_empty() || !start.iter().all(plain) {
        Some("has characters other than letters, digits, and -._~+/")
    } else {
        None
    }
}

/// Notes an error when another user has the same token: it alone says who comes.
pub(super) fn check_token_is_own(
    users: &Users,
    user: &User,
    section: &RawSection,
    report: &mut Report,
) {
    let Some(token) = &user.web_token else {
        return;
    };
    let same = |other: &&Arc<User>| {
        let shared = other.web_token.as_ref();
        shared.is_some_and(|other| other.matches(token.expose()))
            && !other.name.eq_ignore_ascii_case(&user.name)
    };
    if let Some(other) = users.iter().find(same) {
        let mut options = section.options.iter().rev();
        let option = options.find(|option| {
            TOKENS
                .iter()
                .any(|name| option.name.eq_ignore_ascii_case(name))
        });
        report.error(
            option.map_or(&section.location, |option| &option.location),
            format!(
                "{} and {} have the same token, which would not tell who comes",
                quoted(&user.name),
                quoted(&other.name)
            ),
            "give each a token of its own; lines that a template brings count as well",
        );
    }
}

fn read_hash(option: &RawOption, report: &mut Report) -> Credential {
    match SecretHash::parse(&option.value) {
        Ok(hash) => Credential::Hash(hash),
        // The value is not shown: it may be a secret that came into the wrong line.
        Err(error) => {
            let what = format!("the value of 'secrethash' cannot be used: {error}");
            report.error(&option.location, what, error.remedy());
            Credential::None
        }
    }
}

/// Notes an error, and says no, when a section has options of several of these kinds.
pub(super) fn check_one_kind(section: &RawSection, kinds: &[&str], report: &mut Report) -> bool {
    let present = |kind: &&&str| section.named(kind).next().is_some();
    let found: Vec<String> = kinds.iter().filter(present).map(|k| quoted(k)).collect();
    if found.len() < 2 {
        return true;
    }
    let is_kind = |option: &&RawOption| kinds.iter().any(|k| option.name.eq_ignore_ascii_case(k));
    let last = section.options.iter().rev().find(is_kind);
    report.error(
        last.map_or(&section.location, |option| &option.location),
        format!(
            "{} has {}, and only one of them can count",
            quoted(&section.name),
            found.join(" and ")
        ),
        "keep one of them; lines that a template brings count as well",
    );
    false
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
