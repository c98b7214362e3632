//! The options that narrow rights below the classes, or widen what is safe by default: how strictly arguments
//! are judged, which commands and files are within reach, filters and forced headers. Four of them may stand in
//! `[general]` as well, as the default of every user.

use super::diagnostics::{Report, quoted};
use super::filters;
use super::options::Spec;
use super::raw::{RawOption, RawSection};
use super::user::UserDraft;
use super::value;
use crate::policy::class::Classes;
use crate::policy::guard::{holds_manager_secrets, is_protected_file};
use crate::policy::rights::{Audit, CommandRules, Guards, OpenActions, Rights};
use crate::policy::user::User;

/// Classes with which Asterisk shows `manager.conf`: GetConfig reads the file, Getvar and Status know the function
/// `AST_CONFIG`.
const READING: Classes = Classes::SYSTEM
    .union(Classes::CONFIG)
    .union(Classes::CALL)
    .union(Classes::REPORTING);

/// What `[general]` and a user section may both say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RightsDraft {
    guards: Guards,
    /// Without a line, as strict as `guards`.
    command_rules: Option<CommandRules>,
    open_actions: OpenActions,
    pub(super) audit: Audit,
}

impl RightsDraft {
    pub(super) fn guards(&mut self, option: &RawOption, report: &mut Report) {
        let words = [("safe", Guards::Safe), ("asterisk", Guards::Asterisk)];
        value::assign(&mut self.guards, value::one_of(option, &words, report));
    }

    pub(super) fn command_rules(&mut self, option: &RawOption, report: &mut Report) {
        let words = [
            ("safe", CommandRules::Safe),
            ("asterisk", CommandRules::Asterisk),
        ];
        self.command_rules = value::one_of(option, &words, report).or(self.command_rules);
    }

    pub(super) fn open_actions(&mut self, option: &RawOption, report: &mut Report) {
        let words = [
            ("asterisk", OpenActions::Asterisk),
            ("safe", OpenActions::Safe),
            ("none", OpenActions::None),
        ];
        value::assign(
            &mut self.open_actions,
            value::one_of(option, &words, report),
        );
    }

    pub(super) fn audit(&mut self, option: &RawOption, report: &mut Report) {
        let words = [
            ("off", Audit::Off),
            ("refused", Audit::Refused),
            ("writes", Audit::Writes),
            ("all", Audit::All),
        ];
        value::assign(&mut self.audit, value::one_of(option, &words, report));
    }

    /// Puts what was said into the rights.
    pub(super) fn finish(self, rights: &mut Rights) {
        rights.guards = self.guards;
        rights.open_actions = self.open_actions;
        rights.command_rules = self.command_rules.unwrap_or(match self.guards {
            Guards::Safe => CommandRules::Safe,
            Guards::Asterisk => CommandRules::Asterisk,
        });
    }
}

/// The kinds, defaults and descriptions of the options that may stand in `[general]` and in user sections.
pub(super) mod shared {
    /// Name, kind, default in `[general]`, description.
    pub(in crate::config) type Words = (&'static str, &'static str, &'static str, &'static str);

    pub(in crate::config) const GUARDS: Words = (
        "guards",
        "safe or asterisk",
        "safe",
        "how the arguments of actions are judged: safely, or exactly as Asterisk does, holes included",
    );
    pub(in crate::config) const COMMAND_RULES: Words = (
        "commandrules",
        "safe or asterisk",
        "as guards",
        "what the action Command may run: commands that only show something, or all but Asterisk's black list",
    );
    pub(in crate::config) const OPEN_ACTIONS: Words = (
        "openactions",
        "asterisk, safe or none",
        "asterisk",
        "who may run the actions that need no class: everybody, everybody those that only read, nobody",
    );
    pub(in crate::config) const AUDIT: Words = (
        "audit",
        "off, refused, writes or all",
        "off",
        "which actions are written to the log, with their headers",
    );
}

