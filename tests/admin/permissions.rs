//! Who may administer, and what nobody is told.

use super::*;
use std::os::unix::fs::{PermissionsExt, chown};
use support::free_ports;

#[test]
fn only_class_system_may_and_filters_and_the_audit_log_count() {
    let bench = Bench::start(
        "",
        "[carol]\nsecret = carol-secret\nread = all\nwrite = system\naudit = writes\n\
         actionfilter(action(exclude),name(MuxKick)) =\n",
    );
    let mut bob = bench.session("bob");
    let mut carol = bench.session("carol");
    for (action, ..) in LISTS.iter().chain(&[
        ("MuxKick", "", false),
        ("MuxReload", "", false),
        ("MuxStatus", "", false),
    ]) {
        let text = run(&mut bob, "b", action, &[("User", "alice")]);
        assert_eq!(
            text, "Response: Error\r\nActionID: b\r\nMessage: Permission denied\r\n\r\n",
            "{action}"
        );
    }
    assert!(!run(&mut bob, "l", "ListCommands", &[]).contains("Mux"));
    let listed = run(&mut carol, "l", "ListCommands", &[]);
    assert!(
        listed.contains("MuxStatus: Show how amimux does.  (Priv: system,all)\r\n"),
        "{listed}"
    );
    assert!(!listed.contains("MuxKick"), "{listed}");
    let text = run(&mut carol, "k", "MuxKick", &[("User", "bob")]);
    assert!(text.contains("Message: Permission denied"), "{text}");
    assert!(run(&mut carol, "s", "MuxStatus", &[]).contains("Version: "));
    run(&mut carol, "r", "MuxSetLog", &[("Filter", "debug")]);
    let log = bench.amimux.log();
    let audited = |action: &str| {
        let mut lines = log.lines();
        lines.any(|line| line.contains("audit ") && line.contains(&format!("action=\"{action}\"")))
    };
    assert!(audited("MuxSetLog"), "a change is recorded: {log}");
    assert!(!audited("MuxStatus"), "{log}");
}

#[test]
fn over_http_as_over_ami() {
    let port = free_ports(1);
    let web = format!("[http]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {port}\n");
    let bench = Bench::start("webenabled = yes", &web);
    let jar = bench.folder.path().join("cookies");
    let get = |query: &str| {
        let output = Command::new("curl")
            .args(["--silent", "--max-time", "20", "--cookie"])
            .arg(&jar)
            .arg("--cookie-jar")
            .arg(&jar)
            .arg(format!("http://127.0.0.1:{port}/rawman?{query}"))
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(get("action=login&username=bob&secret=bob-secret").contains("Success"));
    assert!(get("action=MuxSessions").contains("Permission denied"));
    assert!(get("action=logoff").contains("Goodbye"));
    assert!(get("action=login&username=alice&secret=alice-secret").contains("Success"));
    let text = get("action=MuxSessions&actionid=7");
    assert!(
        text.contains("Event: MuxSession\r\nActionID: 7\r\n"),
        "{text}"
    );
    assert!(text.contains("Transport: HTTP\r\n"), "{text}");
    assert!(
        text.contains("Event: MuxSessionsComplete\r\nActionID: 7\r\n"),
        "{text}"
    );
    // The session that asks is ended behind its answer.
    let text = get("action=MuxKick&user=alice");
    assert!(text.contains("Kicked: 1"), "{text}");
    assert!(
        get("action=Ping").contains("Permission denied"),
        "it is over"
    );
}

/// The status of the program as another user of the system, with these further groups.
fn status_as(bench: &Bench, uid: u32, groups: &str) -> Option<i32> {
    let mut run = Command::new("setpriv");
    run.arg(format!("--reuid={uid}"))
        .arg(format!("--regid={uid}"));
    run.arg(groups)
        .arg(env!("CARGO_BIN_EXE_amimux"))
        .arg("status");
    run.arg("--socket")
        .arg(bench.socket())
        .output()
        .unwrap()
        .status
        .code()
}

#[test]
fn the_system_decides_who_may_use_the_socket() {
    assert!(
        rustix::process::geteuid().is_root(),
        "this test has to become other users: run it as root"
    );
    let bench = Bench::start("", "");
    std::fs::set_permissions(bench.folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(bench.run(&["status"]).status.code(), Some(0));
    assert_eq!(status_as(&bench, 54_321, "--clear-groups"), Some(77));
    chown(bench.socket(), None, Some(54_322)).unwrap();
    assert_eq!(status_as(&bench, 54_321, "--clear-groups"), Some(77));
    assert_eq!(status_as(&bench, 54_321, "--groups=54322"), Some(0));
    // Whoever opens the file to everybody has not made everybody an administrator.
    std::fs::set_permissions(bench.socket(), PermissionsExt::from_mode(0o666)).unwrap();
    assert_eq!(status_as(&bench, 54_321, "--clear-groups"), Some(77));
    assert_eq!(bench.run(&["status"]).status.code(), Some(0));
    assert!(
        bench.amimux.log().contains("uid=54321"),
        "{}",
        bench.amimux.log()
    );
}

#[test]
fn no_answer_tells_a_secret() {
    let secrets: Vec<String> = (0..24)
        .map(|_| format!("{:016x}", getrandom::u64().unwrap()))
        .collect();
    let mut users = String::new();
    for (index, secret) in secrets.iter().enumerate() {
        users.push_str(&format!(
            "[user{index}]\nsecret = {secret}\nread = all\nwrite = all\neventfilter = !Event: X{index}\n"
        ));
    }
    let mut hash = Command::new(env!("CARGO_BIN_EXE_amimux"));
    hash.args(["hash-secret", "--memory-kib", "8", "--passes", "1"]);
    let input = std::fs::File::open(write_secret(&secrets[0])).unwrap();
    let line = String::from_utf8(hash.stdin(input).output().unwrap().stdout).unwrap();
    users.push_str(&format!("[hashed]\n{line}read = all\nwrite = all\n"));
    let hashed = line.trim().rsplit('$').next().unwrap().to_owned();
    let bench = Bench::start("", &users);
    let mut text = String::new();
    let mut first = AmiClient::connect(bench.amimux.port).unwrap();
    first.log_in("alice", "on");
    for (action, ..) in LISTS.iter().chain(&[("MuxStatus", "", false)]) {
        text.push_str(&run(&mut first, "1", action, &[]));
        text.push_str(&format!("{:?}", bench.ask(action, &[])));
    }
    for what in [
        "users",
        "settings",
        "connected",
        "sessions",
        "commands",
        "upstreams",
        "views",
        "filters",
    ] {
        text.push_str(&bench.printed(&["show", what]));
        text.push_str(&bench.printed(&["show", what, "--json"]));
    }
    for user in (0..secrets.len())
        .map(|index| format!("user{index}"))
        .chain(["hashed".to_owned()])
    {
        text.push_str(&bench.printed(&["show", "user", &user, "--full"]));
    }
    assert!(
        text.contains("user23") && text.contains("X23"),
        "it tells of users: {text}"
    );
    for secret in secrets.iter().chain([&hashed]) {
        assert!(!text.contains(secret.as_str()), "{secret}");
    }
    for secret in ["upstream-secret", "alice-secret", "bob-secret"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

fn write_secret(secret: &str) -> PathBuf {
    let (_, path) = tempfile::NamedTempFile::new().unwrap().keep().unwrap();
    std::fs::write(&path, secret).unwrap();
    path
}
