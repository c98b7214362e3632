//! `amimux import`: what comes out can be used, users have the rights that they had or none, nothing is replaced or
//! shown that should not be.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends by panicking"
)]

mod support;

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use amimux::config::settings::Settings;
use amimux::config::{self, Environment};
use amimux::import::{Group, ImportError, Imported, Request, import};
use amimux::policy::action::ActionTable;
use amimux::policy::class::Classes;
use amimux::policy::explain;
use amimux::policy::secret::Credential;
use amimux::policy::user::User;
use amimux::protocol::frame::Frame;
use proptest::prelude::*;
use support::test_logs::{has_secrets, said};
use tempfile::TempDir;

/// An upstream, with which a `manager.conf` is a configuration of amimux as it stands.
const UPSTREAM: &str = "\n[pbx]\ntype=upstream\nhost=192.0.2.1\nusername=mux\nsecret=s3cr3t\n";

/// Files in a folder of their own.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(&folder.path().join(name), text.as_bytes());
    }
    folder
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}

fn request(from: &Path) -> Request {
    Request {
        from: from.to_owned(),
        output: from.join("amimux.conf"),
        take_over: false,
        force: true,
        secret: "0123456789abcdef".to_owned().into(),
    }
}

/// What came out of an import.
struct Result {
    folder: TempDir,
    imported: Imported,
    settings: Settings,
    text: String,
}

impl Result {
    fn user(&self, name: &str) -> Option<&User> {
        self.settings.users.get(name.as_bytes()).map(|user| &**user)
    }

    /// Everything of one group in one text.
    fn told(&self, group: Group) -> String {
        let lines = self.imported.findings.of(group);
        lines.map(|finding| format!("{}\n", finding.what)).collect()
    }
}

