//! What the tasks of one hub's thread share: the hub, the sockets of its clients, the clock, and the wake-ups
//! between them. After every call into the hub, [`Shell::settle`] carries out what came of it.

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, error, info, warn};

use super::clients::Clients;
use super::errands::ErrandCall;
use super::flush::Pace;
use super::refusal_log::{self, Refusal};
use super::tap::Taps;
use super::web::Desk;
use crate::hub::{Hub, Notice, Now, SessionId};
use crate::transport::stream::Stream;

/// Bytes read from a client in one go.
const READ_BYTES: usize = 16 * 1024;

/// How often a thread shows at least that it turns.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// The clock of the process. All threads share one, so that times can be compared.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    /// The time at `started`: that of the processes before this one, whose sessions go on in it.
    before: Duration,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        Self::go_on(Duration::ZERO)
    }

    /// Goes on from a time that another process's clock showed.
    pub fn go_on(since_start: Duration) -> Self {
        Self {
            started: Instant::now(),
            before: since_start,
        }
    }

    /// The time.
    pub fn now(self) -> Now {
        Now {
            since_start: self.before + self.started.elapsed(),
            wall: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    /// A moment given since the start, as tokio's timers take it.
    pub fn instant(self, since_start: Duration) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.started + since_start.saturating_sub(self.before))
    }
}

/// What the tasks share.
pub struct Shell {
    pub(crate) hub: RefCell<Hub>,
    pub(crate) clock: Clock,
    pub(super) clients: RefCell<Clients>,
    /// Where clients' input is read into, one after the other.
    pub(super) read_buffer: RefCell<Box<[u8]>>,
    pub(super) pace: RefCell<Pace>,
    pub(super) sweep_list: RefCell<Vec<SessionId>>,
    /// How many clients have a task that waits for their socket.
    pub(super) blocked: Cell<usize>,
    /// The socket to Asterisk, while there is one.
    pub(crate) upstream: RefCell<Option<Rc<Stream>>>,
    /// The upstream's task waits until its socket takes more: it need not be woken for that.
    pub(crate) upstream_writes: Cell<bool>,
    /// The upstream task has to look: there is something to write, or the connection is to be dropped.
    pub(crate) upstream_wake: Notify,
    /// amimux ends, and Asterisk owes clients nothing any more.
    pub(super) answered: Notify,
    /// The timer's task has to look at the deadlines again.
    timer_wake: Notify,
    /// When the timer's task will look by itself.
    timer_armed: Cell<Option<Duration>>,
    banner: watch::Sender<Option<String>>,
    /// The connection to Asterisk has gone to another process.
    pub(super) is_handed_over: CancellationToken,
    /// Encrypted connections that are being closed: their peers are told that the last bytes were the last.
    pub(super) closing: TaskTracker,
    /// Who came over HTTP.
    pub(super) desk: RefCell<Desk>,
    /// The task for them has to look: there is something to hand out.
    pub(super) web_wake: Notify,
    /// A filter of a session is being compiled: the others wait, each session's in its turn.
    pub(super) is_drafting: Cell<bool>,
    /// Where requests of administrators are answered.
    pub(super) errands: RefCell<Option<mpsc::Sender<ErrandCall>>>,
    pub(super) name: String,
    /// Somebody taps a client of this hub.
    pub(super) is_tapped: Cell<bool>,
    /// Who.
    pub(super) taps: RefCell<Taps>,
    /// Why Asterisk is away, as last logged: a cause that stays is logged once.
    last_cause: RefCell<String>,
}

