//! Tests of secrets from files and as hashes: what is read, and the exact text of what is reported.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::config::settings::Settings;
use crate::config::testing::{BASE, Files, set_mode};
use crate::config::{Environment, load};
use crate::policy::secret::Credential;
use crate::policy::user::{LoginForms, User};

const HASH: &str =
    "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

/// Files beside a configuration of these lines behind [`BASE`], and what is made of it; `credentials/` is `%d`.
fn load_beside(lines: &str, beside: &[(&str, &str)]) -> (Option<Settings>, String) {
    let main = format!("{BASE}{lines}\n");
    let mut all = vec![("amimux.conf", main.as_str())];
    all.extend_from_slice(beside);
    let files = Files::new(&all);
    let (settings, report) = load(
        &files.path("amimux.conf"),
        &Environment {
            credentials_directory: Some(files.path("credentials")),
            ..Environment::default()
        },
    );
    let text = files.text(&report);
    assert!(!text.contains("hunter"), "no secret is ever shown: {text}");
    assert!(!text.contains("nf65EOgL"), "no hash is ever shown: {text}");
    (settings, text)
}

fn crm(settings: Option<&Settings>) -> &User {
    settings.unwrap().users.get(b"crm").unwrap()
}

fn secret(user: &User) -> &[u8] {
    match &user.credential {
        Credential::Secret(secret) => secret.expose(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_is_the_secret_without_its_line_end() {
    let long = "x".repeat(4096);
    for (content, expected) in [
        ("hunter2", "hunter2"),
        ("hunter2\n", "hunter2"),
        ("hunter2\r\n", "hunter2"),
        (" hunter2; \t\n", " hunter2; \t"),
        ("hünter", "hünter"),
        (long.as_str(), long.as_str()),
    ] {
        let (settings, report) =
            load_beside("[crm]\nsecretfile=crm.secret", &[("crm.secret", content)]);
        assert_eq!(report, "", "{content:?}");
        assert_eq!(secret(crm(settings.as_ref())), expected.as_bytes());
    }
}

#[test]
fn where_files_are() {
    for (line, file) in [
        ("crm.secret", "crm.secret"),
        ("secrets/crm", "secrets/crm"),
        ("%d/crm", "credentials/crm"),
        ("%d//crm", "credentials/crm"),
        ("./%d", "%d"),
    ] {
        let lines = format!("[crm]\nsecretfile = {line}");
        let (settings, report) = load_beside(&lines, &[(file, "hunter2\n")]);
        assert_eq!(report, "", "{line}");
        assert_eq!(secret(crm(settings.as_ref())), b"hunter2");
    }
    let elsewhere = Files::new(&[("crm", "hunter2")]);
    let lines = format!("[crm]\nsecretfile={}", elsewhere.path("crm").display());
    assert_eq!(load_beside(&lines, &[]).1, "");
}

#[test]
fn what_is_wrong_with_a_file() {
    let too_long = "hunter".repeat(700);
    let alone = "the file must hold the secret alone: one line, whose end does not count";
    for (line, content, expected) in [
        (
            "none",
            "",
            "'none': the file cannot be read: No such file or directory (os error 2); check the path and the permissions".to_owned(),
        ),
        (
            "folder",
            "",
            "'folder': it is not a regular file; name a file that holds the secret".to_owned(),
        ),
        ("", "", "'': the line names no file; write the path of a file".to_owned()),
        ("%d/", "", "'%d/': the line names no file; write the path of a file".to_owned()),
        (
            "%h/x",
            "",
            "'%h/x': '%' at the beginning stands for something else than '%d/NAME'; write %d/NAME, or ./ before a name that begins with '%'".to_owned(),
        ),
        ("s", &too_long, format!("'s': the file is longer than 4096 bytes; {alone}")),
        ("s", "hunter2\nhunter3\n", format!("'s': the file is more than one line; {alone}")),
        ("s", "hunter2\n\n", format!("'s': the file is more than one line; {alone}")),
        ("s", "hun\rter", format!("'s': the file is more than one line; {alone}")),
        ("s", "hunter2\0", format!("'s': the file is not text: it holds a NUL; {alone}")),
    ] {
        let beside = [("s", content), ("folder/x", "")];
        let (settings, report) = load_beside(&format!("[crm]\nsecretfile={line}"), &beside);
        assert_eq!(report, format!("amimux.conf:10: error: secretfile = {expected}"));
        assert!(settings.is_none());
    }
}

#[test]
fn percent_d_needs_the_directory_of_credentials() {
    let files = Files::new(&[(
        "amimux.conf",
        &BASE.replace("secret=hunter2", "secretfile=%d/pbx"),
    )]);
    let (settings, report) = load(&files.path("amimux.conf"), &Environment::default());
    assert!(settings.is_none());
    assert_eq!(
        files.text(&report).lines().next().unwrap(),
        "amimux.conf:8: error: secretfile = '%d/pbx': $CREDENTIALS_DIRECTORY is not set, so that %d stands for nothing; \
         write LoadCredential=NAME:/path/to/the/file into the [Service] of the systemd unit, which sets it, or name the \
         file by its path"
    );
}

#[test]
fn a_file_that_everybody_can_read_is_warned_of() {
    let files = Files::new(&[
        ("amimux.conf", &format!("{BASE}[crm]\nsecretfile=s\n")),
        ("s", "hunter2"),
    ]);
    set_mode(&files.path("s"), 0o644);
    let (settings, report) = load(&files.path("amimux.conf"), &Environment::default());
    assert!(settings.is_some());
    assert_eq!(
        files.text(&report),
        "amimux.conf:10: warning: 's' holds a secret and everybody on this machine can read it; run chmod o-r on it"
    );
}

#[test]
fn empty_files() {
    for content in ["", "\n", "\r\n"] {
        let (settings, report) = load_beside("[crm]\nsecretfile=s", &[("s", content)]);
        assert!(settings.is_none());
        assert_eq!(
            report,
            "amimux.conf:10: error: the secret of 'crm' is empty: anybody could log in; write a secret, or \
             allowemptysecret = yes if that is meant"
        );
        let lines = "[crm]\nsecretfile=s\nallowemptysecret=yes";
        let (settings, report) = load_beside(lines, &[("s", content)]);
        assert_eq!(report, "");
        assert_eq!(secret(crm(settings.as_ref())), b"");
    }
}

#[test]
fn hashes() {
    let line = format!("secrethash = {HASH}");
    for (forms, expected) in [
        ("", LoginForms::Any),
        ("authtype=any", LoginForms::Any),
        ("authtype=plain", LoginForms::Plain),
    ] {
        let (settings, report) = load_beside(&format!("[crm]\n{line}\n{forms}"), &[]);
        assert_eq!(report, "");
        let user = crm(settings.as_ref());
        assert_eq!(user.login_forms, expected);
        let Credential::Hash(hash) = &user.credential else {
            panic!("{:?}", user.credential)
        };
        assert_eq!(hash.to_phc(), HASH);
    }
    let (settings, report) = load_beside("[crm]\nsecret=x\nauthtype=md5", &[]);
    assert_eq!(report, "");
    assert_eq!(crm(settings.as_ref()).login_forms, LoginForms::Md5);
}

#[test]
fn what_is_wrong_with_credentials() {
    let hash = format!("secrethash={HASH}");
    let cut = format!("secrethash={}", &HASH[..60]);
    let huge = format!("secrethash={}", HASH.replace("m=256", "m=999999"));
    let one = "and only one of them can count; keep one of them; lines that a template brings count as well";
    for (lines, expected) in [
        (
            "secrethash=hunter2",
            "10: error: the value of 'secrethash' cannot be used: it does not begin with '$argon2id$v=19$'; write a line that 'amimux hash-secret' printed, as it is".to_owned(),
        ),
        (
            &cut,
            "10: error: the value of 'secrethash' cannot be used: the hash at its end is not of 16 to 64 bytes; make a new one with 'amimux hash-secret'".to_owned(),
        ),
        (
            &huge,
            "10: error: the value of 'secrethash' cannot be used: m, the memory in KiB, is not from 8 to 262144 and at least 8 for each lane; make a new one with 'amimux hash-secret'".to_owned(),
        ),
        (
            &format!("authtype=md5\n{hash}"),
            "10: error: authtype = md5 and 'secrethash' let nobody log in: MD5 needs the secret itself; write authtype = plain, or secret or secretfile instead of secrethash".to_owned(),
        ),
        (
            "secret=x\nauthtype=sha",
            "11: error: authtype = 'sha' is not valid; write any or plain or md5".to_owned(),
        ),
        (
            "secret=hunter2\nsecretfile=s",
            format!("11: error: 'crm' has 'secret' and 'secretfile', {one}"),
        ),
        (
            &format!("{hash}\nsecret=hunter2"),
            format!("11: error: 'crm' has 'secret' and 'secrethash', {one}"),
        ),
        (
            &format!("secretfile=s\n{hash}"),
            format!("11: error: 'crm' has 'secretfile' and 'secrethash', {one}"),
        ),
    ] {
        let (settings, report) = load_beside(&format!("[crm]\n{lines}"), &[("s", "hunter2")]);
        assert_eq!(report, format!("amimux.conf:{expected}"), "{lines}");
        assert!(settings.is_none(), "{lines}");
    }
}

#[test]
fn templates_count_by_kind() {
    let lines = "[app](!)\nsecretfile=none\n[crm](app)\nsecretfile=s";
    let (settings, report) = load_beside(lines, &[("s", "hunter2")]);
    assert_eq!(report, "");
    assert_eq!(secret(crm(settings.as_ref())), b"hunter2");
    let lines = "[app](!)\nsecretfile=s\n[crm](app)\nsecret=hunter3";
    assert_eq!(
        load_beside(lines, &[("s", "hunter2")]).1,
        "amimux.conf:12: error: 'crm' has 'secret' and 'secretfile', and only one of them can count; keep one of them; \
         lines that a template brings count as well"
    );
}

#[test]
fn secrets_of_upstreams() {
    let user = "[crm]\nsecret=x\n";
    for (lines, content, expected) in [
        ("secretfile=%d/pbx", "hunter2\n", ""),
        (
            "secretfile=%d/pbx",
            "\n",
            "amimux.conf:8: error: the upstream's secret is empty; write the secret of that user in Asterisk's manager.conf",
        ),
        (
            "secretfile=%d/pbx\nsecret=hunter2",
            "hunter2",
            "amimux.conf:9: error: 'pbx' has 'secret' and 'secretfile', and only one of them can count; keep one of them; lines that a template brings count as well",
        ),
        (
            "port=5038",
            "",
            "amimux.conf:4: error: the upstream 'pbx' has no 'secret'; write a line secret = ... or secretfile = ...",
        ),
    ] {
        let main = format!("{}{user}", BASE.replace("secret=hunter2", lines));
        let files = Files::new(&[("amimux.conf", &main), ("credentials/pbx", content)]);
        let environment = Environment {
            credentials_directory: Some(files.path("credentials")),
            ..Environment::default()
        };
        let (settings, report) = load(&files.path("amimux.conf"), &environment);
        assert_eq!(files.text(&report), expected, "{lines}");
        assert_eq!(settings.is_some(), expected.is_empty());
        if let Some(settings) = settings {
            assert_eq!(settings.upstreams[0].secret.expose(), b"hunter2");
        }
    }
}

#[test]
fn names_that_are_not_text_reach_the_file_through_percent_d() {
    let directory = std::ffi::OsStr::from_bytes(b"credentials-\xff");
    let files = Files::new(&[("amimux.conf", &format!("{BASE}[crm]\nsecretfile=%d/crm\n"))]);
    let credentials: PathBuf = files.path("").join(directory);
    std::fs::create_dir(&credentials).unwrap();
    std::fs::write(credentials.join("crm"), "hunter2").unwrap();
    set_mode(&credentials.join("crm"), 0o400);
    let environment = Environment {
        credentials_directory: Some(credentials),
        ..Environment::default()
    };
    let (settings, report) = load(&files.path("amimux.conf"), &environment);
    assert_eq!(report.to_string(), "");
    assert_eq!(secret(crm(settings.as_ref())), b"hunter2");
}
