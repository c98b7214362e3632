//! Which configuration files are out of reach, and which names Asterisk would resolve to them.

use super::*;

#[test]
fn configuration_files() {
    let refused = [
        "manager.conf",
        "Manager.Conf",
        " manager.conf ",
        "./manager.conf",
        "/etc/asterisk/manager.conf",
        "/etc//asterisk/../asterisk/manager.conf/",
        "manager.conf/.",
        "manager.conf/../extensions.conf",
        "manager.d/upstream.conf",
        "manager_custom.conf",
        "acl.conf",
        "users.conf",
        "pjsip.conf",
        "pjsip_wizard.conf",
        "pjsip.d/phones.conf",
        "sip_additional.conf",
        "sip2.conf",
        "SIP.conf.old",
        "iax.conf",
        "voicemail.conf",
        "res_config_pgsql.conf",
        "cdr_pgsql.conf",
        "ari.conf",
        "rtp.conf",
        "extconfig.conf",
        "asterisk.conf",
        "amimux.conf",
        "/etc/amimux/amimux.conf",
        "man*.conf",
        "[m]anager.conf",
        "{manager,x}.conf",
        "manage?.conf",
        "m\\anager.conf",
        "a\tb.conf",
    ];
    for file in refused {
        for (action, header) in [
            ("GetConfig", "Filename"),
            ("GetConfigJSON", "FILENAME"),
            ("ListCategories", "Filename"),
            ("CreateConfig", "Filename"),
            ("UpdateConfig", "SrcFilename"),
            ("UpdateConfig", "DstFilename"),
        ] {
            let headers = format!("{header}:{file}");
            assert_refused(action, Classes::ALL, FILE, &[&headers]);
        }
    }
    assert_passes(
        "GetConfig",
        Classes::CONFIG,
        &[
            "",
            "Filename: extensions.conf",
            "Filename: /etc/asterisk/extensions.conf",
            "Filename: queues.conf",
            "Filename: musiconhold.conf",
            "Filename: sipgate_routes.conf",
            "Filename: arizona.conf",
            "Filename: cdr.conf",
            "Filename: my_pjsip.conf",
            "Filename: sub/extensions.conf",
            "Filename: my_manager.conf",
            "Filename: extensions.conf\r\nFilename: manager.conf",
        ],
    );
}

#[test]
fn update_config_writes_no_directive() {
    let files = "SrcFilename: a.conf\r\nDstFilename: a.conf\r\nAction-000000: Append\r\n";
    for (line, refused) in [
        ("Var-000000: #include manager.conf ;", true),
        ("Var-000000:#exec id ;", true),
        ("VAR-000001:  #tryinclude manager.conf", true),
        ("Var-000000: --;#exec id ;", true),
        ("Cat-000000: --;#exec id ;", true),
        ("Value-000000: --;#exec id ;", true),
        ("Value-000000: #1", false),
        ("Var-000000: exten", false),
        ("Cat-000000: a-b", false),
    ] {
        let headers = format!("{files}{line}");
        let expected = refused.then_some(FILE);
        let found = refusal("UpdateConfig", Classes::ALL, &headers);
        assert_eq!(found.as_deref(), expected, "{line:?}");
    }
}

#[test]
fn a_file_that_the_user_may_reach() {
    let rights = |files: &[&str]| Rights {
        allowed_files: files.iter().map(|file| (*file).to_owned()).collect(),
        ..Rights::default()
    };
    for (allowed, file, passes) in [
        (&["voicemail.conf"] as &[&str], "voicemail.conf", true),
        (&["voicemail.conf"], " voicemail.conf ", true),
        (&["voicemail.conf"], "/etc/asterisk/voicemail.conf", true),
        (&["pjsip.conf", "voicemail.conf"], "voicemail.conf", true),
        (&["manager.conf"], "manager.conf", true),
        // To the letter, and the last part only.
        (&["voicemail.conf"], "Voicemail.conf", false),
        (&["voicemail.conf"], "voicemail.conf/", false),
        (&["voicemail.conf"], "voicemail.conf.old", false),
        (&["voicemail.conf"], "voicemail.d/x", false),
        (&["voicemail.conf"], "voicemail.conf/../manager.conf", false),
        (&["voicemail.conf"], "manager.d/voicemail.conf", false),
        (&["voicemail.conf"], "voicemail*", false),
        (&["voicemail*"], "voicemail*", false),
        (&[""], "manager.conf/", false),
    ] {
        let headers = format!("Filename: {file}");
        let expected = (!passes).then_some(FILE);
        let found = refusal_with(rights(allowed), "GetConfig", &headers);
        assert_eq!(found.as_deref(), expected, "{allowed:?} {file:?}");
    }
    let getvar = "Variable: AST_CONFIG(manager.conf,upstream,secret)";
    assert_eq!(
        refusal_with(rights(&["manager.conf"]), "Getvar", getvar),
        None
    );
    let both = "SrcFilename: voicemail.conf\r\nDstFilename: pjsip.conf";
    let found = refusal_with(rights(&["voicemail.conf"]), "UpdateConfig", both);
    assert_eq!(found.as_deref(), Some(FILE));
}

#[test]
fn the_managers_own_files() {
    for (name, expected) in [
        ("manager.conf", true),
        ("Manager_custom.conf", true),
        ("amimux.conf", true),
        ("users.conf", false),
        ("pjsip.conf", false),
    ] {
        assert_eq!(holds_manager_secrets(name), expected, "{name}");
        assert!(is_protected_file(name), "{name}");
    }
    assert!(!is_protected_file("queues.conf"));
}
