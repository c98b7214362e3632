//! From what is there to a configuration of amimux: Asterisk's manager.conf with the files beside it, or astmanproxy's
//! files, rewritten so that every user has the rights that it had, or fewer where amimux cannot say the same.
//!
//! The original is read into a `document` that keeps order and comments. What amimux spells otherwise is changed there,
//! and then the result is loaded as the daemon would load it, and mended until it can be used (`repair`): a line that
//! the tables of options refuse becomes a comment with the reason above it, and where such a line may have been a fence,
//! its user is switched off. Nothing is ever made wider than it was to get a file that loads.

mod astmanproxy;
mod document;
mod findings;
mod http;
mod manager;
mod place;
mod repair;
mod source;
mod users_conf;
mod workshop;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

pub use findings::{Finding, Findings, Group};

use crate::config::diagnostics::{Diagnostic, Location};
use document::Document;
use workshop::Workshop;

/// What is to be imported, and where to.
#[derive(Debug, Clone)]
pub struct Request {
    /// A file, or a directory with `manager.conf` or `astmanproxy.conf` in it.
    pub from: PathBuf,
    /// The configuration to be written.
    pub output: PathBuf,
    /// Whether amimux is to be where applications connect today.
    pub take_over: bool,
    /// Whether files that are there may be replaced.
    pub force: bool,
    /// The secret of amimux's own user of Asterisk, where one has to be made up.
    pub secret: Zeroizing<String>,
}

/// What was imported.
#[derive(Debug)]
pub struct Imported {
    /// What the administrator should know.
    pub findings: Findings,
    /// The files that were written.
    pub files: Vec<PathBuf>,
    /// What is to be put into Asterisk's files, with the secret of amimux's user; empty where there is nothing to do.
    pub for_asterisk: Zeroizing<String>,
    /// How many users there are.
    pub users: usize,
}

/// Why nothing was imported.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A file cannot be read; what is wrong, and what to do.
    #[error("{0}; {1}")]
    Read(String, &'static str),
    /// There is nothing that could be imported.
    #[error(
        "there is neither manager.conf nor astmanproxy.conf in '{0}'; name a file or a directory with --from"
    )]
    Nothing(String),
    /// A file is one that Asterisk or astmanproxy refuses as well.
    #[error("{0}: {1}; put that right first, the original cannot be used either")]
    Source(Location, String),
    /// A file is there already.
    #[error("'{0}' exists; name another with --output, or replace it with --force")]
    Exists(String),
    /// The file to be written is one of those that are read.
    #[error("'{0}' is one of the files that are imported; name another with --output")]
    Original(String),
    /// A file cannot be written.
    #[error("cannot write '{0}': {1}; check the directory and its permissions")]
    Write(String, io::Error),
    /// What came out cannot be used, whatever is left out.
    #[error("what came out cannot be used; put the original right first:\n{}", lines(.0))]
    Unusable(Vec<Diagnostic>),
}

fn lines(diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| format!("  {}; {}", diagnostic.what, diagnostic.remedy))
        .collect();
    lines.join("\n")
}

/// A configuration that is being made.
#[derive(Default)]
struct Draft {
    main: Document,
    /// The named access lists, if there are any.
    acls: Option<Document>,
    findings: Findings,
    for_asterisk: Zeroizing<String>,
}

/// Imports, and writes what came out.
///
/// # Errors
/// See [`ImportError`]; nothing is written then.
pub fn import(request: &Request) -> Result<Imported, ImportError> {
    let origin = Origin::find(&request.from)?;
    origin.check_apart(&request.output)?;
    let workshop = Workshop::open(&request.output, request.force)?;
    let mut draft = match &origin {
        Origin::Manager(path) => manager::draft(path, request)?,
        Origin::Astmanproxy(path) => astmanproxy::draft(path, request)?,
    };
    let settings = repair::until_usable(&workshop, &mut draft)?;
    repair::tell_what_differs(&settings, &mut draft);
    let files = workshop.deliver(draft.acls.is_some(), request.force)?;
    Ok(Imported {
        findings: draft.findings,
        files,
        for_asterisk: draft.for_asterisk,
        users: settings.users.len(),
    })
}

/// What kind of configuration there is.
enum Origin {
    Manager(PathBuf),
    Astmanproxy(PathBuf),
}

impl Origin {
    fn find(from: &Path) -> Result<Self, ImportError> {
        if from.is_dir() {
            let (manager, proxy) = (from.join("manager.conf"), from.join("astmanproxy.conf"));
            return if manager.is_file() {
                Ok(Self::Manager(manager))
            } else if proxy.is_file() {
                Ok(Self::Astmanproxy(proxy))
            } else {
                Err(ImportError::Nothing(from.display().to_string()))
            };
        }
        let name = from.file_name().unwrap_or_default().to_string_lossy();
        let path = match name.strip_suffix(".users") {
            Some(stem) => from.with_file_name(format!("{stem}.conf")),
            None => from.to_owned(),
        };
        if name.contains("astmanproxy") {
            return Ok(Self::Astmanproxy(path));
        }
        Ok(Self::Manager(path))
    }
}

impl Origin {
    /// Nothing that is read is ever replaced, not even where files may be.
    fn check_apart(&self, output: &Path) -> Result<(), ImportError> {
        let (Self::Manager(path) | Self::Astmanproxy(path)) = self;
        let beside = ["acl.conf", "users.conf", "http.conf"].map(|name| path.with_file_name(name));
        let read = [path.clone(), path.with_extension("users")];
        let Ok(output_file) = output.canonicalize() else {
            // It is not there.
            return Ok(());
        };
        let mut files = read.iter().chain(&beside);
        if files.any(|file| file.canonicalize().is_ok_and(|file| file == output_file)) {
            return Err(ImportError::Original(output.display().to_string()));
        }
        Ok(())
    }
}

/// How the file begins that an import writes.
fn preamble(from: &Path) -> Document {
    let mut document = Document::default();
    let from = from.display();
    let lines = [
        format!("Made by \"amimux import\" from {from}."),
        "What amimux changed or left out says so in a line above it that begins with \"amimux:\"."
            .to_owned(),
        "This file holds secrets: chmod 640 it, owned by root, with the group that amimux runs as."
            .to_owned(),
    ];
    for line in &lines {
        document.push(document::DocumentLine::comment(line));
    }
    document.push(document::DocumentLine::comment(""));
    document
}
