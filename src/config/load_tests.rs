//! Tests of typed settings: defaults and values.

use std::time::Duration;

use super::*;
use crate::config::testing::{BASE, Files, USER, load_files, load_text, load_user, set_mode, user};
use crate::policy::class::Classes;
use crate::policy::secret::{Credential, Secret};
use crate::policy::user::{ActionIds, OnSlow, OnUpstreamLoss, User};

fn secret(user: &User) -> Option<&Secret> {
    match &user.credential {
        Credential::Secret(secret) => Some(secret),
        _ => None,
    }
}

#[test]
fn defaults() {
    let (settings, report) = load_text(&format!("{BASE}{USER}"));
    assert_eq!(report, "");
    let Settings {
        general,
        upstreams,
        users,
        http: _,
        picture: _,
    } = settings.unwrap();
    assert_eq!(general.bind, "127.0.0.1:5039".parse().unwrap());
    assert_eq!(general.auth_timeout, Duration::from_secs(30));
    assert_eq!(general.auth_limit, 50);
    assert_eq!(general.timestamp_events, None);
    assert!(!general.broken_events_action);
    assert!(general.disabled_events.is_empty());
    assert_eq!(general.banner, None);
    assert_eq!(general.max_queued, 64);
    assert_eq!(general.retention_bytes, 4 << 20);
    assert_eq!(general.memory_limit_bytes, 256 << 20);
    assert_eq!(general.frame_bytes_max, 16 << 20);
    assert_eq!(general.flush_delay, Duration::from_millis(10));
    let upstream = &upstreams[0];
    assert_eq!((upstream.name.as_str(), upstream.port), ("pbx", 5038));
    assert!(upstream.secret.matches(b"hunter2"));
    assert_eq!(upstream.auth_type, crate::config::settings::AuthType::Md5);
    assert_eq!(upstream.connect_timeout, Duration::from_secs(5));
    assert_eq!(upstream.login_timeout, Duration::from_secs(10));
    assert_eq!(upstream.keepalive, Duration::from_secs(30));
    assert_eq!(upstream.response_timeout, Duration::from_secs(30));
    assert_eq!(upstream.reconnect_min, Duration::from_millis(500));
    assert_eq!(upstream.reconnect_max, Duration::from_secs(30));
    assert_eq!(upstream.window, 16);
    let user = users.get(b"crm").unwrap();
    assert!(secret(user).unwrap().matches(b"hunter3"));
    assert_eq!((user.read, user.write), (Classes::NONE, Classes::NONE));
    assert!(user.acl.allows("2001:db8::1".parse().unwrap()));
    assert!(user.allow_multiple_login && user.display_connects);
    assert_eq!(user.write_timeout, Duration::from_secs(30));
    assert_eq!(user.on_slow, OnSlow::Disconnect);
    assert_eq!(user.upstream, "pbx");
    assert_eq!(user.on_upstream_loss, OnUpstreamLoss::Keep);
    assert_eq!(user.action_ids, ActionIds::User);
    assert_eq!(user.max_in_flight, 8);
}

