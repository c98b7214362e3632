//! Sessions of HTTP: what amimux's memory is for each that waits for events, with its connection and its request, and for
//! each that is between two requests.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context, ensure};
use memchr::memmem;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::asterisk;
use crate::child::{Contestant, Running};
use crate::client::SECRET;
use crate::limits::open_files;
use crate::options::Options;
use crate::report::{Report, Spread};

/// Sessions that are there before memory is counted: what the first of them costs, further ones do not.
const FIRST_SESSIONS: u64 = 16;

/// Files of amimux besides the sockets of clients.
const OTHER_FILES: u64 = 200;

/// Sessions that log in at a time.
const AT_A_TIME: u64 = 32;

/// Between the last session and the count of memory.
const SETTLE: Duration = Duration::from_millis(1000);

/// `web`.
pub(crate) fn measure(options: &Options, report: &mut Report) {
    report.heading(
        "web",
        "resident memory of amimux for each session over HTTP that waits for events (a connection with a request\n\
         under way), or is between two requests",
        "  sessions  waiting  bytes/session  MiB in all",
    );
    for (wanted, waits) in [(1000, true), (10_000, true), (10_000, false)] {
        let sessions = wanted.min(open_files().saturating_sub(OTHER_FILES));
        let runs = if options.quick { 1 } else { 3 };
        let mut figures = Vec::new();
        for _ in 0..runs {
            match memory(sessions, waits) {
                Ok(run) => figures.push(run),
                Err(error) => report.failed("web", &format!("{sessions} sessions"), &error),
            }
        }
        if figures.is_empty() {
            continue;
        }
        let each = Spread::of(figures.iter().map(|(each, _)| *each));
        let all = Spread::of(figures.iter().map(|(_, all)| *all));
        report.line(&format!(
            "  {sessions:>8}  {:<7}  {:>13.0}  {:>10.1}",
            if waits { "yes" } else { "no" },
            each.median,
            all.median / (1024.0 * 1024.0)
        ));
        report.record(
            "web",
            json!({
                "sessions": sessions, "waiting": waits, "bytes_per_session": each.json(), "bytes": all.json(),
            }),
        );
    }
}

/// Asks, and reads the answer up to its last bytes.
async fn ask(socket: &mut TcpStream, path: &str, end: &str) -> anyhow::Result<Vec<u8>> {
    let request = format!("GET /rawman?{path} HTTP/1.1\r\n\r\n");
    socket.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while memmem::find(&answer, end.as_bytes()).is_none() {
        let more = socket.read_buf(&mut answer).await? > 0;
        ensure!(more, "closed after {}", answer.escape_ascii());
    }
    Ok(answer)
}

/// A session, and its connection if it waits for events.
async fn session(port: u16, waits: bool) -> anyhow::Result<Option<TcpStream>> {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).await?;
    socket.set_nodelay(true)?;
    let login = format!("action=login&username=sleeper&secret={SECRET}&events=call");
    let answer = ask(&mut socket, &login, "Authentication accepted").await?;
    if !waits {
        return Ok(None);
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let cookie = answer.split("Set-Cookie: ").nth(1);
    let cookie = cookie.and_then(|rest| rest.split(';').next());
    let cookie = cookie.context("no cookie")?;
    let wait = format!("GET /rawman?action=waitevent HTTP/1.1\r\nCookie: {cookie}\r\n\r\n");
    socket.write_all(wait.as_bytes()).await?;
    Ok(Some(socket))
}

/// Bytes for each session, and in all.
fn memory(sessions: u64, waits: bool) -> anyhow::Result<(f64, f64)> {
    let source = TcpListener::bind("127.0.0.1:0")?;
    let source_port = source.local_addr()?.port();
    let _asterisk = asterisk::answer_all(source)?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let users = format!(
        "[general](+)\nwebenabled = yes\nhttptimeout = 3600\n\n\
         [http]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {port}\nsessionlimit = 20000\n\n\
         [sleeper]\nsecret = {SECRET}\nread = call,dialplan\nwrite = all\n"
    );
    let running = Running::start(Contestant::Amimux, source_port, 0, &users)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (mut sockets, mut before, mut begun) = (Vec::new(), 0, 0);
        while begun < sessions {
            let mut logins = JoinSet::new();
            for _ in 0..AT_A_TIME.min(sessions - begun) {
                logins.spawn(session(port, waits));
            }
            while let Some(login) = logins.join_next().await {
                sockets.push(login??);
                begun += 1;
                if begun == FIRST_SESSIONS {
                    before = running.resident()?;
                }
            }
        }
        tokio::time::sleep(SETTLE).await;
        let all = running.resident()?;
        let grown = all.saturating_sub(before) as f64;
        Ok((grown / (sessions - FIRST_SESSIONS) as f64, all as f64))
    })
}
