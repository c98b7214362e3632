//! Families of metrics in the order in which they are written. A name is given as Prometheus shows it, without the
//! `_total` of counters; a unit at its end is told as such.

use std::borrow::Cow;
use std::fmt::Error;

use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Unit;

use crate::hub::statistics::{LATENCY_BOUNDS, Latencies};

/// The labels of one sample.
pub(super) type Labels<'a> = Vec<(&'static str, Cow<'a, str>)>;

/// The value of one sample.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Count(u64),
    Number(f64),
    Times(&'a Latencies),
}

impl From<u64> for Value<'_> {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<usize> for Value<'_> {
    fn from(count: usize) -> Self {
        Self::Count(count as u64)
    }
}

impl From<bool> for Value<'_> {
    fn from(is_so: bool) -> Self {
        Self::Count(u64::from(is_so))
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<std::time::Duration> for Value<'_> {
    fn from(time: std::time::Duration) -> Self {
        Self::Number(time.as_secs_f64())
    }
}

impl<'a> From<&'a Latencies> for Value<'a> {
    fn from(times: &'a Latencies) -> Self {
        Self::Times(times)
    }
}

/// Writes families, one after the other.
pub(super) struct Page<'a>(DescriptorEncoder<'a>);

impl<'p> Page<'p> {
    pub(super) const fn new(encoder: DescriptorEncoder<'p>) -> Self {
        Self(encoder)
    }

    /// Facts that do not change, as labels.
    pub(super) fn info(
        &mut self,
        name: &str,
        help: &str,
        facts: &[(&str, &str)],
    ) -> Result<(), Error> {
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Info)?;
        family.encode_info(&facts)
    }

    /// What only grows.
    pub(super) fn counter<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a>, Value<'a>)>,
    ) -> Result<(), Error> {
        self.family(name, help, MetricType::Counter, samples)
    }

    /// What grows and shrinks.
    pub(super) fn gauge<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a>, Value<'a>)>,
    ) -> Result<(), Error> {
        self.family(name, help, MetricType::Gauge, samples)
    }

    /// How long things took.
    pub(super) fn histogram<'a>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a>, Value<'a>)>,
    ) -> Result<(), Error> {
        self.family(name, help, MetricType::Histogram, samples)
    }

    fn family<'a>(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        samples: impl IntoIterator<Item = (Labels<'a>, Value<'a>)>,
    ) -> Result<(), Error> {
        let (name, unit) = split_unit(name);
        let mut family = self.0.encode_descriptor(name, help, unit.as_ref(), kind)?;
        for (labels, value) in samples {
            if labels.is_empty() {
                write(&mut family, kind, value)?;
            } else {
                write(&mut family.encode_family(&labels)?, kind, value)?;
            }
        }
        Ok(())
    }
}

fn split_unit(name: &str) -> (&str, Option<Unit>) {
    if let Some(name) = name.strip_suffix("_seconds") {
        (name, Some(Unit::Seconds))
    } else if let Some(name) = name.strip_suffix("_bytes") {
        (name, Some(Unit::Bytes))
    } else {
        (name, None)
    }
}

fn write(metric: &mut MetricEncoder<'_>, kind: MetricType, value: Value<'_>) -> Result<(), Error> {
    const NO_EXEMPLAR: Option<&Exemplar<NoLabelSet, u64>> = None;
    let is_counter = matches!(kind, MetricType::Counter);
    match value {
        Value::Count(count) if is_counter => metric.encode_counter(&count, NO_EXEMPLAR),
        Value::Number(number) if is_counter => metric.encode_counter(&number, NO_EXEMPLAR),
        Value::Count(count) => metric.encode_gauge(&i64::try_from(count).unwrap_or(i64::MAX)),
        Value::Number(number) => metric.encode_gauge(&number),
        Value::Times(times) => {
            let bounds = LATENCY_BOUNDS
                .iter()
                .map(|micros| std::time::Duration::from_micros(*micros).as_secs_f64());
            let buckets = bounds
                .chain([f64::INFINITY])
                .zip(times.counts)
                .collect::<Vec<_>>();
            let sum = times.total.as_secs_f64();
            metric.encode_histogram::<NoLabelSet>(sum, times.count(), &buckets, None)
        }
    }
}
