//! The files that a package has besides the program: manual pages, completions for shells, and the reference of the
//! configuration. They are made from the arguments and the table of options themselves, so that they cannot say
//! anything else.

mod conf_man;
mod reference;

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use amimux::config::options::Place;
use anyhow::Context;
use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::Shell;

use super::Arguments;

/// What is written where.
#[derive(Debug, Args)]
pub(super) struct GenerateArguments {
    /// What to write.
    #[arg(value_enum)]
    what: What,
    /// The directory to write to.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// What can be written.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// amimux(1), and a page for each command.
    Man,
    /// amimux.conf(5).
    ConfMan,
    /// For bash, zsh and fish.
    Completions,
    /// The reference of the configuration, docs/configuration.md.
    Reference,
}

/// The sections of a configuration, in the order of the page: what they are called and what they are.
const SECTIONS: [(Place, &str, &str); 5] = [
    (
        Place::General,
        "[general]",
        "What holds for all of amimux and, unless a user says otherwise, for all users.",
    ),
    (
        Place::User,
        "users",
        "Any section with another name is a user: who logs in by that name. It is written as in manager.conf.",
    ),
    (
        Place::Upstream,
        "upstreams",
        "A section with \"type = upstream\" is an Asterisk, and amimux's own user there.",
    ),
    (Place::Http, "[http]", "AMI over HTTP."),
    (
        Place::Restriction,
        "restrictions",
        "A section with \"type = restriction\" says from where a path of HTTP may be used.",
    ),
];

/// Writes the files.
pub(super) fn run(arguments: &GenerateArguments) -> anyhow::Result<ExitCode> {
    let directory = &arguments.directory;
    let failed = || format!("cannot write to {}", directory.display());
    let mut command = Arguments::command();
    match arguments.what {
        What::Man => {
            clap_mangen::generate_to(command, directory).with_context(failed)?;
            see_also(directory).with_context(failed)?;
        }
        What::ConfMan => {
            written(&directory.join("amimux.conf.5"), conf_man::page).with_context(failed)?;
        }
        What::Completions => {
            for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
                clap_complete::generate_to(shell, &mut command, "amimux", directory)
                    .with_context(failed)?;
            }
        }
        What::Reference => {
            written(&directory.join("configuration.md"), reference::page).with_context(failed)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a file of what a function writes.
fn written(path: &Path, write: fn(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let mut page = BufWriter::new(File::create(path)?);
    write(&mut page)?;
    page.flush()
}

/// Adds to each page of the commands where to read on.
fn see_also(directory: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !name.starts_with("amimux") || !name.ends_with(".1") {
            continue;
        }
        let mut page = OpenOptions::new().append(true).open(entry.path())?;
        let first = if name == "amimux.1" {
            ""
        } else {
            ".BR amimux (1),\n"
        };
        write!(
            page,
            ".SH \"SEE ALSO\"\n{first}.BR amimux.conf (5),\n.BR asterisk (8),\n.BR systemd.service (5)\n{DOCUMENTS}"
        )?;
    }
    Ok(())
}

/// Where the documents are, for manual pages.
const DOCUMENTS: &str =
    ".PP\nFurther documents are listed in\n.IR /usr/share/doc/amimux/docs/README.md .\n";
