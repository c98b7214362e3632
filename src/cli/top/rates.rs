//! What is to be shown, worked out of two samples: what happened in a second, and in which order the clients stand.

use std::collections::HashMap;

use super::keys::Sort;
use super::sample::{Client, Sample, Upstream};

/// Something per second; unknown from one sample alone.
pub(super) type Rate = Option<f64>;

/// An Asterisk as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UpstreamRow {
    pub(super) upstream: Upstream,
    pub(super) events: Rate,
    /// How long Asterisk took to answer, in milliseconds: between the samples, or on the whole where none was.
    pub(super) latency: Rate,
}

/// A client as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ClientRow {
    pub(super) client: Client,
    /// Bytes of events that it was written per second.
    pub(super) bytes: Rate,
}

/// All that is shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Picture {
    pub(super) version: String,
    pub(super) uptime: u64,
    pub(super) sessions: u64,
    pub(super) refused: u64,
    pub(super) found: u64,
    pub(super) events: Rate,
    pub(super) deliveries: Rate,
    pub(super) actions: Rate,
    pub(super) refusals: Rate,
    pub(super) upstreams: Vec<UpstreamRow>,
    pub(super) clients: Vec<ClientRow>,
}

/// The picture of the later sample; `before` is of the same process.
pub(super) fn picture(before: Option<&Sample>, now: &Sample, sort: Sort) -> Picture {
    let before = before.filter(|before| before.process == now.process && before.at < now.at);
    let seconds = before.map(|before| (now.at - before.at).as_secs_f64());
    let rate = |count: fn(&Sample) -> u64| {
        let before = before?;
        per_second(count(before), count(now), seconds)
    };
    Picture {
        version: now.version.clone(),
        uptime: now.uptime,
        sessions: now.sessions,
        refused: now.refused,
        found: now.found,
        events: rate(|sample| sample.events),
        deliveries: before.and_then(|before| deliveries(before, now, seconds)),
        actions: rate(|sample| sample.actions),
        refusals: rate(|sample| sample.refused),
        upstreams: upstreams(before, now, seconds),
        clients: clients(before, now, seconds, sort),
    }
}

/// A count that fell began anew: nothing is known.
fn per_second(before: u64, now: u64, seconds: Option<f64>) -> Rate {
    let grown = u32::try_from(now.checked_sub(before)?).unwrap_or(u32::MAX);
    seconds
        .filter(|seconds| *seconds > 0.0)
        .map(|seconds| f64::from(grown) / seconds)
}

/// Each event counts for all sessions of its view.
fn deliveries(before: &Sample, now: &Sample, seconds: Option<f64>) -> Rate {
    let grown = now.views.iter().map(|(view, (events, sessions))| {
        // A view that is new has had all its events since.
        let (earlier, _) = before.views.get(view).copied().unwrap_or_default();
        events.saturating_sub(earlier).saturating_mul(*sessions)
    });
    per_second(0, grown.sum(), seconds)
}

fn upstreams(before: Option<&Sample>, now: &Sample, seconds: Option<f64>) -> Vec<UpstreamRow> {
    let row = |upstream: &Upstream| {
        let earlier = before.and_then(|before| {
            let mut upstreams = before.upstreams.iter();
            upstreams.find(|earlier| earlier.name == upstream.name)
        });
        let mean = |replies: u64, total: f64| {
            let replies = u32::try_from(replies).unwrap_or(u32::MAX);
            (replies > 0).then(|| total / f64::from(replies))
        };
        let lately = earlier.and_then(|earlier| {
            let replies = upstream.replies.checked_sub(earlier.replies)?;
            mean(replies, upstream.latency_total - earlier.latency_total)
        });
        UpstreamRow {
            upstream: upstream.clone(),
            events: earlier
                .and_then(|earlier| per_second(earlier.events, upstream.events, seconds)),
            latency: lately.or_else(|| mean(upstream.replies, upstream.latency_total)),
        }
    };
    now.upstreams.iter().map(row).collect()
}

fn clients(
    before: Option<&Sample>,
    now: &Sample,
    seconds: Option<f64>,
    sort: Sort,
) -> Vec<ClientRow> {
    let earlier: HashMap<_, _> = before
        .iter()
        .flat_map(|before| &before.clients)
        .map(|client| (client.session.as_str(), client))
        .collect();
    let row = |client: &Client| {
        // Places in different views cannot be compared.
        let earlier = earlier.get(client.session.as_str());
        let earlier = earlier.filter(|earlier| earlier.view == client.view);
        ClientRow {
            client: client.clone(),
            bytes: earlier
                .and_then(|earlier| per_second(earlier.event_bytes, client.event_bytes, seconds)),
        }
    };
    let mut rows: Vec<_> = now.clients.iter().map(row).collect();
    order(&mut rows, sort);
    rows
}

