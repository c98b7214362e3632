//! User sections: manager.conf's options (`main/manager.c`, `__init_manager`) and ours.

use std::time::Duration;

use super::access::{AclDraft, NamedAcls};
use super::credentials::{self, CredentialDraft};
use super::diagnostics::{Location, Report, quoted};
use super::entry;
use super::filters;
use super::general::GeneralDraft;
use super::http::Served;
use super::options::{self, Place, Spec, Treatment, nearest};
use super::raw::{RawOption, RawSection};
use super::rights::{self, RightsDraft};
use super::secret_file::SecretFiles;
use super::upstream::choose_upstream;
use super::value::{self, Unit, assign};
use crate::policy::acl::Acl;
use crate::policy::class::{Classes, LABELS};
use crate::policy::class_list::{ClassListError, as_asterisk_reads, parse_class_list};
use crate::policy::rights::{Audit, Rights};
use crate::policy::secret::Credential;
use crate::policy::user::{ActionIds, LoginForms, OnSlow, OnUpstreamLoss, User};

/// `writetimeout` without a line. Asterisk's 100 ms count from when some four megabytes are in the kernel; here those
/// wait in `retention`, which bounds them by itself, and the kernel is full long before.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The least `writetimeout` that Asterisk takes.
const WRITE_TIMEOUT_MIN: Duration = Duration::from_millis(100);
/// Most bytes of one `setvar` pair; Asterisk cuts longer ones.
const VARIABLE_BYTES_MAX: usize = 255;
/// What other sections say that a user's section depends on.
pub(super) struct Surroundings<'a> {
    pub(super) general: &'a GeneralDraft,
    pub(super) acls: &'a NamedAcls,
    pub(super) secret_files: &'a SecretFiles<'a>,
    /// The names of all upstream sections, usable or not.
    pub(super) upstreams: &'a [String],
    pub(super) served: &'a Served,
}

/// A user section while it is being read.
pub(super) struct UserDraft {
    pub(super) user: User,
    acl: AclDraft,
    upstream_at: Option<Location>,
    pub(super) rights: RightsDraft,
    pub(super) credentials: CredentialDraft,
}

type Row = Spec<UserDraft>;

/// Every option of user sections.
pub(super) const OPTIONS: &[&[Row]] = &[OWN, credentials::OPTIONS, rights::OPTIONS];

