//! Explanations for an administrator: whether an address may log in, whether an action with these headers would
//! be allowed and by which rule, what else the user may run and which events it may read. The decisions are made by
//! the very functions that a client's requests go through; this only listens and puts it into words.

use std::net::IpAddr;

use super::acl::Acl;
use super::action::{Action, ActionTable};
use super::action_filter::{ActionFilter, Verdict};
use super::decision::{Passed, decide_and_tell, may_run};
use super::event_table::EVENTS;
use super::user::User;

/// One line of an explanation: what was looked at, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: `class`, `permit, deny`, `guard file`.
    pub what: String,
    /// What it says, in words.
    pub says: String,
}

impl Finding {
    fn new(what: impl Into<String>, says: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            says: says.into(),
        }
    }
}

/// How something was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What was looked at, in order; the last finding decides.
    pub findings: Vec<Finding>,
    /// The outcome.
    pub allowed: bool,
    /// What the client is told where it is refused.
    pub message: Option<String>,
    /// The request as it goes on, without the ActionID that is put in when it is sent; empty where it is refused
    /// or answered by amimux.
    pub forwarded: Vec<String>,
}

/// Whether the user may log in from an address, as far as its access control lists go.
pub fn login(user: &User, address: IpAddr) -> Explanation {
    let mut findings = verdicts(&user.acl, address);
    if findings.is_empty() {
        findings.push(Finding::new(
            "permit, deny",
            format!("allows {address}: the user has no rules"),
        ));
    }
    let allowed = user.acl.allows(address);
    Explanation {
        findings,
        allowed,
        message: (!allowed).then(|| "Authentication failed".to_owned()),
        forwarded: Vec::new(),
    }
}

/// Whether a client at an address may connect at all, by the access control list of `[general]`.
pub fn connection(acl: &Acl, address: IpAddr) -> Explanation {
    let mut findings = verdicts(acl, address);
    for finding in &mut findings {
        finding.what = format!("[general] {}", finding.what);
    }
    Explanation {
        findings,
        allowed: acl.allows(address),
        message: (!acl.allows(address))
            .then(|| "the connection is closed without a word".to_owned()),
        forwarded: Vec::new(),
    }
}

/// What each list of rules says about an address.
fn verdicts(acl: &Acl, address: IpAddr) -> Vec<Finding> {
    acl.verdicts(address)
        .map(|(name, rule, allows)| {
            let list = name.map_or_else(|| "permit, deny".to_owned(), |name| format!("acl {name}"));
            let by = rule.map_or_else(
                || "no rule matches".to_owned(),
                |rule| format!("the last rule that matches is {rule}"),
            );
            let says = if allows { "allows" } else { "refuses" };
            Finding::new(list, format!("{says} {address}: {by}"))
        })
        .collect()
}

/// Whether the user may run what this text of one whole request says.
pub fn request(table: &ActionTable, user: &User, text: &[u8]) -> Explanation {
    let mut findings = Vec::new();
    let decided = decide_and_tell(table, user, text, &mut |passed| {
        describe(passed, user, &mut findings);
    });
    match decided {
        Ok(decision) => {
            let local = decision.action.handling.is_local();
            if local {
                findings.push(Finding::new("answer", "is given by amimux itself"));
            }
            let forwarded = match local {
                true => Vec::new(),
                false => decision
                    .request()
                    .lines()
                    .map(|line| String::from_utf8_lossy(line).into_owned())
                    .collect(),
            };
            Explanation {
                findings,
                allowed: true,
                message: None,
                forwarded,
            }
        }
        Err(refusal) => {
            findings.push(Finding::new(refusal.rule.to_string(), "refuses it"));
            Explanation {
                findings,
                allowed: false,
                message: Some(String::from_utf8_lossy(&refusal.message).into_owned()),
                forwarded: Vec::new(),
            }
        }
    }
}

fn describe(passed: Passed<'_>, user: &User, findings: &mut Vec<Finding>) {
    let filters = &user.rights.action_filters;
    findings.push(match passed {
        Passed::Known(action) => Finding::new("action", describe_action(action)),
        Passed::Class(granted) => Finding::new(
            "class",
            format!("allows it: the user's write has {granted}"),
        ),
        Passed::Open => Finding::new("class", "allows it: it needs none"),
        Passed::Forced(header) => Finding::new(
            "setheader",
            format!("puts in {}: {}", header.name, header.value),
        ),
        Passed::Ready(action, request) => {
            let verdicts = filters.verdicts(action, request);
            findings
                .extend(verdicts.filter_map(|(filter, verdict)| describe_filter(filter, verdict)));
            return;
        }
        Passed::Filters if filters.is_empty() => return,
        Passed::Filters => Finding::new("actionfilter", "all together allow it"),
        Passed::Guard(name) => Finding::new(format!("guard {name}"), "allows it"),
    });
}

/// What one filter says; nothing when it is about another action.
fn describe_filter(filter: &ActionFilter, verdict: Verdict) -> Option<Finding> {
    let says = match verdict {
        Verdict::OtherAction => return None,
        Verdict::Matches => "matches",
        Verdict::Differs => "does not match",
    };
    let (place, text) = (filter.place(), filter.text());
    Some(Finding::new(
        "actionfilter",
        format!("{place} {says}: {text}"),
    ))
}

