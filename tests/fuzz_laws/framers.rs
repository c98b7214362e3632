//! Any bytes, as if from Asterisk and as if from a client: the laws of framing and rebuilding, which the unit tests of
//! `protocol` hold too.

// The laws name the modules that stand around them there.
use amimux::protocol::{action_id, frame, rebuild, request, request_framer, upstream_framer};

#[path = "../../src/protocol/fuzzing.rs"]
mod laws;

pub use laws::Cuts;

pub fn hold(data: &[u8]) {
    laws::framers(data);
}
