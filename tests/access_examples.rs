//! The examples of docs/action-filters.md: each is loaded as it stands there, and decides requests as the page says.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends by panicking"
)]

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use amimux::config;
use amimux::policy::action::ActionTable;
use amimux::policy::decision::{Rule, decide, may_run};
use amimux::policy::user::User;

const PAGE: &str = include_str!("../docs/action-filters.md");

/// What stands before an example.
const BEFORE: &str = "[general]\nbindaddr = 127.0.0.1\nport = 5039\n\
                      [asterisk]\ntype = upstream\nhost = 127.0.0.1\nusername = amimux\nsecret = LONG-RANDOM-TEXT\n";

/// The complete sections of the page.
fn examples() -> Vec<String> {
    let parts = PAGE.split("```ini\n").skip(1);
    parts
        .map(|part| part.split_once("```").unwrap().0.to_owned())
        .collect()
}

/// All users of one example.
fn load(example: &str) -> Vec<Arc<User>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("amimux.conf");
    std::fs::write(&path, format!("{BEFORE}{example}")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let (settings, report) = config::load(&path, &config::Environment::default());
    assert_eq!(report.to_string(), "", "{example}");
    settings.unwrap().users.iter().cloned().collect()
}

fn user(name: &str) -> Arc<User> {
    let users = examples()
        .iter()
        .flat_map(|text| load(text))
        .collect::<Vec<_>>();
    let found = users.iter().find(|user| user.name == name);
    found.unwrap_or_else(|| panic!("no user {name}")).clone()
}

/// `allowed`, or the rule that refuses; of an action filter its text.
fn decision(user: &User, request: &str) -> String {
    let table = ActionTable::builtin();
    let text: String = request
        .split('|')
        .flat_map(|line| [line.trim_start(), "\r\n"])
        .collect();
    match decide(&table, user, text.as_bytes()) {
        Ok(_) => "allowed".to_owned(),
        Err(refusal) => match refusal.rule {
            Rule::ActionFilter(place) => {
                let filters = user.rights.action_filters.iter();
                let filter = filters.into_iter().find(|filter| filter.place() == place);
                let text = filter.unwrap().text();
                text.strip_prefix("actionfilter").unwrap().to_owned()
            }
            rule => rule.to_string(),
        },
    }
}

/// Lines of a request separated by `|`, and the start of what comes of it.
type Cases<'a> = &'a [(&'a str, &'a str)];

fn check(name: &str, cases: Cases<'_>) {
    let user = user(name);
    for (request, expected) in cases {
        let decided = decision(&user, request);
        assert!(
            decided.starts_with(expected),
            "{name}: {request}: {decided}"
        );
    }
}

#[test]
fn every_example_is_tested() {
    let mut names: Vec<String> = examples()
        .iter()
        .flat_map(|text| load(text))
        .map(|user| user.name.clone())
        .collect();
    names.sort();
    assert_eq!(names, ["acme", "crm", "globex", "support", "wallboard"]);
}

#[test]
fn every_line_that_is_shown_can_be_used() {
    let (mut inside, mut seen) = (false, 0);
    for line in PAGE.lines() {
        if line.starts_with("```") {
            inside = !inside;
        }
        let option = line.starts_with("actionfilter") || line.starts_with("setheader");
        if inside && option && !line.contains("CRITERIA") {
            assert_eq!(load(&format!("[a]\nsecret = x\n{line}\n")).len(), 1);
            seen += 1;
        }
    }
    assert!(seen > 25, "{seen} lines");
}

#[test]
fn a_customer_database_that_starts_calls() {
    let channel = "(action(require),name(Originate),header(Channel)";
    let context = "(action(require),name(Originate),header(Context)";
    let good = "Action: Originate|Channel: PJSIP/100|Exten: 0123456|Priority: 1";
    let with = |rest: &str| format!("{good}|{rest}");
    let requests = [
        (with("Context: crm-dialout"), "allowed"),
        (with("CONTEXT: crm-dialout|Async: true"), "allowed"),
        (good.to_owned(), context),
        (with("Context: internal"), context),
        (with("Context: CRM-DIALOUT"), context),
        (with("Context: crm-dialout-2"), context),
        (with("Context: crm-dialout|Context: internal"), context),
        (with("Context: internal|Context: crm-dialout"), context),
        (with("Context:|Context: crm-dialout"), context),
        (with("X: Context: crm-dialout"), context),
        (
            with("Context: crm-dialout|Channel: Local/1@internal"),
            channel,
        ),
        (
            with("Context: crm-dialout|Application: Wait|Data: 1"),
            "(action(exclude),name(Originate),header(Application))",
        ),
        (
            with("Context: crm-dialout|Application:|application: Wait"),
            "(action(exclude),name(Originate),header(Application))",
        ),
        (with("Context: crm-dialout|Application:"), "allowed"),
        (
            with("Context: crm-dialout|Variable: A=1"),
            "(action(exclude),name(Originate),header(Variable))",
        ),
    ];
    for (request, expected) in &requests {
        check("crm", &[(request, expected)]);
    }
    for other in [
        "PJSIP/0900123@trunk",
        "PJSIP/100@trunk",
        "PJSIP/12",
        "Local/100@internal",
        "pjsip/100",
        "xPJSIP/100",
        "",
    ] {
        let request = with("Context: crm-dialout").replace("PJSIP/100", other);
        check("crm", &[(&request, channel)]);
    }
    check(
        "crm",
        &[
            ("Action: Ping", "allowed"),
            ("Action: Events|EventMask: off", "allowed"),
            ("Action: Hangup|Channel: PJSIP/100-00000001", "class"),
            (
                "Action: BridgeKick|Channel: PJSIP/100-00000001",
                "(name(Originate))",
            ),
            ("Action: QueueReset", "(name(Originate))"),
            ("Action: LocalAction", "unknown action"),
        ],
    );
}

