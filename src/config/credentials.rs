//! The options of a user section that say what the user proves itself with.

use super::diagnostics::{Location, Report, quoted};
use super::options::Spec;
use super::raw::{RawOption, RawSection};
use super::secret_file::SecretFiles;
use super::upstream::warn_if_cut;
use super::user::UserDraft;
use super::value;
use crate::policy::secret::{Credential, Secret};
use crate::policy::secret_hash::SecretHash;
use crate::policy::user::LoginForms;

/// The options that each say what the secret is.
const KINDS: [&str; 3] = ["secret", "secretfile", "secrethash"];

/// What a user section says of credentials, while it is being read: the last line of each kind.
#[derive(Default)]
pub(super) struct CredentialDraft {
    secret: Option<RawOption>,
    file: Option<RawOption>,
    hash: Option<RawOption>,
    allow_empty: bool,
    forms: LoginForms,
    forms_at: Option<Location>,
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
        files: &SecretFiles<'_>,
        report: &mut Report,
    ) -> (Credential, LoginForms) {
        if check_one_kind(section, &KINDS, report) {
            self.check_forms(report);
        }
        (self.credential(section, files, report), self.forms)
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
