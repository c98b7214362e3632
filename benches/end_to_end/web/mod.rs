//! AMI over HTTP: sessions that wait for events and what one event costs then, streams of events, and requests, beside
//! hyper with constant answers, which says what of it is HTTP's own.

pub(crate) mod bare;
mod client;
mod events;
mod requests;
mod waiting;

use std::net::TcpListener;

use anyhow::Context;

use crate::asterisk::{Line, await_contestant};
use crate::child::{Contestant, Running, Setup, free_port};
use crate::client::SECRET;
use crate::options::Options;
use crate::report::Report;

const CONTESTANTS: [Contestant; 2] = [Contestant::Bare, Contestant::Amimux];

/// `web`, all of it.
pub(crate) fn measure(options: &Options, report: &mut Report) {
    waiting::measure(options, report);
    events::measure(options, report);
    requests::measure(options, report);
}

/// A contestant that serves HTTP.
struct Served {
    running: Running,
    /// Where HTTP is served.
    port: u16,
    /// What its events come over.
    line: Line,
}

impl Served {
    fn start(contestant: Contestant) -> anyhow::Result<Self> {
        let source = TcpListener::bind("127.0.0.1:0")?;
        let source_port = source.local_addr()?.port();
        let speaks_ami = contestant == Contestant::Amimux;
        let line = await_contestant(source, speaks_ami);
        let (running, port) = if speaks_ami {
            let port = free_port()?;
            let running = Running::start_amimux(source_port, &setup(port))?;
            (running, port)
        } else {
            let running = Running::start(contestant, source_port, 0, "")?;
            let port = running.port;
            (running, port)
        };
        let line = line.recv().context("the contestant did not connect")??;
        Ok(Self {
            running,
            port,
            line,
        })
    }
}

/// Defaults wherever figures depend on it: more may come than usual, and nobody expires within a run.
fn setup(port: u16) -> Setup {
    Setup {
        general: "webenabled = yes\nhttptimeout = 3600\nsessionlimit = 30000\n".to_owned(),
        sections: format!(
            "[http]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {port}\nsessionlimit = 30000\n\
             session_keep_alive = 600000\n\n\
             [web]\nsecret = {SECRET}\nread = call,dialplan\nwrite = all\n"
        ),
        ports: vec![port],
    }
}
