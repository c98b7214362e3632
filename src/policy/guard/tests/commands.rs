//! Which commands pass, by both rules.

use super::super::command_table::{COMMANDS, Verdict};
use super::*;
use crate::policy::rights::CommandRules;

fn verdict(rights: Rights, command: &str) -> Option<String> {
    refusal_with(rights, "Command", &format!("Command: {command}"))
}

#[test]
fn safe_commands() {
    for command in [
        "",
        "core show channels",
        "CORE  Show\tuptime",
        "\"core\" sh\\ow version",
        "queue show support",
        "module show like pbx",
        "manager show user upstream",
        "manager show connected",
        "sip show peers",
        "sip show peer 100",
        "pjsip show endpoint 100",
        "pjsip show auths",
        "pjsip show transports",
        "dialplan show default",
        "dialplan show chanvar PJSIP/1",
        "confbridge show profile users",
        "iax2 show peers",
    ] {
        assert_eq!(verdict(Rights::default(), command), None, "{command:?}");
    }
}

#[test]
fn commands_that_are_not_known_to_be_safe() {
    for command in [
        "core",
        "core stop now",
        "core restart gracefully",
        "core set debug 9",
        "module load x",
        "module\tload x",
        "module reload x",
        "module refresh x",
        "\"\" core show channels",
        "core\\ show channels",
        "\"core show\" channels",
        "core shows",
        "!",
        "! id",
        "channel originate Local/1@x application System id",
        "channel request hangup all",
        "manager kick session 7",
        "manager show eventq",
        "manager reload",
        "database show",
        "database get a b",
        "dialplan add extension 1,1,System,id into x",
        "dialplan eval function SHELL(id)",
        "dialplan show globals",
        "pjsip show auth 100",
        "PJSIP \"show\" auth 100",
        "pjsip show transport tls",
        "pjsip show history",
        "sip show users",
        "iax2 show users",
        "iax2 show provisioning",
        "confbridge show profile user default_user",
        "dundi show mappings",
        "realtime load sippeers name 100",
        "file convert a b",
        "sorcery memory cache dump x",
        "ulimit -n 3",
        "unknown show command",
    ] {
        let found = verdict(Rights::default(), command);
        assert_eq!(found.as_deref(), Some(COMMAND), "{command:?}");
    }
}

#[test]
fn commands_that_the_user_may_run_besides() {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect();
    let with = |lines: &[&str]| Rights {
        allowed_commands: lines.iter().map(|line| words(line)).collect(),
        ..Rights::default()
    };
    for (allowed, command, passes) in [
        ("queue add member", "queue add member Local/1 to q", true),
        ("queue add member", "Queue ADD \"member\" x", true),
        ("queue add member", "queue add", false),
        ("queue add member", "queue add members", false),
        ("queue add member", "queue remove member x", false),
        ("database", "database put a b c", true),
        ("pjsip show auth", "pjsip show auth 100", true),
        ("core stop", "core stop now", true),
        ("dialplan eval", "dialplan eval function RAND(1,2)", true),
        // Still no way to the secrets, nor past Asterisk's own list.
        (
            "dialplan eval",
            "dialplan eval function AST_CONFIG(manager.conf,a,b)",
            false,
        ),
        ("module", "module load x", false),
    ] {
        let found = verdict(with(&[allowed]), command);
        let expected = (!passes).then_some(COMMAND);
        assert_eq!(found.as_deref(), expected, "{allowed:?} {command:?}");
    }
    let nothing = Rights {
        allowed_commands: vec![Vec::new()],
        ..Rights::default()
    };
    assert_eq!(verdict(nothing, "core stop now").as_deref(), Some(COMMAND));
}

#[test]
fn asterisks_black_list() {
    let rights = || Rights {
        command_rules: CommandRules::Asterisk,
        ..Rights::default()
    };
    for (command, passes) in [
        ("", true),
        ("module load x", false),
        ("Module  LOAD x", false),
        ("module unload x", false),
        ("restart gracefully", false),
        ("module \tload x", false),
        ("module load", false),
        // What it lets pass, all tried on a real Asterisk.
        ("module\tload x", true),
        ("\"module\" load x", true),
        ("core restart gracefully", true),
        ("core stop now", true),
        ("module", true),
        ("module reload", true),
        ("modules load", true),
        ("dialplan eval function AST_CONFIG(manager.conf,a,b)", true),
    ] {
        let found = verdict(rights(), command);
        let expected = (!passes).then_some(COMMAND);
        assert_eq!(found.as_deref(), expected, "{command:?}");
    }
}

#[test]
fn every_row_of_the_table_counts() {
    for (index, (start, verdict)) in COMMANDS.iter().enumerate() {
        let command = start.join(" ");
        assert_eq!(command, command.to_ascii_lowercase());
        let (before, after) = COMMANDS.split_at(index);
        assert!(
            before
                .iter()
                .chain(&after[1..])
                .all(|(other, _)| other != start),
            "{command}: twice"
        );
        let shorter = COMMANDS
            .iter()
            .any(|(other, _)| other.len() < start.len() && start.starts_with(other));
        let is_exception = *verdict == Verdict::Refused;
        assert_eq!(
            shorter, is_exception,
            "{command}: says what another row says"
        );
        let shows = ["show", "list", "status"]
            .iter()
            .any(|word| start.contains(word));
        assert!(is_exception || shows, "{command}: not a command that shows");
    }
}
