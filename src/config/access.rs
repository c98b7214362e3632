//! Access: `permit`, `deny` and `acl` lines, and the named ACLs of `acl.conf`.
//!
//! Source: `main/acl.c`, `main/named_acl.c`. Names are compared exactly. A rule that is not understood is an error, never dropped.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use super::diagnostics::{Location, Report, quoted};
use super::raw::{self, RawOption};
use crate::policy::acl::{Acl, Rule, RuleList, Sense};

/// The named ACLs of one file.
#[derive(Debug, Default)]
pub(super) struct NamedAcls {
    by_name: HashMap<String, RuleList>,
    file: String,
}

impl NamedAcls {
    /// Reads the file. `wanted_at` is the place that asks for it; nothing asks when no section has an `acl` line, in which
    /// case the file need not exist.
    pub(super) fn read(path: &Path, wanted_at: Option<&Location>, report: &mut Report) -> Self {
        let file = path.display().to_string();
        let mut acls = Self {
            by_name: HashMap::new(),
            file,
        };
        let Some(wanted_at) = wanted_at else {
            return acls;
        };
        if !path.is_file() {
            report.error(
                wanted_at,
                format!(
                    "the file {} with the named ACLs does not exist",
                    quoted(&acls.file)
                ),
                "write it, or name another with aclconf in [general]",
            );
            return acls;
        }
        for section in raw::read(path, report).sections {
            if section.template || section.name.eq_ignore_ascii_case("general") {
                continue;
            }
            let mut list = RuleList::named(&section.name);
            for option in &section.options {
                if !push_rules(&mut list, option, report) {
                    report.error(
                        &option.location,
                        format!(
                            "the option {} is unknown in named ACLs",
                            quoted(&option.name)
                        ),
                        "write permit or deny",
                    );
                }
            }
            if section.options.is_empty() {
                report.warning(
                    &section.location,
                    format!(
                        "the ACL {} has no rule and allows everybody",
                        quoted(&section.name)
                    ),
                    "write deny = 0.0.0.0/0,::/0 and what to permit",
                );
            }
            if acls.by_name.insert(section.name.clone(), list).is_some() {
                report.error(
                    &section.location,
                    format!("there is more than one ACL {}", quoted(&section.name)),
                    "give each a name of its own, or add to the first with (+)",
                );
            }
        }
        acls
    }

    /// The rules of that name in a form that can be compared.
    pub(super) fn describe(&self, name: &str) -> Option<String> {
        self.by_name.get(name).map(|rules| format!("{rules:?}"))
    }

    /// The rules of that name; an error when there are none.
    pub(super) fn get(&self, name: &str, at: &Location, report: &mut Report) -> Option<&RuleList> {
        let list = self.by_name.get(name);
        if list.is_none() {
            report.error(
                at,
                format!("there is no ACL {} in {}", quoted(name), quoted(&self.file)),
                "correct the name (case and blanks count) or add the section",
            );
        }
        list
    }
}

/// Adds the rules of a `permit` or `deny` line; false when the option is neither.
fn push_rules(list: &mut RuleList, option: &RawOption, report: &mut Report) -> bool {
    let sense = if option.name.eq_ignore_ascii_case("permit") {
        Sense::Permit
    } else if option.name.eq_ignore_ascii_case("deny") {
        Sense::Deny
    } else {
        return false;
    };
    if let Err(error) = list.push_line(sense, &option.value) {
        report.error(&option.location, error.to_string(), error.remedy());
    }
    true
}

/// What one section says about addresses, while it is being read.
#[derive(Debug, Default)]
pub(super) struct AclDraft {
    rules: RuleList,
    /// The first line about addresses.
    first_at: Option<Location>,
    named: Vec<(String, Location)>,
}

impl AclDraft {
    /// A `permit` or `deny` line.
    pub(super) fn rules_line(&mut self, option: &RawOption, report: &mut Report) {
        self.first_at.get_or_insert_with(|| option.location.clone());
        push_rules(&mut self.rules, option, report);
    }

    /// An `acl` line.
    pub(super) fn names_line(&mut self, option: &RawOption, report: &mut Report) {
        self.first_at.get_or_insert_with(|| option.location.clone());
        for name in option.value.split(',') {
            if self.named.iter().any(|(known, _)| known == name) {
                report.error(
                    &option.location,
                    format!("the ACL {} is named twice", quoted(name)),
                    "name it once",
                );
                continue;
            }
            self.named.push((name.to_owned(), option.location.clone()));
        }
    }

    /// The whole, with named ACLs looked up; `bind` is the address that amimux listens on.
    pub(super) fn finish(self, acls: &NamedAcls, bind: IpAddr, report: &mut Report) -> Acl {
        let mut acl = Acl::default();
        if !self.rules.is_empty() {
            acl.push(self.rules);
        }
        for (name, at) in &self.named {
            if let Some(list) = acls.get(name, at, report) {
                acl.push(list.clone());
            }
        }
        if let Some(at) = &self.first_at {
            warn_of_open_acl(&acl, at, bind, report);
        }
        acl
    }
}

/// Warns of rules that leave more open than they seem to.
fn warn_of_open_acl(acl: &Acl, at: &Location, bind: IpAddr, report: &mut Report) {
    let mut rules = acl.rules().peekable();
    if rules.peek().is_some() && rules.all(|rule| rule.sense() == Sense::Permit) {
        report.warning(
            at,
            "there is 'permit' without 'deny', which allows every address",
            "write deny = 0.0.0.0/0,::/0 before it",
        );
    }
    let denied = || acl.rules().filter(|rule| rule.sense() == Sense::Deny);
    let all_ipv4 = denied().any(Rule::is_all_ipv4);
    let some_ipv6 = denied().any(Rule::is_ipv6);
    if all_ipv4 && !some_ipv6 && bind.is_ipv6() && bind.is_unspecified() {
        report.warning(
            at,
            "all of IPv4 is denied, but every IPv6 address is allowed, and amimux listens on IPv6",
            "write deny = ::/0 as well, or bindaddr = 0.0.0.0",
        );
    }
}
