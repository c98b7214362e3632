//! What the running amimux says at one moment: asked over the control socket, and read into numbers.

use std::collections::HashMap;
use std::time::Duration;

use amimux::admin::client::{ControlClient, ControlError, Message};

use super::keys::Sort;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    /// Which clients first.
    pub(super) sort: Sort,
    /// A part of the user's name; all users if it is empty.
    pub(super) filter: String,
    /// How many clients at most.
    pub(super) limit: usize,
}

/// One Asterisk.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Upstream {
    pub(super) name: String,
    pub(super) state: String,
    pub(super) cause: String,
    pub(super) in_flight: u64,
    pub(super) sessions: u64,
    pub(super) events: u64,
    pub(super) replies: u64,
    /// Milliseconds in which all of them came.
    pub(super) latency_total: f64,
}

/// One client.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Client {
    pub(super) session: String,
    pub(super) user: String,
    pub(super) address: String,
    pub(super) transport: String,
    pub(super) elapsed: u64,
    pub(super) view: String,
    pub(super) event_bytes: u64,
    pub(super) lag: u64,
    pub(super) in_flight: u64,
    pub(super) is_blocked: bool,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    /// When it was taken; since any moment, the same for all samples.
    pub(super) at: Duration,
    /// The process that was asked, and when it started.
    pub(super) process: (String, String),
    pub(super) version: String,
    pub(super) uptime: u64,
    pub(super) sessions: u64,
    pub(super) events: u64,
    pub(super) actions: u64,
    pub(super) refused: u64,
    pub(super) upstreams: Vec<Upstream>,
    /// Events and sessions of each view.
    pub(super) views: HashMap<(String, String), (u64, u64)>,
    pub(super) clients: Vec<Client>,
    /// How many clients there are that the filter lets through.
    pub(super) found: u64,
}

/// Asks for all of it.
pub(super) fn fetch(
    client: &mut ControlClient,
    query: &Query,
    at: Duration,
) -> Result<Sample, ControlError> {
    let status = client.ask("MuxStatus", &[])?.response;
    let upstreams = client.ask("MuxUpstreams", &[])?.items;
    let views = client.ask("MuxViews", &[])?.items;
    let limit = query.limit.to_string();
    let mut headers = vec![("UserContains", query.filter.as_str())];
    // amimux does not know rates: who wants the largest has to look at all.
    if let Some(sort) = query.sort.on_server() {
        headers.extend([("Sort", sort), ("Limit", limit.as_str())]);
    }
    let sessions = client.ask("MuxSessions", &headers)?;
    Ok(Sample {
        at,
        process: (
            status.get("Process").to_owned(),
            status.get("StartedAt").to_owned(),
        ),
        version: status.get("Version").to_owned(),
        uptime: number(&status, "Uptime"),
        sessions: number(&status, "Sessions"),
        events: number(&status, "Events"),
        actions: number(&status, "Forwarded") + number(&status, "AnsweredHere"),
        refused: number(&status, "Refused"),
        upstreams: upstreams.iter().map(upstream).collect(),
        views: views.iter().map(view).collect(),
        clients: sessions.items.iter().map(session).collect(),
        found: number(&sessions.complete, "Found"),
    })
}

fn number(message: &Message, name: &str) -> u64 {
    message.get(name).parse().unwrap_or_default()
}

fn upstream(item: &Message) -> Upstream {
    Upstream {
        name: item.get("Upstream").to_owned(),
        state: item.get("State").to_owned(),
        cause: item.get("Cause").to_owned(),
        in_flight: number(item, "InFlight"),
        sessions: number(item, "Sessions"),
        events: number(item, "Events"),
        replies: number(item, "Replies"),
        latency_total: item.get("LatencyTotal").parse().unwrap_or_default(),
    }
}

fn view(item: &Message) -> ((String, String), (u64, u64)) {
    (
        (item.get("Upstream").to_owned(), item.get("View").to_owned()),
        (number(item, "Events"), number(item, "Sessions")),
    )
}

fn session(item: &Message) -> Client {
    let (address, port) = (item.get("Address"), item.get("Port"));
    Client {
        session: item.get("Session").to_owned(),
        user: item.get("User").to_owned(),
        address: if address.contains(':') {
            format!("[{address}]:{port}")
        } else {
            format!("{address}:{port}")
        },
        transport: item.get("Transport").to_owned(),
        elapsed: number(item, "Elapsed"),
        view: item.get("View").to_owned(),
        event_bytes: number(item, "EventBytes"),
        lag: number(item, "BehindBytes"),
        in_flight: number(item, "InFlight"),
        is_blocked: item.get("SocketFull") == "Yes",
    }
}
