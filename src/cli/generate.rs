//! The files that a package has besides the program: manual pages and completions for shells. They are made from the
//! arguments and the table of options themselves, so that they cannot say anything else.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use amimux::config::options::{OptionDoc, Place, documented};
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
        What::Man => clap_mangen::generate_to(command, directory).with_context(failed)?,
        What::ConfMan => {
            let file = File::create(directory.join("amimux.conf.5")).with_context(failed)?;
            let mut page = BufWriter::new(file);
            conf_page(&mut page)
                .and_then(|()| page.flush())
                .with_context(failed)?;
        }
        What::Completions => {
            for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
                clap_complete::generate_to(shell, &mut command, "amimux", directory)
                    .with_context(failed)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn conf_page(page: &mut impl Write) -> std::io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    writeln!(page, ".TH AMIMUX.CONF 5 \"\" \"amimux {version}\"")?;
    writeln!(page, ".SH NAME\namimux.conf \\- configuration of amimux")?;
    writeln!(page, ".SH SYNOPSIS\n.I /etc/amimux/amimux.conf")?;
    writeln!(page, ".SH DESCRIPTION")?;
    let description = "A file in Asterisk's dialect, as manager.conf: sections in brackets, options as name = value, \
                       comments after a semicolon. An option that is not known is an error. Whether a file can be \
                       used is told by";
    writeln!(page, "{}\n.BR \"amimux check\" .", escaped(description))?;
    let options = documented();
    for (place, title, about) in SECTIONS {
        let title = escaped(&title.to_uppercase());
        writeln!(page, ".SH \"OPTIONS: {title}\"\n{}", escaped(about))?;
        let here = options
            .iter()
            .filter(|option| option.place == place && option.supported);
        for option in here {
            write_option(page, option)?;
        }
    }
    writeln!(page, ".SH SEE ALSO\n.BR amimux (1)")
}

fn write_option(page: &mut impl Write, option: &OptionDoc) -> std::io::Result<()> {
    let names = std::iter::once(option.name).chain(option.aliases.iter().copied());
    let names: Vec<_> = names.map(escaped).collect();
    writeln!(page, ".TP\n.BR \"{}\"", names.join("\" \", \" \""))?;
    writeln!(page, "{}", escaped(option.doc))?;
    writeln!(page, ".br\nValue: {}", escaped(option.kind))?;
    if !option.default.is_empty() {
        writeln!(page, ".br\nDefault: {}", escaped(option.default))?;
    }
    Ok(())
}

/// Text of which roff understands nothing as a command.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '"' => escaped.push_str("\\(dq"),
            // Only at the begin of a line do they mean anything.
            '.' | '\'' if escaped.is_empty() => escaped.extend(["\\&", &character.to_string()]),
            '\n' => escaped.push(' '),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_that_is_supported_has_its_entry() {
        let mut page = Vec::new();
        conf_page(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        let entries = page.lines().filter(|line| *line == ".TP").count();
        let supported = documented().iter().filter(|doc| doc.supported).count();
        assert!(supported > 50, "{supported}");
        assert_eq!(entries, supported, "a section is missing");
        assert!(page.contains(".BR \"bindaddr\"\n"), "{page}");
    }

    #[test]
    fn text_is_no_command_of_roff() {
        for (text, expected) in [
            ("a-b \\n", "a\\-b \\en"),
            (".SH no", "\\&.SH no"),
            ("'no'", "\\&'no'"),
            ("two\n.lines", "two .lines"),
            ("say \"so\"", "say \\(dqso\\(dq"),
        ] {
            assert_eq!(escaped(text), expected, "{text}");
        }
    }
}
