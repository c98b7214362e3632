//! Files: opening them, finding those that an `#include` means, and keeping that bounded.
//!
//! As in Asterisk (`main/config.c`, `config_text_file_load`), relative names start from the directory of the main
//! configuration file, names may be patterns, and what is no regular file is passed over.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use glob::MatchOptions;
use thiserror::Error;
use zeroize::Zeroizing;

use super::diagnostics::quoted;

/// Deepest nesting of files, the main file included (`MAX_INCLUDE_LEVEL`).
pub(super) const INCLUDE_DEPTH_MAX: usize = 10;
/// Most files read in all.
pub(super) const FILES_MAX: usize = 1000;
/// Longest file in bytes.
pub(super) const FILE_BYTES_MAX: u64 = 16 << 20;

/// The bits of a file's mode that let everybody read it.
pub(super) const READABLE_BY_OTHERS: u32 = 0o004;

/// Why a file cannot be read or an include not be followed.
#[derive(Debug, Error)]
pub(crate) enum FileError {
    /// The operating system refuses.
    #[error("cannot read '{0}': {1}")]
    Read(String, io::Error),
    /// Longer than [`FILE_BYTES_MAX`].
    #[error("'{0}' is longer than 16 MiB")]
    TooLong(String),
    /// The main configuration is a directory or a device.
    #[error("'{0}' is not a regular file")]
    NotAFile(String),
    /// A file includes itself, directly or not.
    #[error("'{0}' includes itself")]
    Cycle(String),
    /// Nested deeper than [`INCLUDE_DEPTH_MAX`].
    #[error("'{0}' would be nested deeper than 10 files")]
    TooDeep(String),
    /// More than [`FILES_MAX`].
    #[error("more than 1000 files are included")]
    TooMany,
    /// Not a pattern that is understood.
    #[error("the file name pattern {} is not understood", quoted(.0))]
    Pattern(String),
}

impl FileError {
    /// What to do about it.
    pub(crate) const fn remedy(&self) -> &'static str {
        match self {
            Self::Read(..) => "check the name and the permissions",
            Self::TooLong(_) | Self::NotAFile(_) => "name a configuration file",
            Self::Cycle(_) | Self::TooDeep(_) | Self::TooMany => "include fewer files",
            Self::Pattern(_) => "use '*', '?' and '[...]' only, one #include per directory",
        }
    }
}

/// A file's content.
pub(crate) struct Content {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Whether everybody on the machine can read it.
    pub(super) exposed: bool,
}

/// The files of one configuration: where relative names start, which files are open, how many there were.
pub(crate) struct Files {
    directory: PathBuf,
    open: Vec<PathBuf>,
    read: usize,
}

impl Files {
    pub(crate) fn new(main: &Path) -> Self {
        Self {
            directory: main.parent().unwrap_or_else(|| Path::new("")).to_owned(),
            open: Vec::new(),
            read: 0,
        }
    }

    /// Reads a file and notes that it is open; [`Files::close`] must follow.
    pub(crate) fn open(&mut self, path: &Path) -> Result<Content, FileError> {
        let name = path.display().to_string();
        let failed = |error| FileError::Read(name.clone(), error);
        let canonical = path.canonicalize().map_err(failed)?;
        if self.open.contains(&canonical) {
            return Err(FileError::Cycle(name));
        }
        if self.open.len() >= INCLUDE_DEPTH_MAX {
            return Err(FileError::TooDeep(name));
        }
        if self.read >= FILES_MAX {
            return Err(FileError::TooMany);
        }
        // Not opened before it is known to be a file: opening a pipe would wait for its writer.
        if !canonical.is_file() {
            return Err(FileError::NotAFile(name));
        }
        let file = fs::File::open(&canonical).map_err(failed)?;
        let mode = file.metadata().map_err(failed)?.permissions().mode();
        let mut bytes = Zeroizing::new(Vec::new());
        file.take(FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_BYTES_MAX) {
            return Err(FileError::TooLong(name));
        }
        self.open.push(canonical);
        self.read += 1;
        Ok(Content {
            bytes,
            exposed: mode & READABLE_BY_OTHERS != 0,
        })
    }

    /// Notes that the file opened last has been read.
    pub(crate) fn close(&mut self) {
        self.open.pop();
    }

    /// The regular files that an `#include` means, in alphabetical order.
    pub(crate) fn matching(&self, pattern: &str) -> Result<Vec<PathBuf>, FileError> {
        let refused = || FileError::Pattern(pattern.to_owned());
        let full = self.directory.join(pattern);
        if full.is_file() {
            return Ok(vec![full]);
        }
        // The glob crate knows neither braces nor backslashes, and takes "**" for any depth, which libc does not.
        if pattern.contains(['{', '\\']) || pattern.contains("**") {
            return Err(refused());
        }
        // The directory is a name, not a pattern.
        let directory = glob::Pattern::escape(self.directory.to_str().ok_or_else(refused)?);
        let full = Path::new(&directory).join(pattern);
        let options = MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        let matches =
            glob::glob_with(full.to_str().ok_or_else(refused)?, options).map_err(|_| refused())?;
        let mut paths = Vec::new();
        for found in matches.take(FILES_MAX + 1) {
            let path = found.map_err(|error| {
                FileError::Read(error.path().display().to_string(), error.into())
            })?;
            if path.is_file() {
                paths.push(path);
            }
        }
        Ok(paths)
    }
}
