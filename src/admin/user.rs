//! A user as administrators are shown it: everything that it may do, and nothing that it proves itself with.

use super::compose::Fields;
use crate::policy::acl::{Rule, Sense};
use crate::policy::class::{Classes, LABELS};
use crate::policy::rights::{Audit, CommandRules, Guards, OpenActions};
use crate::policy::secret::Credential;
use crate::policy::user::{ActionIds, LoginForms, OnSlow, OnUpstreamLoss, User};

/// The name that Asterisk gives to an access list without one.
const UNNAMED: &str = "(unnamed)";

/// Writes down a user, who has so many sessions now.
pub(super) fn put<'c>(fields: Fields<'c>, user: &User, sessions: usize) -> Fields<'c> {
    let fields = fields
        .put("User", &user.name)
        .put("Upstream", &user.upstream)
        .put("Sessions", sessions)
        .put("Read", classes(user.read))
        .put("Write", classes(user.write));
    let fields = put_proof(fields, user);
    let rules = user.acl.lists().flat_map(|(name, rules)| {
        let name = name.unwrap_or(UNNAMED).to_owned();
        rules.iter().map(move |rule| acl_rule(&name, rule))
    });
    let fields = fields
        .put_flag("ACL", user.acl.lists().next().is_some())
        .put_each("ACLRule", rules)
        .put_flag("DisplayConnects", user.display_connects)
        .put_flag("AllowMultipleLogin", user.allow_multiple_login);
    put_bounds(put_rights(fields, user), user)
}

fn put_proof<'c>(fields: Fields<'c>, user: &User) -> Fields<'c> {
    let secret = match &user.credential {
        Credential::None => "None",
        Credential::Secret(_) => "Set",
        Credential::Hash(_) => "Hashed",
    };
    let forms = match user.login_forms {
        LoginForms::Any => "Any",
        LoginForms::Plain => "Plain",
        LoginForms::Md5 => "MD5",
    };
    fields
        .put("Secret", secret)
        .put("AuthType", forms)
        .put_some("TLSClientName", user.tls_client_name.as_ref())
        .put_flag("WebToken", user.web_token.is_some())
}

fn put_rights<'c>(fields: Fields<'c>, user: &User) -> Fields<'c> {
    let rights = &user.rights;
    let guards = match rights.guards {
        Guards::Safe => "safe",
        Guards::Asterisk => "asterisk",
    };
    let commands = match rights.command_rules {
        CommandRules::Safe => "safe",
        CommandRules::Asterisk => "asterisk",
    };
    let open = match rights.open_actions {
        OpenActions::Asterisk => "asterisk",
        OpenActions::Safe => "safe",
        OpenActions::None => "none",
    };
    let audit = match user.audit {
        Audit::Off => "no",
        Audit::Refused => "refused",
        Audit::Writes => "writes",
        Audit::All => "all",
    };
    let commands_allowed = rights.allowed_commands.iter().map(|words| words.join(" "));
    let forced = rights.forced_headers.iter();
    let forced =
        forced.map(|header| format!("{} {}: {}", header.action, header.name, header.value));
    let variables = user.set_variables.iter();
    let variables = variables.map(|(name, value)| format!("{name}={value}"));
    fields
        .put("Guards", guards)
        .put("CommandRules", commands)
        .put("OpenActions", open)
        .put("Audit", audit)
        .put_each("AllowFile", &rights.allowed_files)
        .put_each("AllowCommand", commands_allowed)
        .put_each(
            "ActionFilter",
            rights.action_filters.iter().map(|filter| filter.text()),
        )
        .put_each(
            "EventFilter",
            user.event_filters.iter().map(|filter| filter.text()),
        )
        .put_each("SetHeader", forced)
        .put_each("Variable", variables)
}

fn put_bounds<'c>(fields: Fields<'c>, user: &User) -> Fields<'c> {
    let on_slow = match user.on_slow {
        OnSlow::Disconnect => "disconnect",
        OnSlow::Skip => "skip",
    };
    let on_loss = match user.on_upstream_loss {
        OnUpstreamLoss::Keep => "keep",
        OnUpstreamLoss::Close => "close",
    };
    let action_ids = match user.action_ids {
        ActionIds::Session => "session",
        ActionIds::User => "user",
        ActionIds::All => "all",
    };
    fields
        .put("WriteTimeout", user.write_timeout.as_millis())
        .put("OnSlow", on_slow)
        .put("OnUpstreamLoss", on_loss)
        .put("ActionIDs", action_ids)
        .put("MaxInFlight", user.max_in_flight)
        .put("SessionLimit", user.session_limit)
}

/// Classes as Asterisk's command line writes them: `all` where there is every one.
fn classes(classes: Classes) -> String {
    if classes.is_empty() {
        return "<none>".to_owned();
    }
    let mut labels: Vec<_> = LABELS
        .iter()
        .filter(|(_, class)| classes.contains_all(*class))
        .map(|(label, _)| *label)
        .collect();
    if classes == Classes::ALL {
        labels.push("all");
    }
    labels.join(",")
}

/// A rule in Asterisk's form, behind the name of its list.
fn acl_rule(list: &str, rule: &Rule) -> String {
    let sense = match rule.sense() {
        Sense::Permit => "allow",
        Sense::Deny => "deny",
    };
    let (address, mask) = rule.network();
    format!("{list}: {sense} - {address}/{mask}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_written_as_asterisk_writes_them() {
        for (set, expected) in [
            (Classes::NONE, "<none>"),
            (Classes::SYSTEM.union(Classes::CALL), "system,call"),
            (
                Classes::from_bits(0x7fff_fffe),
                &classes(Classes::ALL)["system,".len()..classes(Classes::ALL).len() - 4],
            ),
        ] {
            assert_eq!(classes(set), expected, "{set:?}");
        }
        assert!(classes(Classes::ALL).ends_with(",message,all"));
    }

    #[test]
    fn rules_have_asterisks_masks() {
        for (entry, expected) in [
            ("10.0.0.0/8", "l: deny - 10.0.0.0/255.0.0.0"),
            ("192.168.1.5", "l: deny - 192.168.1.5/255.255.255.255"),
            ("2001:db8::/32", "l: deny - 2001:db8::/ffff:ffff::"),
            ("!0.0.0.0/0", "l: allow - 0.0.0.0/0.0.0.0"),
        ] {
            let rule = Rule::parse(entry, Sense::Deny).unwrap();
            assert_eq!(acl_rule("l", &rule), expected);
        }
    }
}