const fn row(
    (name, kind, _, doc): shared::Words,
    apply: fn(&mut UserDraft, &RawOption, &mut Report),
) -> Spec<UserDraft> {
    Spec::read(name, kind, "as in [general]", doc, apply)
}

/// Options of user sections about rights.
pub(super) const OPTIONS: &[Spec<UserDraft>] = &[
    row(shared::GUARDS, |draft, option, report| {
        draft.rights.guards(option, report);
    }),
    row(shared::COMMAND_RULES, |draft, option, report| {
        draft.rights.command_rules(option, report);
    }),
    row(shared::OPEN_ACTIONS, |draft, option, report| {
        draft.rights.open_actions(option, report);
    }),
    row(shared::AUDIT, |draft, option, report| {
        draft.rights.audit(option, report);
    }),
    Spec::read(
        "allowfile",
        "file name",
        "none",
        "a protected configuration file that the user may reach all the same; several lines may be given",
        allow_file,
    ),
    Spec::read(
        "allowcommand",
        "words",
        "none",
        "words with which a command may begin besides the safe ones; several lines may be given",
        allow_command,
    ),
    Spec::read_criteria(
        "actionfilter",
        "pattern, with criteria in parentheses behind the name",
        "none",
        "which actions go on to Asterisk, by name and headers; several lines may be given",
        filters::action_filter,
    ),
    Spec::read_criteria(
        "setheader",
        "value, with (Action,Header) behind the name",
        "none",
        "header that every such action goes on with, whatever the application wrote",
        filters::forced_header,
    ),
];

/// The name is compared with the last part of a path, so that a directory in it would never match.
fn allow_file(draft: &mut UserDraft, option: &RawOption, report: &mut Report) {
    let name = option.value.trim().to_ascii_lowercase();
    let shown = quoted(&name);
    if name.is_empty() || name.contains('/') {
        return report.error(
            &option.location,
            format!("'allowfile' does not name a file: {shown}"),
            "write one name without a directory, such as allowfile = voicemail.conf",
        );
    }
    if holds_manager_secrets(&name) {
        report.warning(
            &option.location,
            format!(
                "{shown} holds secrets of the manager interface: who reads it can connect to Asterisk past amimux, \
                 with every right"
            ),
            "remove the line, unless the user may have that",
        );
    } else if !is_protected_file(&name) {
        report.warning(
            &option.location,
            format!("the file {shown} is not protected, so that allowing it has no effect"),
            "remove the line or correct the name",
        );
    }
    draft.user.rights.allowed_files.push(name);
}

fn allow_command(draft: &mut UserDraft, option: &RawOption, report: &mut Report) {
    let words: Vec<String> = option.value.split_whitespace().map(str::to_owned).collect();
    if words.is_empty() {
        return report.error(
            &option.location,
            "'allowcommand' names no command",
            "write the words with which it begins, such as allowcommand = queue add member",
        );
    }
    draft.user.rights.allowed_commands.push(words);
}

/// Warns of what opens the whole of Asterisk to a user, once its classes are known too.
pub(super) fn warn_of_exposure(user: &User, section: &RawSection, report: &mut Report) {
    let rights = &user.rights;
    let any_command =
        rights.command_rules == CommandRules::Asterisk && user.write.contains_any(Classes::COMMAND);
    let name = quoted(&section.name);
    if any_command {
        report.warning(
            &section.location,
            format!(
                "with commandrules = asterisk and class command {name} can do anything to Asterisk"
            ),
            "write commandrules = safe in its section, and allowcommand for what it needs",
        );
    }
    let reading = user.write.intersection(READING);
    if rights.guards == Guards::Asterisk && !any_command && !reading.is_empty() {
        report.warning(
            &section.location,
            format!(
                "with guards = asterisk and class {reading} {name} can read the secret of the shared session in \
                 manager.conf"
            ),
            "write guards = safe in its section, and allowfile for what it needs",
        );
    }
}

#[cfg(test)]
#[path = "rights_tests.rs"]
mod tests;
