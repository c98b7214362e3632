//! amimux as a service that is restarted: by a successor that takes over, or by a service manager of our own that does
//! what systemd documents of its store of open files (`sd_notify(3)`, `sd_listen_fds(3)`).

use std::fs::OpenOptions;
use std::io::{IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::io::fcntl_dupfd_cloexec;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tempfile::TempDir;

use super::support::{free_ports, terminate, until};

/// Numbers from which open files are passed: none of them is one that they are passed to.
const PASSED_FROM: i32 = 8192;

/// Passes files of these numbers from file 3 on to a program that takes its place. A shell keeps those above 10 to itself.
const LAUNCHER: &str = "\
import os, sys
for place, number in enumerate(map(int, sys.argv[1].split())):
    os.dup2(number, place + 3, inheritable=True)
    os.close(number)
os.environ['LISTEN_PID'] = str(os.getpid())
os.execv(sys.argv[2], sys.argv[2:])
";

/// What goes on at a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// A new process takes over.
    TakeOver,
    /// The service manager stops the process and starts a new one.
    Store,
}

/// The service manager's store, which it fills from what it is sent.
#[derive(Clone, Default)]
pub(crate) struct Store(Arc<Mutex<Vec<(String, OwnedFd)>>>);

impl Store {
    /// Listens at the socket for ever.
    fn keep(&self, socket: UnixDatagram) {
        let files = Arc::clone(&self.0);
        std::thread::spawn(move || {
            loop {
                let mut text = [0; 4096];
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
                let mut ancillary = RecvAncillaryBuffer::new(&mut space);
                let mut parts = [IoSliceMut::new(&mut text)];
                let flags = RecvFlags::CMSG_CLOEXEC;
                let Ok(received) = recvmsg(&socket, &mut parts, &mut ancillary, flags) else {
                    return;
                };
                let came: Vec<OwnedFd> = ancillary
                    .drain()
                    .filter_map(|message| match message {
                        RecvAncillaryMessage::ScmRights(files) => Some(files),
                        _ => None,
                    })
                    .flatten()
                    .collect();
                let text = String::from_utf8_lossy(&text[..received.bytes]).into_owned();
                let has = |line: &str| text.lines().any(|each| each == line);
                let name = text.lines().find_map(|line| line.strip_prefix("FDNAME="));
                let mut files = files.lock().expect("the store");
                if has("FDSTORE=1") {
                    let name = name.unwrap_or("stored");
                    files.extend(came.into_iter().map(|file| (name.to_owned(), file)));
                } else if has("FDSTOREREMOVE=1") {
                    files.retain(|(each, _)| Some(each.as_str()) != name);
                }
                // Whatever else came is closed: so BARRIER=1 is answered.
            }
        });
    }

    /// How many files it has.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().expect("the store").len()
    }

    /// Does something with the files, by their names.
    pub(crate) fn with(&self, act: impl FnOnce(&mut Vec<(String, OwnedFd)>)) {
        act(&mut self.0.lock().expect("the store"));
    }
}

/// A running amimux; ends with the value.
pub(crate) struct Service {
    /// Where it speaks AMI.
    pub(crate) port: u16,
    /// Where it speaks AMI over TLS, if the configuration says so.
    pub(crate) tls_port: u16,
    pub(crate) way: Way,
    pub(crate) store: Store,
    folder: TempDir,
    process: Child,
}

