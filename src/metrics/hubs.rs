//! The metrics of the hubs: what each hub's thread counted, as it reported between two turns.

use std::borrow::Cow;
use std::fmt::Error;

use super::page::{Labels, Page, Value};
use super::views;
use crate::hub::statistics::ActionOutcome;
use crate::hub::survey::{HubReport, LinkState};
use crate::policy::decision::Rule;

/// A number of a report.
type Number = for<'r> fn(&'r HubReport) -> Value<'r>;

/// What only grows, one sample for each upstream: name, help, and where it is found.
const COUNTERS: &[(&str, &str, Number)] = &[
    (
        "amimux_upstream_connects",
        "Connections to Asterisk that came to be ready for actions.",
        |report| report.statistics.connects.into(),
    ),
    (
        "amimux_upstream_losses",
        "Connections to Asterisk that were lost, or could not be made.",
        |report| report.statistics.losses.into(),
    ),
    (
        "amimux_upstream_messages",
        "Messages from Asterisk: events, responses, and parts of them.",
        |report| report.statistics.upstream_messages.into(),
    ),
    (
        "amimux_upstream_events",
        "Events from Asterisk, less those that are parts of a response.",
        |report| report.statistics.upstream_events.into(),
    ),
    (
        "amimux_upstream_received_bytes",
        "Bytes of messages from Asterisk.",
        |report| report.statistics.upstream_bytes_in.into(),
    ),
    (
        "amimux_upstream_sent_bytes",
        "Bytes written to Asterisk.",
        |report| report.statistics.upstream_bytes_out.into(),
    ),
    (
        "amimux_client_received_bytes",
        "Bytes from clients after their login.",
        |report| report.statistics.client_bytes_in.into(),
    ),
    (
        "amimux_client_sent_bytes",
        "Bytes written to clients after their login.",
        |report| report.statistics.client_bytes_out.into(),
    ),
    ("amimux_logins", "Logins that succeeded.", |report| {
        report.statistics.logins.into()
    }),
    (
        "amimux_requests",
        "Requests of clients that are logged in.",
        |report| report.statistics.requests.into(),
    ),
    (
        "amimux_actions_forwarded",
        "Requests that were sent on to Asterisk.",
        |report| report.statistics.forwarded.into(),
    ),
    (
        "amimux_filter_builds",
        "How often the event filters of all views were compiled.",
        |report| report.filters.builds.into(),
    ),
    (
        "amimux_filter_build_seconds",
        "Time that compiling event filters took, beside the hub's thread.",
        |report| report.filters.build_time.into(),
    ),
    (
        "amimux_filter_given_up",
        "Events for which a filter automaton gave up, so that its patterns were asked one by one.",
        |report| report.filters.given_up.into(),
    ),
    (
        "amimux_hub_turns",
        "Turns: what Asterisk had sent was read and sorted.",
        |report| report.statistics.turns.into(),
    ),
    (
        "amimux_hub_turn_seconds",
        "Time that turns took: framing, event filters, views, answers.",
        |report| report.statistics.turn_time.into(),
    ),
    (
        "amimux_hub_sweeps",
        "Sweeps: new events were written to the clients that they are for.",
        |report| report.statistics.sweeps.into(),
    ),
    (
        "amimux_hub_sweep_seconds",
        "Time that sweeps took.",
        |report| report.statistics.sweep_time.into(),
    ),
];

/// What grows and shrinks, one sample for each upstream.
const GAUGES: &[(&str, &str, Number)] = &[
    (
        "amimux_upstream_ready_seconds",
        "How long the connection to Asterisk has been ready for actions; 0 while it is not.",
        |report| report.link.ready_for.into(),
    ),
    (
        "amimux_actions_in_flight",
        "Requests of clients that are with Asterisk.",
        |report| report.lag.in_flight.into(),
    ),
    (
        "amimux_actions_queued",
        "Requests of clients that wait for their turn to go to Asterisk.",
        |report| report.lag.queued.into(),
    ),
    (
        "amimux_oldest_action_seconds",
        "How long the oldest action without answer has been with Asterisk.",
        |report| report.link.oldest_in_flight.into(),
    ),
    (
        "amimux_blocked_sessions",
        "Sessions whose socket takes no more just now.",
        |report| report.lag.blocked.into(),
    ),
    (
        "amimux_lag_bytes",
        "Bytes that sessions with a full socket have not been written, together.",
        |report| report.lag.bytes.into(),
    ),
    (
        "amimux_lag_worst_bytes",
        "The same, of the session that is furthest behind.",
        |report| report.lag.worst_bytes.into(),
    ),
    (
        "amimux_kept_bytes",
        "Bytes kept for sessions that have not read them: events and answers.",
        |report| report.kept_bytes.into(),
    ),
    (
        "amimux_kept_limit_bytes",
        "The memorylimit: what amimux_kept_bytes may grow to.",
        |report| report.kept_bytes_max.into(),
    ),
    (
        "amimux_filter_sets",
        "Sets of event filters that are judged together.",
        |report| report.filters.sets.into(),
    ),
];

