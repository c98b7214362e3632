//! `amimux import`: what comes out can be used, users have the rights that they had or none, nothing is replaced or
//! shown that should not be.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends by panicking"
)]

mod astmanproxy;
mod command;
mod generated;
mod manager;
#[path = "../support/mod.rs"]
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
