//! The thread of one Asterisk: a runtime of its own for the hub, the connection to Asterisk and the sockets
//! of its live clients. Nothing on it is shared with another thread but the channel of arrivals.

use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use super::handover::arrive::Moved;
use crate::config::settings::{General, Upstream};
use crate::hub::Hub;
use crate::hub::limit::LimitCounters;
use crate::hub::pulse::Pulse;
use crate::session::control::HubControl;
use crate::session::live::Ways;
use crate::session::reports::REPORTS_MAX;
use crate::session::shell::{Clock, Shell};
use crate::session::web::WebHub;

/// Clients on their way to a hub at most; beyond it the entrance waits.
const ARRIVALS_MAX: usize = 256;

/// How long the clients may take to read their last answers when amimux ends.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// How long a thread may take to end beyond that.
const JOIN_GRACE: Duration = Duration::from_secs(2);

/// How often it is looked whether a thread has ended.
const JOIN_POLL: Duration = Duration::from_millis(10);

/// A running hub.
#[derive(Debug)]
pub(super) struct HubThread {
    handle: JoinHandle<()>,
    name: String,
    cancel: CancellationToken,
}

impl HubThread {
    /// Starts the thread; it ends some time after `cancel`, or after [`HubThread::end`]. `moved` is what another process had
    /// of this Asterisk.
    pub(super) fn start(
        general: Arc<General>,
        upstream: Arc<Upstream>,
        moved: Option<Moved>,
        clock: Clock,
        cancel: CancellationToken,
    ) -> anyhow::Result<(Self, Ways)> {
        // Asterisk does not greet again where its connection goes on.
        let greeted = moved.as_ref().and_then(|moved| moved.hub.banner());
        let (banner, seen_banner) = watch::channel(greeted.map(str::to_owned));
        let settings = Arc::clone(&upstream);
        let nonce = getrandom::u64().context("the system gives no random numbers")?;
        let name = upstream.name.clone();
        let own = cancel.child_token();
        let ended = own.clone();
        let (sender, arrivals) = mpsc::channel(ARRIVALS_MAX);
        let (report_sender, reports) = mpsc::channel(REPORTS_MAX);
        let (web, web_calls) = WebHub::new();
        let (control, control_calls) = HubControl::new();
        let limits = Arc::new(LimitCounters::default());
        let counted = Arc::clone(&limits);
        let pulse = Arc::new(Pulse::default());
        let beating = Arc::clone(&pulse);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start a runtime")?;
        let handle = std::thread::Builder::new()
            .name(format!("hub-{name}"))
            .spawn(move || {
                // Should this thread panic, the program ends instead of serving half of its clients.
                let ends_everything = cancel.drop_guard();
                let nothing =
                    || Moved::nothing(Hub::new(Arc::clone(&general), Arc::clone(&upstream), nonce));
                let mut moved = moved.unwrap_or_else(nothing);
                moved.hub.count_in(counted);
                moved.hub.pulse_in(beating);
                let shell = Rc::new(Shell::new(
                    moved.hub,
                    clock,
                    general.flush_delay,
                    upstream.name.clone(),
                    banner,
                ));
                let tasks = LocalSet::new();
                tasks.spawn_local(Rc::clone(&shell).run_timer());
                tasks.spawn_local(Rc::clone(&shell).run_upstream(moved.connection));
                tasks.spawn_local(Rc::clone(&shell).run_arrivals(arrivals));
                tasks.spawn_local(Rc::clone(&shell).run_reports(reports));
                tasks.spawn_local(Rc::clone(&shell).run_web(web_calls));
                tasks.spawn_local(Rc::clone(&shell).run_control(control_calls));
                runtime.block_on(tasks.run_until(async move {
                    shell.take_back(moved.clients);
                    ended.cancelled().await;
                    let _ = tokio::time::timeout(CLOSE_WITHIN, shell.close_all()).await;
                }));
                // It was asked to end.
                ends_everything.disarm();
            })
            .context("cannot start a thread")?;
        let ways = Ways {
            upstream: settings,
            arrivals: sender,
            reports: report_sender,
            web,
            control,
            limits,
            pulse,
            banner: seen_banner,
        };
        let cancel = own;
        Ok((
            Self {
                handle,
                name,
                cancel,
            },
            ways,
        ))
    }

    /// The name of its upstream.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Ends the thread: its clients are disconnected in good order.
    pub(super) fn end(&self) {
        self.cancel.cancel();
    }

    /// Waits until the thread has ended, but not for ever: a program that was asked to end, ends.
    ///
    /// # Errors
    /// The thread panicked, or does not end.
    pub(super) async fn join(self) -> anyhow::Result<()> {
        match join_within(self.handle).await {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) => bail!("the thread of upstream {} panicked", self.name),
            None => bail!("the thread of upstream {} does not end", self.name),
        }
    }
}

/// Waits until a thread has ended, but not for ever: `None` if it does not.
pub(super) async fn join_within(handle: JoinHandle<()>) -> Option<std::thread::Result<()>> {
    let deadline = tokio::time::Instant::now() + CLOSE_WITHIN + JOIN_GRACE;
    while !handle.is_finished() {
        if tokio::time::Instant::now() >= deadline {
            return None;
        }
        tokio::time::sleep(JOIN_POLL).await;
    }
    Some(handle.join())
}
