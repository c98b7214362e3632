//! Files that hold one secret alone (`secretfile`), such as those that systemd hands to a service. What is wrong
//! with one is said without showing any of it.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use zeroize::Zeroizing;

use super::diagnostics::{Report, quoted};
use super::include::READABLE_BY_OTHERS;
use super::raw::RawOption;
use crate::policy::secret::{LINE_BYTES_MAX, Secret, SecretLineError};

/// What stands for the directory of credentials.
const CREDENTIALS_PREFIX: &str = "%d/";

/// Where such files are looked for.
pub(super) struct SecretFiles<'a> {
    /// Where relative names start: the directory of the configuration.
    pub(super) directory: &'a Path,
    /// What `%d` stands for.
    pub(super) credentials: Option<&'a Path>,
    /// What time it is, counted from 1970, where that is known: some files are good for a while only.
    pub(super) since_1970: Option<Duration>,
}

/// Why there is no secret in a file. Files are named by the option, which stands before it in the message.
#[derive(Debug, Error)]
pub(super) enum SecretFileError {
    #[error("$CREDENTIALS_DIRECTORY is not set, so that %d stands for nothing")]
    NoCredentials,
    #[error("'%' at the beginning stands for something else than '%d/NAME'")]
    Specifier,
    #[error("the line names no file")]
    NoName,
    #[error("the file cannot be read: {0}")]
    Read(io::Error),
    #[error("it is not a regular file")]
    NotAFile,
    #[error("the file is {0}")]
    Content(#[from] SecretLineError),
}

impl SecretFileError {
    pub(super) const fn remedy(&self) -> &'static str {
        match self {
            Self::NoCredentials => {
                "write LoadCredential=NAME:/path/to/the/file into the [Service] of the systemd unit, which sets it, or \
                 name the file by its path"
            }
            Self::Specifier => "write %d/NAME, or ./ before a name that begins with '%'",
            Self::NoName => "write the path of a file",
            Self::Read(_) => "check the path and the permissions",
            Self::NotAFile => "name a file that holds the secret",
            Self::Content(_) => {
                "the file must hold the secret alone: one line, whose end does not count"
            }
        }
    }
}

impl SecretFiles<'_> {
    /// The secret in the file that the option names; `None` when there is an error, which is noted. It may be empty.
    pub(super) fn read(&self, option: &RawOption, report: &mut Report) -> Option<Secret> {
        let name = quoted(&option.value);
        match self.try_read(&option.value) {
            Ok((secret, exposed)) => {
                if exposed {
                    report.warning(
                        &option.location,
                        format!("{name} holds a secret and everybody on this machine can read it"),
                        "run chmod o-r on it",
                    );
                }
                Some(secret)
            }
            Err(error) => {
                let what = format!("{} = {name}: {error}", option.name.to_ascii_lowercase());
                report.error(&option.location, what, error.remedy());
                None
            }
        }
    }

    /// The path that the value of an option stands for.
    pub(super) fn path(&self, name: &str) -> Result<PathBuf, SecretFileError> {
        let (directory, name) = match name.strip_prefix(CREDENTIALS_PREFIX) {
            Some(rest) => {
                let directory = self.credentials.ok_or(SecretFileError::NoCredentials)?;
                // A rest that begins with '/' would lead elsewhere.
                (directory, rest.trim_start_matches('/'))
            }
            None if name.starts_with('%') => return Err(SecretFileError::Specifier),
            None => (self.directory, name),
        };
        match name {
            "" => Err(SecretFileError::NoName),
            name => Ok(directory.join(name)),
        }
    }

    /// The secret, and whether everybody can read the file.
    fn try_read(&self, name: &str) -> Result<(Secret, bool), SecretFileError> {
        let path = self.path(name)?;
        let found = path.metadata().map_err(SecretFileError::Read)?;
        // Not opened before it is known to be a file: opening a pipe would wait for its writer.
        if !found.is_file() {
            return Err(SecretFileError::NotAFile);
        }
        let mut file = File::open(&path).map_err(SecretFileError::Read)?;
        let mode = file.metadata().map_err(SecretFileError::Read)?;
        let exposed = mode.permissions().mode() & READABLE_BY_OTHERS != 0;
        // A buffer that never grows leaves no copies behind.
        let mut bytes = Zeroizing::new([0; LINE_BYTES_MAX + 1]);
        let mut length = 0;
        while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match file.read(rest) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(SecretFileError::Read(error)),
            }
        }
        let secret = Secret::from_line(bytes.get(..length).unwrap_or_default())?;
        Ok((secret, exposed))
    }
}

#[cfg(test)]
#[path = "secret_file_tests.rs"]
mod tests;
