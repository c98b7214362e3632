//! A directory beside the file to be written, in which the result is tried before it is put into its place. Nobody else
//! can look into it, nothing that exists is replaced unless that is asked for, and it is gone in the end.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::document::Rendered;
use super::{Draft, ImportError};

/// The name of the configuration while it is tried.
const MAIN_FILE: &str = "amimux.conf";

/// The directory.
pub(super) struct Workshop {
    directory: PathBuf,
    output: PathBuf,
}

/// A draft as it was written.
pub(super) struct Written {
    pub(super) main: Rendered,
    pub(super) acls: Option<Rendered>,
}

impl Workshop {
    /// Makes the directory.
    ///
    /// # Errors
    /// Files that are there already, unless they may be replaced, and what the system says.
    pub(super) fn open(output: &Path, force: bool) -> Result<Self, ImportError> {
        if !force && output.exists() {
            return Err(ImportError::Exists(output.display().to_string()));
        }
        let name = output.file_name().unwrap_or_default().to_string_lossy();
        let directory = output.with_file_name(format!(".{name}.import-{}", std::process::id()));
        DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .map_err(|error| failed(&directory, error))?;
        Ok(Self {
            directory,
            output: output.to_owned(),
        })
    }

    pub(super) fn main(&self) -> PathBuf {
        self.directory.join(MAIN_FILE)
    }

    pub(super) fn acls(&self) -> PathBuf {
        self.directory.join(acl_file(&self.output))
    }

    /// How the directory begins a path in a message; such a message is about the files to be.
    pub(super) fn prefix(&self) -> String {
        format!("{}/", self.directory.display())
    }

    /// Writes a draft, in the place of the last one.
    pub(super) fn write(&self, draft: &Draft) -> Result<Written, ImportError> {
        let main = draft.main.render();
        put(&self.main(), &main)?;
        let acls = draft.acls.as_ref().map(super::document::Document::render);
        if let Some(acls) = &acls {
            put(&self.acls(), acls)?;
        }
        Ok(Written { main, acls })
    }

    /// Puts the files into their places.
    ///
    /// # Errors
    /// As [`Workshop::open`].
    pub(super) fn deliver(self, with_acls: bool, force: bool) -> Result<Vec<PathBuf>, ImportError> {
        let mut files = vec![(self.main(), self.output.clone())];
        if with_acls {
            files.push((
                self.acls(),
                self.output.with_file_name(acl_file(&self.output)),
            ));
        }
        if !force && let Some((_, taken)) = files.iter().find(|(_, to)| to.exists()) {
            return Err(ImportError::Exists(taken.display().to_string()));
        }
        let mut delivered = Vec::new();
        for (from, to) in files {
            // A link, unlike a renamed file, never takes the place of another.
            let done = if force {
                fs::rename(&from, &to)
            } else {
                fs::hard_link(&from, &to)
            };
            done.map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => ImportError::Exists(to.display().to_string()),
                _ => failed(&to, error),
            })?;
            delivered.push(to);
        }
        Ok(delivered)
    }
}

/// The name of the file with access lists beside `output`; not acl.conf, which may be Asterisk's own.
pub(super) fn acl_file(output: &Path) -> String {
    let stem = output.file_stem().unwrap_or_default().to_string_lossy();
    format!("{stem}-acl.conf")
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // Two files at most are in it; whoever cannot remove them could not have made them.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn put(path: &Path, rendered: &Rendered) -> Result<(), ImportError> {
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(rendered.text.as_bytes())
    };
    write().map_err(|error| failed(path, error))
}

fn failed(path: &Path, error: io::Error) -> ImportError {
    ImportError::Write(path.display().to_string(), error)
}
