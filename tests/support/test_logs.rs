//! What amimux logs in tests, and the secrets that are used in them: both are kept below `target/test-logs`, where
//! `logged_secrets` looks for the ones in the others when all tests have ended (`scripts/test.sh`).

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Names behind which secrets stand: in configurations, in AMI and in forms.
const NAMES: [&str; 5] = ["secret", "secrethash", "webtoken", "password", "key"];

/// The folder of the logs (`logs`) and of the secrets (`secrets`) of all tests.
pub(crate) fn folder() -> PathBuf {
    super::repository().join("target/test-logs")
}

fn own_file(kind: &str, name: &str) -> PathBuf {
    let program = std::env::current_exe().expect("this program has a name");
    let program = program.file_stem().unwrap_or_default().to_string_lossy();
    let folder = folder().join(kind);
    std::fs::create_dir_all(&folder).expect("a folder for logs");
    folder.join(format!("{program}-{}-{name}", std::process::id()))
}

/// A file for one log.
pub(crate) fn log_file() -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    own_file("logs", &format!("{number}.log"))
}

/// Keeps what amimux said otherwise than in a log.
pub(crate) fn said(bytes: &[u8]) {
    File::create(log_file())
        .and_then(|mut file| file.write_all(bytes))
        .expect("a file for what was said");
}

/// Keeps all that is logged in this process itself from now on, at every level.
pub(crate) fn keep_own_log() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let file = File::create(own_file("logs", "own.log")).expect("a file for the log");
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(Mutex::new(file))
            .with_ansi(false)
            .finish();
        // A test that has a subscriber of its own sees to its log itself.
        let _ = tracing::subscriber::set_global_default(subscriber);
    });
}

/// Remembers a secret: it must not be logged by any test.
pub(crate) fn is_secret(secret: &str) {
    static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let is_new = KNOWN
        .lock()
        .is_ok_and(|mut known| known.insert(secret.to_owned()));
    if is_new && !secret.is_empty() {
        let line = serde_json::Value::from(secret);
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(own_file("secrets", "secrets"))
            .and_then(|mut file| writeln!(file, "{line}"))
            .expect("a file for secrets");
    }
}

/// Remembers the secrets in a configuration or a message.
pub(crate) fn has_secrets(text: &[u8]) {
    for secret in secrets_in(&String::from_utf8_lossy(text)) {
        is_secret(&secret);
    }
}

/// The secrets in a configuration, in AMI messages, in a form or in JSON.
pub(crate) fn secrets_in(text: &str) -> Vec<String> {
    let is_name = |name: &str| {
        let name = name.trim_matches([' ', '"']);
        NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
    };
    let mut found = Vec::new();
    for line in text.lines() {
        // As in a configuration or AMI: to the end of the line.
        if let Some((name, value)) = line.split_once([':', '='])
            && is_name(name)
        {
            found.push(value.trim_start_matches('>').trim().to_owned());
            continue;
        }
        for part in line.split(['&', '?', ',', '{', '}', ' ']) {
            if let Some((name, value)) = part.split_once(['=', ':'])
                && is_name(name)
            {
                found.push(value.trim_matches('"').to_owned());
            }
        }
    }
    found.retain(|secret| !secret.is_empty());
    found
}

/// Every form in which a secret could be written down.
pub(crate) fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let escaped = |plus: bool| {
        let parts = bytes.iter().map(|byte| match byte {
            b' ' if plus => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() || *byte == b'-' => char::from(*byte).to_string(),
            byte => format!("%{byte:02X}"),
        });
        parts.collect::<String>()
    };
    let mut forms = vec![secret.to_owned(), escaped(true), escaped(false)];
    forms.push(secret.escape_debug().to_string());
    forms.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
    forms.push(format!("{bytes:?}").trim_matches(['[', ']']).to_owned());
    // In base64 it depends on what is before it: what is not shared with its neighbours is the same.
    for before in 0..3 {
        let text = STANDARD_NO_PAD.encode([&vec![b'x'; before], bytes].concat());
        let (first, last) = (before.div_ceil(3) * 4, text.len().saturating_sub(2));
        forms.push(text.get(first..last).unwrap_or_default().to_owned());
    }
    forms
}
