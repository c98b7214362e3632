//! Sections with `type = restriction`: who may use the paths that begin with their name.

use std::net::IpAddr;

use super::Context;
use crate::config::access::AclDraft;
use crate::config::diagnostics::{Report, quoted};
use crate::config::options::{self, Place, Spec};
use crate::policy::acl::Acl;

/// A section with `type = restriction` while it is being read.
#[derive(Default)]
pub(in crate::config) struct RestrictionDraft {
    acl: AclDraft,
}

/// Every option of sections with `type = restriction`.
pub(in crate::config) const OPTIONS: &[&[Spec<RestrictionDraft>]] = &[&[
    Spec::read(
        "type",
        "restriction",
        "user",
        "says that the section is about paths of HTTP that begin with its name",
        |_, _, _| (),
    ),
    Spec::read(
        "permit",
        "[!]address[/mask], comma separated",
        "all addresses",
        "addresses that may use these paths; the last line that matches decides",
        |draft, option, report| draft.acl.rules_line(option, report),
    ),
    Spec::read(
        "deny",
        "[!]address[/mask], comma separated",
        "no address",
        "addresses that may not use these paths; the last line that matches decides",
        |draft, option, report| draft.acl.rules_line(option, report),
    ),
    Spec::read(
        "acl",
        "names, comma separated",
        "none",
        "named ACLs that must allow as well",
        |draft, option, report| draft.acl.names_line(option, report),
    ),
]];

/// Reads them.
pub(super) fn read(context: &Context<'_>, bind: IpAddr, report: &mut Report) -> Vec<(String, Acl)> {
    let mut found = Vec::new();
    for section in context.restrictions {
        if !section.name.starts_with('/') {
            report.error(
                &section.location,
                format!(
                    "the restriction {} does not begin with '/'",
                    quoted(&section.name)
                ),
                "name the section after the beginning of a path, as in [/rawman]",
            );
        }
        let mut draft = RestrictionDraft::default();
        for option in &section.options {
            options::apply(OPTIONS, Place::Restriction, &mut draft, option, report);
        }
        let acl = draft.acl.finish(context.acls, bind, report);
        found.push((section.name.clone(), acl));
    }
    found
}