const OWN: &[Row] = &[
    Row::read(
        "type",
        "user",
        "user",
        "says that the section is a user",
        |_, _, _| (),
    ),
    Row::read(
        "read",
        "classes, comma separated",
        "none",
        "classes of events that may be read",
        |draft, option, report| {
            assign(&mut draft.user.read, classes(option, report));
        },
    ),
    Row::read(
        "write",
        "classes, comma separated",
        "none",
        "classes of actions that may be run",
        |draft, option, report| {
            assign(&mut draft.user.write, classes(option, report));
        },
    ),
    Row::read(
        "permit",
        "[!]address[/mask], comma separated",
        "all addresses",
        "addresses that may log in; the last line that matches decides",
        |draft, option, report| draft.acl.rules_line(option, report),
    ),
    Row::read(
        "deny",
        "[!]address[/mask], comma separated",
        "no address",
        "addresses that may not log in; the last line that matches decides",
        |draft, option, report| draft.acl.rules_line(option, report),
    ),
    Row::read(
        "acl",
        "names, comma separated",
        "none",
        "named ACLs that must allow as well",
        |draft, option, report| draft.acl.names_line(option, report),
    ),
    Row::read(
        "allowmultiplelogin",
        "yes or no",
        "as in [general]",
        "whether the user may have several sessions",
        |draft, option, report| {
            draft.user.allow_multiple_login = value::boolean(option, report);
        },
    ),
    Row::read(
        "displayconnects",
        "yes or no",
        "as in [general]",
        "whether logins are logged",
        |draft, option, report| {
            draft.user.display_connects = value::boolean(option, report);
        },
    ),
    Row::read(
        "writetimeout",
        "milliseconds",
        "30000",
        "how long a client's socket may take nothing while something waits for it; then it is disconnected",
        write_timeout,
    ),
    Row::read(
        "onslow",
        "disconnect or skip",
        "disconnect",
        "what happens to a client that is behind further than events are kept (retention)",
        |draft, option, report| {
            let words = [("disconnect", OnSlow::Disconnect), ("skip", OnSlow::Skip)];
            assign(
                &mut draft.user.on_slow,
                value::one_of(option, &words, report),
            );
        },
    ),
    Row::read(
        "setvar",
        "NAME=value",
        "none",
        "variable set on every channel that the user originates; several lines may be given",
        set_variable,
    ),
    Row::read(
        "upstream",
        "name",
        "the only one",
        "the upstream section that the user is connected to",
        |draft, option, report| {
            draft.upstream_at = Some(option.location.clone());
            assign(&mut draft.user.upstream, value::text(option, report));
        },
    ),
    Row::read(
        "onupstreamloss",
        "keep or close",
        "keep",
        "what happens to the user's clients when Asterisk goes away",
        |draft, option, report| {
            let words = [
                ("keep", OnUpstreamLoss::Keep),
                ("close", OnUpstreamLoss::Close),
            ];
            assign(
                &mut draft.user.on_upstream_loss,
                value::one_of(option, &words, report),
            );
        },
    ),
    Row::read(
        "actionids",
        "session, user or all",
        "user",
        "whose ActionIDs the user sees in broadcast events",
        |draft, option, report| {
            let words = [
                ("session", ActionIds::Session),
                ("user", ActionIds::User),
                ("all", ActionIds::All),
            ];
            assign(
                &mut draft.user.action_ids,
                value::one_of(option, &words, report),
            );
        },
    ),
    Row::read(
        "maxinflight",
        "1 to 1024",
        "8",
        "most actions of one session that may be with Asterisk at a time",
        |draft, option, report| {
            assign(
                &mut draft.user.max_in_flight,
                value::count(option, 1..=1024, report),
            );
        },
    ),
    Row::read(
        "sessionlimit",
        "0 to 1000000",
        "0",
        "most sessions of this user; 0 for no limit but that of [general]",
        |draft, option, report| {
            assign(&mut draft.user.session_limit, entry::limit(option, report));
        },
    ),
    Row::read_criteria(
        "eventfilter",
        "pattern, with criteria in parentheses behind the name",
        "none",
        "which events are sent, of those that the classes allow; several lines may be given",
        filters::event_filter,
    ),
    Row::unsupported(
        "hasmanager",
        &[],
        "it belongs to users.conf, where a user without 'read' and 'write' has every class",
        Treatment::Refused("give the user a section of its own with secret, read and write"),
    ),
];

/// Reads a section; nothing when the user cannot be used.
pub(super) fn read(
    section: &RawSection,
    surroundings: &Surroundings<'_>,
    report: &mut Report,
) -> Option<User> {
    let mut draft = UserDraft {
        user: defaults(&section.name, surroundings.general),
        acl: AclDraft::default(),
        upstream_at: None,
        rights: surroundings.general.rights,
        credentials: CredentialDraft::default(),
    };
    for option in &section.options {
        options::apply(OPTIONS, Place::User, &mut draft, option, report);
    }
    let proof = draft.credentials.finish(section, surroundings, report);
    draft.rights.finish(&mut draft.user.rights);
    draft.user.audit = draft.rights.audit;
    rights::warn_of_exposure(&draft.user, section, report);
    let bind = surroundings.general.general.bind.ip();
    let acl = std::mem::take(&mut draft.acl).finish(surroundings.acls, bind, report);
    let wanted = draft
        .upstream_at
        .as_ref()
        .map(|at| (draft.user.upstream.as_str(), at));
    let upstream = choose_upstream(wanted, section, surroundings.upstreams, report)?;
    Some(User {
        credential: proof.credential,
        login_forms: proof.login_forms,
        tls_client_name: proof.tls_client_name,
        web_token: proof.web_token,
        acl,
        upstream,
        ..draft.user
    })
}

