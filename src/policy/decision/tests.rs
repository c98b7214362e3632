//! The order of the checks, who may run what needs no class, and what forced headers do to a request.

use proptest::prelude::*;

use super::*;
use crate::policy::fixtures;
use crate::policy::rights::OpenActions::{self, Asterisk, None as Nobody, Safe};

fn refusal(user: &User, text: &str) -> Option<(String, String)> {
    let refusal = decide(&ActionTable::builtin(), user, text.as_bytes()).err()?;
    let message = String::from_utf8(refusal.message.into()).unwrap();
    Some((message, refusal.rule.to_string()))
}

fn forced(action: &str, name: &str, value: &str) -> ForcedHeader {
    ForcedHeader {
        action: action.to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

#[test]
fn the_first_check_that_fails_is_told() {
    let mut user = fixtures::user("crm", Classes::ORIGINATE);
    let filters = &mut user.rights.action_filters;
    let option = "actionfilter(action(exclude),name(Originate),header(Account),method(exact))";
    filters.push("a.conf:7".to_owned(), option, "boss").unwrap();
    for (text, message, rule) in [
        ("Channel: X/1\r\n", "Missing action in request", "no action"),
        ("Action:\r\n", "Missing action in request", "no action"),
        (
            "Action: Nope\r\n",
            "Invalid/unknown command: Nope. Use Action: ListCommands to show available commands.",
            "unknown action",
        ),
        (
            "Action: Hangup\r\nAccount: boss\r\n",
            "Permission denied",
            "class system,call",
        ),
        (
            "Action: Originate\r\nAccount: boss\r\nApplication: System\r\n",
            "Permission denied",
            "actionfilter a.conf:7",
        ),
        (
            "Action: Originate\r\nChannel: X/1\r\nApplication: System\r\n",
            "Originate Access Forbidden: app or data blacklisted",
            "guard application",
        ),
    ] {
        let expected = (message.to_owned(), rule.to_owned());
        assert_eq!(refusal(&user, text), Some(expected), "{text:?}");
    }
    assert_eq!(refusal(&user, "Action: Originate\r\nAccount: me\r\n"), None);
}

#[test]
fn what_needs_no_class_is_run_by_whom_openactions_says() {
    let allowed = |open: OpenActions, action: &str| {
        let mut user = fixtures::user("board", Classes::NONE);
        user.rights.open_actions = open;
        let table = ActionTable::builtin();
        let listed = may_run(table.get(action.as_bytes()).unwrap(), &user);
        let found = refusal(&user, &format!("Action: {action}\r\n"));
        assert_eq!(
            found.is_none(),
            listed,
            "ListCommands lists what can be run: {action}"
        );
        match found {
            None => true,
            Some((message, rule)) => {
                assert_eq!((&*message, &*rule), ("Permission denied", "openactions"));
                false
            }
        }
    };
    for (action, asterisk, safe, nobody) in [
        ("Ping", true, true, true),
        ("Events", true, true, true),
        ("Logoff", true, true, true),
        ("QueueStatus", true, true, false),
        ("BridgeList", true, true, false),
        ("BridgeKick", true, false, false),
        ("QueueReset", true, false, false),
        ("DAHDIHangup", true, false, false),
    ] {
        assert_eq!(allowed(Asterisk, action), asterisk, "{action}");
        assert_eq!(allowed(Safe, action), safe, "{action}");
        assert_eq!(allowed(Nobody, action), nobody, "{action}");
    }
}

#[test]
fn an_unknown_action_without_class_is_not_taken_for_a_harmless_one() {
    let table = ActionTable::learned([&b"ThirdParty: odd  (Priv: <none>)"[..]].into_iter());
    let mut user = fixtures::user("board", Classes::NONE);
    assert!(decide(&table, &user, b"Action: ThirdParty\r\n").is_ok());
    user.rights.open_actions = Safe;
    assert!(decide(&table, &user, b"Action: ThirdParty\r\n").is_err());
}

#[test]
fn filters_and_guards_see_forced_headers() {
    let mut user = fixtures::user("crm", Classes::ORIGINATE);
    user.rights.forced_headers = vec![forced("originate", "Context", "crm")];
    let option = "actionfilter(action(require),name(Originate),header(Context),method(exact))";
    let filters = &mut user.rights.action_filters;
    filters.push("a.conf:7".to_owned(), option, "crm").unwrap();
    assert_eq!(
        refusal(&user, "Action: Originate\r\nContext: other\r\n"),
        None
    );
    user.rights.forced_headers = vec![
        forced("Originate", "Application", "System"),
        forced("Originate", "Channel", "X/1"),
    ];
    assert_eq!(
        refusal(&user, "Action: Originate\r\nContext: crm\r\n")
            .unwrap()
            .1,
        "guard application"
    );
}

fn line() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "Account", "account", "ACCOUNT ", " Account", "Context", "Variable", "Accounts", "",
    ]);
    let blank = prop::sample::select(vec!["", " ", "\t", "\u{1}", "  \u{7}"]);
    (name, blank, "[a-z:,= ]{0,6}")
        .prop_map(|(name, blank, value)| format!("{name}:{blank}{value}"))
}

proptest! {
    #[test]
    fn a_forced_header_is_all_that_asterisk_reads(lines in prop::collection::vec(line(), 0..12), end in prop::sample::select(vec!["\r\n", "\n"])) {
        let mut user = fixtures::user("crm", Classes::ORIGINATE);
        user.rights.forced_headers = vec![forced("Originate", "Account", "crm"), forced("Status", "Context", "x")];
        let text = ["Action: ORIGINATE".to_owned()].iter().chain(&lines).map(|line| format!("{line}{end}")).collect::<String>();
        let table = ActionTable::builtin();
        let decision = decide(&table, &user, text.as_bytes()).unwrap();
        let request = decision.request();
        prop_assert_eq!(request.all("account").collect::<Vec<_>>(), [&b"crm"[..]]);
        // Everything else goes on as it came, in its order.
        let before = Request::new(text.as_bytes());
        for name in ["Action", "Context", "Variable", "Accounts"] {
            prop_assert_eq!(request.all(name).collect::<Vec<_>>(), before.all(name).collect::<Vec<_>>());
        }
        let kept = before.lines().filter(|line| header_value(line, "Account").is_none()).count();
        prop_assert_eq!(request.lines().count(), kept + 1);
    }
}
