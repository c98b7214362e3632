//! Any pattern and any text: a regular expression is refused or matched, and neither panics nor takes long. The first
//! byte says where the pattern ends and whether case is ignored.

use std::time::{Duration, Instant};

use amimux::policy::filter::ere::Ere;

pub fn hold(data: &[u8]) {
    let Some((&head, rest)) = data.split_first() else {
        return;
    };
    let end = usize::from(head >> 1).min(rest.len());
    let (pattern, text) = rest.split_at(end);
    let Ok(pattern) = std::str::from_utf8(pattern) else {
        return;
    };
    let begin = Instant::now();
    match Ere::compile(pattern, head & 1 == 1) {
        Ok(compiled) => {
            compiled.is_match(text);
        }
        Err(error) => assert_eq!(error.mark(pattern).lines().count(), 2),
    }
    assert!(begin.elapsed() < Duration::from_secs(2), "too slow");
}
