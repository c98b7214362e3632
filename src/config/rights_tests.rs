//! Tests of what a user section says of rights: what is taken over, what is refused, what is warned of.

use crate::config::testing::{load_user, user};

#[test]
fn allowed_files_and_commands_add_up() {
    let user = user(
        "allowfile = Voicemail.conf\nallowfile=pjsip.conf\n\
         allowcommand = queue  add member\nallowcommand = database put",
    );
    assert_eq!(user.rights.allowed_files, ["voicemail.conf", "pjsip.conf"]);
    assert_eq!(
        user.rights.allowed_commands,
        [&["queue", "add", "member"] as &[&str], &["database", "put"]]
    );
}

#[test]
fn lines_that_allow_nothing_are_errors() {
    for (line, expected) in [
        (
            "allowfile =",
            "amimux.conf:11: error: 'allowfile' does not name a file: ''; write one name without a directory, \
             such as allowfile = voicemail.conf",
        ),
        (
            "allowfile = /etc/asterisk/voicemail.conf",
            "amimux.conf:11: error: 'allowfile' does not name a file: '/etc/asterisk/voicemail.conf'; write one \
             name without a directory, such as allowfile = voicemail.conf",
        ),
        (
            "allowcommand =",
            "amimux.conf:11: error: 'allowcommand' names no command; write the words with which it begins, such \
             as allowcommand = queue add member",
        ),
    ] {
        let (user, report) = load_user(line);
        assert_eq!(report.trim_end(), expected, "{line}");
        assert!(user.is_none(), "{line}");
    }
}

#[test]
fn what_opens_asterisk_is_warned_of() {
    let secret = "can read the secret of the shared session in manager.conf";
    let anything =
        "with commandrules = asterisk and class command 'crm' can do anything to Asterisk";
    let past = "can connect to Asterisk past amimux, with every right";
    let no_effect = "is not protected, so that allowing it has no effect";
    for (lines, expected) in [
        ("write = system,config,command,call", ""),
        ("guards = asterisk\nwrite = originate,agent,user", ""),
        ("guards = asterisk\nread = all", ""),
        ("guards = asterisk\nwrite = system", secret),
        ("guards = asterisk\nwrite = originate,config", secret),
        ("guards = asterisk\nwrite = call", secret),
        ("guards = asterisk\nwrite = reporting", secret),
        ("guards = asterisk\nwrite = command", anything),
        ("guards = asterisk\nwrite = all", anything),
        (
            "guards = asterisk\nwrite = all\ncommandrules = safe",
            secret,
        ),
        (
            "guards = asterisk\nwrite = command\ncommandrules = safe",
            "",
        ),
        ("commandrules = asterisk\nwrite = command", anything),
        ("commandrules = asterisk\nwrite = system", ""),
        ("openactions = none\nwrite = all", ""),
        ("allowfile = manager.conf", past),
        ("allowfile = amimux.conf", past),
        ("allowfile = queues.conf", no_effect),
    ] {
        let (user, report) = load_user(lines);
        assert!(user.is_some(), "{lines}: {report}");
        let warnings = report.lines().count();
        assert_eq!(
            warnings,
            usize::from(!expected.is_empty()),
            "{lines}: {report}"
        );
        assert!(report.contains(expected), "{lines}: {report}");
    }
}
