//! The command line: what each command is for, and what it tells a person. Exit codes are in [`exit`].

mod administer;
mod control;
mod exit;
mod explain;
mod filter_test;
mod generate;
mod hash_secret;
mod import;
mod log;
mod show;
mod tap;
mod top;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use amimux::config::diagnostics::Report;
use amimux::config::settings::{Settings, TlsListener};
use amimux::config::{self, Environment};
use amimux::daemon::{Daemon, Handover, Passed, Source, termination};
use amimux::demo::{self, DemoOptions};
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use self::log::{Log, LogFormat};

/// Where the demo's proxy listens, if it can: the port next to Asterisk's own.
const DEMO_PORT: u16 = 5039;

/// One upstream AMI session per Asterisk, many virtual AMI sessions for your applications.
#[derive(Debug, Parser)]
#[command(
    name = "amimux",
    version,
    about,
    long_about = "amimux keeps one session to each Asterisk's Manager Interface (AMI) and presents many \
virtual sessions to applications, each with its own secret, ACL and read/write classes. Applications need no \
change: point them at amimux's port instead of Asterisk's.",
    after_long_help = "First steps:
  amimux demo                                     see it at work, without an Asterisk
  amimux check --config /etc/amimux/amimux.conf   is my configuration right?
  amimux explain --user NAME                      what may this user do and see?
  amimux run --config /etc/amimux/amimux.conf     the proxy itself, in the foreground
  amimux status                                   how does the running one do?
  amimux show connected                           who is logged in?
  amimux top                                      live: Asterisks, clients, totals
  amimux tap --user crm                           what does that application send and receive?

In Asterisk's manager.conf, amimux needs a user with read = all, write = all and a generous
writetimeout (10000). In amimux.conf, a section with `type = upstream` names that user, and every
other section is a user of yours, written as in manager.conf.

Exit codes: 0 success, 1 failure, 64 wrong usage, 69 port in use or amimux not running, 71 the system refuses, 74 input or output
fails, 77 not permitted, 78 configuration error."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy in the foreground, until SIGINT or SIGTERM.
    Run(RunArguments),
    /// See it at work: a simulated PBX, the proxy in front of it, and four applications, live in this terminal.
    Demo(DemoArguments),
    /// Read a configuration and print every error and warning, as file:line: what is wrong; remedy.
    Check(CheckArguments),
    /// Tell what a user may do and see, and which rule says so.
    Explain(explain::ExplainArguments),
    /// Try a user's event filters on recorded events: what would be sent, by which filter, and at what cost.
    FilterTest(filter_test::FilterTestArguments),
    /// Make a configuration of Asterisk's manager.conf, or of astmanproxy's files.
    Import(import::ImportArguments),
    /// Ask the running amimux how it does.
    Status(administer::StatusArguments),
    /// Show the users, sessions, settings, actions, Asterisks, views or filters of the running amimux.
    Show(show::ShowArguments),
    /// End a session, or all sessions of a user.
    Kick(administer::KickArguments),
    /// Watch Asterisks, clients and totals live in this terminal.
    Top(top::TopArguments),
    /// See live what an application sends and receives, secrets left out.
    Tap(tap::TapArguments),
    /// Change what the running amimux logs.
    Log(administer::LogArguments),
    /// Have the running amimux read its configuration again, or tell what that would change.
    Reload(administer::ReloadArguments),
    /// Hash a secret, so that the configuration does not tell what to log in with.
    HashSecret(hash_secret::HashSecretArguments),
    /// Write manual pages and completions, for a package.
    #[command(hide = true)]
    Generate(generate::GenerateArguments),
}

/// Which configuration.
#[derive(Debug, Args)]
struct ConfigArgument {
    /// The configuration file, in Asterisk's dialect (see conf/amimux.conf for every option).
    #[arg(
        short,
        long,
        value_name = "FILE",
        default_value = "/etc/amimux/amimux.conf"
    )]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct RunArguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// What to log: error, warn, info, debug, trace, or a filter such as amimux::session=debug.
    #[arg(
        long,
        value_name = "FILTER",
        default_value = "info",
        env = "AMIMUX_LOG"
    )]
    log: String,
    /// Where another amimux may ask for everything that this one has, to take its place: a UNIX socket. Not needed under
    /// systemd.
    #[arg(long, value_name = "PATH")]
    handover_socket: Option<PathBuf>,
    /// Take the place of the amimux that listens at the handover socket, with its clients and its connection to Asterisk.
    #[arg(long, requires = "handover_socket")]
    take_over: bool,
    /// How to write log lines.
    #[arg(long, value_enum, default_value_t = LogFormat::Auto)]
    log_format: LogFormat,
}

#[derive(Debug, Args)]
struct CheckArguments {
    #[command(flatten)]
    config: ConfigArgument,
}

#[derive(Debug, Args)]
struct DemoArguments {
    /// The port of the proxy on 127.0.0.1; without it, 5039, or any free one where that is taken.
    #[arg(short, long, value_name = "PORT")]
    port: Option<u16>,
    /// How many calls begin per second.
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    calls: f64,
    /// The seed of the simulated calls: the same seed, the same calls.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// End after this many seconds instead of at Ctrl-C.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<u64>,
}