/// Imports files, loads what came out, and checks what holds for every import.
fn imported(files: &[(&str, &str)], change: impl Fn(&mut Request)) -> Result {
    let folder = folder(files);
    let mut request = request(folder.path());
    change(&mut request);
    let imported = import(&request).unwrap();
    let (settings, report) = config::load(&request.output, &Environment::default());
    let text = std::fs::read_to_string(&request.output).unwrap();
    let settings = settings.unwrap_or_else(|| panic!("{report}\n{text}"));
    for file in &imported.files {
        let mode = std::fs::metadata(file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    let told = imported.findings.to_string();
    assert!(!told.contains("hunter"), "no secret is told:\n{told}");
    let hidden = std::fs::read_dir(folder.path()).unwrap();
    let names = hidden.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(
        !names.into_iter().any(|name| name.starts_with('.')),
        "nothing is left behind"
    );
    Result {
        folder,
        imported,
        settings,
        text,
    }
}

fn asis(_: &mut Request) {}

/// Classes in words.
fn words(classes: Classes) -> String {
    match classes {
        Classes::NONE => "none".to_owned(),
        Classes::ALL => "all".to_owned(),
        some => some.to_string(),
    }
}

/// What a user may do, in a form that can be compared.
fn facts(user: &User) -> String {
    let secret = match &user.credential {
        Credential::Secret(secret) => String::from_utf8_lossy(secret.expose()).into_owned(),
        other => format!("{other:?}"),
    };
    let rules: Vec<String> = user.acl.rules().map(|rule| format!("{rule:?}")).collect();
    let filters: Vec<&str> = user
        .event_filters
        .iter()
        .map(|filter| filter.text())
        .collect();
    format!(
        "{} {secret:?} read={} write={} {rules:?} {filters:?} {:?} {} {} {:?}",
        user.name.to_ascii_lowercase(),
        user.read,
        user.write,
        user.set_variables,
        user.allow_multiple_login,
        user.display_connects,
        user.write_timeout,
    )
}

fn all_facts(settings: &Settings) -> Vec<String> {
    let mut facts: Vec<String> = settings.users.iter().map(|user| facts(user)).collect();
    facts.sort();
    facts
}

/// The users of a `manager.conf` as amimux itself reads it; nothing where it has errors.
fn users_of_original(files: &[(&str, &str)]) -> Option<Vec<String>> {
    let folder = folder(files);
    let manager = std::fs::read_to_string(folder.path().join("manager.conf")).unwrap();
    let path = folder.path().join("original.conf");
    write(&path, (manager + UPSTREAM).as_bytes());
    let (settings, _) = config::load(&path, &Environment::default());
    settings.map(|settings| all_facts(&settings))
}

/// An ordinary manager.conf, in which nothing is wrong.
const ORDINARY: &str = "; our PBX
[general]
enabled = yes
port = 5038
bindaddr = 127.0.0.1
allowmultiplelogin = no

[local](!) ; a template
deny = 0.0.0.0/0.0.0.0
permit = 127.0.0.1/255.255.255.255

[crm](local) ; the desk
secret = hunter\\;2
read = call,user
write = originate
setvar = SOURCE=crm
eventfilter = !Event: RTCP
eventfilter(name(Hangup),header(Cause),method(exact)) = 16

;-- [old]
secret = hunter9
--;
[wallboard]
secret = hunter3
read => all
allowmultiplelogin = yes
";

#[test]
fn users_of_a_sound_file_have_what_they_had() {
    let acl = "[office]\ndeny=0.0.0.0/0\npermit=192.0.2.0/24\n";
    let samples: [(&str, Vec<(&str, &str)>); 4] = [
        ("ordinary", vec![("manager.conf", ORDINARY)]),
        (
            "named lists",
            vec![
                (
                    "manager.conf",
                    "[general]\nenabled=yes\n[a]\nsecret=hunter2\nacl=office\nread=all\n",
                ),
                ("acl.conf", acl),
            ],
        ),
        (
            "sections are added to",
            vec![(
                "manager.conf",
                "[general]\nenabled=yes\n[a]\nsecret=hunter2\n[b](a)\nread=call\n[a](+)\nwrite=user\nsecret+=3\n",
            )],
        ),
        ("nobody", vec![("manager.conf", "[general]\nenabled=yes\n")]),
    ];
    for (name, files) in samples {
        let before = users_of_original(&files).unwrap();
        let result = imported(&files, asis);
        assert_eq!(
            all_facts(&result.settings),
            before,
            "{name}\n{}",
            result.text
        );
    }
}

#[test]
fn included_files_are_read_in_their_place() {
    let manager = "[general]\nenabled=yes\n[a]\nsecret=hunter2\n#include \"more.conf\"\ndisplayconnects=no\n\
                   [b](t)\nsecret=hunter4\n";
    let more = "read=call\n[t](!)\nwrite=user\n[c]\nsecret=hunter3\n";
    let files = [("manager.conf", manager), ("more.conf", more)];
    let before = users_of_original(&files).unwrap();
    let result = imported(&files, asis);
    assert_eq!(all_facts(&result.settings), before, "{}", result.text);
    assert!(!result.user("a").unwrap().display_connects);
    assert_eq!(words(result.user("c").unwrap().write), "none");
}

#[test]
fn order_and_comments_stay() {
    let result = imported(&[("manager.conf", ORDINARY)], asis);
    let kept: Vec<&str> = ORDINARY
        .lines()
        .filter(|line| {
            !line.starts_with("port") && !line.contains("--") && !line.contains("hunter9")
        })
        .collect();
    let mut lines = result.text.lines();
    for line in kept {
        assert!(
            lines.any(|other| other == line),
            "{line:?} in\n{}",
            result.text
        );
    }
    assert!(result.user("old").is_none());
}

/// What is wrong, lines of the user `x` and whatever follows, its facts as classes, or none where it is switched off, a
/// word that the administrator is told.
type Fault = (
    &'static str,
    &'static str,
    Option<(&'static str, &'static str)>,
    &'static str,
);

const FAULTS: [Fault; 15] = [
    (
        "blanks in a list",
        "read = call, user\n",
        Some(("call", "none")),
        "grants call",
    ),
    (
        "a class that does not exist",
        "read = all\nwrite = cal\n",
        Some(("all", "none")),
        "grants none",
    ),
    (
        "an empty element",
        "read = ,call\n",
        Some(("all", "none")),
        "grants all",
    ),
    (
        "an address that is none",
        "deny = 300.0.0.0/8\nread = all\n",
        None,
        "[x] is switched off",
    ),
    (
        "an access list that is none",
        "acl = nowhere\nread = all\n",
        None,
        "[x] is switched off",
    ),
    (
        "a filter that is none",
        "eventfilter = [\nread = all\n",
        None,
        "[x] is switched off",
    ),
    (
        "an empty secret",
        "secret =\nread = all\n",
        None,
        "[x] is switched off",
    ),
    (
        "a template with a fault",
        "[t](!)\ndeny = no\n[x](t)\nsecret = hunter2\nread = all\n",
        None,
        "[x] is switched off",
    ),
    (
        "a name mistyped",
        "permti = 192.0.2.1\nread = call\n",
        Some(("call", "none")),
        "'permti'",
    ),
    (
        "an option of ours",
        "guards = asterisk\nread = call\n",
        Some(("call", "none")),
        "might not",
    ),
    (
        "a variable without value",
        "setvar = A\nread = call\n",
        Some(("call", "none")),
        "setvar",
    ),
    (
        "no line at all",
        "read = call\nnonsense\n",
        Some(("call", "none")),
        "has no '='",
    ),
    (
        "a second section",
        "read = call\n[X]\nwrite = user\n",
        Some(("call", "user")),
        "keeps secret, read",
    ),
    (
        "a second [general]",
        "read = call\n[general]\nport = 99\n",
        Some(("call", "none")),
        "first [general] only",
    ),
    (
        "a command",
        "read = call\n#exec /bin/true\n",
        Some(("call", "none")),
        "#exec",
    ),
];

#[test]
fn faults_never_make_anything_wider() {
    for (name, lines, expected, told) in FAULTS {
        let head = if lines.starts_with('[') {
            ""
        } else {
            "[x]\nsecret = hunter2\n"
        };
        let text = format!("[general]\nenabled = yes\nbindaddr = 127.0.0.1\n{head}{lines}");
        let result = imported(&[("manager.conf", &text)], asis);
        let user = result.user("x");
        let classes = user.map(|user| (words(user.read), words(user.write)));
        let expected = expected.map(|(read, write)| (read.to_owned(), write.to_owned()));
        assert_eq!(classes, expected, "{name}\n{}", result.text);
        assert!(user.is_none_or(|user| matches!(&user.credential, Credential::Secret(_))));
        let must = result.told(Group::MustLookAt);
        assert!(must.contains(told), "{name}: {told:?} is not told:\n{must}");
    }
}

#[test]
fn a_line_that_cannot_be_read_switches_its_user_off() {
    let folder = folder(&[]);
    let bytes = b"[general]\nenabled=yes\n; f\xfcr\n[t](!)\ndeny=\xfc\n[x](t)\nsecret=hunter2\n[y]\nsecret=hunter3\n[z](x)\n";
    write(&folder.path().join("manager.conf"), bytes);
    let request = request(folder.path());
    import(&request).unwrap();
    let settings = config::load(&request.output, &Environment::default())
        .0
        .unwrap();
    let mut names: Vec<&str> = settings
        .users
        .iter()
        .map(|user| user.name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["y"]);
}

#[test]
fn files_that_asterisk_refuses_are_refused() {
    let cases = [
        ("no bracket", "[general\n", ":1:"),
        ("no template", "[general]\n[x](t)\n", "to inherit from"),
        ("no section", "read = all\n", "before any section"),
        (
            "no include",
            "[general]\n#include \"nowhere.conf\"\n",
            "finds no file",
        ),
        (
            "a comment without end",
            "[general]\n;-- x\n",
            "does not end",
        ),
    ];
    for (name, text, told) in cases {
        let folder = folder(&[("manager.conf", text)]);
        let error = import(&request(folder.path())).unwrap_err();
        assert!(
            matches!(error, ImportError::Source(..) | ImportError::Unusable(_)),
            "{name}: {error}"
        );
        assert!(error.to_string().contains(told), "{name}: {error}");
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "{name}"
        );
    }
}

#[test]
fn amimux_and_asterisk_each_have_a_place() {
    let lan = "[general]\nenabled=yes\nbindaddr=192.0.2.7\nport=5050\n[a]\nsecret=hunter2\n";
    let beside = imported(&[("manager.conf", lan)], asis);
    assert_eq!(beside.settings.general.bind.to_string(), "192.0.2.7:5039");
    let upstream = &beside.settings.upstreams[0];
    assert_eq!((&*upstream.host, upstream.port), ("192.0.2.7", 5050));
    let section = &*beside.imported.for_asterisk;
    assert!(
        !section.contains("[general]") && section.contains("permit = 192.0.2.7"),
        "{section}"
    );

    let over = imported(&[("manager.conf", lan)], |request| request.take_over = true);
    assert_eq!(over.settings.general.bind.to_string(), "192.0.2.7:5050");
    let upstream = &over.settings.upstreams[0];
    assert_eq!((&*upstream.host, upstream.port), ("127.0.0.1", 5150));
    let section = &*over.imported.for_asterisk;
    assert!(
        section.contains("bindaddr = 127.0.0.1\nport = 5150"),
        "{section}"
    );
}

#[test]
fn what_is_printed_for_asterisk_lets_amimux_in() {
    let taken = "[general]\nenabled=no\n[asterisk]\nsecret=hunter2\n[amimux]\nsecret=hunter3\n";
    let result = imported(&[("manager.conf", taken)], asis);
    let upstream = &result.settings.upstreams[0];
    assert_eq!(
        (&*upstream.name, &*upstream.username),
        ("asterisk-2", "amimux-2")
    );
    let text = format!("{}{UPSTREAM}", *result.imported.for_asterisk);
    let path = result.folder.path().join("asterisk.conf");
    write(&path, text.as_bytes());
    let settings = config::load(&path, &Environment::default()).0.unwrap();
    let user = settings.users.get(b"amimux-2").unwrap();
    assert!(facts(user).contains(&format!("{:?}", "0123456789abcdef")));
    assert_eq!(upstream.secret.expose(), b"0123456789abcdef");
    let (here, there) = ("127.0.0.1", "192.0.2.9");
    let allows = |address: &str| user.acl.allows(address.parse::<IpAddr>().unwrap());
    assert!(allows(here) && allows("::1") && !allows(there) && !allows("2001:db8::1"));
}

#[test]
fn users_conf_adds_users_with_every_class() {
    let manager = "[general]\nenabled=yes\n[6001]\nwrite=user\n";
    let users = "[general]\nhasmanager=no\nsecret=hunter\\;2\n[6000]\nhasmanager=yes\ndeny=0.0.0.0/0\n\
                 [6001]\nhasmanager=yes\nsecret=hunter3\nread=call\n[6002]\nsecret=hunter4\n";
    let result = imported(&[("manager.conf", manager), ("users.conf", users)], asis);
    assert_eq!(result.settings.users.len(), 2);
    let all = Classes::ALL;
    let one = result.user("6000").unwrap();
    assert_eq!((one.read, one.write), (all, all));
    assert!(facts(one).contains("\"hunter;2\""));
    assert!(
        one.acl.allows("192.0.2.1".parse().unwrap()),
        "Asterisk reads no access list there"
    );
    let other = result.user("6001").unwrap();
    assert_eq!(
        (other.read.to_string(), other.write.to_string()),
        ("call".into(), "user".into())
    );
    assert!(facts(other).contains("\"hunter3\""));
    assert!(
        result
            .told(Group::MustLookAt)
            .contains("[6000] is a user of AMI")
    );
}

#[test]
fn http_moves_along_only_where_it_was_served() {
    let manager = "[general]\nenabled=yes\nwebenabled=yes\n[http]\nsecret=hunter2\nread=call\n";
    let http = "[general]\nenabled=yes\nbindaddr=127.0.0.1\nprefix=ast\nenable_static=yes\nodd=1\n\
                [post_mappings]\na=b\n[rawman]\ntype=restriction\ndeny=0.0.0.0/0\n";
    let files = [("manager.conf", manager), ("http.conf", http)];
    let served = imported(&files, asis);
    let settings = served.settings.http.as_ref().unwrap();
    assert_eq!(settings.bind.to_string(), "127.0.0.1:8188");
    assert_eq!(settings.restrictions[0].0, "/rawman");
    assert!(served.user("http").is_some(), "a user may be called so");
    let over = imported(&files, |request| request.take_over = true);
    assert_eq!(over.settings.http.unwrap().bind.port(), 8088);

    let broken = http.replace("deny=0.0.0.0/0", "deny=nobody");
    let off = [
        (
            "no restriction that holds",
            [("manager.conf", manager), ("http.conf", &*broken)],
        ),
        (
            "not enabled",
            [
                ("manager.conf", manager),
                ("http.conf", "[general]\nbindaddr=::1\n"),
            ],
        ),
        (
            "not asked for",
            [
                ("manager.conf", "[general]\nenabled=yes\n"),
                ("http.conf", http),
            ],
        ),
    ];
    for (name, files) in off {
        assert!(imported(&files, asis).settings.http.is_none(), "{name}");
    }
}

#[test]
fn tls_without_its_certificate_is_off() {
    let manager = "[general]\nenabled=yes\ntlsenable=yes\ntlscertfile=/nowhere.pem\n";
    let result = imported(&[("manager.conf", manager)], asis);
    assert!(result.settings.general.tls.is_none());
    assert!(result.told(Group::MustLookAt).contains("/nowhere.pem"));
}

#[test]
fn options_without_effect_are_told_of() {
    let manager = "[general]\nenabled=yes\nchannelvars=A\ndebug=on\neventfilter=x\npermit=192.0.2.1\n\
                   [a]\nsecret=hunter2\nread=all\nwrite=command,originate\nwritetimeout=500\n";
    let result = imported(&[("manager.conf", manager)], asis);
    let differs = result.told(Group::Differs);
    for word in [
        "'channelvars'",
        "'debug'",
        "writetimeout",
        "[a]: may run only",
        "guards",
        "actionids",
    ] {
        assert!(differs.contains(word), "{word}:\n{differs}");
    }
    let must = result.told(Group::MustLookAt);
    assert!(
        must.contains("Asterisk has filters in user sections only"),
        "{must}"
    );
    assert!(
        result
            .settings
            .general
            .acl
            .allows("203.0.113.1".parse().unwrap())
    );
    let noted = "; amimux: the option 'channelvars' has no effect";
    assert!(result.text.contains(noted), "{}", result.text);
}

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

fn amimux(folder: &Path, arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_amimux"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        // A folder is no configuration.
        has_secrets(&std::fs::read(entry.unwrap().path()).unwrap_or_default());
    }
    // On standard output is the configuration, which has to hold secrets.
    said(&output.stderr);
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_command_writes_tells_and_replaces_nothing() {
    let folder = folder(&[("manager.conf", ORDINARY)]);
    let once = amimux(folder.path(), &["import", "--from", "."]);
    let (out, told) = (text(&once.stdout), text(&once.stderr));
    assert_eq!(once.status.code(), Some(0), "{told}");
    for word in [
        "To be looked at:",
        "Works otherwise than before:",
        "Taken over as it is:",
        "wrote amimux.conf (mode 600",
    ] {
        assert!(told.contains(word), "{word}:\n{told}");
    }
    assert!(
        out.starts_with("[amimux]\nsecret = ") && !told.contains("hunter"),
        "{out}{told}"
    );
    let check = amimux(folder.path(), &["check", "--config", "amimux.conf"]);
    assert_eq!(check.status.code(), Some(0), "{}", text(&check.stderr));
    assert_eq!(text(&check.stderr), "", "not even a warning");

    let before = std::fs::read(folder.path().join("amimux.conf")).unwrap();
    let again = amimux(folder.path(), &["import", "--from", "."]);
    assert_eq!(again.status.code(), Some(1));
    assert!(
        text(&again.stderr).contains("--force"),
        "{}",
        text(&again.stderr)
    );
    assert_eq!(
        std::fs::read(folder.path().join("amimux.conf")).unwrap(),
        before
    );
    let forced = amimux(folder.path(), &["import", "--from", ".", "--force"]);
    assert_eq!(forced.status.code(), Some(0));
    let after = std::fs::read(folder.path().join("amimux.conf")).unwrap();
    assert_ne!(after, before, "each import makes up a secret of its own");
}

#[test]
fn what_is_read_is_never_replaced() {
    let files = [
        ("manager.conf", "[general]\nenabled=yes\n"),
        ("acl.conf", "[x]\n"),
    ];
    let folder = folder(&files);
    for (name, text) in files {
        let mut request = request(folder.path());
        request.output = folder.path().join(name);
        assert!(
            matches!(import(&request).unwrap_err(), ImportError::Original(_)),
            "{name}"
        );
        assert_eq!(std::fs::read_to_string(&request.output).unwrap(), text);
    }
}

#[test]
fn an_asterisk_that_cannot_be_reached_takes_its_users_along() {
    let proxy =
        "host = pbx1, 5038, mux, s3cr3t, on, off\nhost = no/name, 5038, mux, s3cr3t, on, on\n";
    let users = "a=hunter2\nb=hunter3,,,,,no/name\n";
    let result = imported(
        &[("astmanproxy.conf", proxy), ("astmanproxy.users", users)],
        asis,
    );
    assert!(result.user("b").is_none(), "{}", result.text);
    assert_eq!(result.user("a").unwrap().upstream, "pbx1");
    assert_eq!(result.settings.upstreams.len(), 1);
}

#[test]
fn exit_codes() {
    let folder = folder(&[("manager.conf", "[general\n"), ("acl.conf", "[x]\n")]);
    let elsewhere = folder.path().join("nothing");
    std::fs::create_dir(&elsewhere).unwrap();
    let cases: [(&[&str], i32); 4] = [
        (&["--from", "."], 78),
        (&["--from", "nowhere.conf"], 1),
        (&["--from", "nothing"], 1),
        (&["--with-nonsense"], 64),
    ];
    for (arguments, code) in cases {
        let output = amimux(folder.path(), &[&["import"], arguments].concat());
        assert_eq!(
            output.status.code(),
            Some(code),
            "{arguments:?} {}",
            text(&output.stderr)
        );
        assert!(!folder.path().join("amimux.conf").exists());
    }
}

#[test]
fn a_list_that_is_there_is_not_replaced() {
    let manager = "[general]\nenabled=yes\n[a]\nsecret=hunter2\nacl=office\n";
    let folder = folder(&[
        ("manager.conf", manager),
        ("acl.conf", "[office]\ndeny=0.0.0.0/0\n"),
        ("amimux-acl.conf", ""),
    ]);
    let mut request = request(folder.path());
    request.force = false;
    assert!(matches!(
        import(&request).unwrap_err(),
        ImportError::Exists(_)
    ));
    assert!(!request.output.exists());
    let elsewhere = folder.path().join("new");
    std::fs::create_dir(&elsewhere).unwrap();
    request.output = elsewhere.join("mux.conf");
    let files: Vec<PathBuf> = import(&request).unwrap().files;
    assert_eq!(
        files,
        [elsewhere.join("mux.conf"), elsewhere.join("mux-acl.conf")]
    );
}

/// The samples of Debian's package, where Asterisk was unpacked.
#[test]
fn asterisks_own_samples_can_be_imported() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/asterisk/root/usr/share/asterisk/conf/samples");
    let files = ["manager.conf", "http.conf", "acl.conf"].map(|name| {
        let path = samples.join(format!("{name}.sample"));
        let text = std::fs::read_to_string(&path);
        let text = text.unwrap_or_else(|error| {
            panic!("{}: {error}; scripts/setup.sh unpacks it", path.display())
        });
        (name, text)
    });
    let found = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let result = imported(&found, asis);
    assert_eq!(result.settings.users.len(), 0);
    // With everything that is commented out there, if it is an option.
    let uncommented = found[0].1.replace("\n;[mark]", "\n[mark]");
    let options = [
        "secret",
        "deny",
        "permit",
        "setvar",
        "eventfilter",
        "read",
        "write",
    ];
    let uncommented: Vec<String> = uncommented
        .lines()
        .map(|line| match line.strip_prefix(';') {
            Some(rest)
                if options
                    .iter()
                    .any(|name| rest.trim_start().starts_with(name)) =>
            {
                rest.trim_start().to_owned()
            }
            _ => line.to_owned(),
        })
        .collect();
    let result = imported(&[("manager.conf", &uncommented.join("\n"))], asis);
    assert!(
        result.user("mark").is_some(),
        "{}\n{}",
        result.imported.findings,
        result.text
    );
}

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
