//! Tests of what is reported, with the exact text of the important ones.

use crate::config::testing::{BASE, USER, general_report, load_files, load_text, load_user};
use crate::policy::class::Classes;

const GENERAL_LINES: &[(&str, &str)] = &[
    (
        "enabled=no",
        "error: amimux is disabled by 'enabled'; write enabled = yes or remove the line",
    ),
    ("enabled=yes", ""),
    (
        "portt=1",
        "error: the option 'portt' is unknown in [general]; did you mean 'port'?",
    ),
    (
        "colour=1",
        "error: the option 'colour' is unknown in [general]; remove the line or correct the name",
    ),
    (
        "secret=hunter2",
        "error: the option 'secret' is unknown in [general]; move it: it belongs to user sections",
    ),
    ("tlsenable=no\nwebenabled=no\ndebug=off", ""),
    (
        "webenabled=yes",
        "warning: HTTP is not served: there is no [http] with enabled = yes; write such a section, or webenabled = no",
    ),
    (
        "channelvars=A",
        "warning: the option 'channelvars' has no effect in amimux: the variables are added by Asterisk, set it there; remove the line",
    ),
    (
        "displayconnects=maybe",
        "warning: displayconnects = 'maybe' is neither yes nor no and counts as no; write yes or no",
    ),
    (
        "authtimeout=0",
        "warning: 'authtimeout' is less than a second; the default of 30 seconds is used; write 1 or more",
    ),
    (
        "authlimit=0",
        "warning: 'authlimit' is less than 1; the default of 50 is used; write 1 or more",
    ),
    (
        "authlimit=-1",
        "error: authlimit = '-1' is not valid; write a whole number from 0 to 1000000",
    ),
    (
        "permit=10.0.0.0/8",
        "warning: there is 'permit' without 'deny', which allows every address; write deny = 0.0.0.0/0,::/0 before it",
    ),
    ("deny=0.0.0.0/0,::/0\npermit=10.0.0.0/8", ""),
    (
        "deny=10/8",
        "error: '10' is a short form of an IPv4 address; write all four numbers, as in 10.0.0.0/8",
    ),
    (
        "proxyfrom=192.0.2.10,!192.0.2.11",
        "error: proxyfrom = '192.0.2.10,!192.0.2.11': '!' means nothing here; name those that are believed and nobody else",
    ),
    (
        "proxyfrom=192.0.2.10, 192.0.2.11",
        "error: there is a blank in ' 192.0.2.11'; separate addresses by commas without blanks",
    ),
    (
        "proxyfrom=balancer",
        "error: 'balancer' is not an address; write a numeric address without port, as in 192.0.2.0/24 or 2001:db8::/32",
    ),
    (
        "proxyfrom=",
        "error: an address is missing; write addresses separated by single commas",
    ),
    (
        "proxyfrom=0.0.0.0/0",
        "warning: 'proxyfrom' names every address: anybody may claim to be anywhere; name the balancers alone",
    ),
    (
        "proxyfrom=192.0.2.10,::/0",
        "warning: 'proxyfrom' names every address: anybody may claim to be anywhere; name the balancers alone",
    ),
    ("failedlogins=0", ""),
    (
        "failedlogins=many",
        "error: failedlogins = 'many' is not valid; write a whole number from 0 to 1000000",
    ),
    (
        "failedloginperiod=0",
        "error: failedloginperiod = '0' is not valid; write a time from 1s to 86400s, as in 5, 0.5, 5s or 500ms",
    ),
    (
        "banner=Hello",
        "warning: the banner does not begin with 'Asterisk Call Manager/', which many applications look for; write banner = Asterisk Call Manager/ and a version",
    ),
    (
        "retention=512M",
        "error: 'retention' is larger than 'memorylimit'; lower retention or raise memorylimit",
    ),
    (
        "flushdelay=2s",
        "error: flushdelay = '2s' is not valid; write a time from 0ns to 1s, as in 100, 100ms or 0.1s",
    ),
    (
        "disabledevents=Newexten ,Hangup",
        "warning: no event has a blank in its name, as 'Newexten ' has; write names separated by commas, without blanks before a comma",
    ),
];

