//! What administrators are shown of the whole, the Asterisks, the views, the filters and the actions.

use std::collections::BTreeMap;
use std::time::Duration;

use super::administration::{Administration, Busy, Surveyed, silent};
use super::compose::{Composer, Fields};
use crate::hub::survey::{HubReport, LinkReport, LinkState};
use crate::policy::filter::criteria::Kind;
use crate::protocol::request::Request;

impl Administration {
    /// `MuxStatus`.
    pub(super) async fn status(&self, out: &mut Composer) -> Result<(), Busy> {
        let (rules, surveyed) = self.survey(false, None).await?;
        let now = self.clock.now();
        let reports = || surveyed.iter().filter_map(|hub| hub.report.as_ref());
        let sum = |count: fn(&HubReport) -> u64| reports().map(count).sum::<u64>();
        let ready = reports().filter(|report| report.link.state == LinkState::Ready);
        out.success()
            .put("Version", env!("CARGO_PKG_VERSION"))
            .put("Process", std::process::id())
            .put(
                "StartedAt",
                now.wall.saturating_sub(now.since_start).as_secs(),
            )
            .put("Uptime", now.since_start.as_secs())
            .put("Upstreams", surveyed.len())
            .put("UpstreamsReady", ready.count())
            .put("Users", rules.users.len())
            .put("Sessions", self.registry.count())
            .put("Events", self.events())
            .put(
                "EventsPerSecond",
                format_args!("{:.1}", self.events_per_second()),
            )
            .put("Forwarded", sum(|report| report.statistics.forwarded))
            .put(
                "AnsweredHere",
                sum(|report| report.statistics.answered_here),
            )
            .put("Refused", sum(|report| report.statistics.refused))
            .put("Failed", sum(|report| report.statistics.failed))
            .put(
                "ClientBytesOut",
                sum(|report| report.statistics.client_bytes_out),
            )
            .put(
                "KeptBytes",
                reports().map(|report| report.kept_bytes).sum::<usize>(),
            )
            .put_each("NotAnswering", silent(&surveyed))
            .end();
        Ok(())
    }

    /// `MuxUpstreams`.
    pub(super) async fn upstreams(&self, out: &mut Composer) -> Result<(), Busy> {
        let (_, surveyed) = self.survey(false, None).await?;
        out.start_list("Upstreams will follow");
        for Surveyed { name, ways, report } in &surveyed {
            let upstream = &ways.upstream;
            let fields = out
                .item("MuxUpstream")
                .put("Upstream", name)
                .put("Host", &upstream.host)
                .put("Port", upstream.port)
                .put_flag("TLS", upstream.tls.is_some())
                .put("Username", &upstream.username)
                .put("Window", upstream.window);
            match report {
                Some(report) => with_counts(with_link(fields, &report.link), report).end(),
                None => fields.put("State", "NotAnswering").end(),
            }
        }
        out.complete("MuxUpstreamsComplete")
            .put_each("NotAnswering", silent(&surveyed))
            .end();
        Ok(())
    }

    /// `MuxViews`.
    pub(super) async fn views(&self, out: &mut Composer) -> Result<(), Busy> {
        let (_, surveyed) = self.survey(false, None).await?;
        out.start_list("Views will follow");
        for hub in &surveyed {
            for view in hub.report.iter().flat_map(|report| &report.views) {
                out.item("MuxView")
                    .put("Upstream", &hub.name)
                    .put("View", view.number)
                    .put("Classes", view.classes)
                    .put("Filters", view.filters)
                    .put("Sessions", view.sessions)
                    .put("Events", view.events)
                    .put("Bytes", view.bytes)
                    .put("KeptBytes", view.retained_bytes)
                    .end();
            }
        }
        out.complete("MuxViewsComplete")
            .put_each("NotAnswering", silent(&surveyed))
            .end();
        Ok(())
    }

    /// `MuxFilters`: each filter of an upstream once, however many views have it.
    pub(super) async fn filters(&self, out: &mut Composer) -> Result<(), Busy> {
        let (_, surveyed) = self.survey(false, None).await?;
        out.start_list("Filters will follow");
        let (mut sets, mut builds, mut given_up) = (0, 0, 0);
        for hub in &surveyed {
            let Some(report) = &hub.report else { continue };
            sets += report.filters.sets;
            builds += report.filters.builds;
            given_up += report.filters.given_up;
            let mut found = BTreeMap::new();
            for view in &report.views {
                for filter in view.filter_set.iter() {
                    let key = (filter.origin(), filter.text());
                    let (views, sessions, _) = found.entry(key).or_insert((0_usize, 0, filter));
                    *views += 1;
                    *sessions += view.sessions;
                }
            }
            for ((origin, text), (views, sessions, filter)) in found {
                let criteria = filter.criteria();
                let kind = match criteria.kind {
                    Kind::Exclude => "Exclude",
                    Kind::Include | Kind::Require => "Include",
                };
                out.item("MuxFilter")
                    .put("Upstream", &hub.name)
                    .put("Filter", text)
                    .put("Kind", kind)
                    .put_some("Name", criteria.name.as_ref())
                    .put_some("Header", criteria.header.as_ref())
                    .put_some("Origin", Some(origin).filter(|origin| !origin.is_empty()))
                    .put("Views", views)
                    .put("Sessions", sessions)
                    .end();
            }
        }
        out.complete("MuxFiltersComplete")
            .put("Sets", sets)
            .put("Builds", builds)
            .put("GivenUp", given_up)
            .put_each("NotAnswering", silent(&surveyed))
            .end();
        Ok(())
    }

