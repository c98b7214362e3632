//! Tests of the log: what a journal is sent and what JSON says, with values that try to be more than values.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex};

use amimux::session::refusal_log::{Refusal, refused};
use clap::ValueEnum;
use serde_json::Value;
use tracing::subscriber::with_default;
use tracing::{debug, error, info};

use super::*;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The objects that `work` logs as JSON, line by line, and the lines.
fn as_json(work: impl FnOnce()) -> (Vec<Value>, String) {
    let captured = Captured::default();
    let writer = captured.clone();
    let layer = fmt::layer()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .event_format(Json);
    with_default(Registry::default().with(layer), work);
    let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    let objects = text.lines().map(|line| serde_json::from_str(line).unwrap());
    (objects.collect(), text)
}

/// What a journal at a socket of its own is sent, datagram by datagram: the values by the names of their fields.
fn as_journal(work: impl FnOnce()) -> Vec<BTreeMap<String, String>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixDatagram::bind(&path).unwrap();
    let (layer, trouble) = layer(LogFormat::Journald, &path);
    assert!(trouble.is_none(), "{trouble:?}");
    with_default(Registry::default().with(layer), work);
    listener.set_nonblocking(true).unwrap();
    let mut datagrams = Vec::new();
    let mut bytes = vec![0; 1 << 20];
    while let Ok(length) = listener.recv(&mut bytes) {
        datagrams.push(parsed(bytes.get(..length).unwrap()));
    }
    // The first one only finds out whether the journal is there.
    assert!(datagrams.remove(0).is_empty());
    datagrams
}

/// Reads a datagram as journald does.
fn parsed(mut datagram: &[u8]) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    while !datagram.is_empty() {
        let end = datagram.iter().position(|byte| *byte == b'\n').unwrap();
        let (name, rest) = datagram.split_at(end);
        let (length, rest) = rest.get(1..).unwrap().split_first_chunk::<8>().unwrap();
        let length = usize::try_from(u64::from_le_bytes(*length)).unwrap();
        let (value, rest) = rest.split_at(length);
        datagram = rest.strip_prefix(b"\n").unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let twice = fields.insert(text(name), text(value));
        assert!(twice.is_none());
    }
    fields
}

fn refuse(user: &str) {
    let address: IpAddr = "192.0.2.7".parse().unwrap();
    refused(address, Refusal::Login { user, reason: "x" }, 3);
}

#[test]
fn the_journal_gets_the_line_and_each_value() {
    let lines = as_journal(|| {
        refuse("a\"\nPRIORITY=0\n");
        error!(name: "upstream-away", retry_in = 1.5, is_first = true, "Asterisk is away");
        debug!("a detail");
    });
    let expected = [
        vec![
            ("AMIMUX_ADDRESS", "192.0.2.7"),
            ("AMIMUX_EVENT", "refused"),
            ("AMIMUX_KIND", "login"),
            ("AMIMUX_REASON", "x"),
            ("AMIMUX_SUPPRESSED", "3"),
            ("AMIMUX_TARGET", "amimux::refused"),
            ("AMIMUX_USER", "a\"\nPRIORITY=0\n"),
            (
                "MESSAGE",
                r#"WARN refused kind=login address=192.0.2.7 user="a\"\nPRIORITY=0\n" reason="x" suppressed=3"#,
            ),
            ("PRIORITY", "4"),
            ("SYSLOG_IDENTIFIER", "amimux"),
        ],
        vec![
            ("AMIMUX_EVENT", "upstream-away"),
            ("AMIMUX_IS_FIRST", "true"),
            ("AMIMUX_RETRY_IN", "1.5"),
            ("AMIMUX_TARGET", "amimux::cli::log::tests"),
            (
                "MESSAGE",
                "ERROR Asterisk is away retry_in=1.5 is_first=true",
            ),
            ("PRIORITY", "3"),
            ("SYSLOG_IDENTIFIER", "amimux"),
        ],
        vec![
            ("AMIMUX_EVENT", "other"),
            ("AMIMUX_TARGET", "amimux::cli::log::tests"),
            ("MESSAGE", "DEBUG a detail"),
            ("PRIORITY", "7"),
            ("SYSLOG_IDENTIFIER", "amimux"),
        ],
    ];
    let expected = expected.map(|fields| {
        let fields = fields.into_iter();
        fields
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect::<BTreeMap<_, _>>()
    });
    assert_eq!(lines, expected);
}

#[test]
fn a_value_of_any_length_goes_into_a_datagram() {
    let lines = as_journal(|| info!(long = "ä".repeat(1 << 20), "text"));
    let [line] = lines.as_slice() else {
        panic!("{} datagrams", lines.len());
    };
    for field in ["MESSAGE", "AMIMUX_LONG"] {
        let length = line.get(field).unwrap().len();
        assert!((16_000..=16_384).contains(&length), "{field}: {length}");
    }
}

