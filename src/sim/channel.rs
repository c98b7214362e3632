//! Channels and bridges of the simulated PBX, and the blocks of headers that describe them in events.

use std::time::Duration;

use super::frame::Frame;

/// State of a channel (`include/asterisk/channelstate.h`; only those that calls here pass through).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Down,
    Ring,
    Ringing,
    Up,
}

impl State {
    /// Number and description, as in `ChannelState` and `ChannelStateDesc`.
    pub(super) const fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Down => ("0", "Down"),
            Self::Ring => ("4", "Ring"),
            Self::Ringing => ("5", "Ringing"),
            Self::Up => ("6", "Up"),
        }
    }
}

/// One leg of a call.
#[derive(Debug, Clone)]
pub(super) struct Channel {
    pub(super) name: Vec<u8>,
    pub(super) state: State,
    pub(super) caller_number: Vec<u8>,
    pub(super) caller_name: Vec<u8>,
    pub(super) connected_number: Vec<u8>,
    pub(super) connected_name: Vec<u8>,
    pub(super) account: Vec<u8>,
    pub(super) context: Vec<u8>,
    pub(super) extension: Vec<u8>,
    pub(super) priority: u32,
    pub(super) unique_id: String,
    pub(super) linked_id: String,
    /// Channel variables in the order in which they were first set.
    pub(super) variables: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) application: Vec<u8>,
    pub(super) application_data: Vec<u8>,
    pub(super) created: Duration,
    pub(super) answered: Option<Duration>,
    /// Id of the bridge it is in; empty for none.
    pub(super) bridge: String,
}

/// Channel variables shown in every event (`channelvars` of manager.conf).
const SHOWN_VARIABLES: [&str; 2] = ["CAMPAIGN", "LEADID"];

impl Channel {
    /// The value of a channel variable; empty when not set.
    pub(super) fn variable(&self, name: &[u8]) -> &[u8] {
        let mut variables = self.variables.iter();
        let found = variables.find(|(key, _)| key == name);
        found.map_or(&[], |(_, value)| value)
    }

    pub(super) fn set_variable(&mut self, name: &[u8], value: &[u8]) {
        if let Some((_, old)) = self.variables.iter_mut().find(|(key, _)| key == name) {
            *old = value.to_vec();
        } else {
            self.variables.push((name.to_vec(), value.to_vec()));
        }
    }

    /// The device that the channel belongs to: its name without the part that numbers it.
    pub(super) fn device(&self) -> &[u8] {
        let end = self.name.iter().rposition(|byte| *byte == b'-');
        end.and_then(|end| self.name.get(..end))
            .unwrap_or(&self.name)
    }

    /// `CAMPAIGN=x` for each variable shown in events.
    pub(super) fn shown_variables(&self) -> impl Iterator<Item = Vec<u8>> {
        SHOWN_VARIABLES
            .iter()
            .map(|name| [name.as_bytes(), b"=", self.variable(name.as_bytes())].concat())
    }

    pub(super) fn write<'a>(&self, frame: Frame<'a>, prefix: &str) -> Frame<'a> {
        let (state, description) = self.state.texts();
        let mut frame = frame
            .prefixed(prefix, "Channel", &self.name)
            .prefixed(prefix, "ChannelState", state)
            .prefixed(prefix, "ChannelStateDesc", description)
            .prefixed(prefix, "CallerIDNum", or_unknown(&self.caller_number))
            .prefixed(prefix, "CallerIDName", or_unknown(&self.caller_name))
            .prefixed(
                prefix,
                "ConnectedLineNum",
                or_unknown(&self.connected_number),
            )
            .prefixed(
                prefix,
                "ConnectedLineName",
                or_unknown(&self.connected_name),
            )
            .prefixed(prefix, "Language", "en")
            .prefixed(prefix, "AccountCode", &self.account)
            .prefixed(prefix, "Context", &self.context)
            .prefixed(prefix, "Exten", &self.extension)
            .prefixed(prefix, "Priority", self.priority.to_string())
            .prefixed(prefix, "Uniqueid", &self.unique_id)
            .prefixed(prefix, "Linkedid", &self.linked_id);
        for variable in self.shown_variables() {
            frame = frame.prefixed(prefix, "ChanVariable", variable);
        }
        frame
    }
}

/// Numbers and names that are not known are shown so.
pub(super) const fn or_unknown(value: &[u8]) -> &[u8] {
    if value.is_empty() {
        b"<unknown>"
    } else {
        value
    }
}

/// A bridge: two channels that talk.
#[derive(Debug, Clone)]
pub(super) struct Bridge {
    pub(super) unique_id: String,
    /// Keys of the channels in it.
    pub(super) members: Vec<u64>,
}

impl Bridge {
    pub(super) fn write<'a>(&self, frame: Frame<'a>) -> Frame<'a> {
        frame
            .header("BridgeUniqueid", &self.unique_id)
            .header("BridgeType", "basic")
            .header("BridgeTechnology", "simple_bridge")
            .header("BridgeCreator", "<unknown>")
            .header("BridgeName", "<unknown>")
            .show("BridgeNumChannels", self.members.len())
            .header("BridgeVideoSourceMode", "none")
    }
}