#[test]
fn diagnostics_of_general() {
    for &(lines, expected) in GENERAL_LINES {
        let expected = match expected {
            "" => String::new(),
            _ => format!("amimux.conf:2: {expected}"),
        };
        assert_eq!(general_report(lines), expected, "{lines}");
    }
}

const USER_LINES: &[(&str, &str)] = &[
    (
        "secrett=x",
        "error: the option 'secrett' is unknown in user sections; did you mean 'secret'?",
    ),
    (
        "permti=10.0.0.1",
        "error: the option 'permti' is unknown in user sections; did you mean 'permit'?",
    ),
    (
        "host=x",
        "error: the option 'host' is unknown in user sections; move it: it belongs to upstream sections",
    ),
    (
        "eventfilter=!",
        "error: there is no regular expression; write one after '=', behind '!' for what is to be left out",
    ),
    (
        "eventfilter=a(b",
        "error: the pattern is not accepted: a ( without its ), at <HERE> in 'a<HERE>(b'; write a POSIX extended regular expression; '\\' takes away a sign's meaning",
    ),
    (
        "eventfilter(action(require),header(X))=",
        "error: 'action(require)' is for action filters only; write include or exclude",
    ),
    (
        "eventfilter1=x",
        "error: the option 'eventfilter1' is unknown in user sections; did you mean 'eventfilter'?",
    ),
    (
        "hasmanager=yes",
        "error: the option 'hasmanager' is not supported: it belongs to users.conf, where a user without 'read' and 'write' has every class; give the user a section of its own with secret, read and write",
    ),
    (
        "read=call, agent",
        "warning: read = 'call, agent' has blanks, for which Asterisk grants call; that narrower meaning is taken; write read = call,agent if that is meant",
    ),
    (
        "write=sys,call",
        "error: write = 'sys,call': 'sys' is not a class; did you mean 'system'? write classes separated by single commas; Asterisk grants system,call for this text",
    ),
    (
        "read=call,,agent",
        "error: read = 'call,,agent': there is an empty element in the list of classes; write classes separated by single commas; Asterisk grants all for this text",
    ),
    (
        "Read=Call",
        "error: read = 'Call': 'Call' is not a class; did you mean 'call'? write classes separated by single commas; Asterisk grants nothing for this text",
    ),
    (
        "deny=10/8",
        "error: '10' is a short form of an IPv4 address; write all four numbers, as in 10.0.0.0/8",
    ),
    (
        "deny=::/0\npermit=010.0.0.1",
        "error: '010.0.0.1' has a leading zero, which Asterisk reads as octal; write the numbers without leading zeros",
    ),
    (
        "permit=10.0.0.0/8",
        "warning: there is 'permit' without 'deny', which allows every address; write deny = 0.0.0.0/0,::/0 before it",
    ),
    (
        "writetimeout=99",
        "warning: 'writetimeout' is less than 100 milliseconds and is ignored; write 100 or more",
    ),
    (
        "setvar=hunter2",
        "error: a 'setvar' line does not name a variable and a value; write setvar = NAME=value",
    ),
    (
        "upstream=other",
        "error: there is no upstream 'other'; write one of pbx",
    ),
    (
        "actionids=mine",
        "error: actionids = 'mine' is not valid; write session or user or all",
    ),
    (
        "maxinflight=0",
        "error: maxinflight = '0' is not valid; write a whole number from 1 to 1024",
    ),
    (
        "type=peer",
        "error: type = 'peer' is not a kind of section; write type = upstream, type = user or type = restriction",
    ),
    (
        "secret=",
        "error: the secret of 'crm' is empty: anybody could log in; write a secret, or allowemptysecret = yes if that is meant",
    ),
    (
        "secret=hunter4;hunter5",
        "warning: the secret ends at ';', where a comment begins; write '\\;' if the semicolon belongs to the secret, or a blank before the comment",
    ),
];

#[test]
fn diagnostics_of_users() {
    for &(lines, expected) in USER_LINES {
        let (user, report) = load_user(lines);
        let line = if lines.starts_with("deny=::") { 12 } else { 11 };
        let first = report.lines().next().unwrap();
        assert_eq!(first, format!("amimux.conf:{line}: {expected}"), "{lines}");
        assert_eq!(user.is_none(), expected.starts_with("error"), "{lines}");
    }
}

