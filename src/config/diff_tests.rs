//! Tests of the differences: each change is one line that names it, and what means the same is none.

use proptest::prelude::*;

use super::*;
use crate::config::testing::{BASE, Files};
use crate::config::tls::testing::Authority;
use crate::config::{Environment, load};

/// Files around a configuration.
struct Around {
    authority: Authority,
    other: Authority,
}

impl Around {
    fn new() -> Self {
        let (authority, other) = (Authority::new("one"), Authority::new("other"));
        Self { authority, other }
    }

    fn picture(&self, main: &str) -> Picture {
        self.picture_with(main, &[])
    }

    /// `more` takes the place of files of that name.
    fn picture_with(&self, main: &str, more: &[(&str, &str)]) -> Picture {
        // Of one key, so that what is read twice is the same.
        let pair = self.authority.issue("localhost");
        let both = format!("{}{}", pair.certificate, pair.key);
        let mut files = vec![
            ("amimux.conf", main),
            ("both.pem", both.as_str()),
            ("other.pem", both.as_str()),
            ("ca.pem", self.authority.certificate.as_str()),
            ("ca2.pem", self.other.certificate.as_str()),
            ("key.pem", pair.key.as_str()),
            ("one.secret", "file-secret-one\n"),
            ("two.secret", "file-secret-two\n"),
            (
                "acl.conf",
                "[office]\npermit=127.0.0.1\ndeny=0.0.0.0/0\n[home]\ndeny=::1\n",
            ),
            (
                "acl2.conf",
                "[office]\npermit=127.0.0.1\ndeny=0.0.0.0/0\n[home]\ndeny=::1\n",
            ),
        ];
        for (name, text) in more {
            for file in &mut files {
                if file.0 == *name {
                    file.1 = text;
                }
            }
        }
        let files = Files::new(&files);
        let (settings, report) = load(&files.path("amimux.conf"), &Environment::default());
        let settings = settings.unwrap_or_else(|| panic!("{main}\n{}", files.text(&report)));
        (*settings.picture).clone()
    }
}

fn changes(old: &str, new: &str) -> Vec<String> {
    let around = Around::new();
    around.picture(old).changes(&around.picture(new))
}

const HTTP: &str = "webenabled=yes\n[http]\nenabled=yes\nbindaddr=127.0.0.1\n";

/// A configuration with everything on, `{general}`, `{http}`, `{restriction}`, `{pbx}` and `{crm}` being lines.
const WHOLE: &str = "[general]\nbindaddr=127.0.0.1\nport=5038\nwebenabled=yes\ntlsenable=yes\ntlscertfile=both.pem\n\
    tlsclientcert=optional\ntlscafile=ca.pem\n{general}\n\
    [http]\nenabled=yes\nbindaddr=127.0.0.1\ntlsenable=yes\ntlscertfile=both.pem\ntlsclientcert=optional\n\
    tlscafile=ca.pem\n{http}\n\
    [/rawman]\ntype=restriction\n{restriction}\n\
    [pbx]\ntype=upstream\nhost=192.0.2.1\nusername=mux\nsecret=hunter2\ntls=yes\ntlscafile=ca.pem\n{pbx}\n\
    [far]\ntype=upstream\nhost=192.0.2.2\nusername=mux\nsecret=hunter2\n\
    [crm]\nsecret=hunter3\nupstream=pbx\n{crm}\n";

fn whole(place: Place, lines: &str) -> String {
    let place = match place {
        Place::General => "{general}",
        Place::Http => "{http}",
        Place::Restriction => "{restriction}",
        Place::Upstream => "{pbx}",
        Place::User => "{crm}",
    };
    let mut text = WHOLE.replace(place, lines);
    for empty in ["{general}", "{http}", "{restriction}", "{pbx}", "{crm}"] {
        text = text.replace(empty, "");
    }
    text
}