#[test]
fn a_journal_that_stands_still_costs_lines_and_says_how_many() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixDatagram::bind(&path).unwrap();
    listener.set_nonblocking(true).unwrap();
    let (layer, _) = layer(LogFormat::Journald, &path);
    // How many datagrams may wait, but for one or two.
    let most = std::fs::read_to_string("/proc/sys/net/unix/max_dgram_qlen").unwrap();
    let most = most.trim().parse::<usize>().unwrap() + 5;
    let mut bytes = vec![0; 1 << 16];
    let mut received = Vec::new();
    with_default(Registry::default().with(layer), || {
        for _ in 0..most {
            info!("a line");
        }
        while let Ok(length) = listener.recv(&mut bytes) {
            received.push(parsed(bytes.get(..length).unwrap()));
        }
        info!("after the pause");
        info!("and one more");
    });
    // But for the first, which is empty.
    let lost = most + 1 - received.len();
    assert!((1..=5).contains(&lost), "{lost}");
    for expected in [Some(lost.to_string()), None] {
        let length = listener.recv(&mut bytes).unwrap();
        let line = parsed(bytes.get(..length).unwrap());
        assert_eq!(line.get("AMIMUX_LOST").cloned(), expected, "{line:?}");
    }
}

#[test]
fn without_a_journal_lines_are_plain() {
    let folder = tempfile::tempdir().unwrap();
    let (_, trouble) = layer::<Registry>(LogFormat::Journald, &folder.path().join("none"));
    assert_eq!(trouble.unwrap().kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_line_of_json_is_one_flat_object() {
    let (objects, text) = as_json(|| {
        refuse("a\"b\n\u{9b}\u{202e}");
        info!(level = 1, "with a name that is taken");
    });
    let [refused, taken] = objects.as_slice() else {
        panic!("{text}");
    };
    let names: Vec<_> = refused.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "time",
            "level",
            "event",
            "message",
            "target",
            "kind",
            "address",
            "user",
            "reason",
            "suppressed"
        ]
    );
    let time = refused.get("time").and_then(Value::as_str).unwrap();
    let begin: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(begin, "0000-00-00T00:00:00.000000Z");
    for (name, value) in [
        ("level", Value::from("warn")),
        ("event", Value::from("refused")),
        ("message", Value::from("refused")),
        ("address", Value::from("192.0.2.7")),
        ("user", Value::from("a\"b\n\u{9b}\u{202e}")),
        ("suppressed", Value::from(3)),
    ] {
        assert_eq!(refused.get(name), Some(&value), "{name}");
    }
    assert!(text.contains(r#""a\"b\n\u009b\u202e""#), "{text}");
    assert_eq!(taken.get("level"), Some(&Value::from("info")));
    assert_eq!(taken.get("level_"), Some(&Value::from(1)));
    assert_eq!(taken.get("event"), Some(&Value::from("other")));
}

#[test]
fn the_journal_is_known_by_device_and_inode() {
    for (stream, expected) in [
        ("9:512", true),
        ("9:513", false),
        ("8:512", false),
        ("9", false),
        ("", false),
        ("9:512:1", false),
        ("a:512", false),
    ] {
        assert_eq!(names_file(stream, 9, 512), expected, "{stream}");
    }
}

#[test]
fn what_is_logged_changes_while_it_runs() {
    let captured = Captured::default();
    let writer = captured.clone();
    let (filter, control) = reloadable(parse("info").unwrap());
    let layer = fmt::layer()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .without_time()
        .with_target(false);
    with_default(Registry::default().with(filter).with(layer), || {
        debug!("one");
        assert_eq!(control.set("debug").as_deref(), Ok("info"));
        debug!("two");
        let refused = control.set("amimux=loudly").unwrap_err().to_string();
        assert!(
            refused.starts_with("the filter \"amimux=loudly\" cannot be used: "),
            "{refused}"
        );
        debug!("three");
        assert_eq!(control.set("info,amimux::x=off").as_deref(), Ok("debug"));
        debug!("four");
        let before = control.set("warn").unwrap();
        info!("five");
        assert_eq!(control.set(&before).as_deref(), Ok("warn"));
        info!("six");
    });
    let text = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text, "DEBUG two\nDEBUG three\n INFO six\n");
}

#[test]
fn every_format_has_its_name() {
    let names = LogFormat::value_variants()
        .iter()
        .map(|format| format.to_possible_value().unwrap().get_name().to_owned());
    assert_eq!(
        names.collect::<Vec<_>>(),
        ["auto", "text", "plain", "json", "journald"]
    );
}