impl Shell {
    /// A shell around `hub`, whose Asterisk is called `name`; `banner` is told what Asterisk greets with.
    pub fn new(
        hub: Hub,
        clock: Clock,
        flush_delay: Duration,
        name: String,
        banner: watch::Sender<Option<String>>,
    ) -> Self {
        Self {
            hub: RefCell::new(hub),
            clock,
            clients: RefCell::default(),
            read_buffer: RefCell::new(vec![0; READ_BYTES].into()),
            pace: RefCell::new(Pace::new(flush_delay)),
            sweep_list: RefCell::new(Vec::new()),
            blocked: Cell::new(0),
            upstream: RefCell::new(None),
            upstream_writes: Cell::new(false),
            upstream_wake: Notify::new(),
            answered: Notify::new(),
            timer_wake: Notify::new(),
            timer_armed: Cell::new(None),
            banner,
            is_handed_over: CancellationToken::new(),
            closing: TaskTracker::new(),
            desk: RefCell::default(),
            web_wake: Notify::new(),
            is_drafting: Cell::new(false),
            errands: RefCell::default(),
            is_tapped: Cell::new(false),
            taps: RefCell::new(Taps::new(&name)),
            name,
            last_cause: RefCell::new(String::new()),
        }
    }

    /// The time.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// Carries out what came of a call into the hub: writes to clients and to Asterisk, wakes tasks, logs.
    pub fn settle(self: &Rc<Self>) {
        loop {
            let dirty = self.hub.borrow_mut().next_dirty();
            let Some(id) = dirty else { break };
            self.flush(id);
        }
        self.sweep_if_due();
        loop {
            let resumed = self.hub.borrow_mut().next_resumed();
            let Some(id) = resumed else { break };
            if let Some(client) = self.clients.borrow().get(id) {
                client.resumed.notify_one();
            }
        }
        self.write_upstream();
        self.log_notices();
        self.compile_filters();
        self.run_errands();
        if self.hub.borrow().has_web_output() {
            self.web_wake.notify_one();
        }
        if self.hub.borrow().is_drained() {
            self.answered.notify_one();
        }
        self.arm_timer();
    }