#[test]
fn named_acls_may_be_asked_for_by_general_alone() {
    let main = format!("{BASE}{USER}").replacen("[general]", "[general]\nacl=office", 1);
    let missing = load_text(&main).1;
    assert!(
        missing.starts_with("amimux.conf:2: error: the file "),
        "{missing}"
    );
    let acls = "[office]\ndeny=0.0.0.0/0,::/0\npermit=192.0.2.0/24\n";
    let (settings, report) = load_files(&[("amimux.conf", &main), ("acl.conf", acls)]);
    assert_eq!(report, "");
    let acl = settings.unwrap().general.acl;
    assert!(acl.allows("192.0.2.7".parse().unwrap()));
    assert!(!acl.allows("198.51.100.7".parse().unwrap()));
}

#[test]
fn ipv6_is_not_forgotten_in_general() {
    let lines = "[general]\ndeny=0.0.0.0/0\npermit=10.0.0.0/8";
    let text = format!("{BASE}{USER}").replacen("[general]", lines, 1);
    assert_eq!(load_text(&text).1, "");
    assert_eq!(
        load_text(&text.replace("127.0.0.1", "::")).1,
        "amimux.conf:2: warning: all of IPv4 is denied, but every IPv6 address is allowed, \
         and amimux listens on IPv6; write deny = ::/0 as well, or bindaddr = 0.0.0.0"
    );
}

#[test]
fn diagnostics_of_named_acls() {
    let main = format!("{BASE}{USER}acl=office,Lan,office\n");
    assert_eq!(
        load_text(&main).1.lines().nth(1).unwrap(),
        "amimux.conf:11: error: the ACL 'office' is named twice; name it once"
    );
    let acls = "[office]\npermitt=1.2.3.4\n[lan]\n[lan]\ndeny=10.1\n";
    let (settings, report) = load_files(&[("amimux.conf", &main), ("acl.conf", acls)]);
    assert!(settings.is_none());
    let starts = [
        "acl.conf:2: error: the option 'permitt' is unknown in named ACLs; write permit or deny",
        "acl.conf:3: warning: the ACL 'lan' has no rule and allows everybody; write deny = 0.0.0.0/0,::/0 and what to permit",
        "acl.conf:5: error: '10.1' is a short form of an IPv4 address; write all four numbers, as in 10.0.0.0/8",
        "acl.conf:4: error: there is more than one ACL 'lan'; give each a name of its own, or add to the first with (+)",
        "amimux.conf:11: error: the ACL 'office' is named twice; name it once",
        "amimux.conf:11: error: there is no ACL 'Lan' in '",
    ];
    for (line, start) in report.lines().zip(starts) {
        assert!(line.starts_with(start), "{line}");
    }
    assert_eq!(report.lines().count(), starts.len(), "{report}");
    let missing = load_text(&main).1;
    assert!(
        missing.starts_with("amimux.conf:11: error: the file "),
        "{missing}"
    );
}

#[test]
fn ipv6_is_not_forgotten() {
    let lines = "deny=0.0.0.0/0\npermit=10.0.0.0/8\n";
    let wildcard = BASE.replace("127.0.0.1", "::");
    let expected = "amimux.conf:11: warning: all of IPv4 is denied, but every IPv6 address is allowed, \
                    and amimux listens on IPv6; write deny = ::/0 as well, or bindaddr = 0.0.0.0";
    assert_eq!(load_text(&format!("{wildcard}{USER}{lines}")).1, expected);
    assert_eq!(
        load_text(&format!("{wildcard}{USER}deny=::/0\n{lines}")).1,
        ""
    );
    assert_eq!(load_text(&format!("{BASE}{USER}{lines}")).1, "");
}