/// Rows that are equal stay in amimux's own order, so that they do not jump about.
fn order(rows: &mut [ClientRow], sort: Sort) {
    use std::cmp::Reverse;
    match sort {
        Sort::Lag => rows.sort_by_key(|row| Reverse(row.client.lag)),
        Sort::Rate => rows.sort_by(|one, other| {
            let rate = |row: &ClientRow| row.bytes.unwrap_or(-1.0);
            rate(other).total_cmp(&rate(one))
        }),
        Sort::Inflight => rows.sort_by_key(|row| Reverse(row.client.in_flight)),
        Sort::User => rows.sort_by_cached_key(|row| row.client.user.to_ascii_lowercase()),
        // amimux compares addresses as numbers.
        Sort::Address => {}
        Sort::Login => rows.sort_by_key(|row| row.client.elapsed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn client(session: &str, view: &str, event_bytes: u64, lag: u64) -> Client {
        Client {
            session: session.to_owned(),
            user: session.to_uppercase(),
            view: view.to_owned(),
            event_bytes,
            lag,
            elapsed: lag,
            ..Client::default()
        }
    }

    fn sample(seconds: u64, events: u64, clients: Vec<Client>) -> Sample {
        let view = ("pbx".to_owned(), "1".to_owned());
        Sample {
            at: Duration::from_secs(seconds),
            events,
            actions: events / 10,
            upstreams: vec![Upstream {
                name: "pbx".to_owned(),
                events,
                replies: events / 10,
                latency_total: if seconds == 0 { 0.0 } else { 30.0 },
                ..Upstream::default()
            }],
            views: HashMap::from([(view, (events, 3))]),
            clients,
            ..Sample::default()
        }
    }

    #[test]
    fn rates_come_of_two_samples() {
        let first = sample(
            0,
            100,
            vec![client("a", "1", 100, 5), client("b", "1", 0, 9)],
        );
        let clients = vec![
            client("a", "1", 2100, 7),
            client("b", "2", 50, 6),
            client("c", "1", 7, 8),
        ];
        let second = sample(2, 140, clients);
        let alone = picture(None, &first, Sort::Lag);
        assert_eq!((alone.events, alone.clients[0].bytes), (None, None));
        assert_eq!(alone.upstreams[0].latency, Some(0.0));
        let both = picture(Some(&first), &second, Sort::Rate);
        assert_eq!(both.events, Some(20.0));
        assert_eq!(both.deliveries, Some(60.0));
        assert_eq!(both.actions, Some(2.0));
        assert_eq!(both.upstreams[0].events, Some(20.0));
        assert_eq!(both.upstreams[0].latency, Some(7.5), "30 ms for 4 replies");
        let rates: Vec<_> = both.clients.iter().map(|row| row.bytes).collect();
        assert_eq!(rates, [Some(1000.0), None, None]);
    }

    #[test]
    fn another_process_begins_anew() {
        let first = sample(0, 100, vec![]);
        let mut second = sample(2, 140, vec![]);
        second.process.0 = "2".to_owned();
        assert_eq!(picture(Some(&first), &second, Sort::Lag).events, None);
        let fewer = sample(2, 90, vec![]);
        let picture = picture(Some(&first), &fewer, Sort::Lag);
        assert_eq!((picture.events, picture.deliveries), (None, Some(0.0)));
    }

    #[test]
    fn the_order_is_as_wished() {
        let clients = vec![
            client("b", "1", 0, 5),
            client("a", "1", 0, 9),
            client("c", "1", 0, 5),
        ];
        let sample = sample(0, 0, clients);
        for (sort, expected) in [
            (Sort::Lag, "abc"),
            (Sort::Rate, "bac"),
            (Sort::Inflight, "bac"),
            (Sort::User, "abc"),
            (Sort::Address, "bac"),
            (Sort::Login, "bca"),
        ] {
            let rows = picture(None, &sample, sort).clients;
            let order: String = rows.into_iter().map(|row| row.client.session).collect();
            assert_eq!(order, expected, "{sort:?}");
        }
    }
}