fn describe_action(action: &Action) -> String {
    match action.classes.is_empty() {
        true => format!("{} needs no class", action.name),
        false => format!("{} needs any class of {}", action.name, action.classes),
    }
}

/// The names of all actions that the user may run with some arguments, in Asterisk's order.
pub fn actions<'t>(table: &'t ActionTable, user: &User) -> Vec<&'t str> {
    table
        .iter()
        .filter(|action| may_run(action, user))
        .map(|action| &*action.name)
        .collect()
}

/// The names of the events that the user may read, as far as they are known beforehand, in alphabetical order.
pub fn events(user: &User) -> Vec<&'static str> {
    let mut names: Vec<_> = EVENTS
        .iter()
        .filter(|(classes, _)| user.read.contains_all(*classes))
        .flat_map(|(_, names)| names.iter().copied())
        .collect();
    names.sort_unstable_by_key(|name| name.to_ascii_lowercase());
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::acl::{RuleList, Sense};
    use crate::policy::class::Classes;
    use crate::policy::fixtures;
    use crate::policy::rights::{ForcedHeader, OpenActions};

    fn told(explanation: &Explanation) -> Vec<String> {
        let lines = explanation.findings.iter();
        lines
            .map(|finding| format!("{}: {}", finding.what, finding.says))
            .collect()
    }

    #[test]
    fn requests() {
        let table = ActionTable::builtin();
        let mut user = fixtures::user("crm", Classes::ORIGINATE);
        user.rights.open_actions = OpenActions::Safe;
        user.rights.forced_headers.push(ForcedHeader {
            action: "originate".to_owned(),
            name: "Account".to_owned(),
            value: "crm".to_owned(),
        });
        let filters = &mut user.rights.action_filters;
        let option =
            "actionfilter(action(require),name(Originate),header(Channel),method(starts_with))";
        filters
            .push("a.conf:9".to_owned(), option, "PJSIP/")
            .unwrap();
        let explain = |text: &str| request(&table, &user, text.as_bytes());

        let allowed = explain("Action: originate\r\nACCOUNT: other\r\nChannel: PJSIP/1\r\n");
        assert!(allowed.allowed);
        assert_eq!(
            told(&allowed)[..5],
            [
                "action: Originate needs any class of originate",
                "class: allows it: the user's write has originate",
                "setheader: puts in Account: crm",
                "actionfilter: a.conf:9 matches: actionfilter(action(require),name(Originate),header(Channel),method(starts_with)) = PJSIP/",
                "actionfilter: all together allow it",
            ]
        );
        assert_eq!(
            allowed.forwarded,
            ["Action: originate", "Channel: PJSIP/1", "Account: crm"]
        );

        let other = explain("Action: Originate\r\nChannel: Local/1\r\n");
        assert!(!other.allowed);
        assert_eq!(
            told(&other).last().unwrap(),
            "actionfilter a.conf:9: refuses it"
        );

        let refused = explain("Action: BridgeKick\r\n");
        assert_eq!(
            (refused.allowed, refused.message.as_deref()),
            (false, Some("Permission denied"))
        );
        assert_eq!(told(&refused).last().unwrap(), "openactions: refuses it");
        assert_eq!(
            told(&explain("Action: Hangup\r\n")).last().unwrap(),
            "class system,call: refuses it"
        );
        assert_eq!(
            told(&explain("Action: Ping\r\n")).last().unwrap(),
            "answer: is given by amimux itself"
        );
    }

    #[test]
    fn logins() {
        let mut user = fixtures::user("crm", Classes::NONE);
        let v4 = "192.0.2.7".parse().unwrap();
        assert_eq!(
            told(&login(&user, v4)),
            ["permit, deny: allows 192.0.2.7: the user has no rules"]
        );
        let mut own = RuleList::default();
        own.push_line(Sense::Deny, "0.0.0.0/0").unwrap();
        own.push_line(Sense::Permit, "192.0.0.0/255.0.255.0")
            .unwrap();
        user.acl.push(own);
        user.acl.push(RuleList::named("office"));
        let explanation = login(&user, v4);
        assert!(!explanation.allowed);
        assert_eq!(
            told(&explanation),
            [
                "permit, deny: refuses 192.0.2.7: the last rule that matches is deny 0.0.0.0/0",
                "acl office: allows 192.0.2.7: no rule matches",
            ]
        );
        assert_eq!(
            told(&login(&user, "192.9.0.1".parse().unwrap()))[0],
            "permit, deny: allows 192.9.0.1: the last rule that matches is permit 192.0.0.0/255.0.255.0"
        );
    }

    #[test]
    fn what_a_user_has() {
        let mut user = fixtures::user("board", Classes::NONE);
        user.read = Classes::SYSTEM.union(Classes::DTMF);
        user.rights.open_actions = OpenActions::None;
        assert_eq!(
            actions(&ActionTable::builtin(), &user),
            [
                "Challenge",
                "Events",
                "ListCommands",
                "Login",
                "Logoff",
                "Ping",
                "WaitEvent"
            ]
        );
        let events = events(&user);
        assert!(events.contains(&"DTMFEnd") && events.contains(&"FullyBooted"));
        assert!(!events.contains(&"VoicemailPasswordChange") && !events.contains(&"Hangup"));
        assert!(events.is_sorted_by_key(|name| name.to_ascii_lowercase()));
    }
}