/// An upstream, and what its thread reported; `None` if it did not answer in time.
pub(super) type Reported = (String, Option<HubReport>);

/// Writes the families of all hubs.
pub(super) fn write(page: &mut Page<'_>, hubs: &[Reported]) -> Result<(), Error> {
    page.gauge(
        "amimux_hub_responding",
        "Whether the thread of this upstream answers; without it, its other samples are missing.",
        hubs.iter().map(|(name, report)| {
            let labels = vec![("upstream", name.into())];
            (labels, report.is_some().into())
        }),
    )?;
    let reports = hubs
        .iter()
        .filter_map(|(_, report)| report.as_ref())
        .collect::<Vec<_>>();
    for (name, help, number) in COUNTERS {
        page.counter(name, help, each(&reports, *number))?;
    }
    for (name, help, number) in GAUGES {
        page.gauge(name, help, each(&reports, *number))?;
    }
    write_link(page, &reports)?;
    write_actions(page, &reports)?;
    page.gauge(
        "amimux_user_sessions",
        "Sessions that are logged in, by the name of their user in lower case.",
        reports.iter().flat_map(|report| {
            let users = report.users.iter();
            users.map(|(user, sessions)| (with(report, "user", user.as_str()), (*sessions).into()))
        }),
    )?;
    views::write(page, &reports)
}

fn write_link(page: &mut Page<'_>, reports: &[&HubReport]) -> Result<(), Error> {
    const STATES: [(&str, LinkState); 3] = [
        ("down", LinkState::Down),
        ("connecting", LinkState::Connecting),
        ("ready", LinkState::Ready),
    ];
    page.gauge(
        "amimux_upstream_state",
        "How far the connection to Asterisk is: 1 for the state that it is in.",
        reports.iter().flat_map(|report| {
            STATES.map(|(name, state)| {
                (
                    with(report, "state", name),
                    (report.link.state == state).into(),
                )
            })
        }),
    )?;
    page.gauge(
        "amimux_upstream_round_trip_seconds",
        "How long Asterisk took to answer the last request of amimux's own that nothing was ahead of.",
        reports.iter().filter_map(|report| {
            let round_trip = report.link.round_trip?;
            Some((of(report), round_trip.into()))
        }),
    )
}

fn write_actions(page: &mut Page<'_>, reports: &[&HubReport]) -> Result<(), Error> {
    page.counter(
        "amimux_actions",
        "Requests that are over, by their outcome; docs/metrics.md says what each means.",
        reports.iter().flat_map(|report| {
            ActionOutcome::ALL.map(|outcome| {
                let count = report.statistics.finished(outcome);
                (with(report, "outcome", outcome.name()), count.into())
            })
        }),
    )?;
    page.counter(
        "amimux_refusals",
        "Requests that were refused, by the kind of rule that forbids them.",
        reports.iter().flat_map(|report| {
            let kinds = Rule::KINDS.into_iter().zip(report.statistics.refusals);
            kinds.map(|(kind, count)| (with(report, "reason", kind), count.into()))
        }),
    )?;
    page.histogram(
        "amimux_action_latency_seconds",
        "Time from sending a client's action to Asterisk until the first of its answer came.",
        each(reports, |report| (&report.statistics.latencies).into()),
    )?;
    page.histogram(
        "amimux_action_wait_seconds",
        "Time from a client's request until its turn to be sent to Asterisk.",
        each(reports, |report| (&report.statistics.waits).into()),
    )
}

/// One sample for each upstream.
fn each<'a>(
    reports: &[&'a HubReport],
    number: Number,
) -> impl Iterator<Item = (Labels<'a>, Value<'a>)> {
    reports
        .iter()
        .map(move |report| (of(report), number(report)))
}

/// The labels of an upstream.
pub(super) fn of(report: &HubReport) -> Labels<'_> {
    vec![("upstream", report.upstream.as_str().into())]
}

/// The labels of an upstream, and one more.
pub(super) fn with<'a>(
    report: &'a HubReport,
    name: &'static str,
    value: impl Into<Cow<'a, str>>,
) -> Labels<'a> {
    vec![
        ("upstream", report.upstream.as_str().into()),
        (name, value.into()),
    ]
}
