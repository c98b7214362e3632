//! Open files: every connection is one. The soft limit is raised to what the configuration may need, and the kernel's
//! table is made that large at the start: growing it later stops a process that has several threads for milliseconds.

use std::fs::File;

use rustix::io::fcntl_dupfd_cloexec;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{debug, warn};

use crate::config::settings::General;

/// Files besides those of clients: listeners, upstreams, logs, and connections that are just being closed.
const OTHER_FILES: u64 = 256;

/// So many sessions are prepared for where there is no limit.
const SESSIONS_WITHOUT_LIMIT: u64 = 16_384;

/// How many files may be needed at a time.
fn needed(general: &General) -> u64 {
    let sessions = match general.session_limit {
        0 => SESSIONS_WITHOUT_LIMIT,
        limit => limit as u64,
    };
    sessions + general.auth_limit as u64 + OTHER_FILES
}

/// Makes room for as many files as may be needed; warns if the system does not allow so many.
pub(super) fn prepare(general: &General) {
    let files = allow(general);
    if let Err(error) = grow_table(files) {
        debug!(%error, "the table of open files grows as it is needed");
    }
}

/// Allows as many files as may be needed, and says how many are; warns if the system does not allow so many.
pub(super) fn allow(general: &General) -> u64 {
    let needed = needed(general);
    let allowed = raise_limit(needed);
    if allowed < needed {
        warn!(
            allowed,
            needed,
            "the system allows fewer open files than 'sessionlimit' may need: raise the hard limit (LimitNOFILE= of the service, or ulimit -Hn), or lower 'sessionlimit'"
        );
    }
    needed.min(allowed)
}

/// Raises the soft limit as far as is needed and allowed; how many files may be open then.
fn raise_limit(needed: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(soft) = current.filter(|soft| *soft < needed) else {
        return current.unwrap_or(u64::MAX);
    };
    let wanted = maximum.map_or(needed, |hard| needed.min(hard));
    let limit = Rlimit {
        current: Some(wanted),
        maximum,
    };
    match setrlimit(Resource::Nofile, limit) {
        Ok(()) => wanted,
        Err(_) => soft,
    }
}

/// Opens the last of so many files for a moment.
fn grow_table(files: u64) -> std::io::Result<()> {
    let file = File::open("/dev/null")?;
    let last = i32::try_from(files.saturating_sub(1)).unwrap_or(i32::MAX);
    drop(fcntl_dupfd_cloexec(&file, last)?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_no_further_than_the_system_allows() {
        let before = getrlimit(Resource::Nofile);
        let soft = before.current.unwrap_or(u64::MAX);
        assert_eq!(raise_limit(1), soft, "a limit is never lowered");
        let hard = before.maximum.unwrap_or(1 << 20);
        assert!(raise_limit(u64::MAX) <= hard.max(soft));
        assert_eq!(raise_limit(hard), hard.max(soft));
        grow_table(hard.min(4096)).unwrap();
    }
}
