//! Comparison with what a real Asterisk 22.10.1 sent: names and order of headers, and whole replies.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;

fn data(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data/sim")
        .join(path)
}

/// Names of the headers of a frame, in order; the channel in `ChanVariable(channel)` is left out.
fn names(frame: &str) -> Vec<&str> {
    let lines = frame
        .split("\r\n")
        .map(|line| line.split(':').next().unwrap());
    lines.map(|name| name.split('(').next().unwrap()).collect()
}

/// One frame of each event, by its name.
fn by_event(stream: &str) -> BTreeMap<String, &str> {
    let mut events = BTreeMap::new();
    for frame in frames(stream) {
        if let Some(rest) = frame.strip_prefix("Event: ") {
            let name = rest.split("\r\n").next().unwrap();
            // Dialling by a channel and by Originate differ; the recording holds the first kind.
            let dialling = name.starts_with("Dial") && name != "DialState";
            if !dialling || frame.contains("\r\nChannel: ") {
                events.entry(name.to_owned()).or_insert(frame);
            }
        }
    }
    events
}

/// A session that sees or asks for one of everything.
fn everything() -> String {
    let options = PbxOptions {
        calls_per_second: 3.0,
        call_seconds: 2.0,
        ..options()
    };
    let mut pbx = Pbx::new(options);
    let id = pbx.connect(seconds(0));
    let mut stream = ask(
        &mut pbx,
        id,
        seconds(0),
        &["Action: Login", "Username: all", "Secret: all-secret"],
    );
    stream.push_str(&ask(
        &mut pbx,
        id,
        seconds(0),
        &["Action: DBPut", "Family: f", "Key: k", "Val: v"],
    ));
    stream.push_str(&ask(
        &mut pbx,
        id,
        seconds(0),
        &[
            "Action: Originate",
            "ActionID: o",
            "Channel: PJSIP/1",
            "Context: c",
            "Exten: 1",
            "Async: 1",
        ],
    ));
    for at in 1..40 {
        pbx.tick(seconds(at));
        stream.push_str(&take(&mut pbx, id));
    }
    let requests: [&[&str]; 9] = [
        &["Action: CoreShowChannels"],
        &["Action: Status"],
        &["Action: BridgeList"],
        &["Action: QueueStatus"],
        &["Action: QueueSummary"],
        &[
            "Action: QueuePause",
            "Interface: PJSIP/2001",
            "Paused: true",
            "Reason: tea",
        ],
        &["Action: DBGet", "Family: f", "Key: k"],
        &["Action: Reload", "Module: app_queue.so"],
        &["Action: Hangup", "Channel: /.*/"],
    ];
    for request in requests {
        let request = [request, &["ActionID: a"]].concat();
        stream.push_str(&ask(&mut pbx, id, seconds(40), &request));
    }
    stream.push_str(&ask(&mut pbx, id, seconds(40), &["Action: NoSuch"]));
    stream
}

#[test]
fn headers_and_their_order() {
    let recorded = std::fs::read_to_string(data("frames.recv")).unwrap();
    let recorded = by_event(&recorded);
    assert_eq!(recorded.len(), 43);
    let made = everything();
    let made = by_event(&made);
    for (event, recorded) in recorded {
        let Some(made) = made.get(&event) else {
            panic!("no {event} was made")
        };
        assert_eq!(names(made), names(recorded), "{event}");
        let privilege = |frame: &str| {
            frame
                .split("\r\n")
                .nth(1)
                .filter(|line| line.starts_with("Privilege"))
                .map(str::to_owned)
        };
        assert_eq!(privilege(made), privilege(recorded), "{event}");
    }
}

/// Digits of times differ from run to run.
fn without_times(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let end = line.len() - line.trim_end().len();
        if line.starts_with("Timestamp: ") {
            format!("Timestamp: -{}", &line[line.len() - end..])
        } else {
            line.to_owned()
        }
    });
    lines.collect()
}

#[test]
fn whole_replies() {
    let mut exchanges: Vec<PathBuf> = std::fs::read_dir(data("exchanges"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    exchanges.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "sent")
    });
    exchanges.sort();
    assert!(exchanges.len() >= 40, "{}", exchanges.len());
    for path in exchanges {
        let (sent, recorded) = (
            std::fs::read(&path).unwrap(),
            std::fs::read(path.with_extension("recv")).unwrap(),
        );
        let mut pbx = Pbx::new(options());
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let id = if name.contains("login-before") {
            pbx.connect(seconds(0))
        } else {
            let shows_event = name.contains(".on") || name.to_lowercase().contains("userevent");
            let events = if shows_event { "user" } else { "off" };
            let id = logged_in(&mut pbx, seconds(0), "all", events);
            take(&mut pbx, id);
            id
        };
        pbx.input(id, seconds(0), &sent);
        for at in 1..6 {
            pbx.tick(seconds(at));
        }
        let made = take(&mut pbx, id);
        assert_eq!(
            without_times(&made),
            without_times(&String::from_utf8_lossy(&recorded)),
            "{name}"
        );
    }
}
