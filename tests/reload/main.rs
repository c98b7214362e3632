//! What a reload means for those who are logged in: rights that are lost are lost at once, rights that are gained are
//! gained, settings follow, and whom nothing concerns notices nothing.
#![expect(clippy::unwrap_used, reason = "a broken assumption fails the test")]

#[path = "../hub_harness/mod.rs"]
mod hub_harness;
mod over_http;
mod rights;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use amimux::config::settings::{General, Upstream};
use amimux::hub::{CloseReason, Notice, Reload, Revoked};
use amimux::policy::acl::{Acl, RuleList, Sense};
use amimux::policy::class::Classes;
use amimux::policy::event_filter::EventFilters;
use amimux::policy::event_mask::EventMask;
use amimux::policy::rights::ForcedHeader;
use amimux::policy::user::{ActionIds, User, Users};
use hub_harness::{Bench, general, upstream, user};

const CALL: &str = "Event: Newchannel|Privilege: call,all|Channel: 1";
const AGENT: &str = "Event: AgentLogin|Privilege: agent,all|Agent: 1";
const REFUSED: &str = "Response: Error|Message: Permission denied";

fn users(list: &[&User]) -> Arc<Users> {
    let mut users = Users::default();
    for user in list {
        users.insert((*user).clone());
    }
    Arc::new(users)
}

fn change(list: &[&User]) -> Reload {
    Reload {
        general: general().into(),
        upstream: upstream().into(),
        users: users(list),
        keep_rights: false,
    }
}

fn reload(bench: &mut Bench, list: &[&User]) {
    bench.hub.reload(bench.now, change(list));
    bench.settle();
}

fn reader(read: Classes) -> User {
    User { read, ..user("a") }
}

fn writer(write: Classes) -> User {
    User { write, ..user("a") }
}

fn filtered(patterns: &[&str]) -> User {
    let mut filters = EventFilters::default();
    for pattern in patterns {
        filters.push("", "eventfilter", pattern).unwrap();
    }
    User {
        event_filters: filters.into(),
        ..user("a")
    }
}

fn denying(address: &str) -> Acl {
    let mut list = RuleList::default();
    list.push_line(Sense::Deny, address).unwrap();
    let mut acl = Acl::default();
    acl.push(list);
    acl
}

/// Why sessions were ended, as the log has it.
fn reasons(bench: &Bench) -> Vec<String> {
    let reason = |notice: &Notice| match notice {
        Notice::SessionClosed { reason, .. } => Some(reason.to_string()),
        _ => None,
    };
    bench.notices.iter().filter_map(reason).collect()
}
