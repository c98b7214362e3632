//! What Prometheus is told: numbers that the hubs' threads keep, read when somebody asks. Nothing here is on the way of
//! an event or an action; `server` answers on a port of its own, on the main thread. Names and units follow Prometheus'
//! conventions. `hubs` and `views` have what the hubs count, `process` what the kernel does; `health` is for those who
//! only want to know whether all is well.

mod classic;
mod health;
mod hubs;
mod page;
mod process;
pub mod reload;
mod server;
mod views;

use std::fmt::Error;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry as Metrics;
use tokio::task::JoinSet;

use self::hubs::Reported;
use self::page::{Labels, Page};
use self::process::Process;
use self::reload::ReloadOutcomes;
use crate::hub::limit::{Limit, LimitCounters};
use crate::hub::login_refusals::LoginRefusals;
use crate::session::live::Live;
use crate::session::registry::Registry;
use crate::session::shell::Clock;

pub use self::server::serve;

/// How long a hub's thread may take to report.
const REPORT_WITHIN: Duration = Duration::from_secs(2);

/// Where the numbers come from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// What is in force: the ways to each Asterisk's thread.
    pub live: Live,
    /// The limits of those who have not logged in.
    pub entrance: Arc<LimitCounters>,
    /// Logins that were refused.
    pub refusals: Arc<LoginRefusals>,
    /// Who is logged in.
    pub registry: Registry,
    /// What became of reloads.
    pub reloads: Arc<ReloadOutcomes>,
    /// The clock of the process.
    pub clock: Clock,
}

impl Sources {
    /// All metrics, as OpenMetrics text. A hub that does not answer within two seconds is left out, and said to be.
    ///
    /// Cancel safe: nothing is kept.
    ///
    /// # Errors
    /// None that can happen: writing to text does not fail.
    pub async fn text(&self) -> Result<String, Error> {
        let scrape = Scrape {
            hubs: self.reports().await,
            process: Process::read(),
            sources: self.clone(),
        };
        let mut metrics = Metrics::default();
        metrics.register_collector(Box::new(scrape));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &metrics)?;
        Ok(text)
    }

    /// What each hub reports, in the order of the configuration.
    async fn reports(&self) -> Vec<Reported> {
        let rules = self.live.now();
        let mut calls = JoinSet::new();
        for (place, (name, ways)) in rules.upstreams().enumerate() {
            let (name, control) = (name.to_owned(), ways.control.clone());
            calls.spawn(async move {
                let report = tokio::time::timeout(REPORT_WITHIN, control.report(false)).await;
                (place, (name, report.ok().and_then(Result::ok)))
            });
        }
        let mut reports = calls.join_all().await;
        reports.sort_unstable_by_key(|(place, _)| *place);
        reports.into_iter().map(|(_, reported)| reported).collect()
    }
}

/// What one answer is made of.
#[derive(Debug)]
struct Scrape {
    hubs: Vec<Reported>,
    process: Process,
    sources: Sources,
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut page = Page::new(encoder);
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        page.info("amimux_build", "The version that runs.", &version)?;
        page.gauge(
            "amimux_sessions",
            "Sessions that are logged in.",
            [(Labels::new(), self.sources.registry.count().into())],
        )?;
        hubs::write(&mut page, &self.hubs)?;
        page.counter(
            "amimux_login_refusals",
            "Logins, and requests before one, that were refused, by reason.",
            self.sources
                .refusals
                .now()
                .map(|(reason, count)| (vec![("reason", reason.into())], count.into())),
        )?;
        self.write_limits(&mut page)?;
        self.write_reloads(&mut page)?;
        self.process.write(&mut page)
    }
}

impl Scrape {
    fn write_limits(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let rules = self.sources.live.now();
        let hubs = rules.upstreams();
        let hubs = hubs.map(|(name, ways)| (name, &ways.limits, Limit::of_sessions()));
        let entrance = std::iter::once(("", &self.sources.entrance, Limit::of_entrance()));
        page.counter(
            "amimux_limit_reached",
            "How often a limit was reached, by the option that sets it; docs/metrics.md says what happens then.",
            hubs.chain(entrance).flat_map(|(upstream, counters, limits)| {
                limits.iter().map(move |limit| {
                    let labels = vec![("limit", limit.name().into()), ("upstream", upstream.into())];
                    (labels, counters.reached(*limit).into())
                })
            }),
        )
    }

