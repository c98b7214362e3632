//! A real Asterisk, installed on demand and run for one test.

use super::{AmiClient, free_ports, installed, repository, terminate, until};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

/// One Asterisk at a time in a test program: more would only slow each other down.
static ALONE: Mutex<()> = Mutex::new(());

/// A running Asterisk; ends with the value.
pub(crate) struct Asterisk {
    /// Where it speaks AMI.
    pub(crate) ami_port: u16,
    home: PathBuf,
    folder: TempDir,
    certificate: Option<PathBuf>,
    process: Option<Child>,
    _alone: MutexGuard<'static, ()>,
}

impl Asterisk {
    /// Installs Asterisk if need be, runs it on free ports and waits until it has booted.
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// [`Asterisk::start`] with further users, in the form of `manager.conf`.
    pub(crate) fn start_with(users: &str) -> Self {
        Self::start_certified(users, None)
    }

    /// [`Asterisk::start_with`], and the file with the certificate and key that it shows at its port for TLS; without
    /// one it makes its own.
    pub(crate) fn start_certified(users: &str, certificate: Option<&Path>) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let home = installed("asterisk");
        let install = Command::new(repository().join("scripts/asterisk/install.sh"))
            .arg(&home)
            .output();
        let install = install.expect("scripts/asterisk/install.sh can be run");
        assert!(
            install.status.success(),
            "no Asterisk: {}",
            String::from_utf8_lossy(&install.stderr)
        );
        let folder = tempfile::Builder::new()
            .prefix("amimux-")
            .tempdir()
            .expect("a temporary folder");
        std::fs::write(folder.path().join("more-users"), users).expect("a file for users");
        let mut asterisk = Self {
            ami_port: free_ports(3),
            home,
            folder,
            certificate: certificate.map(Path::to_owned),
            process: None,
            _alone: alone,
        };
        asterisk.start_again();
        asterisk
    }

    /// Starts it on the same ports after [`Asterisk::stop`] or [`Asterisk::crash`].
    pub(crate) fn start_again(&mut self) {
        assert!(self.process.is_none(), "Asterisk is running");
        let output =
            File::create(self.folder.path().join("output")).expect("a file for its output");
        let mut run = Command::new(repository().join("scripts/asterisk/run.sh"));
        run.arg(&self.home)
            .arg(self.ami_port.to_string())
            .arg(self.folder.path().join("run"))
            .env("MORE_USERS", self.folder.path().join("more-users"))
            .env_remove("TLS_CERTIFICATE");
        if let Some(certificate) = &self.certificate {
            run.env("TLS_CERTIFICATE", certificate);
        }
        run.stdin(Stdio::null())
            .stderr(output.try_clone().expect("its output twice"))
            .stdout(output);
        self.process = Some(run.spawn().expect("scripts/asterisk/run.sh can be run"));
        let mut client = until("Asterisk listens", || {
            let gone = self
                .process
                .as_mut()
                .is_none_or(|process| !matches!(process.try_wait(), Ok(None)));
            assert!(!gone, "Asterisk ended: {}", self.output());
            AmiClient::connect(self.ami_port).ok()
        });
        client.log_in("second", "system");
        client.read_until("Event: FullyBooted");
    }

    /// Where it speaks AMI over TLS.
    pub(crate) const fn tls_port(&self) -> u16 {
        self.ami_port + 2
    }

    /// The file with the certificate that it made itself.
    pub(crate) fn own_certificate(&self) -> PathBuf {
        self.folder.path().join("run/etc/cert.pem")
    }

    /// What it shows at its port for TLS from its next start on; without a file it makes its own.
    pub(crate) fn set_certificate(&mut self, certificate: Option<&Path>) {
        self.certificate = certificate.map(Path::to_owned);
    }

    /// Ends it as an administrator would; its clients may hear a `Shutdown` event.
    pub(crate) fn stop(&mut self) {
        terminate(&mut self.process.take().expect("Asterisk is running"));
    }

    /// Ends it from one instruction to the next, as a crash would.
    pub(crate) fn crash(&mut self) {
        let mut process = self.process.take().expect("Asterisk is running");
        process.kill().expect("kill Asterisk");
        process.wait().expect("Asterisk ends");
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().expect("Asterisk is running").id()
    }

    /// What a command of its command line prints.
    pub(crate) fn cli(&self, command: &str) -> String {
        let mut run = Command::new(self.home.join("bin/asterisk"));
        run.arg("-C")
            .arg(self.folder.path().join("run/etc/asterisk.conf"))
            .args(["-rx", command]);
        let output = run.output().expect("the command line of Asterisk");
        assert!(
            output.status.success(),
            "{command}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn output(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("output")).unwrap_or_default()
    }
}

impl Drop for Asterisk {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // Its state is thrown away: there is nothing to shut down in order.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
