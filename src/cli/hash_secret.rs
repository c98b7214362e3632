//! `amimux hash-secret`: makes the line of a configuration that lets a user log in without telling its secret.
//! The secret comes from standard input, never from the arguments, which everybody on the machine can see.

use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;

use amimux::policy::secret::{LINE_BYTES_MAX, Secret};
use amimux::policy::secret_hash::{
    MEMORY_KIB, MEMORY_KIB_DEFAULT, PASSES, PASSES_DEFAULT, SecretHash,
};
use anyhow::{Context, bail};
use clap::Args;
use clap::builder::RangedI64ValueParser;
use zeroize::Zeroizing;

/// What is said of an argument that there is not: without it, because it is probably the secret.
pub(super) const NO_ARGUMENT: &str = "error: unexpected argument, which is not shown because it may be a secret

amimux hash-secret asks for the secret, or reads it from standard input. For more information, try '--help'.";

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  amimux hash-secret                      asks for the secret twice, without showing it
  amimux hash-secret < crm.secret         takes the one line of a file

  [crm]
  secrethash = $argon2id$v=19$m=19456,t=2,p=1$...

Put the line that is printed into the user's section, in the place of 'secret'. Applications go on
logging in with the secret itself; a login with AuthType: MD5 is not possible with a hash. Every such
login takes the memory and the time that the hash asks for, two logins at a time.")]
pub(super) struct HashSecretArguments {
    /// Memory that the hash and every login take, in KiB, from 8 to 262144.
    #[arg(long, value_name = "KIB", default_value_t = MEMORY_KIB_DEFAULT, value_parser = within(&MEMORY_KIB))]
    memory_kib: u32,
    /// Passes over that memory, from 1 to 16: time grows with both.
    #[arg(long, value_name = "N", default_value_t = PASSES_DEFAULT, value_parser = within(&PASSES))]
    passes: u32,
}

fn within(range: &std::ops::RangeInclusive<u32>) -> RangedI64ValueParser<u32> {
    RangedI64ValueParser::new().range(i64::from(*range.start())..=i64::from(*range.end()))
}

/// Prints the line, on standard output.
pub(super) fn run(arguments: &HashSecretArguments) -> anyhow::Result<ExitCode> {
    let secret = if std::io::stdin().is_terminal() {
        ask()?
    } else {
        read(std::io::stdin().lock())?
    };
    if secret.is_empty() {
        bail!("the secret is empty: anybody could log in");
    }
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).context("the system gives no random numbers")?;
    let hash = SecretHash::create(
        secret.expose(),
        salt,
        arguments.memory_kib,
        arguments.passes,
    )?;
    writeln!(std::io::stdout(), "secrethash = {}", hash.to_phc())?;
    Ok(ExitCode::SUCCESS)
}

/// Asks at the terminal, twice, because nobody sees what is typed.
fn ask() -> anyhow::Result<Secret> {
    let ask = |prompt: &str| {
        let typed = rpassword::prompt_password(prompt).context("cannot read from the terminal")?;
        let typed = Zeroizing::new(typed);
        Secret::from_line(typed.as_bytes()).map_err(unusable)
    };
    let secret = ask("Secret: ")?;
    if !secret.matches(ask("The same secret again: ")?.expose()) {
        bail!("the two secrets differ: try again");
    }
    Ok(secret)
}

fn read(input: impl Read) -> anyhow::Result<Secret> {
    // Space for all that is read, so that no copy is left behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 * LINE_BYTES_MAX));
    let most = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    input
        .take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .context("cannot read standard input")?;
    Secret::from_line(&bytes).map_err(unusable)
}

fn unusable(error: amimux::policy::secret::SecretLineError) -> anyhow::Error {
    anyhow::anyhow!("the secret is {error}: give it alone, on one line")
}
