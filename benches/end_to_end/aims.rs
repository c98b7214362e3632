//! What amimux aims at, and whether the figures of this run say so.

use serde_json::{Value, json};

use crate::report::Report;

/// One aim: where its figure stands, and where it should be.
struct Aim {
    text: &'static str,
    section: &'static str,
    /// Fields of the entries that it is about, with the values that they have there; "/s" is any rate.
    about: &'static [(&'static str, &'static str)],
    /// The figure, as a JSON pointer into the entry.
    figure: &'static str,
    limit: f64,
    /// Whether the figure may not be below the limit, rather than above.
    at_least: bool,
}

const fn at_most(
    text: &'static str,
    section: &'static str,
    about: &'static [(&'static str, &'static str)],
    figure: &'static str,
    limit: f64,
) -> Aim {
    Aim {
        text,
        section,
        about,
        figure,
        limit,
        at_least: false,
    }
}

const AIMS: [Aim; 17] = [
    at_most(
        "CPU per delivered event at full speed, beside the relay's",
        "fanout",
        &[
            ("who", "amimux"),
            ("speed", "full"),
            ("clients", "10 or more"),
        ],
        "/ratio",
        1.3,
    ),
    at_most(
        "CPU per delivered event at a fixed rate, beside the relay's",
        "fanout",
        &[("who", "amimux"), ("speed", "/s")],
        "/ratio",
        1.0,
    ),
    at_most(
        "p99 latency with 1 client, ms",
        "fanout",
        &[("who", "amimux"), ("speed", "/s"), ("clients", "1")],
        "/latency_p99_ms/median",
        0.3,
    ),
    at_most(
        "p99 latency with 100 clients, ms",
        "fanout",
        &[("who", "amimux"), ("speed", "/s"), ("clients", "100")],
        "/latency_p99_ms/median",
        5.0,
    ),
    Aim {
        text: "deliveries per second",
        section: "fanout",
        about: &[("who", "amimux"), ("speed", "full"), ("clients", "1000")],
        figure: "/deliveries_per_second/median",
        limit: 3e6,
        at_least: true,
    },
    at_most(
        "CPU per delivered event with 11 views, beside 1 view",
        "views",
        &[("who", "11 views")],
        "/ratio",
        1.5,
    ),
    at_most(
        "CPU per round trip, beside the forwarder's",
        "actions",
        &[("who", "amimux"), ("flood", "false")],
        "/ratio",
        1.0,
    ),
    at_most(
        "p99 of a round trip, ms",
        "actions",
        &[("who", "amimux"), ("flood", "false")],
        "/latency_p99_ms/median",
        3.0,
    ),
    at_most(
        "p99 of others while one floods, beside without",
        "actions",
        &[("who", "amimux"), ("flood", "true")],
        "/p99_beside_without",
        1.2,
    ),
    at_most(
        "bytes per idle client, only logged in",
        "idle",
        &[("asked_once", "false")],
        "/bytes_per_client/median",
        4096.0,
    ),
    at_most(
        "bytes per idle client that has asked once",
        "idle",
        &[("asked_once", "true")],
        "/bytes_per_client/median",
        4096.0,
    ),
    at_most(
        "p99 of a login, fresh process, ms",
        "logins",
        &[("who", "amimux"), ("wave", "1")],
        "/p99_ms/median",
        5.0,
    ),
    at_most(
        "p99 of a login, second wave, ms",
        "logins",
        &[("who", "amimux"), ("wave", "2")],
        "/p99_ms/median",
        5.0,
    ),
    at_most(
        "CPU per delivered event with TLS at a fixed rate, beside without",
        "tls",
        &[("who", "TLS"), ("speed", "/s")],
        "/ratio",
        1.3,
    ),
    at_most(
        "bytes per idle client with TLS",
        "tls_idle",
        &[("tls", "true"), ("asked_once", "false")],
        "/bytes_per_client/median",
        12_288.0,
    ),
    at_most(
        "bytes per session of HTTP that waits",
        "web_waiting",
        &[("who", "amimux")],
        "/bytes_per_session/median",
        24_576.0,
    ),
    at_most(
        "CPU per event to a stream of HTTP, beside bare hyper's",
        "web_events",
        &[("who", "amimux")],
        "/ratio",
        2.0,
    ),
];

impl Aim {
    fn is_about(&self, entry: &Value) -> bool {
        self.about.iter().all(|(field, wanted)| {
            let text = match entry.get(*field) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => return false,
            };
            match *wanted {
                "/s" => text.ends_with("/s"),
                "10 or more" => text.parse::<u64>().is_ok_and(|number| number >= 10),
                wanted => text == wanted,
            }
        })
    }

    const fn met(&self, figure: f64) -> bool {
        if self.at_least {
            figure >= self.limit
        } else {
            figure <= self.limit
        }
    }
}

/// Tells every aim that this run has a figure for.
pub(crate) fn tell(report: &mut Report) {
    report.heading(
        "aims",
        "what amimux should reach",
        "  reached  figure      aim           what",
    );
    let mut told = Vec::new();
    for aim in &AIMS {
        for entry in report.entries(aim.section) {
            let figure = entry.pointer(aim.figure).and_then(Value::as_f64);
            let Some(figure) = figure.filter(|_| aim.is_about(entry)) else {
                continue;
            };
            let of = match (entry.get("clients"), entry.get("speed")) {
                (Some(clients), Some(speed)) => {
                    format!(" ({clients} clients, {})", speed.as_str().unwrap_or("?"))
                }
                (Some(clients), None) => format!(" ({clients} clients)"),
                _ => String::new(),
            };
            report.line(&format!(
                "  {:<7}  {:<10}  {} {:<10}  {}{of}",
                if aim.met(figure) { "yes" } else { "NO" },
                short(figure),
                if aim.at_least { ">=" } else { "<=" },
                short(aim.limit),
                aim.text
            ));
            told.push(json!({
                "section": aim.section, "what": format!("{}{of}", aim.text), "figure": figure, "limit": aim.limit,
                "at_least": aim.at_least, "reached": aim.met(figure),
            }));
        }
    }
    for entry in told {
        report.record("aims", entry);
    }
}

fn short(figure: f64) -> String {
    if figure >= 1000.0 {
        format!("{figure:.0}")
    } else {
        format!("{figure:.2}")
    }
}