fn defaults(name: &str, general: &GeneralDraft) -> User {
    User {
        name: name.to_owned(),
        credential: Credential::None,
        login_forms: LoginForms::Any,
        tls_client_name: None,
        web_token: None,
        event_filters: std::sync::Arc::default(),
        rights: Rights::default(),
        audit: Audit::default(),
        read: Classes::NONE,
        write: Classes::NONE,
        acl: Acl::default(),
        allow_multiple_login: general.allow_multiple_login,
        display_connects: general.display_connects,
        write_timeout: WRITE_TIMEOUT,
        on_slow: OnSlow::default(),
        set_variables: Vec::new(),
        upstream: String::new(),
        on_upstream_loss: OnUpstreamLoss::default(),
        action_ids: ActionIds::default(),
        max_in_flight: 8,
        session_limit: 0,
    }
}

fn classes(option: &RawOption, report: &mut Report) -> Option<Classes> {
    let name = option.name.to_ascii_lowercase();
    let text = option.value.as_str();
    let words = |classes: Classes| match classes {
        Classes::NONE => "nothing".to_owned(),
        Classes::ALL => "all".to_owned(),
        some => some.to_string(),
    };
    match parse_class_list(text) {
        Ok(list) => {
            if list.differs() {
                report.warning(
                    &option.location,
                    format!(
                        "{name} = {} has blanks, for which Asterisk grants {}; that narrower meaning is taken",
                        quoted(text),
                        words(list.asterisk)
                    ),
                    format!("write {name} = {} if that is meant", words(list.written)),
                );
            }
            Some(list.granted)
        }
        Err(error) => {
            let near = match &error {
                ClassListError::Unknown(word) => {
                    let labels = LABELS.iter().map(|(label, _)| *label).chain(["all"]);
                    nearest(word, labels.clone())
                        .or_else(|| {
                            labels
                                .clone()
                                .find(|label| label.starts_with(word.as_str()))
                        })
                        .map(|label| format!("did you mean '{label}'? "))
                }
                ClassListError::EmptyElement => None,
            };
            report.error(
                &option.location,
                format!("{name} = {}: {error}", quoted(text)),
                format!(
                    "{}write classes separated by single commas; Asterisk grants {} for this text",
                    near.unwrap_or_default(),
                    words(as_asterisk_reads(text))
                ),
            );
            None
        }
    }
}

fn write_timeout(draft: &mut UserDraft, option: &RawOption, report: &mut Report) {
    let limits = Duration::ZERO..=Duration::from_secs(3600);
    let Some(timeout) = value::duration(option, Unit::Milliseconds, limits, report) else {
        return;
    };
    if timeout < WRITE_TIMEOUT_MIN {
        report.warning(
            &option.location,
            "'writetimeout' is less than 100 milliseconds and is ignored",
            "write 100 or more",
        );
        return;
    }
    draft.user.write_timeout = timeout;
}

/// The value itself is not shown in messages: variables hold keys now and then.
fn set_variable(draft: &mut UserDraft, option: &RawOption, report: &mut Report) {
    let pair = option.value.split_once('=');
    let Some((name, value)) = pair.filter(|(name, _)| !name.trim().is_empty()) else {
        report.error(
            &option.location,
            "a 'setvar' line does not name a variable and a value",
            "write setvar = NAME=value",
        );
        return;
    };
    if option.value.len() > VARIABLE_BYTES_MAX {
        report.error(
            &option.location,
            "a 'setvar' line has more than 255 bytes, after which Asterisk cuts it",
            "use a shorter value",
        );
    }
    let pair = (name.to_owned(), value.to_owned());
    draft.user.set_variables.push(pair);
}