    /// Writes to Asterisk what its socket takes now; the upstream's task sees to the rest.
    fn write_upstream(&self) {
        let Some(socket) = self.upstream.borrow().clone() else {
            return;
        };
        let mut hub = self.hub.borrow_mut();
        let outbound = hub.outbound();
        let (mut sent, waiting) = (Ok(()), outbound.len());
        while !outbound.is_empty() && sent.is_ok() {
            sent = socket
                .try_write(outbound)
                .map(|written| drop(outbound.split_to(written.min(outbound.len()))));
        }
        let written = waiting - outbound.len();
        match sent.and_then(|()| socket.try_flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if !self.upstream_writes.get() {
                    self.upstream_wake.notify_one();
                }
            }
            // Reading tells why the connection ended; nothing more can be sent on it.
            Err(_) => outbound.clear(),
        }
        hub.count_sent(written as u64);
    }

    fn arm_timer(&self) {
        let deadline = self.next_deadline();
        let sooner = match (deadline, self.timer_armed.get()) {
            (Some(deadline), Some(armed)) => deadline < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if sooner {
            self.timer_wake.notify_one();
        }
    }

    fn next_deadline(&self) -> Option<Duration> {
        let hub = self.hub.borrow();
        let sweep = hub.has_grown().then(|| self.pace.borrow().next_at());
        let lost = (self.blocked.get() > 0)
            .then(|| self.clock.now().since_start + Duration::from_millis(500));
        [hub.next_deadline(), hub.filter_build_at(), sweep, lost]
            .into_iter()
            .flatten()
            .min()
    }

    /// The task that does what is due by time. At least once a second it shows that the thread still turns.
    ///
    /// Cancel safe: nothing is kept between two waits.
    pub async fn run_timer(self: Rc<Self>) {
        loop {
            self.hub.borrow().beat();
            let next_beat = self.clock.now().since_start + BEAT_EVERY;
            let deadline = self
                .next_deadline()
                .map_or(next_beat, |deadline| deadline.min(next_beat));
            self.timer_armed.set(Some(deadline));
            tokio::select! {
                () = tokio::time::sleep_until(self.clock.instant(deadline)) => {}
                () = self.timer_wake.notified() => {}
            }
            // This task is awake: what it does itself need not wake it again.
            self.timer_armed.set(Some(Duration::ZERO));
            let now = self.now();
            self.hub.borrow_mut().tick(now);
            self.end_lost();
            self.end_taps();
            self.settle();
            if self.hub.borrow().is_drop_requested() {
                self.upstream_wake.notify_one();
            }
        }
    }

    fn end_lost(self: &Rc<Self>) {
        if self.blocked.get() == 0 {
            return;
        }
        let lost = self.hub.borrow().lost_sessions();
        for id in lost {
            let behind_bytes = self.hub.borrow().behind_bytes(id);
            self.end(id, crate::hub::CloseReason::TooSlow { behind_bytes });
        }
    }

    /// How many clients there are.
    pub fn client_count(&self) -> usize {
        self.clients.borrow().len()
    }

    fn log_notices(&self) {
        loop {
            let notice = self.hub.borrow_mut().next_notice();
            let Some(notice) = notice else { return };
            self.log(notice);
        }
    }

    fn log(&self, notice: Notice) {
        let upstream = self.name.as_str();
        match notice {
            Notice::UpstreamReady { banner, actions } => {
                let _ = self.banner.send(Some(banner.clone()));
                self.last_cause.borrow_mut().clear();
                info!(name: "upstream-connected", upstream, banner, actions, "Asterisk is connected");
            }
            Notice::UpstreamLost {
                cause,
                failed,
                retry_in,
            } => self.log_lost(cause, failed, retry_in),
            Notice::ActionTableUnknown { answer } => warn!(
                name: "action-table-unknown", upstream, answer,
                "ListCommands failed: the built-in action table is used"
            ),
            Notice::UpstreamNotBooted => warn!(
                name: "upstream-not-booted",
                upstream,
                "Asterisk did not say FullyBooted: its user for amimux needs read = all in manager.conf"
            ),
            Notice::SessionOpened { user, address } => {
                info!(name: "login", upstream, user, %address, "login");
            }
            Notice::SessionClosed {
                user,
                address,
                reason,
            } => {
                info!(name: "session-ended", upstream, user, %address, reason = %reason, "session ended");
            }
            Notice::EventsSkipped {
                user,
                address,
                events,
                bytes,
            } => {
                warn!(name: "events-skipped", upstream, user, %address, events, bytes, "events skipped: too slow");
            }
            Notice::Refused {
                user,
                address,
                action,
                reason,
                rule,
                suppressed,
            } => {
                let refusal = Refusal::Request {
                    user: &user,
                    action: &action,
                    rule: &rule,
                    reason: &reason,
                };
                refusal_log::refused(address, refusal, suppressed);
            }
            Notice::Audit(record) => refusal_log::audit(&record),
            Notice::Unroutable { first_line } => {
                warn!(name: "message-unroutable", upstream, first_line, "dropped a message that belongs to no action");
            }
            Notice::Oversized { first_line } => {
                warn!(name: "message-oversized", upstream, first_line, "dropped a message longer than maxmessage");
            }
            Notice::Overdue { user } => warn!(
                name: "answer-overdue", upstream, user, "Asterisk gave no answer in time"
            ),
        }
    }

    /// A cause that stays is an error once, and a detail from then on.
    fn log_lost(&self, cause: String, failed: usize, retry_in: Duration) {
        let upstream = self.name.as_str();
        let retry = format!("{:.1} s", retry_in.as_secs_f32());
        // Whoever waits for a first banner need not wait any longer.
        self.banner.send_if_modified(|banner| banner.is_none());
        if *self.last_cause.borrow() == cause {
            debug!(name: "upstream-still-away", upstream, cause, retry_in = retry, "Asterisk is still away");
        } else {
            error!(
                name: "upstream-away",
                upstream,
                cause,
                failed_actions = failed,
                retry_in = retry,
                "Asterisk is away; amimux keeps trying (is it running, is its manager enabled, are host and port right?)"
            );
            *self.last_cause.borrow_mut() = cause;
        }
    }
}
