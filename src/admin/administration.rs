//! What answers a request of an administrator, whichever way it came: it looks at what is in force, asks the hubs'
//! threads, and gives orders to the daemon. Nothing here waits for ever: a thread that gives no answer in time is named
//! in the answer.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::time::Instant;

use super::compose::Composer;
use super::order::Order;
use crate::hub::survey::HubReport;
use crate::hub::{ErrandAnswer, SessionId};
use crate::protocol::request::Request;
use crate::session::live::{Live, Rules, Ways};
use crate::session::registry::Registry;
use crate::session::shell::Clock;

/// How long the threads of all hubs together may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Requests that ask the threads at the same time; each may hold a copy of all sessions.
const SURVEYS_MAX: usize = 4;

/// Who asks.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    /// For the log.
    pub(super) name: String,
    /// The session that asks, and the upstream that it belongs to; none for the control socket.
    pub(super) session: Option<(String, SessionId)>,
    /// The ActionID for each message of the answer.
    pub(super) action_id: Option<Box<[u8]>>,
}

/// How many events came until when.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    events: u64,
}

/// What answers administrators.
#[derive(Debug)]
pub(super) struct Administration {
    pub(super) live: Live,
    pub(super) registry: Registry,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) clock: Clock,
    surveys: Semaphore,
    /// The latest sample of events, and the one before.
    samples: RefCell<[Option<Sample>; 2]>,
}

/// What one hub said.
pub(super) struct Surveyed {
    pub(super) name: String,
    pub(super) ways: Ways,
    /// Nothing if its thread gave no answer in time.
    pub(super) report: Option<HubReport>,
}

/// Too many ask at the same time.
#[derive(Debug, thiserror::Error)]
#[error("Too many administrative requests are under way: try again")]
pub(super) struct Busy;

impl Administration {
    /// Nothing was asked yet.
    pub(super) fn new(
        live: Live,
        registry: Registry,
        orders: mpsc::Sender<Order>,
        clock: Clock,
    ) -> Self {
        Self {
            live,
            registry,
            orders,
            clock,
            surveys: Semaphore::new(SURVEYS_MAX),
            samples: RefCell::default(),
        }
    }

    /// The answer to a request, which this asker may make.
    ///
    /// Cancel safe: what was ordered may be carried out all the same.
    pub(super) async fn answer(&self, asker: &Asker, request: Request<'_>) -> ErrandAnswer {
        let mut out = Composer::new(asker.action_id.as_deref());
        let name = request.action().unwrap_or_default().to_ascii_lowercase();
        let mut ends_session = false;
        let done = match name.as_slice() {
            b"muxstatus" => self.status(&mut out).await,
            b"muxupstreams" => self.upstreams(&mut out).await,
            b"muxsessions" => self.sessions(request, &mut out).await,
            b"muxusers" => self.users(request, &mut out).await,
            b"muxviews" => self.views(&mut out).await,
            b"muxfilters" => self.filters(&mut out).await,
            b"muxcommands" => self.commands(request, &mut out).await,
            b"muxsettings" => {
                self.settings(&mut out);
                Ok(())
            }
            b"muxkick" => {
                ends_session = self.kick(asker, request, &mut out).await;
                Ok(())
            }
            b"muxreload" => {
                self.reload(asker, request, &mut out).await;
                Ok(())
            }
            b"muxsetlog" => {
                self.set_log(asker, request, &mut out).await;
                Ok(())
            }
            // The table of actions has no others.
            _ => {
                out.error("Invalid/unknown command").end();
                Ok(())
            }
        };
        if let Err(busy) = done {
            out.error(busy).end();
        }
        ErrandAnswer {
            messages: Some(out.finish()),
            ends_session,
        }
    }

    /// A place among those who ask the threads.
    async fn place(&self) -> Result<SemaphorePermit<'_>, Busy> {
        let place = tokio::time::timeout(ANSWER_WITHIN, self.surveys.acquire()).await;
        place.ok().and_then(Result::ok).ok_or(Busy)
    }

    /// What is in force, and what the hubs say, in the order of the configuration; of one if `only` names it.
    pub(super) async fn survey(
        &self,
        with_sessions: bool,
        only: Option<&[u8]>,
    ) -> Result<(Arc<Rules>, Vec<Surveyed>), Busy> {
        let _place = self.place().await?;
        let rules = self.live.now();
        let deadline = Instant::now() + ANSWER_WITHIN;
        let asked = rules
            .upstreams()
            .filter(|(name, _)| only.is_none_or(|only| name.as_bytes() == only))
            .map(|(name, ways)| {
                let control = ways.control.clone();
                let report = tokio::task::spawn_local(async move {
                    let report = control.report(with_sessions);
                    tokio::time::timeout_at(deadline, report).await
                });
                (name.to_owned(), ways.clone(), report)
            })
            .collect::<Vec<_>>();
        let mut surveyed = Vec::new();
        for (name, ways, report) in asked {
            let report = report.await.ok().and_then(Result::ok).and_then(Result::ok);
            surveyed.push(Surveyed { name, ways, report });
        }
        Ok((rules, surveyed))
    }

    /// Runs something with a hub's thread: `None` if it gives no answer in time.
    pub(super) async fn within<T, E>(&self, call: impl Future<Output = Result<T, E>>) -> Option<T> {
        let result = tokio::time::timeout(ANSWER_WITHIN, call).await;
        result.ok().and_then(Result::ok)
    }

    /// Counts the events so far, so that [`Administration::events_per_second`] can tell how many come.
    pub(super) fn sample(&self) {
        let sample = Sample {
            at: Instant::now(),
            events: self.events(),
        };
        let mut samples = self.samples.borrow_mut();
        let [latest, _] = *samples;
        *samples = [Some(sample), latest];
    }

    /// Events that came from all Asterisks.
    pub(super) fn events(&self) -> u64 {
        let rules = self.live.now();
        let hubs = rules.upstreams();
        hubs.map(|(_, ways)| ways.pulse.events()).sum()
    }

    /// Events that came in a second, in the last five to ten of them.
    pub(super) fn events_per_second(&self) -> f64 {
        let [latest, before] = *self.samples.borrow();
        let Some(since) = before.or(latest) else {
            return 0.0;
        };
        let seconds = since.at.elapsed().as_secs_f64();
        // Upstreams may have gone since.
        let events = u32::try_from(self.events().saturating_sub(since.events)).unwrap_or(u32::MAX);
        if seconds > 0.0 {
            f64::from(events) / seconds
        } else {
            0.0
        }
    }
}

/// The upstreams that gave no answer.
pub(super) fn silent(surveyed: &[Surveyed]) -> impl Iterator<Item = &str> {
    let silent = surveyed.iter().filter(|hub| hub.report.is_none());
    silent.map(|hub| hub.name.as_str())
}