/// Values that are not the default, for options whose kind does not tell one; `None`: there is none that loads.
fn other_value(doc: &OptionDoc) -> Option<&'static str> {
    let by_name = match (doc.place, doc.name) {
        // Its only value, or the section would not be there.
        (_, "type" | "tlsdisablev1" | "tlsdisablev11" | "tls" | "tlsenable" | "webenabled" | "allowemptysecret")
        | (Place::General | Place::Http, "enabled")
        // These exclude what the sections have.
        | (_, "tlsfingerprint" | "tlsverify" | "secrethash") => return None,
        (_, "bindaddr") => "::1",
        (Place::General, "port") => "6039",
        (_, "port") => "6038",
        (_, "bindport") => "8188",
        (Place::General, "tlsbindaddr") => "127.0.0.1:6001",
        (_, "tlsbindaddr") => "127.0.0.1:6002",
        (_, "metricsbindaddr") => "127.0.0.1:6003",
        (_, "aclconf") => "acl2.conf",
        (_, "acl") => "office",
        (_, "permit" | "deny" | "proxyfrom") => "198.51.100.7",
        (_, "read" | "write") => "call",
        (_, "host") => "192.0.2.9",
        // There, each needs the other.
        (Place::Upstream, "tlscertfile" | "tlsprivatekey") => return None,
        (_, "tlscertfile") => "other.pem",
        (_, "tlscafile") => "ca2.pem",
        (_, "tlsprivatekey") => "key.pem",
        (_, "tlscipher") => "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384",
        (_, "tlsservername") => "pbx.example",
        (_, "memorylimit") => "64M",
        (_, "secretfile" | "webtokenfile") => return None,
        (_, "secret") => "another-secret",
        (_, "webtoken") => "0123456789abcdef0123",
        (_, "upstream") => "far",
        (_, "eventfilter") => "Newchannel",
        (_, "actionfilter") => "!Ping",
        (_, "setvar") => "A=b",
        (_, "banner") => "Asterisk Call Manager/9",
        (_, "redirect") => "/a /b",
        (_, "prefix") => "pre",
        (_, "corsorigin") => "https://example.org",
        (_, "setheader" | "allowcommand" | "allowfile") => return None,
        (_, "actionids") => "all",
        (_, "tlsclientcert") => "no",
        (_, "audit") => "all",
        (_, "guards") => "asterisk",
        (_, "authtype") if doc.place == Place::User => "plain",
        (_, "tlsclientname") => "crm.example",
        (_, "username" | "servername" | "disabledevents") => "other",
        (_, "reload") => "asterisk",
        (_, "onslow") => "skip",
        (_, "onupstreamloss") => "close",
        (_, "authtype") => "plain",
        _ => "",
    };
    if !by_name.is_empty() {
        return Some(by_name);
    }
    match (doc.kind, doc.default) {
        ("yes or no", "yes") => Some("no"),
        ("yes or no", "as in [general]") => Some("no"),
        ("yes or no", _) => Some("yes"),
        (kind, _) if kind.contains('K') || kind.contains("1M") => Some("2M"),
        ("seconds", _) => Some("7"),
        ("milliseconds", _) => Some("777"),
        (kind, _) if kind == "number" || kind.starts_with(|c: char| c.is_ascii_digit()) => {
            Some("17")
        }
        _ => None,
    }
}

#[test]
fn each_option_that_changes_is_one_line_that_names_it() {
    let around = Around::new();
    let mut tried = 0;
    for doc in documented().iter().filter(|doc| doc.supported) {
        let Some(other) = other_value(doc) else {
            continue;
        };
        let old = around.picture(&whole(doc.place, ""));
        let new = around.picture(&whole(doc.place, &format!("{} = {other}", doc.name)));
        for (old, new) in [(&old, &new), (&new, &old)] {
            let lines: Vec<_> = (old.changes(new).into_iter())
                .filter(|line| !line.contains("(the file of "))
                .collect();
            assert_eq!(lines.len(), 1, "{} in {:?}: {lines:?}", doc.name, doc.place);
            assert!(lines[0].contains(&format!(" {} ", doc.name)), "{lines:?}");
            assert!(!lines[0].contains("hunter") && !lines[0].contains("another-secret"));
        }
        assert_eq!(new.changes(&new), [""; 0]);
        tried += 1;
    }
    assert!(tried > 85, "{tried}");
}

#[test]
fn lines_as_people_read_them() {
    let section = |name: &str, lines: &str| format!("{BASE}[{name}]\nsecret=hunter3\n{lines}\n");
    let crm = |lines: &str| section("crm", lines);
    let cases = [
        (
            crm("read=call"),
            crm("read=call,agent"),
            "user crm: read was 'call', is 'call,agent'",
        ),
        (
            crm(""),
            crm("read=call"),
            "user crm: read was none, is 'call'",
        ),
        (
            crm(""),
            crm("").replace("hunter3", "hunter4"),
            "user crm: secret changed",
        ),
        (
            crm(""),
            crm("").replace("[general]", "[general]\nretention=8M"),
            "[general] retention was 4M, is 8M",
        ),
        (
            crm("").replace("[general]", "[general]\nbanner=Asterisk Call Manager/1"),
            crm(""),
            "[general] banner was 'Asterisk Call Manager/1', is not set",
        ),
        (
            crm(""),
            crm("").replace("192.0.2.1", "192.0.2.3"),
            "upstream pbx: host was '192.0.2.1', is '192.0.2.3'",
        ),
        (
            crm("permit=10.0.0.1\ndeny=10.0.0.0/8"),
            crm("deny=10.0.0.0/8\npermit=10.0.0.1"),
            "user crm: the order of permit and deny changed",
        ),
        (
            crm("eventfilter=a"),
            crm("eventfilter=a\neventfilter(name(X))="),
            "user crm: eventfilter was 'a', is 'a' and '(name(X))'",
        ),
        (
            format!("{}[dialler]\nsecret=hunter3\n", crm("")),
            crm(""),
            "user dialler: removed",
        ),
        (
            crm(""),
            format!("{}[dialler]\nsecret=hunter3\n", crm("")),
            "user dialler: added",
        ),
    ];
    for (old, new, expected) in cases {
        assert_eq!(changes(&old, &new), [expected]);
    }
}

