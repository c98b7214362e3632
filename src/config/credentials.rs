//! The options of a user section that say what the user proves itself with.

use super::diagnostics::{Report, quoted};
use super::options::Spec;
use super::raw::{RawOption, RawSection};
use super::upstream::warn_if_cut;
use super::user::UserDraft;
use super::value;
use crate::policy::secret::{Credential, Secret};

/// Options about credentials.
pub(super) const OPTIONS: &[Spec<UserDraft>] = &[
    Spec::read(
        "secret",
        "text",
        "none: nobody can log in",
        "the secret to log in with",
        secret,
    ),
    Spec::read(
        "allowemptysecret",
        "yes or no",
        "no",
        "whether 'secret =' without a value is meant: anybody may log in",
        |draft, option, report| {
            draft.allow_empty_secret = value::boolean(option, report);
        },
    ),
];

fn secret(draft: &mut UserDraft, option: &RawOption, report: &mut Report) {
    warn_if_cut(option, report);
    draft.secret_at = Some(option.location.clone());
    draft.user.credential = Credential::Secret(Secret::new(option.value.as_bytes()));
}

/// What can be checked only when the whole section is known.
pub(super) fn finish(draft: &UserDraft, section: &RawSection, report: &mut Report) {
    match (&draft.user.credential, &draft.secret_at) {
        (Credential::Secret(secret), Some(at))
            if secret.is_empty() && !draft.allow_empty_secret =>
        {
            report.error(
                at,
                format!(
                    "the secret of {} is empty: anybody could log in",
                    quoted(&section.name)
                ),
                "write a secret, or allowemptysecret = yes if that is meant",
            );
        }
        (Credential::None, _) => report.warning(
            &section.location,
            format!(
                "{} has no 'secret': nobody can log in as this user",
                quoted(&section.name)
            ),
            "write a line secret = ...",
        ),
        _ => {}
    }
}
