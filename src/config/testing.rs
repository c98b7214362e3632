//! What the tests of this room share: configurations in a directory of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::diagnostics::Report;
use super::settings::Settings;
use super::{Environment, load};
use crate::policy::user::User;

/// Files in a temporary directory, readable by their owner only.
pub(super) struct Files {
    directory: TempDir,
}

impl Files {
    /// Writes the files; names may contain directories.
    pub(super) fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            set_mode(&path, 0o600);
        }
        Self { directory }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The report without the directory's name.
    pub(super) fn text(&self, report: &Report) -> String {
        let prefix = format!("{}/", self.directory.path().display());
        report.to_string().replace(&prefix, "")
    }
}

/// Sets a file's permissions.
pub(super) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Eight lines that are complete without a user.
pub(super) const BASE: &str = "[general]\nbindaddr=127.0.0.1\nport=5039\n\
                    [pbx]\ntype=upstream\nhost=192.0.2.1\nusername=mux\nsecret=hunter2\n";
/// Two lines: the beginning of a user, on lines 9 and 10.
pub(super) const USER: &str = "[crm]\nsecret=hunter3\n";

pub(super) fn load_files(files: &[(&str, &str)]) -> (Option<Settings>, String) {
    let files = Files::new(files);
    let (settings, report) = load(&files.path("amimux.conf"), &Environment::default());
    let text = files.text(&report);
    assert!(!text.contains("hunter"), "no secret is ever shown: {text}");
    (settings, text)
}

pub(super) fn load_text(text: &str) -> (Option<Settings>, String) {
    load_files(&[("amimux.conf", text)])
}

/// The report for a user with these lines (from line 11 on), and the user.
pub(super) fn load_user(lines: &str) -> (Option<Arc<User>>, String) {
    let (settings, report) = load_text(&format!("{BASE}{USER}{lines}\n"));
    let user = settings.and_then(|settings| settings.users.get(b"CRM").cloned());
    (user, report)
}

pub(super) fn user(lines: &str) -> Arc<User> {
    let (user, report) = load_user(lines);
    assert_eq!(report, "", "{lines}");
    user.unwrap()
}

/// The report for additional lines in `[general]`, from line 2 on.
pub(super) fn general_report(lines: &str) -> String {
    let text = format!("{BASE}{USER}").replacen("[general]", &format!("[general]\n{lines}"), 1);
    load_text(&text).1
}
