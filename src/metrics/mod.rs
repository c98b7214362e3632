//! What Prometheus is told: counters that the hubs' threads keep, read when somebody asks. Nothing here is on the way of
//! an event or an action; `server` answers on a port of its own. Names and units follow Prometheus' conventions.

mod server;

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry as Metrics;

use crate::hub::limit::{Limit, LimitCounters};
use crate::session::live::Live;
use crate::session::registry::Registry;

pub use self::server::serve;

/// The content type of the text that [`Sources::text`] gives.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Where the numbers come from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// What is in force: the ways to each Asterisk's thread.
    pub live: Live,
    /// The limits of those who have not logged in.
    pub entrance: Arc<LimitCounters>,
    /// Who is logged in.
    pub registry: Registry,
}

impl Sources {
    /// All metrics, as text.
    ///
    /// # Errors
    /// None that can happen: writing to text does not fail.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut metrics = Metrics::with_prefix("amimux");
        metrics.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &metrics)?;
        Ok(text)
    }
}

impl Collector for Sources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        encoder
            .encode_descriptor("build", "The version that runs.", None, MetricType::Info)?
            .encode_info(&[("version", env!("CARGO_PKG_VERSION"))])?;
        let sessions = ConstGauge::new(i64::try_from(self.registry.count()).unwrap_or(i64::MAX));
        let descriptor = encoder.encode_descriptor(
            "sessions",
            "Sessions that are logged in.",
            None,
            MetricType::Gauge,
        )?;
        sessions.encode(descriptor)?;
        let mut family = encoder.encode_descriptor(
            "limit_reached",
            "How often a limit was reached, by the option that sets it; docs/metrics.md says what happens then.",
            None,
            MetricType::Counter,
        )?;
        let rules = self.live.now();
        let hubs = rules.upstreams();
        let hubs = hubs.map(|(name, ways)| (name, &ways.limits, Limit::of_sessions()));
        let entrance = std::iter::once(("", &self.entrance, Limit::of_entrance()));
        for (upstream, counters, limits) in hubs.chain(entrance) {
            for limit in limits {
                let labels = [("limit", limit.name()), ("upstream", upstream)];
                let counter = ConstCounter::new(counters.reached(*limit));
                counter.encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_every_limit_once() {
        let hub = Arc::new(LimitCounters::default());
        let entrance = Arc::new(LimitCounters::default());
        hub.count(Limit::MaxQueued);
        hub.count(Limit::MaxQueued);
        entrance.count(Limit::AuthLimit);
        let sources = Sources {
            live: crate::session::live::fixtures::live("a \"pbx\"", hub),
            entrance,
            registry: Registry::default(),
        };
        let text = sources.text().unwrap();
        for line in [
            "amimux_limit_reached_total{limit=\"maxqueued\",upstream=\"a \\\"pbx\\\"\"} 2",
            "amimux_limit_reached_total{limit=\"writetimeout\",upstream=\"a \\\"pbx\\\"\"} 0",
            "amimux_limit_reached_total{limit=\"authlimit\",upstream=\"\"} 1",
            "# TYPE amimux_limit_reached counter",
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
