//! `amimux demo`: a simulated PBX, the proxy in front of it, and a few applications with different rights,
//! all over loopback, with a live table of what each application receives and what it costs.

mod application;
mod cost;
mod table;

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use self::application::Application;
use self::table::Table;
use crate::config::settings::Settings;
use crate::config::{self, Environment};
use crate::daemon::{Daemon, Passed};
use crate::policy::class::Classes;
use crate::sim::server::serve;
use crate::sim::{Pbx, PbxOptions, SimUser};

/// How often the table is drawn.
const REFRESH: Duration = Duration::from_secs(1);

/// What the demo's applications are: name, secret, read classes, write classes, and what they are for.
const APPLICATIONS: [(&str, &str, &str, &str, &str); 4] = [
    (
        "crm",
        "crm-demo",
        "call,user",
        "call,originate,user",
        "click-to-call, pop-ups",
    ),
    (
        "wallboard",
        "wallboard-demo",
        "agent",
        "reporting",
        "queues at a glance",
    ),
    ("billing", "billing-demo", "cdr", "", "call records only"),
    (
        "admin",
        "admin-demo",
        "all",
        "all",
        "sees and may do everything",
    ),
];

/// How to run the demo.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// Where the proxy listens, on loopback; zero takes any free port.
    pub port: u16,
    /// How many calls begin per second.
    pub calls_per_second: f64,
    /// The seed of the simulated calls.
    pub seed: u64,
    /// How long it runs; `None` until it is interrupted.
    pub duration: Option<Duration>,
}

/// Runs the demo until `cancel`.
///
/// # Errors
/// A port cannot be opened, or standard output is gone.
pub async fn run(options: DemoOptions, cancel: CancellationToken) -> anyhow::Result<()> {
    let pbx_address = start_pbx(&options, cancel.clone())?;
    let settings = settings(pbx_address, options.port)?;
    let daemon = Daemon::bind(settings, Passed::default()).await?;
    let address = daemon.local_address()?;
    let tasks = LocalSet::new();
    tasks
        .run_until(async {
            let proxy = tokio::task::spawn_local(daemon.run(cancel.clone()));
            let shown = show(&options, address, cancel.clone()).await;
            cancel.cancel();
            proxy.await.context("the proxy panicked")??;
            shown
        })
        .await
}

/// The simulated PBX, on a thread of its own so that its cost is not counted as the proxy's.
fn start_pbx(options: &DemoOptions, cancel: CancellationToken) -> anyhow::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let pbx = Pbx::new(PbxOptions {
        seed: options.seed,
        calls_per_second: options.calls_per_second,
        users: vec![SimUser::new(
            "amimux",
            "demo-upstream",
            Classes::ALL,
            Classes::ALL,
        )],
        ..PbxOptions::default()
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("demo-pbx".to_owned())
        .spawn(move || {
            runtime.block_on(async move {
                if let Ok(listener) = TcpListener::from_std(listener)
                    && let Err(error) = serve(listener, pbx, cancel).await
                {
                    tracing::error!(name: "simulation-stopped", %error, "the simulated PBX stopped");
                }
            });
        })?;
    Ok(address)
}

/// The demo's configuration, written as an administrator would, and read as any other.
fn configuration(pbx: SocketAddr, port: u16) -> String {
    let mut text = format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {port}\ncontrolsocket = no\n\n[pbx]\ntype = upstream\nhost = {}\nport = {}\nusername = amimux\nsecret = demo-upstream\n",
        pbx.ip(),
        pbx.port()
    );
    for (name, secret, read, write, _) in APPLICATIONS {
        text.push_str(&format!(
            "\n[{name}]\nsecret = {secret}\nread = {read}\nwrite = {write}\n"
        ));
    }
    text
}

fn settings(pbx: SocketAddr, port: u16) -> anyhow::Result<Settings> {
    let path = scratch_file()?;
    std::fs::write(&path, configuration(pbx, port.max(1024)))
        .with_context(|| format!("cannot write {}", path.display()))?;
    let (settings, report) = config::load(&path, &Environment::default());
    let _ = std::fs::remove_file(&path);
    let mut settings = settings.with_context(|| report.to_string())?;
    settings.general.bind.set_port(port);
    Ok(settings)
}

/// A file for the demo's configuration, unguessable and readable by nobody else.
fn scratch_file() -> anyhow::Result<PathBuf> {
    use std::os::unix::fs::OpenOptionsExt;
    let path = std::env::temp_dir().join(format!(
        "amimux-demo-{:016x}.conf",
        getrandom::u64().context("the system gives no random numbers")?
    ));
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot create {}", path.display()))?;
    Ok(path)
}

/// Runs the applications and draws the table until it is over.
async fn show(
    options: &DemoOptions,
    address: SocketAddr,
    cancel: CancellationToken,
) -> anyhow::Result<()> {
    let mut applications = Vec::new();
    for (name, secret, _, _, purpose) in APPLICATIONS {
        let application = Rc::new(Application::new(name, purpose));
        tokio::task::spawn_local(Rc::clone(&application).run(address, secret));
        applications.push(application);
    }
    let mut out = std::io::stdout();
    out.write_all(introduction(address).as_bytes())?;
    out.flush()?;
    let mut table = Table::new(applications, out.is_terminal());
    let mut ticks = tokio::time::interval(REFRESH);
    let end = async {
        match options.duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = cancel.cancelled() => break,
            () = &mut end => break,
            _ = ticks.tick() => {
                out.write_all(table.draw().as_bytes())?;
                out.flush()?;
            }
        }
    }
    out.write_all(b"\namimux demo: ended\n")?;
    Ok(())
}

fn introduction(address: SocketAddr) -> String {
    let (ip, port) = (address.ip(), address.port());
    let mut text = format!(
        "amimux demo: a simulated PBX, the proxy in front of it on {ip}:{port}, and four applications.\n\
         Be a fifth. In another terminal:\n\n  nc {ip} {port}\n\nthen type (an empty line ends each action):\n\n\
         \x20 Action: Login\n  Username: crm\n  Secret: crm-demo\n\n\
         \x20 Action: Originate\n  Channel: Local/100@demo\n  Application: Wait\n  Data: 1\n  ActionID: my-call\n\n\
         \x20 Action: Command                (refused: crm has no class command; try it as admin)\n  Command: core show channels\n\nUsers:\n"
    );
    for (name, secret, read, write, purpose) in APPLICATIONS {
        let write = if write.is_empty() { "nothing" } else { write };
        text.push_str(&format!(
            "  {name:<10} secret {secret:<15} reads {read:<10} runs {write:<20} {purpose}\n"
        ));
    }
    text.push_str("\nCtrl-C ends it.\n\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demos_configuration_has_nothing_to_complain_about() {
        let settings = settings("127.0.0.1:5038".parse().unwrap(), 15038).unwrap();
        assert_eq!(settings.users.len(), APPLICATIONS.len());
        assert_eq!(settings.general.bind.port(), 15038);
    }
}
