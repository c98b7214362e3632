//! The fan-out: events from one source to many clients, as fast as everybody reads, or at a fixed rate.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::asterisk::{Line, await_contestant};
use crate::child::{Contestant, Running};
use crate::client::{SECRET, Target};
use crate::event::{Block, CALL_KIND, EVENT_BYTES, Epoch, KINDS};
use crate::identity::{Identity, Key};
use crate::readers::{Part, Readers};
use crate::window::Window;

/// Events of one block at full speed.
const BLOCK_EVENTS: u64 = 250;

/// Bytes that the source may be ahead of the slowest reader at most.
const WINDOW_BYTES: u64 = 4 * 1024 * 1024;

/// The same for all readers together, which is memory of the kernel's.
const WINDOW_BYTES_IN_ALL: u64 = 1024 * 1024 * 1024;

/// Views beside the one that sees everything.
const VIEWS: u64 = 10;

/// Between the last login and the first event.
const SETTLE: Duration = Duration::from_millis(100);

/// How fast the source sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speed {
    /// As fast as the slowest reader reads.
    Full,
    /// Events per second.
    Rate(u64),
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    pub(crate) clients: u64,
    pub(crate) speed: Speed,
    /// Whether half of the clients are spread over further views.
    pub(crate) views: bool,
    /// Whether clients speak TLS.
    pub(crate) tls: bool,
    pub(crate) duration: Duration,
}

/// What came out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// CPU time of the contestant per delivered event, in nanoseconds.
    pub(crate) cpu_per_event: f64,
    /// Deliveries per second.
    pub(crate) deliveries: f64,
    /// Share of one core that the contestant used.
    pub(crate) core: f64,
    /// Whether it kept up with the source's rate.
    pub(crate) held: bool,
    /// Latency from source to reader, in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Case {
    fn block_events(self) -> u64 {
        match self.speed {
            Speed::Full => BLOCK_EVENTS,
            Speed::Rate(rate) => (rate / 10).next_multiple_of(KINDS),
        }
    }

    /// Blocks that the source may be ahead.
    fn window(self) -> u64 {
        let bytes = match self.speed {
            Speed::Full => (WINDOW_BYTES_IN_ALL / self.clients).min(WINDOW_BYTES),
            Speed::Rate(_) => WINDOW_BYTES,
        };
        (bytes / (self.block_events() * EVENT_BYTES as u64)).max(2)
    }

    fn parts(self, logs_in: bool) -> Vec<Part> {
        let part = |index: u64| {
            let view = (self.views && index % 2 == 1).then_some(index / 2 % VIEWS);
            let user = view.map_or_else(|| "all".to_owned(), |view| format!("view{view}"));
            Part {
                user: logs_in.then_some(user),
                missing: view,
            }
        };
        (0..self.clients).map(part).collect()
    }

    /// Deliveries of which each event that is sent is worth: clients of a further view miss one kind.
    fn deliveries(self, events: u64) -> f64 {
        let partial = if self.views { self.clients / 2 } else { 0 };
        let tenths = self.clients * KINDS - partial;
        events as f64 * tenths as f64 / KINDS as f64
    }
}

/// The users of amimux: one that sees everything, and ten that each miss one kind of event, nine by a filter, the
/// last one by its classes.
pub(crate) fn users() -> String {
    let mut text = format!("[all]\nsecret = {SECRET}\nread = all\nwrite = all\n");
    for view in 0..VIEWS {
        let line = if view == CALL_KIND {
            "read = dialplan".to_owned()
        } else {
            format!(
                "read = all\neventfilter(action(exclude),name(VarSet),header(Variable),method(exact)) = KIND_{view}"
            )
        };
        text.push_str(&format!("\n[view{view}]\nsecret = {SECRET}\n{line}\n"));
    }
    text
}