impl Service {
    /// Runs amimux with a configuration in which `{port}` and `{tls_port}` stand for ports.
    pub(crate) fn start(way: Way, configuration: &str) -> Self {
        let port = free_ports(2);
        let folder = tempfile::Builder::new()
            .prefix("amimux-")
            .tempdir()
            .expect("a temporary folder");
        let text = configuration
            .replace("{port}", &port.to_string())
            .replace("{tls_port}", &(port + 1).to_string());
        std::fs::write(folder.path().join("amimux.conf"), text).expect("a configuration");
        let store = Store::default();
        let notify = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        store.keep(notify);
        let process = Command::new("true").spawn().expect("a process");
        let mut service = Self {
            port,
            tls_port: port + 1,
            way,
            store,
            folder,
            process,
        };
        let _ = service.process.wait();
        service.process = service.run(&[]);
        until("amimux greets", || {
            TcpStream::connect(("127.0.0.1", port))
                .is_ok()
                .then_some(())
        });
        service
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the processes have logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The process that runs now.
    pub(crate) fn process(&mut self) -> &mut Child {
        &mut self.process
    }

    /// A command that runs amimux.
    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut options = OpenOptions::new();
        let log = options.create(true).append(true);
        let log = log.open(self.path("log")).expect("a log");
        let mut command = Command::new(program);
        command.args(arguments).arg("run");
        command.arg("--config").arg(self.path("amimux.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(log);
        command
    }

    /// Starts a process, as this way does it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Child {
        let program = env!("CARGO_BIN_EXE_amimux");
        match self.way {
            Way::TakeOver => {
                let mut command = self.command(program, &[]);
                command.arg("--handover-socket").arg(self.path("handover"));
                command.args(arguments).spawn()
            }
            Way::Store => self.run_with_stored(program),
        }
        .expect("amimux can be run")
    }

    /// Passes everything in the store, from file 3 on; it stays in the store, too.
    fn run_with_stored(&self, program: &str) -> std::io::Result<Child> {
        let stored = self.store.0.lock().expect("the store");
        let mut copies = Vec::new();
        let mut names = Vec::new();
        for (name, file) in stored.iter() {
            let copy = fcntl_dupfd_cloexec(file, PASSED_FROM)?;
            fcntl_setfd(&copy, FdFlags::empty())?;
            copies.push(copy);
            names.push(name.as_str());
        }
        let numbers = copies.iter().map(|copy| copy.as_raw_fd().to_string());
        let numbers = numbers.collect::<Vec<_>>().join(" ");
        let mut command = self.command("python3", &["-c", LAUNCHER, &numbers, program]);
        command.env("NOTIFY_SOCKET", self.path("notify"));
        command.env("FDSTORE", "65536");
        if !names.is_empty() {
            command.env("LISTEN_FDS", names.len().to_string());
            command.env("LISTEN_FDNAMES", names.join(":"));
        }
        command.spawn()
    }

    /// Restarts it; how long that took.
    pub(crate) fn restart(&mut self) -> Duration {
        let begin = Instant::now();
        match self.way {
            Way::TakeOver => {
                let next = self.run(&["--take-over"]);
                let mut before = std::mem::replace(&mut self.process, next);
                let status = until("the process before ends", || {
                    before.try_wait().expect("its state")
                });
                assert!(status.success(), "{status}: {}", self.log());
            }
            Way::Store => {
                self.stop_for_restart();
                self.process = self.run(&[]);
            }
        }
        begin.elapsed()
    }

    /// The first half of a restart by the service manager.
    pub(crate) fn stop_for_restart(&mut self) {
        let pid = self.process.id().to_string();
        let told = Command::new("kill").args(["-USR1", &pid]).status();
        assert!(told.is_ok_and(|status| status.success()), "kill works");
        let status = until("the process before ends", || {
            self.process.try_wait().expect("its state")
        });
        assert!(status.success(), "{status}: {}", self.log());
    }

    /// The lines of the log that say that a process took over.
    pub(crate) fn taken_over(&self) -> Vec<String> {
        let log = self.log();
        let lines = log.lines().filter(|line| line.contains("went on where"));
        lines.map(str::to_owned).collect()
    }

    /// Waits until so many processes took over.
    pub(crate) fn wait_for_take_overs(&self, count: usize) {
        until("a process takes over", || {
            (self.taken_over().len() >= count).then_some(())
        });
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        terminate(&mut self.process);
        if std::thread::panicking() {
            let _ = writeln!(std::io::stderr(), "--- log ---\n{}", self.log());
        }
    }
}
