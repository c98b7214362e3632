//! What is made of `manager.conf` and the files beside it.

use super::*;

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
