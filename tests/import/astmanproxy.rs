//! What is made of astmanproxy's files.

use super::*;

const PROXY: &str = "# astmanproxy\nhost = 192.0.2.1, 5038, mux, s3cr3t, on, off\n\
    host = pbx2.example.org, 5039, mux, s3cr3t, off, on\nlistenaddress = 127.0.0.1\nlistenport = 1234\n\
    acceptunencryptedconnection = yes\nretryinterval = 2\nproxykey = hunter1\noutputformat = csv\nautofilter = on\n";

const RULES: &str = "steve=hunter2,SIP/Snom190,Local,from-sip,SteveS\nann=hunter3,,,,,PBX2.example.org\n\
                 nobody=\nodd=hunter4,SIP/[1]\nsteve=hunter5\ngeneral=hunter6\n";

#[test]
fn rules_of_astmanproxy_hold() {
    let files = [("astmanproxy.conf", PROXY), ("astmanproxy.users", RULES)];
    let result = imported(&files, asis);
    let mut names: Vec<_> = result
        .settings
        .users
        .iter()
        .map(|user| &*user.name)
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["ann", "steve"]);
    let steve = result.user("steve").unwrap();
    let ann = result.user("ann").unwrap();
    assert_eq!(
        (&*steve.upstream, &*ann.upstream),
        ("192.0.2.1", "pbx2.example.org")
    );
    assert_eq!(words(ann.read), "none", "that Asterisk sent no events");
    assert!(result.settings.upstreams[1].tls.is_some());
    let cases = [
        (
            "Action: Originate\r\nChannel: SIP/snom190-1\r\nContext: LOCAL\r\nExten: 1\r\n\r\n",
            true,
        ),
        (
            "Action: Originate\r\nChannel: SIP/snom19\r\nContext: local\r\nExten: 1\r\n\r\n",
            false,
        ),
        (
            "Action: Originate\r\nChannel: PJSIP/snom190\r\nContext: local\r\nExten: 1\r\n\r\n",
            false,
        ),
        (
            "Action: Originate\r\nChannel: SIP/snom190\r\nContext: local2\r\nExten: 1\r\n\r\n",
            false,
        ),
        (
            "Action: Originate\r\nChannel: SIP/snom190\r\nContext: loca\r\nExten: 1\r\n\r\n",
            false,
        ),
        ("Action: QueueStatus\r\n\r\n", true),
        ("Action: Hangup\r\nChannel: /.*/\r\n\r\n", false),
        (
            "Action: Bridge\r\nChannel1: sip/SNOM190-2\r\nChannel2: SIP/101\r\n\r\n",
            false,
        ),
    ];
    let table = ActionTable::builtin();
    for (text, expected) in cases {
        let explanation = explain::request(&table, steve, text.as_bytes());
        assert_eq!(explanation.allowed, expected, "{text}");
        if text.starts_with("Action: Originate") && expected {
            let account = "Account: steves".to_owned();
            assert!(
                explanation.forwarded.contains(&account),
                "{:?}",
                explanation.forwarded
            );
        }
    }
}

#[test]
fn rules_about_events_hold_and_what_cannot_is_told() {
    let result = imported(
        &[("astmanproxy.conf", PROXY), ("astmanproxy.users", RULES)],
        asis,
    );
    let steve = result.user("steve").unwrap();
    let events = [
        ("Channel: SIP/Snom190-1\r\nContext: from-sip", true),
        ("Channel: SIP/Snom190-1", true),
        ("Channel: SIP/Snom190-1\r\nContext: from-sip2", false),
        ("Channel: SIP/Snom191-1\r\nContext: from-sip", false),
        ("Peer: SIP/Snom190", false),
    ];
    for (headers, expected) in events {
        let text = format!("Event: Newexten\r\nPrivilege: dialplan,all\r\n{headers}\r\n\r\n");
        assert_eq!(
            steve.event_filters.pass(Frame::new(text.as_bytes())),
            expected,
            "{headers}"
        );
    }
    let must = result.told(Group::MustLookAt);
    for word in [
        "[nobody] is switched off",
        "[odd] is switched off",
        "'steve' has a line above",
        "proxykey",
        "outputformat",
        "autofilter",
        "several Asterisks",
        "any certificate",
    ] {
        assert!(must.contains(word), "{word}:\n{must}");
    }
    assert!(
        !result.text.contains("hunter1"),
        "the key is of no use any more"
    );
}

#[test]
fn astmanproxy_is_found_and_left_alone() {
    let users = [
        ("astmanproxy.conf", PROXY),
        ("astmanproxy.users", "a=hunter2\n"),
    ];
    let names = ["", "astmanproxy.conf", "astmanproxy.users"];
    for name in names {
        let result = imported(&users, |request| request.from = request.from.join(name));
        assert_eq!(
            result.settings.general.bind.to_string(),
            "127.0.0.1:5040",
            "{name}"
        );
        assert_eq!(result.settings.users.len(), 1);
        assert!(result.imported.for_asterisk.is_empty());
    }
    let over = imported(&users, |request| request.take_over = true);
    assert_eq!(over.settings.general.bind.to_string(), "127.0.0.1:1234");
}
