//! The metrics of views: each of the first hundred by itself, those beyond as one, and the sums of all that ever were.

use std::fmt::Error;

use super::hubs::{of, with};
use super::page::{Labels, Page, Value};
use crate::hub::statistics::ViewCounts;
use crate::hub::survey::HubReport;

/// Several views as one, or one.
#[derive(Debug, Clone, Copy, Default)]
struct Shown {
    counts: ViewCounts,
    sessions: usize,
    kept_bytes: usize,
}

/// The samples of one upstream.
struct Views<'a> {
    all: ViewCounts,
    rows: Vec<(Labels<'a>, Shown)>,
}

impl<'a> Views<'a> {
    fn of(report: &'a HubReport) -> Self {
        let mut others = Shown {
            counts: report.gone_others,
            ..Shown::default()
        };
        let mut all = report.gone;
        let mut rows = Vec::new();
        for view in &report.views {
            all.add(view.counts);
            if view.is_named {
                let shown = Shown {
                    counts: view.counts,
                    sessions: view.sessions,
                    kept_bytes: view.retained_bytes,
                };
                let labels = labels(
                    report,
                    view.number.to_string(),
                    view.classes.to_string(),
                    view.filters.to_string(),
                );
                rows.push((labels, shown));
            } else {
                others.counts.add(view.counts);
                others.sessions += view.sessions;
                others.kept_bytes += view.retained_bytes;
            }
        }
        all.add(report.gone_others);
        rows.push((
            labels(report, "other".to_owned(), String::new(), String::new()),
            others,
        ));
        Self { all, rows }
    }
}

fn labels(report: &HubReport, view: String, classes: String, filters: String) -> Labels<'_> {
    let mut labels = with(report, "view", view);
    labels.push(("classes", classes.into()));
    labels.push(("filters", filters.into()));
    labels
}

/// A count of a view, or of all.
type Count = fn(&ViewCounts) -> u64;

/// What only grows: for all views together, the same by view, help, and where it is found.
const COUNTERS: [(&str, &str, &str, Count); 4] = [
    (
        "amimux_events",
        "amimux_view_events",
        "Events that views were given, each counted once for every view that shows it.",
        |counts| counts.events,
    ),
    (
        "amimux_event_bytes",
        "amimux_view_event_bytes",
        "Bytes of these events.",
        |counts| counts.bytes,
    ),
    (
        "amimux_filtered_events",
        "amimux_view_filtered_events",
        "Events of a view's classes that its event filters held back.",
        |counts| counts.filtered,
    ),
    (
        "amimux_deliveries",
        "amimux_view_deliveries",
        "Events times the sessions that each was for when it came.",
        |counts| counts.deliveries,
    ),
];

/// Writes the families of views.
pub(super) fn write(page: &mut Page<'_>, reports: &[&HubReport]) -> Result<(), Error> {
    let views = reports
        .iter()
        .map(|report| (*report, Views::of(report)))
        .collect::<Vec<_>>();
    let rows = || views.iter().flat_map(|(_, views)| &views.rows);
    for (name, by_view, help, count) in COUNTERS {
        let all = views.iter();
        let all = all.map(|(report, views)| (of(report), count(&views.all).into()));
        page.counter(name, help, all)?;
        let each = rows().map(|(labels, shown)| (labels.clone(), count(&shown.counts).into()));
        page.counter(by_view, help, each)?;
    }
    page.gauge(
        "amimux_views",
        "Views: groups of sessions that see the same events.",
        views
            .iter()
            .map(|(report, _)| (of(report), report.views.len().into())),
    )?;
    page.gauge(
        "amimux_view_sessions",
        "Sessions that see this view.",
        rows().map(|(labels, shown)| (labels.clone(), Value::from(shown.sessions))),
    )?;
    page.gauge(
        "amimux_view_kept_bytes",
        "Bytes of events kept for sessions of this view that have not read them.",
        rows().map(|(labels, shown)| (labels.clone(), Value::from(shown.kept_bytes))),
    )
}
