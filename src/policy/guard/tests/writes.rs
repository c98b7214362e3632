//! Actions that change something: variables, modules, recordings, notifications, reloads.

use super::*;

const DENIED: &str = "Permission denied";

#[test]
fn variables_that_may_not_be_written() {
    assert_refused(
        "Setvar",
        Classes::ALL,
        "Variable not set",
        &[
            "Variable: FILE(/tmp/x)\r\nValue: y",
            "Variable: DB(a/b)",
            "Variable: ARRAY(DB(a/b))",
            "Variable: \"DB\"(a/b)",
            "Variable: MONITOR_EXEC\r\nValue: id",
            "Variable: GLOBAL(MONITOR_EXEC)",
        ],
    );
    assert_passes(
        "Setvar",
        Classes::CALL,
        &[
            "",
            "Variable: A\r\nValue: FILE(x)",
            "Variable: CHANNEL(language)\r\nValue: de",
            "Variable: DB\r\nValue: x",
        ],
    );
}

#[test]
fn modules() {
    let outside = "Module must be in the configured modules directory.";
    let incomplete = "Incomplete ModuleLoad action.";
    for (headers, expected) in [
        ("LoadType: reload\r\nModule: app_queue.so", None),
        ("LoadType: ReLoad", None),
        ("LoadType: load\r\nModule: x", Some(DENIED)),
        ("LoadType: UNLOAD\r\nModule: x", Some(DENIED)),
        ("LoadType: reload \r\nModule: x", Some(incomplete)),
        ("LoadType: other\r\nModule: x", Some(incomplete)),
        ("LoadType:\r\nLoadType: reload", Some(incomplete)),
        ("Module: x", Some(incomplete)),
        ("", Some(incomplete)),
        ("LoadType: reload\r\nModule: /tmp/x.so", Some(outside)),
        ("LoadType: reload\r\nModule: a/x.so", Some(outside)),
        ("LoadType: reload\r\nModule: ..", Some(outside)),
    ] {
        let found = refusal("ModuleLoad", Classes::SYSTEM, headers);
        assert_eq!(found.as_deref(), expected, "{headers:?}");
    }
}

#[test]
fn recordings() {
    let files = [
        ("", true),
        ("a.wav", true),
        ("2026/11/a b-c_(1)", false),
        ("2026/11/a b-c_1.wav", true),
        ("a..b.wav", true),
        ("/tmp/a.wav", false),
        ("../a.wav", false),
        ("a/../../b.wav", false),
        ("a,,id", false),
        ("a\\", false),
        ("a\"", false),
        ("a`id`", false),
        ("a$(id)", false),
    ];
    for (action, header) in [
        ("MixMonitor", "File"),
        ("Monitor", "File"),
        ("ChangeMonitor", "File"),
        ("ConfbridgeStartRecord", "RecordFile"),
    ] {
        for (file, passes) in files {
            let headers = format!("Channel: x\r\n{header}: {file}");
            let found = refusal(action, Classes::ALL, &headers);
            let expected = (!passes).then_some(DENIED);
            assert_eq!(found.as_deref(), expected, "{action}: {file:?}");
        }
    }
    for (headers, passes) in [
        ("File: a.wav\r\nCommand:", true),
        ("File: a.wav\r\nCommand: id", false),
        ("File: a.wav\r\nOptions: bW(3)", true),
        ("File: a.wav\r\nOptions: r(in.wav)t(out.wav)", true),
        ("File: a.wav\r\nOptions: b,id", false),
        ("File: a.wav\r\nOptions: r(/tmp/x.wav)", false),
        ("File: a.wav\r\nOptions: t(\"/tmp/x.wav\")", false),
        ("File: a.wav\r\nOptions: t(a/../../x.wav)", false),
    ] {
        let found = refusal("MixMonitor", Classes::SYSTEM, headers);
        let expected = (!passes).then_some(DENIED);
        assert_eq!(found.as_deref(), expected, "{headers:?}");
    }
}

#[test]
fn notifications_go_to_endpoints_and_calls() {
    assert_refused("PJSIPNotify", Classes::ALL, DENIED, &["URI: sip:a@b"]);
    assert_passes(
        "PJSIPNotify",
        Classes::SYSTEM,
        &["Endpoint: a", "Channel: PJSIP/a-1", "URI:"],
    );
}

#[test]
fn writing_and_putting_in_force() {
    let files = "SrcFilename: a.conf\r\nDstFilename: a.conf\r\n";
    for (value, needs_system) in [
        ("", false),
        ("no", false),
        ("FALSE", false),
        ("0", false),
        ("yes", true),
        ("app_queue", true),
        ("manager", true),
        ("none", true),
    ] {
        let headers = format!("{files}Reload: {value}");
        let found = refusal("UpdateConfig", Classes::CONFIG, &headers);
        assert_eq!(
            found.as_deref(),
            needs_system.then_some(DENIED),
            "{value:?}"
        );
        let both = Classes::CONFIG.union(Classes::SYSTEM);
        assert_passes("UpdateConfig", both, &[&headers]);
    }
}
