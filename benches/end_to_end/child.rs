//! A contestant as a process: starting it, asking the kernel what it has used, and making sure that it ends.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

/// How long amimux may take until its port is open.
const OPEN_WITHIN: Duration = Duration::from_secs(10);

/// Clock ticks of `/proc/PID/stat` in a second, on every Linux that this runs on.
const TICKS_PER_SECOND: u64 = 100;

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contestant {
    /// Bare reads and writes.
    Relay,
    /// A queue and a task for each client.
    Queue,
    /// A connection upstream for each client.
    Forward,
    /// HTTP with constant answers.
    Bare,
    /// The real program.
    Amimux,
}

impl Contestant {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Queue => "queue",
            Self::Forward => "forward",
            Self::Bare => "bare",
            Self::Amimux => "amimux",
        }
    }
}

/// What of amimux's configuration differs from run to run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Setup {
    /// Sections of users, and others.
    pub(crate) sections: String,
    /// Further lines of `[general]`.
    pub(crate) general: String,
    /// Further ports that are waited for.
    pub(crate) ports: Vec<u16>,
}

impl Setup {
    /// With these users and nothing else.
    pub(crate) fn of(users: &str) -> Self {
        Self {
            sections: users.to_owned(),
            ..Self::default()
        }
    }
}

/// A process, and the folder of its configuration.
#[derive(Debug)]
struct Process {
    child: Child,
    _folder: Option<TempDir>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The process that runs now: there is one at a time. It is here so that a signal can end it, too.
static PRESENT: Mutex<Option<Process>> = Mutex::new(None);

/// A process of another kind that ends with the bench, too.
static BESIDE: Mutex<Option<u32>> = Mutex::new(None);

/// Has a signal end that process as well, or none from now on.
pub(crate) fn end_as_well(process: Option<u32>) {
    *BESIDE.lock().unwrap_or_else(PoisonError::into_inner) = process;
}

fn present() -> MutexGuard<'static, Option<Process>> {
    PRESENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends the present contestant when this process is told to end, and then does as told.
pub(crate) fn end_with_signals() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut signals = {
        let _context = runtime.enter();
        [
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            let [interrupt, terminate, hangup] = &mut signals;
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
            });
            // Whoever starts one now waits for ever, and goes with this process.
            let mut present = present();
            drop(present.take());
            let beside = *BESIDE.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(process) = beside {
                // It may have ended already.
                let _ = Command::new("kill")
                    .args(["-KILL", &process.to_string()])
                    .status();
            }
            std::process::exit(130);
        })?;
    Ok(())
}

/// A running contestant; it is killed with the value.
#[derive(Debug)]
pub(crate) struct Running {
    process: u32,
    /// Where its clients connect.
    pub(crate) port: u16,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(present().take());
    }
}

impl Running {
    /// Starts the contestant before a source on that port, for `clients` clients; `users` is the part of amimux's
    /// configuration that names its users.
    pub(crate) fn start(
        contestant: Contestant,
        source: u16,
        clients: usize,
        users: &str,
    ) -> anyhow::Result<Self> {
        match contestant {
            Contestant::Amimux => Self::start_amimux(source, &Setup::of(users)),
            other => Self::start_other(other.name(), source, clients),
        }
    }

    /// Starts the process; nobody can be told to end it before it is known.
    fn spawn(
        command: &mut Command,
        port: u16,
        folder: Option<TempDir>,
    ) -> anyhow::Result<(Self, Option<ChildStdout>)> {
        let mut present = present();
        let mut child = command.spawn().context("cannot start a contestant")?;
        let running = Self {
            process: child.id(),
            port,
        };
        let out = child.stdout.take();
        *present = Some(Process {
            child,
            _folder: folder,
        });
        Ok((running, out))
    }

    fn start_other(name: &str, source: u16, clients: usize) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["contestant", name])
            .args([source.to_string(), clients.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // It ends when a connection of its does, with a complaint that nobody needs.
            .stderr(Stdio::null());
        let (mut running, out) = Self::spawn(&mut command, 0, None)?;
        let mut line = String::new();
        BufReader::new(out.context("no output")?).read_line(&mut line)?;
        running.port = line.trim().parse().context("a contestant did not start")?;
        Ok(running)
    }

    /// Starts amimux before a source on that port. Its clients connect where they are told in `setup`, or without TLS
    /// to the port that is returned.
    pub(crate) fn start_amimux(source: u16, setup: &Setup) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("amimux-bench-").tempdir()?;
        let file = folder.path().join("amimux.conf");
        let port = free_port()?;
        write_configuration(&file, &configuration(port, source, setup))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_amimux"));
        command
            .args(["run", "--log", "error", "--config"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let (running, _) = Self::spawn(&mut command, port, Some(folder))?;
        for port in setup.ports.iter().copied().chain([port]) {
            await_port(port)?;
        }
        Ok(running)
    }

    /// CPU time of all its threads, user and system.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let folder = format!("/proc/{}", self.process);
        let mut total = Duration::ZERO;
        for task in std::fs::read_dir(format!("{folder}/task"))? {
            let path = task?.path().join("schedstat");
            let Ok(text) = std::fs::read_to_string(path) else {
                return cpu_in_ticks(self.process);
            };
            let nanoseconds = text.split_ascii_whitespace().next().unwrap_or_default();
            total += Duration::from_nanos(nanoseconds.parse()?);
        }
        Ok(total)
    }

    /// Bytes of memory that are resident.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_ascii_whitespace().next());
        Ok(number.context("no VmRSS")?.parse::<u64>()? * 1024)
    }
}

/// The coarse account: where the kernel keeps no fine one, and for a process whose threads end, which the fine one
/// forgets.
pub(crate) fn cpu_in_ticks(process: u32) -> anyhow::Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, rest) = stat.rsplit_once(')').context("no name in stat")?;
    let times = rest.split_ascii_whitespace().skip(11).take(2);
    let ticks: u64 = times.map(|field| field.parse::<u64>().unwrap_or(0)).sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// Waits until amimux has opened a port.
fn await_port(port: u16) -> anyhow::Result<()> {
    let deadline = Instant::now() + OPEN_WITHIN;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        let ended = match present().as_mut() {
            Some(process) => process.child.try_wait()?,
            None => None,
        };
        if let Some(status) = ended {
            bail!("amimux ended ({status})");
        }
        if Instant::now() >= deadline {
            bail!("amimux did not open its port");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// A port that nobody uses just now.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn write_configuration(file: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?;
    Ok(file.write_all(text.as_bytes())?)
}

/// Defaults wherever figures depend on it, but for two: many may log in at once, and the log of events holds what
/// the window of a run lets the source be ahead.
fn configuration(port: u16, source: u16, setup: &Setup) -> String {
    let Setup {
        general, sections, ..
    } = setup;
    format!(
        "[general]\nenabled = yes\nbindaddr = 127.0.0.1\nport = {port}\nauthlimit = 20000\ndisplayconnects = no\n\
         retention = 16M\nmemorylimit = 512M\n{general}\n\
         [asterisk]\ntype = upstream\nhost = 127.0.0.1\nport = {source}\nusername = amimux\nsecret = bench\n\
         authtype = plain\n\n{sections}"
    )
}