    /// `MuxCommands`: the actions of one Asterisk, the first unless `Upstream` names another.
    pub(super) async fn commands(
        &self,
        request: Request<'_>,
        out: &mut Composer,
    ) -> Result<(), Busy> {
        let rules = self.live.now();
        let wanted = request.get("Upstream").filter(|name| !name.is_empty());
        let mut upstreams = rules.upstreams();
        let upstream =
            upstreams.find(|(name, _)| wanted.is_none_or(|wanted| name.as_bytes() == wanted));
        let Some((name, ways)) = upstream else {
            out.error("No such upstream").end();
            return Ok(());
        };
        let Some(actions) = self.within(ways.control.actions()).await else {
            out.error(format_args!("The thread of {name} gave no answer"))
                .end();
            return Ok(());
        };
        out.start_list("Commands will follow");
        for action in actions {
            let by = if action.handling.is_local() {
                "amimux"
            } else {
                "Asterisk"
            };
            out.item("MuxCommand")
                .put("Name", &action.name)
                .put("Synopsis", &action.synopsis)
                .put("Privilege", action.privilege())
                .put("AnsweredBy", by)
                .end();
        }
        out.complete("MuxCommandsComplete")
            .put("Upstream", name)
            .end();
        Ok(())
    }

    /// `MuxSettings`.
    pub(super) fn settings(&self, out: &mut Composer) {
        let rules = self.live.now();
        out.start_list("Settings will follow");
        for option in &rules.general.shown {
            out.item("MuxSetting")
                .put("Section", option.section)
                .put("Name", option.name)
                .put("Value", &option.value)
                .put_flag("Default", option.is_default)
                .end();
        }
        let general = &rules.general;
        let http = rules.http.as_deref();
        let http_tls = http.and_then(|http| http.tls.as_ref());
        out.complete("MuxSettingsComplete")
            .put("Address", general.bind)
            .put_some("TLSAddress", general.tls.as_ref().map(|tls| tls.bind))
            .put_flag("WebEnabled", http.is_some())
            .put_some("HTTPAddress", http.map(|http| http.bind))
            .put_some("HTTPSAddress", http_tls.map(|tls| tls.bind))
            .put_some("MetricsAddress", general.metrics)
            .end();
    }
}

fn with_link<'c>(fields: Fields<'c>, link: &LinkReport) -> Fields<'c> {
    let state = match link.state {
        LinkState::Down => "Down",
        LinkState::Connecting => "Connecting",
        LinkState::Ready => "Ready",
    };
    fields
        .put("State", state)
        .put_some("Cause", Some(&link.cause).filter(|cause| !cause.is_empty()))
        .put_some("Banner", link.banner.as_ref())
        .put("ReadyFor", link.ready_for.as_secs())
        .put("FailedAttempts", link.failures)
        .put("Classes", link.classes)
        .put("Actions", link.actions)
        .put("InFlight", link.in_flight)
        .put("OldestInFlight", milliseconds(link.oldest_in_flight))
}

fn with_counts<'c>(fields: Fields<'c>, report: &HubReport) -> Fields<'c> {
    let counts = &report.statistics;
    let answers = u32::try_from(counts.latencies.count()).unwrap_or(u32::MAX);
    let latency = counts.latencies.total.checked_div(answers);
    fields
        .put(
            "Sessions",
            report.users.iter().map(|(_, count)| count).sum::<usize>(),
        )
        .put("Views", report.views.len())
        .put("Events", counts.upstream_events)
        .put("Messages", counts.upstream_messages)
        .put("BytesIn", counts.upstream_bytes_in)
        .put("BytesOut", counts.upstream_bytes_out)
        .put("ClientBytesIn", counts.client_bytes_in)
        .put("ClientBytesOut", counts.client_bytes_out)
        .put("Forwarded", counts.forwarded)
        .put("Answered", counts.answered)
        .put("AnsweredHere", counts.answered_here)
        .put("Refused", counts.refused)
        .put("Failed", counts.failed)
        .put("Replies", counts.latencies.count())
        .put("LatencyTotal", milliseconds(counts.latencies.total))
        .put("MeanLatency", milliseconds(latency.unwrap_or_default()))
        .put("Connects", counts.connects)
        .put("Losses", counts.losses)
        .put("KeptBytes", report.kept_bytes)
}

/// In milliseconds, with three digits behind the point.
fn milliseconds(duration: Duration) -> String {
    let micros = duration.as_micros();
    format!("{}.{:03}", micros / 1000, micros % 1000)
}
