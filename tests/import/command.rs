//! The command: what it writes, tells and never replaces.

use super::*;

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