#[test]
fn what_means_the_same_is_no_difference() {
    let crm = |lines: &str| format!("{BASE}[crm]\nsecret=hunter3\n{lines}\n");
    let pairs = [
        (
            crm("read=call,agent"),
            crm("; a comment\n\nread = agent,call"),
        ),
        (
            crm(""),
            crm("maxinflight=8\nonslow=Disconnect\nwritetimeout=30s"),
        ),
        (
            crm(""),
            crm("").replace(
                "[general]",
                "[general]\nretention=4096k\nauthtimeout=30\ntlsdisablev12=no",
            ),
        ),
        (
            crm("read=call"),
            format!("{BASE}[base](!)\nread=call\n[crm](base)\nsecret=hunter3\n"),
        ),
        (crm("allowmultiplelogin=yes"), crm("allowmultiplelogin=on")),
        // Where TLS or HTTP is not served, what it would be served with means nothing.
        (
            crm(""),
            crm("").replace("[general]", "[general]\ntlsbindaddr=::1"),
        ),
        (
            crm(""),
            format!("{}[http]\nenabled=no\nbindport=99\n", crm("")),
        ),
    ];
    for (old, new) in pairs {
        assert_eq!(changes(&old, &new), [""; 0], "{old}\n{new}");
    }
}

#[test]
fn what_stands_in_files_counts() {
    let around = Around::new();
    let main = whole(Place::User, "acl=office").replace("secret=hunter3", "secretfile=one.secret");
    let main = main.replace(
        "username=mux\nsecret=hunter2\n[",
        "username=mux\nsecretfile=two.secret\n[",
    );
    let pair = around.authority.issue("localhost");
    let both = format!("{}{}", pair.certificate, pair.key);
    let acl = "[office]\npermit=127.0.0.2\ndeny=0.0.0.0/0\n[home]\ndeny=::1\n";
    let before = around.picture_with(&main, &[("both.pem", &both)]);
    for (file, text, expected) in [
        (
            "one.secret",
            "other\n",
            vec!["user crm: secret changed (the file of secretfile)"],
        ),
        ("one.secret", "file-secret-one", vec![]),
        (
            "two.secret",
            "other",
            vec!["upstream far: secret changed (the file of secretfile)"],
        ),
        ("acl.conf", acl, vec!["acl office: rules changed"]),
        (
            "ca.pem",
            around.other.certificate.as_str(),
            vec![
                "[general] contents changed (the file of tlscafile)",
                "[http] contents changed (the file of tlscafile)",
                "upstream pbx: contents changed (the file of tlscafile)",
            ],
        ),
    ] {
        let after = around.picture_with(&main, &[("both.pem", &both), (file, text)]);
        assert_eq!(before.changes(&after), expected, "{file}");
    }
    let renewed = around.picture_with(&main, &[]);
    assert_eq!(
        before.changes(&renewed),
        [
            "[general] certificate of tlsbindaddr changed (the file of tlscertfile)",
            "[http] certificate of tlsbindaddr changed (the file of tlscertfile)",
        ]
    );
}

#[test]
fn http_that_is_switched_on_is_told_with_what_it_has() {
    let off = format!("{BASE}[crm]\nsecret=hunter3\n");
    let on = off.replace("[general]\n", "").replacen(
        "bindaddr",
        &format!("{HTTP}[general](+)\nbindaddr"),
        1,
    );
    let on = format!("[general]\n{on}");
    let lines = changes(&off, &on);
    assert_eq!(
        lines,
        [
            "[general] webenabled was no, is yes",
            "[http] enabled was no, is yes",
            "[http] bindaddr was not set, is '127.0.0.1'",
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn nothing_is_different_from_itself_and_sections_may_change_places(
        lines in proptest::sample::subsequence(vec!["read=call", "write=all", "deny=10.0.0.0/8", "maxinflight=3", "setvar=A=b"], 0..5),
        first in any::<bool>(),
    ) {
        let crm = format!("[crm]\nsecret=hunter3\n{}\n", lines.join("\n"));
        let other = "[other]\nsecret=hunter3\n";
        let one = format!("{BASE}{crm}{other}");
        let two = if first { format!("{BASE}{other}{crm}") } else { one.clone() };
        prop_assert_eq!(changes(&one, &two), Vec::<String>::new());
    }
}
