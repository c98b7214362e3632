//! Tests of access control lists.

use super::*;

/// The list of these lines, such as `deny 0.0.0.0/0; permit 10.0.0.0/8`.
fn list(lines: &str) -> RuleList {
    let mut list = RuleList::default();
    for line in lines.split("; ").filter(|line| !line.is_empty()) {
        let (word, entries) = line.split_once(' ').unwrap();
        let sense = match word {
            "permit" => Sense::Permit,
            "deny" => Sense::Deny,
            _ => panic!("{word}"),
        };
        list.push_line(sense, entries).unwrap();
    }
    list
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn the_last_rule_that_matches_decides() {
    let private = "deny 0.0.0.0/0; permit 10.0.0.0/8";
    let cases = [
        ("no rule allows", "", "192.0.2.1", true),
        ("permit alone", "permit 10.0.0.0/8", "192.0.2.1", true),
        ("deny matches", "deny 10.0.0.0/8", "10.1.2.3", false),
        ("permitted", private, "10.1.2.3", true),
        ("not permitted", private, "11.1.2.3", false),
        (
            "order",
            "permit 10.0.0.0/8; deny 0.0.0.0/0",
            "10.1.2.3",
            false,
        ),
        ("list", "deny 10.0.0.1,10.0.0.2", "10.0.0.2", false),
        ("host", "deny 10.0.0.1", "10.0.0.2", true),
        (
            "reversed deny",
            "deny 0.0.0.0/0,!10.0.0.0/8",
            "10.1.2.3",
            true,
        ),
        ("reversed permit", "permit !10.0.0.0/8", "10.1.2.3", false),
        ("host bits", "deny 10.9.9.9/8", "10.1.2.3", false),
        (
            "last word of many",
            "deny 10.0.0.0/8; permit 10.1.0.0/16; deny 10.1.1.1",
            "10.1.1.1",
            false,
        ),
    ];
    for (name, lines, client, allowed) in cases {
        assert_eq!(list(lines).allows(address(client)), allowed, "{name}");
    }
}

#[test]
fn masks_and_families() {
    let cases = [
        ("dotted", "deny 10.0.0.0/255.255.0.0", "10.0.9.9", false),
        (
            "dotted, other",
            "deny 10.0.0.0/255.255.0.0",
            "10.1.9.9",
            true,
        ),
        (
            "with a gap",
            "deny 10.0.3.0/255.0.255.0",
            "10.77.3.9",
            false,
        ),
        ("v4 is not v6", "deny 0.0.0.0/0", "2001:db8::1", true),
        ("v6 is not v4", "deny ::/0", "192.0.2.1", true),
        ("v6 prefix", "deny 2001:db8::/32", "2001:db8::1", false),
        ("v6 brackets", "deny [2001:db8::]/32", "2001:db8::1", false),
        (
            "v6 mask",
            "deny 2001:db8::/ffff:ffff::",
            "2001:db8:9::1",
            false,
        ),
        ("mapped client", "deny 10.0.0.0/8", "::ffff:10.1.2.3", false),
        ("mapped rule", "deny ::ffff:10.0.0.0/8", "10.1.2.3", false),
        (
            "mapped client, v6 rule",
            "deny ::/0",
            "::ffff:10.1.2.3",
            true,
        ),
        ("all of v6", "deny ::/0", "::1", false),
        ("v6 host", "deny ::1/128", "::2", true),
    ];
    for (name, lines, client, allowed) in cases {
        assert_eq!(list(lines).allows(address(client)), allowed, "{name}");
    }
}

#[test]
fn every_list_must_allow() {
    let mut acl = Acl::default();
    assert!(acl.allows(address("10.0.0.1")));
    acl.push(list("deny 0.0.0.0/0; permit 10.0.0.0/8"));
    acl.push(list("deny 10.0.0.9"));
    assert!(acl.allows(address("10.0.0.1")));
    assert!(!acl.allows(address("10.0.0.9")));
    assert!(!acl.allows(address("192.0.2.1")));
}

#[test]
fn whatever_is_not_plain_is_refused() {
    let cases: &[(&str, RuleError)] = &[
        ("", RuleError::Empty),
        ("10.0.0.1,,10.0.0.2", RuleError::Empty),
        ("10.0.0.1, 10.0.0.2", RuleError::Blank(" 10.0.0.2".into())),
        ("10/8", RuleError::ShortForm("10".into())),
        ("10.1", RuleError::ShortForm("10.1".into())),
        ("010.0.0.1", RuleError::LeadingZero("010.0.0.1".into())),
        ("10.0.0.00", RuleError::LeadingZero("10.0.0.00".into())),
        ("10.0.0.256", RuleError::NotAnAddress("10.0.0.256".into())),
        (
            "10.0.0.1:5038",
            RuleError::NotAnAddress("10.0.0.1:5038".into()),
        ),
        ("localhost", RuleError::NotAnAddress("localhost".into())),
        ("[10.0.0.1]", RuleError::NotAnAddress("[10.0.0.1]".into())),
        ("!!10.0.0.1", RuleError::NotAnAddress("!10.0.0.1".into())),
        ("10.0.0.0/33", RuleError::Prefix("33".into())),
        ("10.0.0.0/", RuleError::Prefix(String::new())),
        ("10.0.0.0/+8", RuleError::Prefix("+8".into())),
        ("10.0.0.0/8/8", RuleError::Prefix("8/8".into())),
        ("::/129", RuleError::Prefix("129".into())),
        ("::ffff:10.0.0.0/104", RuleError::Prefix("104".into())),
        ("10.0.0.0/255.0.0", RuleError::Mask("255.0.0".into())),
        ("10.0.0.0/ffff::", RuleError::Mask("ffff::".into())),
        ("2001:db8::/255.0.0.0", RuleError::Mask("255.0.0.0".into())),
    ];
    for (line, expected) in cases {
        let mut rules = RuleList::default();
        assert_eq!(
            rules.push_line(Sense::Permit, line),
            Err(expected.clone()),
            "{line}"
        );
        assert!(rules.is_empty(), "{line}: nothing half done");
    }
}

#[test]
fn a_list_names_only_those_whom_a_rule_permits() {
    let mut list = RuleList::default();
    let names = |list: &RuleList, address: &str| list.names(address.parse().unwrap());
    assert!(
        !names(&list, "192.0.2.7"),
        "an empty list allows, but names nobody"
    );
    list.push_line(Sense::Permit, "192.0.2.0/24,2001:db8::7,!192.0.2.9")
        .unwrap();
    for (address, expected) in [
        ("192.0.2.7", true),
        ("::ffff:192.0.2.7", true),
        ("192.0.2.9", false),
        ("198.51.100.7", false),
        ("2001:db8::7", true),
        ("2001:db8::8", false),
    ] {
        assert_eq!(names(&list, address), expected, "{address}");
    }
}