#[test]
fn the_account_is_forced() {
    let table = ActionTable::builtin();
    let text = b"Action: originate\r\nAccount: boss\r\naccount: boss\r\nChannel: PJSIP/100\r\n\
                 Context: crm-dialout\r\nExten: 1\r\nPriority: 1\r\n";
    let user = user("crm");
    let decision = decide(&table, &user, text).unwrap();
    let accounts: Vec<&[u8]> = decision.request().all("Account").collect();
    assert_eq!(accounts, [b"crm"]);
    assert_eq!(
        user.set_variables,
        [("SOURCE".to_owned(), "crm".to_owned())]
    );
}

#[test]
fn a_wallboard_that_reads_two_queues() {
    check(
        "wallboard",
        &[
            ("Action: QueueStatus|Queue: support", "allowed"),
            ("Action: queuesummary|Queue: sales", "allowed"),
            (
                "Action: QueueStatus|Queue: support|Queue: board",
                "(name(QueueStatus)",
            ),
            ("Action: QueueStatus|Queue: board", "(name(QueueStatus)"),
            ("Action: QueueStatus", "(name(QueueStatus)"),
            ("Action: QueueSummary|Queue:", "(name(QueueSummary)"),
            ("Action: QueueRule", "(name(QueueSummary)"),
            ("Action: QueueReset|Queue: support", "openactions"),
            ("Action: QueuePause|Queue: support", "class"),
            ("Action: Command|Command: core show channels", "class"),
        ],
    );
}

#[test]
fn a_support_tool_with_one_command() {
    let filter = "(name(Command),header(Command),method(regex))";
    check(
        "support",
        &[
            ("Action: Command|Command: core show channels", "allowed"),
            (
                "Action: Command|Command: core show channel PJSIP/100-00000001",
                "allowed",
            ),
            ("Action: Command|Command: core show", filter),
            ("Action: Command|Command: core stop now", filter),
            ("Action: Command|Command: Core Show channels", filter),
            ("Action: Command|Command: \"core\" show channels", filter),
            ("Action: Command|Command: core show \"channels\"", filter),
            (
                "Action: Command|Command: core show channels|Command: core stop now",
                filter,
            ),
            (
                "Action: Command|Command: core stop now|Command: core show channels",
                filter,
            ),
            ("Action: Command", filter),
            ("Action: QueueStatus", filter),
            ("Action: Originate|Channel: PJSIP/100", "class"),
        ],
    );
}

#[test]
fn tenants_are_kept_apart() {
    for (own, other) in [("acme", "globex"), ("globex", "acme")] {
        let call = format!("Action: Originate|Channel: PJSIP/{own}-100|Exten: 1|Priority: 1");
        let hangup = format!("Action: Hangup|Channel: PJSIP/{own}-100-00000001");
        let redirect =
            format!("Action: Redirect|Channel: PJSIP/{own}-100-00000001|Exten: 1|Priority: 1");
        let away = |request: &str| request.replace(own, other);
        let requests = [
            (call.clone(), "allowed"),
            (
                format!("{call}|Context: {other}|Account: {other}"),
                "allowed",
            ),
            (
                away(&call),
                "(action(require),name(Originate),header(Channel)",
            ),
            (
                call.replace("-100", "-100@trunk"),
                "(action(require),name(Originate),header(Channel)",
            ),
            (
                format!("{call}|Application: Wait"),
                "(action(exclude),name(Originate),header(Application)",
            ),
            (
                format!("{call}|Variable: A=1"),
                "(action(exclude),name(Originate),header(Variable)",
            ),
            (hangup.clone(), "allowed"),
            (away(&hangup), "(action(require),name(Hangup)"),
            (
                "Action: Hangup|Channel: /^PJSIP/".to_owned(),
                "(action(require),name(Hangup)",
            ),
            (
                "Action: Hangup|Channel: 1700000000.12".to_owned(),
                "(action(require),name(Hangup)",
            ),
            (redirect.clone(), "allowed"),
            (away(&redirect), "(action(require),name(Redirect)"),
            (
                format!("{redirect}|ExtraChannel: PJSIP/{other}-100-00000002"),
                "(action(exclude),name(Redirect),header(ExtraChannel)",
            ),
            (
                format!("Action: Park|Channel: PJSIP/{own}-100-00000001"),
                "(name(Originate))",
            ),
            ("Action: Status".to_owned(), "(name(Originate))"),
            ("Action: BridgeList".to_owned(), "(name(Originate))"),
        ];
        for (request, expected) in &requests {
            check(own, &[(request, expected)]);
        }
        let user = user(own);
        let table = ActionTable::builtin();
        for request in [&call, &redirect] {
            let text = format!("{request}|Context: {other}|context: {other}").replace('|', "\r\n");
            let decision = decide(&table, &user, text.as_bytes()).unwrap();
            let contexts: Vec<&[u8]> = decision.request().all("Context").collect();
            assert_eq!(contexts, [own.as_bytes()]);
        }
    }
}

#[test]
fn list_commands_leaves_out_what_cannot_pass() {
    let table = ActionTable::builtin();
    let listed = |name: &str| -> Vec<String> {
        let user = user(name);
        let runs = table
            .iter()
            .filter(|action| !action.handling.is_local() && may_run(action, &user));
        runs.map(|action| action.name.to_string()).collect()
    };
    assert_eq!(listed("crm"), ["Originate"]);
    assert_eq!(listed("wallboard"), ["QueueStatus", "QueueSummary"]);
    assert_eq!(listed("support"), ["Command"]);
    assert_eq!(listed("acme"), ["Hangup", "Originate", "Redirect"]);
}