/// Runs one case with one contestant. Fails if a single event was lost, or came in a wrong place.
pub(crate) fn run(contestant: Contestant, case: Case) -> anyhow::Result<Figures> {
    let speaks_ami = contestant == Contestant::Amimux;
    let source = TcpListener::bind("127.0.0.1:0")?;
    let source_port = source.local_addr()?.port();
    let line = await_contestant(source, speaks_ami);
    let identity = case
        .tls
        .then(|| Identity::new(Key::EcdsaP256))
        .transpose()?;
    let (running, target) = start(contestant, source_port, case.clients, identity.as_ref())?;
    let (window, epoch) = (Arc::new(Window::default()), Epoch::start());
    let readers = Readers::start(
        target,
        case.parts(speaks_ami),
        &window,
        epoch,
        case.block_events(),
    )?;
    readers.wait_until_ready()?;
    let line = line.recv().context("the contestant did not connect")??;
    std::thread::sleep(SETTLE);
    let (began, cpu) = (Instant::now(), running.cpu()?);
    let blocks = match case.speed {
        Speed::Full => send_at_full_speed(&line, &window, case, epoch)?,
        Speed::Rate(rate) => send_at_rate(&line, &window, case, rate, epoch)?,
    };
    window.wait_for(blocks)?;
    let (elapsed, cpu) = (began.elapsed(), running.cpu()?.saturating_sub(cpu));
    let mut latencies = readers.finish()?;
    latencies.sort_unstable();
    let deliveries = case.deliveries(blocks * case.block_events());
    Ok(Figures {
        cpu_per_event: cpu.as_nanos() as f64 / deliveries,
        deliveries: deliveries / elapsed.as_secs_f64(),
        core: cpu.as_secs_f64() / elapsed.as_secs_f64(),
        held: case.speed == Speed::Full || elapsed <= case.duration.mul_f64(1.1) + SETTLE,
        p50: f64::from(crate::report::percentile(&latencies, 50)) / 1e6,
        p99: f64::from(crate::report::percentile(&latencies, 99)) / 1e6,
    })
}

/// Starts a contestant; its clients connect with TLS if there is a certificate for it.
fn start(
    contestant: Contestant,
    source: u16,
    clients: u64,
    identity: Option<&Identity>,
) -> anyhow::Result<(Running, Target)> {
    let Some(identity) = identity else {
        let running = Running::start(contestant, source, usize::try_from(clients)?, &users())?;
        let target = Target::plain(running.port);
        return Ok((running, target));
    };
    identity.start_amimux(source, &users(), false)
}

/// If the contestant has gone because a reader had enough of it, that is told.
fn send(line: &Line, window: &Window, bytes: &[u8]) -> anyhow::Result<()> {
    line.send(bytes).or_else(|error| {
        window.wait_for(0)?;
        Err(error).context("the contestant has gone")
    })
}

/// Returns how many blocks were sent.
fn send_at_full_speed(
    line: &Line,
    window: &Window,
    case: Case,
    epoch: Epoch,
) -> anyhow::Result<u64> {
    let count = usize::try_from(BLOCK_EVENTS)?;
    let mut block = Block::new(BLOCK_EVENTS);
    let end = epoch.elapsed() + case.duration;
    let mut sent = 0;
    while epoch.elapsed() < end {
        window.wait_for((sent + 1_u64).saturating_sub(case.window()))?;
        let bytes = block.stamped(0, count, sent * BLOCK_EVENTS, epoch.nanoseconds());
        send(line, window, bytes)?;
        sent += 1;
    }
    Ok(sent)
}

/// Returns how many blocks were sent. Events that are due together because this thread did not run are sent together.
fn send_at_rate(
    line: &Line,
    window: &Window,
    case: Case,
    rate: u64,
    epoch: Epoch,
) -> anyhow::Result<u64> {
    let block_events = case.block_events();
    let wanted = case.duration.as_millis() * u128::from(rate) / 1000;
    let blocks = u64::try_from(wanted)?.div_ceil(block_events);
    let mut block = Block::new(block_events);
    let start = epoch.elapsed();
    for current in 0..blocks {
        window.wait_for((current + 1).saturating_sub(case.window()))?;
        let mut in_block = 0;
        while in_block < block_events {
            let sequence = current * block_events + in_block;
            let due = start + Duration::from_nanos(sequence * 1_000_000_000 / rate);
            if let Some(early) = due.checked_sub(epoch.elapsed()) {
                std::thread::sleep(early);
            }
            let late = epoch.elapsed().saturating_sub(start).as_nanos() * u128::from(rate);
            let all_due = u64::try_from(late / 1_000_000_000)? + 1;
            let count = all_due
                .saturating_sub(sequence)
                .clamp(1, block_events - in_block);
            let (skip, length) = (usize::try_from(in_block)?, usize::try_from(count)?);
            let bytes = block.stamped(skip, length, sequence, epoch.nanoseconds());
            send(line, window, bytes)?;
            in_block += count;
        }
    }
    Ok(blocks)
}
