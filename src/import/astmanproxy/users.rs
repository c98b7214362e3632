//! `astmanproxy.users`: a name, a secret, and what is let through: events and actions about one channel, contexts of
//! either direction, an account that calls are booked on, and the Asterisk that is meant.

use super::dialect::{Entry, fields};
use super::fence::Reader;
use super::settings::Proxy;
use crate::import::Draft;
use crate::import::document::DocumentLine;
use crate::import::findings::Group;

/// The headers in which astmanproxy looks for the channel.
const CHANNEL_HEADERS: [&str; 7] = [
    "Channel",
    "Channel1",
    "Channel2",
    "Source",
    "Destination",
    "DestinationChannel",
    "ChannelCalling",
];
/// Those in which events of today have a channel.
const EVENT_CHANNEL_HEADERS: [&str; 6] = [
    "Channel",
    "Channel1",
    "Channel2",
    "DestChannel",
    "Destination",
    "Source",
];
/// Headers with the unique id of a channel, in events of any age.
const ID_HEADERS: [&str; 5] = [
    "Uniqueid",
    "DestUniqueid",
    "DestUniqueID",
    "SrcUniqueID",
    "Uniqueid1",
];

/// Adds a section for each user.
pub(super) fn add(users: &[Entry], proxy: &Proxy, draft: &mut Draft) {
    let mut names: Vec<String> = Vec::new();
    for entry in users {
        let Some((name, value)) = &entry.pair else {
            let text = entry.text.trim_start_matches([';', '#', ' ']);
            draft.main.push(DocumentLine::comment(text));
            continue;
        };
        let lower = name.to_ascii_lowercase();
        let unusable = lower == "general" || name.len() > 79 || name.contains(['[', ']', '(']);
        let what = if unusable {
            Some("cannot be the name of a section and is left out")
        } else if names.contains(&lower) {
            Some("has a line above, with another secret perhaps: this one is left out")
        } else {
            None
        };
        if let Some(what) = what {
            let what = format!(
                "the user {} {what}",
                crate::config::diagnostics::quoted(name)
            );
            draft.main.push(DocumentLine::comment("").noted(&what));
            draft
                .findings
                .add(Group::MustLookAt, Some(&entry.place), what);
            continue;
        }
        names.push(lower);
        User {
            name,
            entry,
            fields: fields(value),
            proxy,
        }
        .add(draft);
    }
}

struct User<'a> {
    name: &'a str,
    entry: &'a Entry,
    /// Secret, channel, context of actions, context of events, account, server, more events.
    fields: [&'a str; 7],
    proxy: &'a Proxy,
}

impl User<'_> {
    fn add(&self, draft: &mut Draft) {
        let [secret, channel, out, into, account, server, more] = self.fields;
        let upstream = self.proxy.upstream(server);
        draft.main.push(DocumentLine::comment(""));
        let mut header = DocumentLine::header(self.name);
        header.origin = Some(self.entry.place.clone());
        draft.main.push(header);
        let header = draft.main.lines.len() - 1;
        // A section is a user unless it says otherwise, but for this one.
        if self.name.eq_ignore_ascii_case("http") {
            draft.main.option("type", "user");
        }
        if secret.is_empty() {
            let what = "switched off: it has no secret; give it one and remove \"!\"";
            draft.main.disable(header, what);
            self.tell(
                draft,
                Group::MustLookAt,
                &format!("[{}] is {what}", self.name),
            );
        } else {
            draft.main.option("secret", secret);
        }
        let events = upstream.is_none_or(|upstream| upstream.events);
        draft
            .main
            .option("read", if events { "all" } else { "none" });
        draft.main.option("write", "all");
        if let Some(upstream) = upstream.filter(|_| self.proxy.upstreams.len() > 1) {
            draft.main.option("upstream", &upstream.name);
            if !server.is_empty() && !upstream.host.eq_ignore_ascii_case(server) {
                let what = format!(
                    "there is no host {server}; astmanproxy takes the first instead, and so does this"
                );
                self.tell(draft, Group::MustLookAt, &what);
            }
        }
        let fences = [
            self.channel(draft, channel),
            self.events(draft, channel, into, !more.is_empty()),
            self.actions(draft, out),
            self.account(draft, account),
        ];
        if fences.contains(&false) {
            let what = "switched off: a rule of it cannot be said in amimux; write filters by hand and remove \"!\"";
            draft.main.disable(header, what);
            self.tell(
                draft,
                Group::MustLookAt,
                &format!("[{}] is {what}", self.name),
            );
        }
    }

    fn tell(&self, draft: &mut Draft, group: Group, what: &str) {
        draft.findings.add(group, Some(&self.entry.place), what);
    }

    /// What the user may do: nothing about other channels. False if there is no way to say it.
    fn channel(&self, draft: &mut Draft, channel: &str) -> bool {
        if channel.is_empty() {
            return true;
        }
        let Some(pattern) = Reader::Actions.not_beginning_with(channel) else {
            return false;
        };
        for header in CHANNEL_HEADERS {
            let name = format!("actionfilter(action(exclude),header({header}),method(regex))");
            draft.main.option(&name, &pattern);
        }
        let what = format!(
            "[{}]: actions about other channels are refused; of several channels all must fit, not only one",
            self.name
        );
        self.tell(draft, Group::Differs, &what);
        true
    }

    /// What the user is told.
    fn events(&self, draft: &mut Draft, channel: &str, context: &str, more: bool) -> bool {
        if channel.is_empty() && context.is_empty() {
            return true;
        }
        if !channel.is_empty() {
            let Some(pattern) = Reader::Events.beginning_with(channel) else {
                return false;
            };
            for header in EVENT_CHANNEL_HEADERS {
                draft.main.option(
                    &format!("eventfilter(header({header}),method(regex))"),
                    &pattern,
                );
            }
            let what = format!(
                "[{}]: events come that name the channel; astmanproxy also sent others of the same call, by its unique id",
                self.name
            );
            self.tell(draft, Group::MustLookAt, &what);
        } else if !more {
            for header in ID_HEADERS {
                draft
                    .main
                    .option(&format!("eventfilter(header({header}))"), "");
            }
        }
        if context.is_empty() {
            return true;
        }
        let Some(pattern) = Reader::Events.other_than(context) else {
            return false;
        };
        let name = "eventfilter(action(exclude),header(Context),method(regex))";
        draft.main.option(name, &pattern);
        let what = format!(
            "[{}]: events of other contexts are left out, of calls that were in this context, too",
            self.name
        );
        self.tell(draft, Group::Differs, &what);
        true
    }

    fn actions(&self, draft: &mut Draft, context: &str) -> bool {
        if context.is_empty() {
            return true;
        }
        let Some(pattern) = Reader::Actions.other_than(context) else {
            return false;
        };
        let name = "actionfilter(action(exclude),header(Context),method(regex))";
        draft.main.option(name, &pattern);
        let what = format!(
            "[{}]: as with astmanproxy, the context alone does not fence a call in: Application, Variable and channels like \
             Local/1@other lead around it (docs/action-filters.md)",
            self.name
        );
        self.tell(draft, Group::MustLookAt, &what);
        true
    }

    fn account(&self, draft: &mut Draft, account: &str) -> bool {
        if account.is_empty() {
            return true;
        }
        // astmanproxy writes everything behind the secret in small letters.
        draft.main.option(
            "setheader(Originate,Account)",
            &account.to_ascii_lowercase(),
        );
        let what = format!(
            "[{}]: Account is written into Originate; astmanproxy changed it in other messages, too",
            self.name
        );
        self.tell(draft, Group::Differs, &what);
        true
    }
}
