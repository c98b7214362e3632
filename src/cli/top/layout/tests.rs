//! Frames, also as a terminal shows them.

use super::*;
use crate::cli::top::sample::{Client, Upstream};
use crate::cli::top::screen;
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

fn picture(upstreams: usize, clients: usize) -> Picture {
    let upstream = |number: usize| UpstreamRow {
        upstream: Upstream {
            name: format!("pbx{number}"),
            state: if number == 1 { "Down" } else { "Ready" }.to_owned(),
            cause: if number == 1 {
                "connection refused"
            } else {
                ""
            }
            .to_owned(),
            in_flight: 3,
            sessions: 1000,
            ..Upstream::default()
        },
        events: Some(512.25),
        latency: Some(1.25),
    };
    let client = |number: usize| ClientRow {
        client: Client {
            session: format!("pbx0/{number}.1"),
            user: format!("user{number}"),
            address: "192.0.2.100:50380".to_owned(),
            transport: "TCP".to_owned(),
            elapsed: 3700,
            lag: 3_000_000,
            in_flight: 2,
            is_blocked: number == 1,
            ..Client::default()
        },
        bytes: Some(123_456.0),
    };
    Picture {
        version: "0.1.0".to_owned(),
        uptime: 90_061,
        sessions: 1234,
        refused: 12,
        found: 1234,
        events: Some(512.25),
        deliveries: Some(630_000.0),
        actions: Some(3.125),
        refusals: None,
        upstreams: (0..upstreams).map(upstream).collect(),
        clients: (0..clients).map(client).collect(),
    }
}

fn drawn(shown: Shown<'_>, width: u16, height: u16) -> (Vec<String>, Vec<Color>) {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let draw = |frame: &mut ratatui::Frame<'_>| screen::draw(frame, shown, true);
    terminal.draw(draw).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let row = |y| {
        (0..width)
            .map(|x| buffer[(x, y)].symbol())
            .collect::<String>()
    };
    let rows = (0..height).map(|y| row(y).trim_end().to_owned());
    let colours = (0..height).map(|y| buffer[(0, y)].fg);
    (rows.collect(), colours.collect())
}

fn wishes() -> Wishes {
    Wishes::new(Sort::Lag, String::new())
}

#[test]
fn eighty_columns_are_enough_for_what_matters() {
    let (picture, wishes) = (picture(2, 30), wishes());
    let shown = Shown {
        picture: Some(&picture),
        wishes: &wishes,
        lost: None,
    };
    let (rows, colours) = drawn(shown, 80, 24);
    assert_eq!(
        rows[..10],
        [
            "amimux 0.1.0   up 1d01h   sessions 1234   events 512/s   deliveries 630k/s",
            "actions 3.1/s   refusals 12 (-/s)",
            "",
            "UPSTREAM  STATE  LATENCY  INFLIGHT  EVENTS/S  SESSIONS",
            "pbx0      Ready    1.2ms         3       512      1000",
            "pbx1      Down     1.2ms         3       512      1000  connection refused",
            "",
            "USER    ADDRESS            OVER  LOGIN  LAG*  BYTES/S  INFLIGHT  BLOCKED",
            "user0   192.0.2.100:50380  TCP   1h01m  2.8M     123k         2",
            "user1   192.0.2.100:50380  TCP   1h01m  2.8M     123k         2  yes",
        ]
    );
    assert_eq!(rows[22].split_whitespace().next(), Some("user14"));
    assert_eq!(
        rows[23],
        "q quit   s sort (lag)   / filter by user   l b i u a t: column"
    );
    assert_eq!(
        (colours[5], colours[9], colours[8]),
        (Color::Red, Color::Yellow, Color::Reset)
    );
}

#[test]
fn forty_columns_show_less_of_each() {
    let (picture, wishes) = (picture(1, 3), wishes());
    let shown = Shown {
        picture: Some(&picture),
        wishes: &wishes,
        lost: None,
    };
    let (rows, _) = drawn(shown, 40, 16);
    assert!(
        rows.contains(&"UPSTREAM  STATE  LATENCY  EVENTS/S".to_owned()),
        "{rows:#?}"
    );
    assert!(
        rows.contains(&"USER   LAG*  BYTES/S  INFLIGHT  BLOCKED".to_owned()),
        "{rows:#?}"
    );
}

#[test]
fn what_is_left_out_is_said() {
    let (picture, mut wishes) = (picture(9, 0), wishes());
    wishes.filter = "crm".to_owned();
    let shown = Shown {
        picture: Some(&picture),
        wishes: &wishes,
        lost: Some("nobody listens at /run/amimux/control.sock"),
    };
    let (rows, colours) = drawn(shown, 80, 16);
    assert_eq!(
        rows[0],
        "NO CONNECTION, trying again: nobody listens at /run/amimux/control.sock"
    );
    assert_eq!(colours[0], Color::Red);
    assert!(rows.iter().any(|row| row == "... 6 more"), "{rows:#?}");
    assert!(
        rows.contains(&"no clients of users like crm".to_owned()),
        "{rows:#?}"
    );
    assert!(rows[15].contains("users like crm (Esc: all)"), "{rows:#?}");
    wishes.is_typing = true;
    assert_eq!(
        help(&wishes, 80),
        "user: crm_   Enter: done   Esc: all users"
    );
}

#[test]
fn numbers_stay_short() {
    for (number, expected) in [
        (0, "0"),
        (99_999, "99999"),
        (100_000, "100k"),
        (1_500_000, "1.5M"),
        (u64::MAX, "18446P"),
    ] {
        assert_eq!(amount(number), expected);
    }
    for (number, expected) in [(2047, "2047"), (102_400, "100K"), (3_000_000, "2.8M")] {
        assert_eq!(bytes(number), expected);
    }
    for (seconds, expected) in [
        (59, "59s"),
        (61, "1m01s"),
        (3661, "1h01m"),
        (90_000, "1d01h"),
    ] {
        assert_eq!(span(seconds), expected);
    }
    for (value, expected) in [(None, "-"), (Some(0.04), "0.0"), (Some(1e6), "1.0M")] {
        assert_eq!(rate(value), expected);
    }
}

proptest! {
    #[test]
    fn a_frame_fits_any_terminal(
        (width, height) in (0..200_usize, 0..60_usize),
        (upstreams, clients) in (0..20_usize, 0..80_usize),
        lost in prop::option::of(".{0,100}"),
    ) {
        let (picture, wishes) = (picture(upstreams, clients), wishes());
        let shown = Shown { picture: Some(&picture), wishes: &wishes, lost: lost.as_deref() };
        let lines = frame(shown, width, height);
        prop_assert_eq!(lines.len(), height);
        for line in &lines {
            prop_assert!(line.text.chars().count() <= width, "{:?}", line);
        }
        if height > 0 && width > 10 {
            prop_assert_eq!(lines[height - 1].kind, Kind::Help);
        }
    }
}