#[test]
fn diagnostics_of_upstreams() {
    let none = load_text(&format!("[general]\nbindaddr=::1\n{USER}")).1;
    assert_eq!(
        none,
        "amimux.conf: error: no section has type = upstream; add one:\n  [asterisk]\n  type = upstream\n  \
         host = 127.0.0.1\n  username = NAME\n  secret = SECRET"
    );
    let cases = [
        (
            "[x]\ntype=upstream\nhost=h",
            "9: error: the upstream 'x' has no 'username'; write a line username = ...",
        ),
        (
            "[PBX]\ntype=upstream\nhost=h\nusername=u\nsecret=s",
            "9: error: there is more than one upstream 'PBX'; give each a name of its own, or add to the first with (+)",
        ),
        (
            "[pbx]\nsecret=s",
            "9: error: 'pbx' is a user and an upstream; give the user another name, or add to the upstream with (+)",
        ),
        (
            "[pbx](+)\nhost=a:5038",
            "10: error: host = 'a:5038' is neither a name nor an address; write a host name or an address alone; the port has its own line",
        ),
        (
            "[pbx](+)\nwindow=0",
            "10: error: window = '0' is not valid; write a whole number from 1 to 1024",
        ),
        (
            "[pbx](+)\nread=all",
            "10: error: the option 'read' is unknown in upstream sections; move it: it belongs to user sections",
        ),
        (
            "[pbx](+)\nauthtype=sha",
            "10: error: authtype = 'sha' is not valid; write plain or md5",
        ),
        (
            "[pbx](+)\nreconnectmax=0.1",
            "4: error: 'reconnectmin' is longer than 'reconnectmax'; lower reconnectmin or raise reconnectmax",
        ),
        (
            "[pbx](+)\nkeepalive=0",
            "10: error: keepalive = '0' is not valid; write a time from 100ms to 3600s, as in 5, 0.5, 5s or 500ms",
        ),
    ];
    for (lines, expected) in cases {
        let (settings, report) = load_text(&format!("{BASE}{lines}\n"));
        assert_eq!(
            report.lines().next().unwrap(),
            format!("amimux.conf:{expected}"),
            "{lines}"
        );
        assert!(settings.is_none(), "{lines}");
    }
    let second = "[two]\ntype=upstream\nhost=h\nusername=u\nsecret=s\n";
    assert_eq!(
        load_text(&format!("{BASE}{second}{USER}")).1,
        "amimux.conf:14: error: 'crm' does not say which upstream it is connected to; write upstream = and one of pbx, two"
    );
}

#[test]
fn amimux_does_not_connect_to_itself() {
    for (bind, host, refused) in [
        ("127.0.0.1", "127.0.0.1", true),
        ("127.0.0.1", "localhost", true),
        ("0.0.0.0", "127.0.0.1", true),
        ("::", "::1", true),
        ("127.0.0.1", "192.0.2.1", false),
        ("192.0.2.7", "127.0.0.1", false),
    ] {
        let text = format!("{BASE}{USER}")
            .replace("127.0.0.1", bind)
            .replace("192.0.2.1", host)
            .replace("port=5039", "");
        let report = load_text(&text).1;
        assert_eq!(
            report.contains("where amimux itself listens"),
            refused,
            "{bind} {host}: {report}"
        );
    }
}

#[test]
fn users_and_sections_of_one_name() {
    let (settings, report) = load_text(&format!("{BASE}{USER}read=all\n[CRM]\nsecret=x\n"));
    assert_eq!(
        report,
        "amimux.conf:12: warning: there is another user 'CRM' above; this section takes its place, whereas Asterisk keeps \
         what the earlier one says about secret, read and write where this one says nothing; give each user a name of its \
         own, or add to the first with (+)"
    );
    let users = settings.unwrap().users;
    assert_eq!(users.len(), 1);
    assert_eq!(users.get(b"crm").unwrap().read, Classes::NONE);
    let report = load_text(&format!("{BASE}{USER}[general]\nport=5040\n")).1;
    assert_eq!(
        report,
        "amimux.conf:11: error: there is more than one [general], and Asterisk reads the first only; write [general](+) to add to it"
    );
}

#[test]
fn everything_wrong_is_reported_at_once() {
    let text = "[general]\nportt=1\nbindaddr=x\n[a]\nred=all\nread=foo\n#include none\n[b]\ntype=upstream\n";
    let (settings, report) = load_text(text);
    assert!(settings.is_none());
    assert_eq!(
        report
            .lines()
            .filter(|line| line.contains(": error: "))
            .count(),
        8,
        "{report}"
    );
}
