//! `amimux import`: makes a configuration of what is there, says what the administrator should look at on standard error,
//! and prints what belongs into Asterisk's files on standard output.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use amimux::import::{self, ImportError, Request};
use anyhow::Context;
use clap::Args;
use zeroize::Zeroizing;

use super::{counted, exit, say};

/// Random bytes in the secret of amimux's user.
const SECRET_BYTES: usize = 24;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  amimux import                                      /etc/asterisk to ./amimux.conf
  amimux import --from backup/manager.conf --output /etc/amimux/amimux.conf
  amimux import --from /etc/asterisk/astmanproxy.conf

Of Asterisk manager.conf is read, and acl.conf, users.conf and http.conf beside it; of astmanproxy its
.conf and .users. Secrets go along: the new files can be read by their owner only, so chmod 640 and
chown them for the service. What amimux does otherwise is told, and stands in the file above each line.

Exit codes: 0 success, 1 failure, 2 wrong usage, 78 the original cannot be used.")]
pub(super) struct ImportArguments {
    /// A file, or a directory with manager.conf or astmanproxy.conf in it.
    #[arg(long, value_name = "PATH", default_value = "/etc/asterisk")]
    from: PathBuf,
    /// The configuration to write; access lists go to a file beside it, where there are any.
    #[arg(short, long, value_name = "FILE", default_value = "amimux.conf")]
    output: PathBuf,
    /// Put amimux where applications connect today, and have Asterisk moved to another port.
    #[arg(long)]
    take_over: bool,
    /// Replace files that are there.
    #[arg(long)]
    force: bool,
}

/// Imports.
pub(super) fn run(arguments: &ImportArguments) -> anyhow::Result<ExitCode> {
    let request = Request {
        from: arguments.from.clone(),
        output: arguments.output.clone(),
        take_over: arguments.take_over,
        force: arguments.force,
        secret: secret()?,
    };
    let imported = match import::import(&request) {
        Ok(imported) => imported,
        Err(error @ (ImportError::Source(..) | ImportError::Unusable(_))) => {
            say(&format!("amimux: {error}"));
            return Ok(ExitCode::from(exit::CONFIG));
        }
        Err(error) => return Err(error.into()),
    };
    say(&format!("{}\n", imported.findings));
    for file in &imported.files {
        say(&format!(
            "wrote {} (mode 600, with secrets)",
            file.display()
        ));
    }
    let users = counted(imported.users, "user");
    say(&format!(
        "{users}; try: amimux check --config {}",
        request.output.display()
    ));
    if !imported.for_asterisk.is_empty() {
        say("\nFor Asterisk's manager.conf:");
        let mut out = std::io::stdout();
        out.write_all(imported.for_asterisk.as_bytes())
            .context("cannot write to standard output")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A secret that nobody has to remember.
fn secret() -> anyhow::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0_u8; SECRET_BYTES]);
    getrandom::fill(bytes.as_mut()).context("the system gives no random numbers")?;
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    Ok(Zeroizing::new(digits.collect()))
}
