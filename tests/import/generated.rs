//! Files put together at random: no user has more than it had.

use super::*;

/// Lines that amimux and Asterisk both take, and take alike.
const SOUND: [&str; 24] = [
    "[b](t)",
    "[c](a)",
    "[d]",
    "[u](!)",
    "[e](u,t)",
    "[a](+)",
    "[t](+TEMPLATES=include)",
    "secret = hunter2",
    "secret = a\\;b",
    "secret += c",
    "read = all",
    "read = call,log",
    "write = originate",
    "deny = 0.0.0.0/0",
    "permit = !10.0.0.1,192.0.2.0/24",
    "eventfilter = Event: x",
    "eventfilter(name(Hangup)) =",
    "setvar = A=b=c",
    "displayconnects = no ; quietly",
    "allowmultiplelogin => no",
    "writetimeout = 500",
    ";-- [x]\nsecret = y\n--; read = user",
    "; plain",
    "",
];

/// Lines of other kinds.
const FAULTY: [&str; 20] = [
    "[general]",
    "[A]",
    "[http]",
    "[asterisk]",
    "port = x",
    "bindaddr = here",
    "webenabled = yes",
    "secret =",
    "secret = a;b",
    "read = call, log",
    "write = cal,",
    "deny = 1.2.3",
    "acl = x",
    "eventfilter2 = (",
    "eventfilter = [",
    "tlsenable = yes",
    ";--",
    "--;",
    "nonsense",
    "type = upstream",
];

/// How each file begins.
const HEAD: &str = "[general]\nenabled = yes\n[t](!)\npermit = 192.0.2.1\n[u](!)\nread = cdr\n[a]\nsecret = hunter3\n";

fn file_of(lines: &[&str]) -> String {
    format!("{HEAD}{}", lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Users of files that amimux understands as they stand have what they had.
    #[test]
    fn sound_files_lose_and_gain_nothing(
        lines in proptest::collection::vec(proptest::sample::select(&SOUND[..]), 0..24),
    ) {
        let text = file_of(&lines);
        // Of several sections of one name Asterisk makes one user, amimux by itself does not.
        let before = users_of_original(&[("manager.conf", &text)]);
        let repeated = ["[b]", "[c]", "[d]", "[e]"]
            .iter()
            .any(|name| text.matches(&name[..2]).count() > 1);
        if let Some(before) = before.filter(|_| !repeated) {
            prop_assert!(!before.is_empty());
            let result = imported(&[("manager.conf", &text)], asis);
            prop_assert_eq!(all_facts(&result.settings), before, "{}\n{}", text, result.text);
        }
    }

    /// Whatever a file says, an import gives something that loads, or names what is wrong.
    #[test]
    fn an_import_can_be_used(
        lines in proptest::collection::vec(
            prop_oneof![
                3 => proptest::sample::select(&SOUND[..]),
                1 => proptest::sample::select(&FAULTY[..]),
            ],
            0..24,
        ),
    ) {
        let text = file_of(&lines);
        let folder = folder(&[("manager.conf", &text)]);
        let request = request(folder.path());
        match import(&request) {
            Ok(_) => {
                let (settings, report) = config::load(&request.output, &Environment::default());
                prop_assert!(settings.is_some(), "{report}\n{text}");
            }
            Err(error @ ImportError::Source(..)) => {
                let original = users_of_original(&[("manager.conf", &text)]);
                prop_assert!(original.is_none(), "{error}\n{text}");
            }
            Err(other) => return Err(TestCaseError::fail(format!("{other}\n{text}"))),
        }
    }
}