/// Reads the arguments and does what they say.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            if std::env::args_os()
                .nth(1)
                .is_some_and(|name| name == "hash-secret")
                && error.kind() == ErrorKind::UnknownArgument
            {
                say(hash_secret::NO_ARGUMENT);
                return ExitCode::from(exit::USAGE);
            }
            // When standard error is gone there is nobody left to tell.
            let _ = error.print();
            // Help and the version come this way, too.
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { 0 });
        }
    };
    let result = match arguments.command {
        Command::Run(arguments) => run_proxy(&arguments),
        Command::Check(arguments) => check(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::FilterTest(arguments) => filter_test::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Status(arguments) => administer::status(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Kick(arguments) => administer::kick(&arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::Tap(arguments) => tap::run(&arguments),
        Command::Log(arguments) => administer::log(&arguments),
        Command::Reload(arguments) => administer::reload(&arguments),
        Command::HashSecret(arguments) => hash_secret::run(&arguments),
        Command::Generate(arguments) => generate::run(&arguments),
        Command::Demo(arguments) => run_demo(&arguments),
    };
    result.unwrap_or_else(|error| {
        say(&format!("amimux: {error:#}"));
        ExitCode::from(exit::code_of(&error))
    })
}

/// Tells a person something, on standard error.
fn say(text: &str) {
    // When standard error is gone there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn load(path: &Path) -> (Option<Settings>, Report) {
    let (settings, report) = config::load(path, &environment());
    for diagnostic in report.diagnostics() {
        say(&diagnostic.to_string());
    }
    (settings, report)
}

/// What the configuration may refer to.
fn environment() -> Environment {
    let directory = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|name| !name.is_empty());
    Environment {
        credentials_directory: directory.map(PathBuf::from),
        since_1970: SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok(),
    }
}

/// A number of things, in words.
fn counted(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        _ => format!("{number} {thing}s"),
    }
}

/// Where amimux would listen.
fn ports(settings: &Settings) -> String {
    let general = &settings.general;
    let http = settings.http.as_ref();
    let tls = |listener: Option<&TlsListener>| listener.map(|listener| listener.bind);
    let more = [
        ("TLS", tls(general.tls.as_ref())),
        ("HTTP", http.map(|http| http.bind)),
        ("HTTPS", tls(http.and_then(|http| http.tls.as_ref()))),
        ("metrics", general.metrics),
    ];
    let mut text = format!("listens on {}", general.bind);
    for (what, address) in more {
        if let Some(address) = address {
            text.push_str(&format!(", {what} on {address}"));
        }
    }
    text
}

fn check(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    let path = &arguments.config.config;
    let (settings, report) = load(path);
    let (errors, warnings) = (report.errors().count(), report.warnings().count());
    let mut out = std::io::stdout();
    if let Some(settings) = settings {
        writeln!(
            out,
            "{}: usable: {}, {}, {}; {}",
            path.display(),
            counted(settings.upstreams.len(), "upstream"),
            counted(settings.users.len(), "user"),
            ports(&settings),
            counted(warnings, "warning"),
        )?;
        Ok(ExitCode::SUCCESS)
    } else {
        writeln!(
            out,
            "{}: not usable: {}, {}",
            path.display(),
            counted(errors, "error"),
            counted(warnings, "warning")
        )?;
        Ok(ExitCode::from(exit::unusable(path)))
    }
}

fn run_proxy(arguments: &RunArguments) -> anyhow::Result<ExitCode> {
    let log = log::start(&arguments.log, arguments.log_format)?;
    serve(arguments, &log).or_else(|error| {
        log.tell_end(&format!("{error:#}"));
        Ok(ExitCode::from(exit::code_of(&error)))
    })
}

fn serve(arguments: &RunArguments, log: &Log) -> anyhow::Result<ExitCode> {
    let (settings, report) = config::load(&arguments.config.config, &environment());
    log.tell(&report);
    let Some(settings) = settings else {
        log.tell_end("not started: the configuration has errors");
        return Ok(ExitCode::from(exit::unusable(&arguments.config.config)));
    };
    let source = Source {
        path: arguments.config.config.clone(),
        environment: environment(),
    };
    let control = log.control.clone();
    until_signal(async |cancel| {
        let path = arguments.handover_socket.clone();
        let handover = Handover::begin(&settings, path, arguments.take_over)?;
        let daemon = Daemon::bind_after(settings, Passed::of_process(), handover)
            .await?
            .reloading(source)
            .logging(control);
        daemon.run(cancel).await
    })
}

fn run_demo(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    log::start("error", LogFormat::Plain)?;
    let port = arguments.port.unwrap_or_else(|| {
        let free = std::net::TcpListener::bind(("127.0.0.1", DEMO_PORT)).is_ok();
        if free { DEMO_PORT } else { 0 }
    });
    let options = DemoOptions {
        port,
        calls_per_second: arguments.calls,
        seed: arguments.seed,
        duration: arguments.seconds.map(Duration::from_secs),
    };
    until_signal(async |cancel| demo::run(options, cancel).await)
}

/// Runs something that ends when it is asked to: by SIGINT or SIGTERM.
fn until_signal(
    work: impl AsyncFnOnce(CancellationToken) -> anyhow::Result<()>,
) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let cancel = CancellationToken::new();
        let asked = cancel.clone();
        let signals = tokio::spawn(async move {
            match termination().await {
                Ok(signal) => info!(name: "ending", signal, "ending"),
                Err(error) => error!(name: "signals-unusable", %error, "cannot catch signals"),
            }
            asked.cancel();
        });
        let result = work(cancel).await;
        signals.abort();
        result
    })?;
    Ok(ExitCode::SUCCESS)
}
