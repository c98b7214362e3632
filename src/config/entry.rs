//! `[general]`: who may connect at all, whose word about clients is taken, how many sessions there
//! may be, and how many logins may fail.

use std::time::Duration;

use super::diagnostics::{Report, quoted};
use super::general::GeneralDraft;
use super::options::Spec;
use super::raw::RawOption;
use super::value::{self, Unit, assign};
use crate::policy::acl::{Rule, Sense};

/// `failedlogins` without a line.
pub(super) const FAILED_LOGINS: u32 = 20;
/// `failedloginperiod` without a line.
pub(super) const FAILED_LOGIN_PERIOD: Duration = Duration::from_secs(60);

/// `sessionlimit` of `[general]` without a line.
pub(super) const SESSION_LIMIT: usize = 10_000;

type Row = Spec<GeneralDraft>;

/// The options about how one comes in.
pub(super) const OPTIONS: &[Row] = &[
    Row::read(
        "permit",
        "[!]address[/mask], comma separated",
        "all addresses",
        "addresses that may connect; the last line that matches decides",
        |draft, option, report| draft.acl.rules_line(option, report),
    ),
    Row::read(
        "deny",
        "[!]address[/mask], comma separated",
        "no address",
        "addresses that may not connect; the last line that matches decides",
        |draft, option, report| draft.acl.rules_line(option, report),
    ),
    Row::read(
        "acl",
        "names, comma separated",
        "none",
        "named ACLs that must allow a connection as well",
        |draft, option, report| draft.acl.names_line(option, report),
    ),
    Row::read(
        "proxyfrom",
        "address[/mask], comma separated",
        "none",
        "balancers that name the client in a PROXY header, and must; several lines add up",
        proxy_from,
    ),
    Row::read(
        "sessionlimit",
        "0 to 1000000",
        "10000",
        "most sessions in all; 0 for no limit",
        |draft, option, report| {
            assign(&mut draft.general.session_limit, limit(option, report));
        },
    ),
    Row::read(
        "addresslimit",
        "0 to 1000000",
        "0",
        "most sessions from one address; 0 for no limit",
        |draft, option, report| {
            assign(&mut draft.general.address_limit, limit(option, report));
        },
    ),
    Row::read(
        "failedlogins",
        "0 to 1000000",
        "20",
        "most logins that may fail at once from one address; 0 for no limit",
        |draft, option, report| {
            let limit = value::number(option, 0..=1_000_000, report);
            let limit = limit.and_then(|limit| u32::try_from(limit).ok());
            assign(&mut draft.general.failed_logins, limit);
        },
    ),
    Row::read(
        "failedloginperiod",
        "seconds",
        "60",
        "the time in which as many logins may fail again",
        |draft, option, report| {
            let limits = Duration::from_secs(1)..=Duration::from_secs(86_400);
            assign(
                &mut draft.general.failed_login_period,
                value::duration(option, Unit::Seconds, limits, report),
            );
        },
    ),
];

/// A number of sessions, or 0 for no limit.
pub(super) fn limit(option: &RawOption, report: &mut Report) -> Option<usize> {
    value::number(option, 0..=1_000_000, report).and_then(|limit| usize::try_from(limit).ok())
}

fn proxy_from(draft: &mut GeneralDraft, option: &RawOption, report: &mut Report) {
    let at = &option.location;
    if option.value.contains('!') {
        let what = format!(
            "proxyfrom = {}: '!' means nothing here",
            quoted(&option.value)
        );
        return report.error(at, what, "name those that are believed and nobody else");
    }
    let list = &mut draft.general.proxy_from;
    let before = list.rules().len();
    if let Err(error) = list.push_line(Sense::Permit, &option.value) {
        return report.error(at, error.to_string(), error.remedy());
    }
    let is_all = |rule: &Rule| rule.is_all_ipv4() || rule.is_all_ipv6();
    if list.rules().iter().skip(before).any(is_all) {
        report.warning(
            at,
            "'proxyfrom' names every address: anybody may claim to be anywhere",
            "name the balancers alone",
        );
    }
}
