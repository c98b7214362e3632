//! The amimux that was built, run for one test.

use super::{Asterisk, USERS, free_ports, terminate, test_logs, until};
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running amimux; ends with the value.
pub(crate) struct Amimux {
    /// Where it speaks AMI to applications.
    pub(crate) port: u16,
    folder: TempDir,
    log_file: PathBuf,
    process: Child,
}

impl Amimux {
    /// Runs amimux with a configuration in which `{port}` stands for the port to listen on,
    /// and waits until it greets.
    pub(crate) fn start(configuration: &str) -> Self {
        Self::start_with(configuration, &[])
    }

    /// The same, with further arguments.
    pub(crate) fn start_with(configuration: &str, arguments: &[&str]) -> Self {
        Self::start_in(configuration, arguments, &[])
    }

    /// The same, with variables of the environment.
    pub(crate) fn start_in(
        configuration: &str,
        arguments: &[&str],
        variables: &[(&str, &Path)],
    ) -> Self {
        let program = Command::new(env!("CARGO_BIN_EXE_amimux"));
        Self::start_by(program, configuration, arguments, variables)
    }

    /// The same by a program that becomes amimux, with the arguments that it is given.
    pub(crate) fn start_by(
        mut run: Command,
        configuration: &str,
        arguments: &[&str],
        variables: &[(&str, &Path)],
    ) -> Self {
        let port = free_ports(1);
        let folder = tempfile::Builder::new()
            .prefix("amimux-")
            .tempdir()
            .expect("a temporary folder");
        let file = folder.path().join("amimux.conf");
        let text = configuration.replace("{port}", &port.to_string());
        File::create(&file)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .expect("a configuration file");
        test_logs::has_secrets(text.as_bytes());
        let log_file = test_logs::log_file();
        let log = File::create(&log_file).expect("a file for its log");
        run.arg("run")
            .arg("--config")
            .arg(&file)
            .args(arguments)
            .env("AMIMUX_LOG", "trace")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let process = run.spawn().expect("amimux can be run");
        let mut amimux = Self {
            port,
            folder,
            log_file,
            process,
        };
        until("amimux greets", || {
            let ended = amimux.process.try_wait().expect("the state of amimux");
            assert!(ended.is_none(), "amimux ended, {ended:?}: {}", amimux.log());
            greets(port).then_some(())
        });
        amimux
    }

    /// Runs amimux in front of that Asterisk, with the users that Asterisk itself has, judged as it judges them.
    pub(crate) fn before(asterisk: &Asterisk) -> Self {
        Self::start(&configuration(asterisk.ami_port))
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Asks it to end, and waits for its exit code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        let pid = self.process.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.is_ok_and(|status| status.success()), "kill works");
        until("amimux ends", || {
            self.process.try_wait().expect("the state of amimux")
        })
        .code()
    }

    /// The file that it was configured with.
    pub(crate) fn configuration_file(&self) -> PathBuf {
        self.folder.path().join("amimux.conf")
    }

    /// The file that it logs to.
    pub(crate) fn log_file(&self) -> PathBuf {
        self.log_file.clone()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }
}

impl Drop for Amimux {
    fn drop(&mut self) {
        terminate(&mut self.process);
        if std::thread::panicking() {
            let _ = writeln!(
                std::io::stderr(),
                "--- what amimux logged ---\n{}",
                self.log()
            );
        }
    }
}

/// A configuration with all [`USERS`] and the Asterisk at that port. They are judged as Asterisk judges them, but
/// for one, `aclok`, who is judged safely.
pub(crate) fn configuration(ami_port: u16) -> String {
    format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\nguards = asterisk\n\n\
         [asterisk]\ntype = upstream\nhost = 127.0.0.1\nport = {ami_port}\nusername = upstream\nsecret = upstream-secret\n\n\
         {USERS}\n[aclok](+)\nguards = safe\n"
    )
}

fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let mut banner = [0; 22];
    stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .expect("a read timeout");
    stream.read_exact(&mut banner).is_ok() && banner == *b"Asterisk Call Manager/"
}