    fn write_reloads(&self, page: &mut Page<'_>) -> Result<(), Error> {
        let reloads = self.sources.reloads.now();
        page.gauge(
            "amimux_config_last_reload_successful",
            "Whether the configuration could be used when it was last read; the start counts.",
            [(Labels::new(), reloads.was_successful.into())],
        )?;
        page.gauge(
            "amimux_config_last_reload_success_timestamp_seconds",
            "When the configuration in force was read, since 1970.",
            [(Labels::new(), reloads.succeeded_at.into())],
        )?;
        let outcomes = [("success", reloads.succeeded), ("failure", reloads.failed)];
        page.counter(
            "amimux_config_reloads",
            "Reloads of the configuration, by outcome.",
            outcomes.map(|(outcome, count)| (vec![("outcome", outcome.into())], count.into())),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_hub_that_stands_still_keeps_nobody_waiting() {
        use crate::session::control::HubControl;
        let mut rules =
            (*crate::session::live::fixtures::live("pbx", Arc::default()).now()).clone();
        let (control, _never_read) = HubControl::new();
        rules.hubs.get_mut("pbx").unwrap().control = control;
        let sources = Sources {
            live: Live::new(rules).1,
            entrance: Arc::default(),
            refusals: Arc::default(),
            registry: Registry::default(),
            reloads: Arc::new(ReloadOutcomes::begin(Duration::ZERO)),
            clock: Clock::start(),
        };
        let asked = tokio::time::Instant::now();
        let text = sources.text().await.unwrap();
        assert!(asked.elapsed() <= REPORT_WITHIN + Duration::from_millis(10));
        assert!(text.contains("\namimux_hub_responding{upstream=\"pbx\"} 0\n"));
        assert!(
            text.contains("\namimux_limit_reached_total{limit=\"maxqueued\",upstream=\"pbx\"} 0\n")
        );
    }

    #[tokio::test]
    async fn what_needs_no_hub_is_there_without_one() {
        let hub = Arc::new(LimitCounters::default());
        let entrance = Arc::new(LimitCounters::default());
        hub.count(Limit::MaxQueued);
        hub.count(Limit::MaxQueued);
        entrance.count(Limit::AuthLimit);
        let sources = Sources {
            live: crate::session::live::fixtures::live("a \"pbx\"", hub),
            entrance,
            registry: Registry::default(),
            refusals: Arc::default(),
            reloads: Arc::new(ReloadOutcomes::begin(Duration::from_secs(1_700_000_000))),
            clock: Clock::start(),
        };
        let text = sources.text().await.unwrap();
        for line in [
            "amimux_hub_responding{upstream=\"a \\\"pbx\\\"\"} 0",
            "amimux_limit_reached_total{limit=\"maxqueued\",upstream=\"a \\\"pbx\\\"\"} 2",
            "amimux_limit_reached_total{limit=\"writetimeout\",upstream=\"a \\\"pbx\\\"\"} 0",
            "amimux_limit_reached_total{limit=\"authlimit\",upstream=\"\"} 1",
            "amimux_config_last_reload_success_timestamp_seconds 1700000000.0",
            "# UNIT amimux_kept_bytes bytes",
            "# TYPE amimux_upstream_messages counter",
            "amimux_sessions 0",
        ] {
            assert_eq!(
                text.lines().filter(|other| *other == line).count(),
                1,
                "{line}\n{text}"
            );
        }
        let samples = text
            .lines()
            .filter(|line| line.starts_with("amimux_limit_reached_total{"));
        assert_eq!(samples.count(), Limit::ALL.len());
        assert!(text.ends_with("# EOF\n"));
        let version = format!(
            "amimux_build_info{{version=\"{}\"}} 1",
            env!("CARGO_PKG_VERSION")
        );
        assert!(text.contains(&version), "{text}");
    }
}
