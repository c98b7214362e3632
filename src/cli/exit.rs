//! What the exit code says to whoever started amimux: the numbers of BSD's `sysexits.h`, so that a service manager knows
//! which failures another start would not mend.

use std::fs::File;
use std::io::{Error, ErrorKind};
use std::path::Path;

use amimux::admin::client::ControlError;
use amimux::daemon::PortError;

/// `EX_USAGE`: the arguments are wrong.
pub(super) const USAGE: u8 = 64;
/// `EX_UNAVAILABLE`: a port is in use, or its address is not of this machine.
const UNAVAILABLE: u8 = 69;
/// `EX_OSERR`: the system refuses something.
const SYSTEM: u8 = 71;
/// `EX_IOERR`: something cannot be read or written.
const INPUT_OUTPUT: u8 = 74;
/// `EX_NOPERM`: something is not permitted.
const NOT_PERMITTED: u8 = 77;
/// `EX_CONFIG`: the configuration cannot be used.
pub(super) const CONFIG: u8 = 78;
/// Anything else.
const FAILURE: u8 = 1;

/// The arguments are wrong in a way that only their use shows.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct UsageError(pub(super) String);

/// The code for an error that ends the program.
pub(super) fn code_of(error: &anyhow::Error) -> u8 {
    if error.is::<UsageError>() {
        return USAGE;
    }
    if let Some(error) = error.downcast_ref::<PortError>() {
        return match error {
            PortError::InUse { .. } | PortError::NotHere { .. } => UNAVAILABLE,
            PortError::Forbidden { .. } => NOT_PERMITTED,
            PortError::Other { .. } => SYSTEM,
        };
    }
    if let Some(error) = error.downcast_ref::<ControlError>() {
        return match error {
            ControlError::NotRunning(_) => UNAVAILABLE,
            ControlError::NotPermitted(_) => NOT_PERMITTED,
            ControlError::NotALine => USAGE,
            ControlError::Refused(_) | ControlError::RefusedFor(..) => FAILURE,
            ControlError::NotAmimux(_)
            | ControlError::Closed
            | ControlError::Silent
            | ControlError::Failed(_) => INPUT_OUTPUT,
        };
    }
    match error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Error>())
    {
        Some(error) if error.kind() == ErrorKind::PermissionDenied => NOT_PERMITTED,
        Some(_) => INPUT_OUTPUT,
        None => FAILURE,
    }
}

/// The code for a configuration that cannot be used: it has errors, or may not even be read.
pub(super) fn unusable(path: &Path) -> u8 {
    match File::open(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => NOT_PERMITTED,
        _ => CONFIG,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn each_kind_of_error_has_its_code() {
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], 5038));
        let option = "`port`";
        let other = PortError::Other {
            address,
            option,
            error: ErrorKind::OutOfMemory.into(),
        };
        let io = |kind| anyhow::Error::new(Error::from(kind));
        for (error, code) in [
            (UsageError("no".to_owned()).into(), USAGE),
            (PortError::InUse { address, option }.into(), UNAVAILABLE),
            (PortError::NotHere { address, option }.into(), UNAVAILABLE),
            (
                PortError::Forbidden { address, option }.into(),
                NOT_PERMITTED,
            ),
            (other.into(), SYSTEM),
            (ControlError::NotRunning("s".into()).into(), UNAVAILABLE),
            (ControlError::NotPermitted("s".into()).into(), NOT_PERMITTED),
            (ControlError::NotALine.into(), USAGE),
            (ControlError::Refused("no".to_owned()).into(), FAILURE),
            (ControlError::Silent.into(), INPUT_OUTPUT),
            (io(ErrorKind::BrokenPipe), INPUT_OUTPUT),
            (io(ErrorKind::PermissionDenied), NOT_PERMITTED),
            (anyhow::anyhow!("a thread panicked"), FAILURE),
        ] {
            assert_eq!(code_of(&error), code, "{error:?}");
        }
        let within = Err::<(), _>(Error::from(ErrorKind::UnexpectedEof)).context("cannot read");
        assert_eq!(code_of(&within.unwrap_err()), INPUT_OUTPUT);
    }
}