#[test]
fn values_are_taken_over() {
    let text = "[general]\nbindaddr=[::1]\nport=6000\ntimestampevents=yes\nbrokeneventsaction=y\n\
        disabledevents=A, B,,C\nauthtimeout=5\nauthlimit=7\nallowmultiplelogin=no\nbanner=Asterisk Call Manager/1.0\n\
        maxqueued=1\nretention=64k\nmemorylimit=1G\nmaxmessage=1M\nflushdelay=0\n\
        [a]\ntype=upstream\nhost=pbx.example\nport=7000\nusername=u\nsecret=s\nauthtype=Plain\nreconnectmin=250ms\n\
        [b]\ntype=upstream\nhost=::1\nusername=u\nsecret=s\nwindow=1\n\
        [u]\ntype=user\nsecret=x\nupstream=B\nonupstreamloss=close\nactionids=session\nmaxinflight=3\n\
        writetimeout=5000\nonslow=skip\nsetvar=A=1=2\nsetvar=B=\nallowmultiplelogin=yes\nread=all\nread=call\nwrite=\n[v]\nsecret=x\nupstream=a\n";
    let (settings, report) = load_text(text);
    assert_eq!(report, "");
    let settings = settings.unwrap();
    let general = &settings.general;
    assert_eq!(general.bind, "[::1]:6000".parse().unwrap());
    assert_eq!(general.timestamp_events, Some(true));
    assert_eq!(general.disabled_events, ["A", "B", "C"]);
    assert_eq!(
        (general.auth_timeout, general.auth_limit),
        (Duration::from_secs(5), 7)
    );
    assert_eq!(general.banner.as_deref(), Some("Asterisk Call Manager/1.0"));
    assert_eq!(general.retention_bytes, 65536);
    assert_eq!(general.flush_delay, Duration::ZERO);
    assert_eq!(settings.upstreams[0].port, 7000);
    assert_eq!(
        settings.upstreams[0].reconnect_min,
        Duration::from_millis(250)
    );
    assert_eq!(settings.upstreams[1].window, 1);
    let user = settings.users.get(b"u").unwrap();
    assert_eq!(user.upstream, "b");
    assert_eq!(user.on_upstream_loss, OnUpstreamLoss::Close);
    assert_eq!(user.action_ids, ActionIds::Session);
    assert_eq!(user.max_in_flight, 3);
    assert_eq!(user.write_timeout, Duration::from_secs(5));
    assert_eq!(user.on_slow, OnSlow::Skip);
    let pairs = [("A", "1=2"), ("B", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(user.set_variables, pairs);
    assert_eq!((user.read, user.write), (Classes::CALL, Classes::NONE));
    assert!(user.allow_multiple_login);
    assert!(!settings.users.get(b"v").unwrap().allow_multiple_login);
}

#[test]
fn general_counts_wherever_it_stands() {
    let text = format!("{USER}{BASE}").replace("port=5039", "port=5039\ndisplayconnects=no");
    let (settings, report) = load_text(&text);
    assert_eq!(report, "");
    assert!(
        !settings
            .unwrap()
            .users
            .get(b"crm")
            .unwrap()
            .display_connects
    );
}

#[test]
fn addresses_and_ports() {
    let report_of = |address: &str, port: &str| {
        load_text(&BASE.replace("127.0.0.1", address).replace("5039", port)).1
    };
    let nobody = "amimux.conf: warning: there is no user section: nobody can log in; \
                  add a section for each application, with secret, read and write";
    assert_eq!(report_of("0.0.0.0", "1024"), nobody);
    assert_eq!(
        report_of("192.0.2.7:99", "5038"),
        format!(
            "amimux.conf:2: warning: the port in bindaddr = '192.0.2.7:99' is ignored; write the port as port = NUMBER\n{nobody}"
        )
    );
    assert_eq!(
        report_of("localhost", "5038"),
        format!(
            "amimux.conf:2: error: bindaddr = 'localhost' is not an address; write a numeric address, as in 127.0.0.1, or 0.0.0.0 for all of IPv4, or :: for all addresses\n{nobody}"
        )
    );
    for port in ["1023", "65536", "x", ""] {
        assert_eq!(
            report_of("127.0.0.1", port),
            format!(
                "amimux.conf:3: error: port = '{port}' is not valid; write a whole number from 1024 to 65535\n{nobody}"
            )
        );
    }
    let (settings, report) = load_text(&BASE.replace("bindaddr=127.0.0.1", ""));
    assert_eq!(settings.unwrap().general.bind, "[::]:5039".parse().unwrap());
    assert_eq!(
        report,
        format!(
            "amimux.conf:1: warning: there is no 'bindaddr': amimux listens on all addresses; write bindaddr = 127.0.0.1 or the address that applications use\n{nobody}"
        )
    );
}

#[test]
fn secrets() {
    let report = load_text(&format!("{BASE}[crm]\nread=call\n")).1;
    assert_eq!(
        report,
        "amimux.conf:9: warning: 'crm' has no 'secret': nobody can log in as this user; write a line secret = ..., or secretfile or secrethash"
    );
    let empty = user("secret=\nallowemptysecret=yes");
    assert!(secret(&empty).unwrap().is_empty());
    assert!(secret(&user("secret=a\\;b")).unwrap().matches(b"a;b"));
    let upstream = load_text(&BASE.replace("secret=hunter2", "secret=")).1;
    assert!(
        upstream.starts_with("amimux.conf:8: error: the upstream's secret is empty; "),
        "{upstream}"
    );
}

#[test]
fn classes_taken_narrowly_and_last_line_wins() {
    assert_eq!(user("read=all\nread=call").read, Classes::CALL);
    let (user, _) = load_user("read=call, agent");
    assert_eq!(user.unwrap().read, Classes::CALL);
}

#[test]
fn named_acls_must_all_allow() {
    let main = format!("{BASE}{USER}acl=office,lan\ndeny=10.0.0.9\n");
    let acls = "[general]\nx=1\n[t](!)\ndeny=0.0.0.0/0,::/0\n[office](t)\npermit=10.0.0.0/8\n[lan]\ndeny=10.9.0.0/16\n";
    let (settings, report) = load_files(&[("amimux.conf", &main), ("acl.conf", acls)]);
    assert_eq!(report, "");
    let user = settings.unwrap().users.get(b"crm").unwrap().clone();
    for (address, allowed) in [
        ("10.1.1.1", true),
        ("10.9.1.1", false),
        ("10.0.0.9", false),
        ("192.0.2.1", false),
    ] {
        assert_eq!(
            user.acl.allows(address.parse().unwrap()),
            allowed,
            "{address}"
        );
    }
    let elsewhere = main.replacen("[general]", "[general]\naclconf=d/x.conf", 1);
    let (settings, report) = load_files(&[("amimux.conf", &elsewhere), ("d/x.conf", acls)]);
    assert_eq!(report, "");
    assert!(settings.is_some());
}

#[test]
fn a_file_with_secrets_should_be_private() {
    let main = format!("{BASE}#include users.conf\n#include more.conf\n");
    let files = Files::new(&[
        ("amimux.conf", &main),
        ("users.conf", USER),
        ("more.conf", "[x](crm)\n"),
    ]);
    let read = || files.text(&load(&files.path("amimux.conf"), &Environment::default()).1);
    assert_eq!(read(), "");
    set_mode(&files.path("users.conf"), 0o640);
    set_mode(&files.path("more.conf"), 0o644);
    assert_eq!(read(), "");
    set_mode(&files.path("users.conf"), 0o644);
    assert_eq!(
        read(),
        "users.conf: warning: the file holds secrets and everybody on this machine can read it; run chmod o-r on it"
    );
    // A hash can be guessed at by whoever has it.
    let hashed = "[h]\nsecrethash=$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$MDEyMzQ1Njc4OWFiY2RlZg\n";
    let text = format!("{BASE}{hashed}");
    let files = Files::new(&[
        (
            "amimux.conf",
            &text.replace("secret=hunter2", "#include up.conf"),
        ),
        ("up.conf", "secret=x\n"),
    ]);
    set_mode(&files.path("amimux.conf"), 0o644);
    let report = files.text(&load(&files.path("amimux.conf"), &Environment::default()).1);
    assert!(
        report.starts_with("amimux.conf: warning: the file holds secrets"),
        "{report}"
    );
}

#[test]
fn an_unreadable_configuration_says_so_once() {
    let files = Files::new(&[]);
    let (settings, report) = load(&files.path("amimux.conf"), &Environment::default());
    assert!(settings.is_none());
    assert_eq!(report.diagnostics().len(), 1);
}
