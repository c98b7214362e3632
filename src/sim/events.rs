//! The broadcast events about channels, dialling, bridges and calls, with their headers in Asterisk's order
//! (`main/manager_channels.c`, `manager_bridges.c`, `cel/cel_manager.c`, `cdr/cdr_manager.c`, `apps/app_queue.c`).

use std::time::Duration;

use super::channel::{State, or_unknown};
use super::world::World;
use crate::policy::class::Classes;

/// Headers after the channel block.
pub(super) type Extra<'a> = &'a [(&'a str, &'a [u8])];

impl World {
    /// An event that is the block of one channel and some headers after it.
    pub(super) fn channel_event(
        &mut self,
        name: &str,
        classes: Classes,
        key: u64,
        extra: Extra<'_>,
    ) {
        let Some(channel) = self.channels.get(&key) else {
            return;
        };
        let mut event = self.outbox.event(name, classes).channel("", channel);
        for (name, value) in extra {
            event = event.header(name, value);
        }
        event.end();
    }

    /// An event about a channel that calls another; the second block has the prefix `Dest`.
    pub(super) fn dial_event(
        &mut self,
        name: &str,
        classes: Classes,
        (from, to): (Option<u64>, u64),
        extra: Extra<'_>,
    ) {
        let Some(destination) = self.channels.get(&to) else {
            return;
        };
        let mut event = self.outbox.event(name, classes);
        if let Some(channel) = from.and_then(|from| self.channels.get(&from)) {
            event = event.channel("", channel);
        }
        event = event.channel("Dest", destination);
        for (name, value) in extra {
            event = event.header(name, value);
        }
        event.end();
    }

    /// An event about the bridge of a call, and about a channel in it if one is given.
    pub(super) fn bridge_event(&mut self, name: &str, call: u64, channel: Option<u64>) {
        let Some(bridge) = self.bridges.get(&call) else {
            return;
        };
        let mut event = self.outbox.event(name, Classes::CALL).bridge(bridge);
        if let Some(channel) = channel.and_then(|key| self.channels.get(&key)) {
            event = event.channel("", channel);
        }
        event.end();
    }

    /// A channel begins, with its channel event record.
    pub(super) fn announce_channel(&mut self, key: u64, state: State) {
        if let Some(channel) = self.channels.get_mut(&key) {
            channel.state = state;
        }
        self.cel(key, "CHAN_START", b"", b"");
        self.channel_event("Newchannel", Classes::CALL, key, &[]);
    }

    /// A channel reaches a state; `Up` is also its answer.
    pub(super) fn new_state(&mut self, key: u64, state: State) {
        let now = self.now;
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        channel.state = state;
        let answered = state == State::Up && channel.answered.is_none();
        if answered {
            channel.answered = Some(now);
            self.cel(key, "ANSWER", b"", b"");
        }
        self.channel_event("Newstate", Classes::CALL, key, &[]);
    }

    /// Gives a channel the numbers and names of its two ends.
    pub(super) fn identify(&mut self, key: u64, caller: (&[u8], &[u8]), connected: (&[u8], &[u8])) {
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        (channel.caller_number, channel.caller_name) = (caller.0.to_vec(), caller.1.to_vec());
        let presentation: Extra<'_> =
            &[("CID-CallingPres", b"0 (Presentation Allowed, Not Screened)")];
        self.channel_event("NewCallerid", Classes::CALL, key, presentation);
        if let Some(channel) = self.channels.get_mut(&key) {
            (channel.connected_number, channel.connected_name) =
                (connected.0.to_vec(), connected.1.to_vec());
        }
        self.channel_event("NewConnectedLine", Classes::CALL, key, &[]);
    }

    /// A channel runs the application at its priority and moves on to the next.
    pub(super) fn run(&mut self, key: u64, application: &str, data: &str) {
        let Some(channel) = self.channels.get_mut(&key) else {
            return;
        };
        channel.application = application.as_bytes().to_vec();
        channel.application_data = data.as_bytes().to_vec();
        let extension = channel.extension.clone();
        let extra: Extra<'_> = &[
            ("Extension", &extension),
            ("Application", application.as_bytes()),
            ("AppData", data.as_bytes()),
        ];
        self.channel_event("Newexten", Classes::DIALPLAN, key, extra);
        if let Some(channel) = self.channels.get_mut(&key) {
            channel.priority += 1;
        }
    }

    /// A variable of a channel is set. Line ends and quotes in the event are escaped.
    pub(super) fn set_variable(&mut self, key: u64, name: &[u8], value: &[u8]) {
        if let Some(channel) = self.channels.get_mut(&key) {
            channel.set_variable(name, value);
        }
        let value = escaped(value);
        let extra: Extra<'_> = &[("Variable", name), ("Value", &value)];
        self.channel_event("VarSet", Classes::DIALPLAN, key, extra);
    }

    /// The dialplan application `Set`.
    pub(super) fn run_set(&mut self, key: u64, name: &str, value: &str) {
        self.run(key, "Set", &format!("{name}={value}"));
        self.set_variable(key, name.as_bytes(), value.as_bytes());
    }

    /// A key is pressed: its two events and its record.
    pub(super) fn dtmf(&mut self, key: u64, digit: char) {
        let text = digit.to_string();
        let digit = text.as_bytes();
        let begin: Extra<'_> = &[("Digit", digit), ("Direction", b"Received")];
        self.channel_event("DTMFBegin", Classes::DTMF, key, begin);
        let end: Extra<'_> = &[
            ("Digit", digit),
            ("DurationMs", b"100"),
            ("Direction", b"Received"),
        ];
        self.channel_event("DTMFEnd", Classes::DTMF, key, end);
        let extra = format!("{{\"digit\":\"{text}\",\"duration_ms\":100}}");
        self.cel(key, "DTMF", b"", extra.as_bytes());
    }

    /// A channel event record.
    pub(super) fn cel(&mut self, key: u64, name: &str, peer: &[u8], extra: &[u8]) {
        let time = self.moment().date_time();
        let Some(channel) = self.channels.get(&key) else {
            return;
        };
        let event = self.outbox.event("CEL", Classes::CALL);
        let event = event
            .header("EventName", name)
            .header("AccountCode", &channel.account)
            .header("CallerIDnum", &channel.caller_number)
            .header("CallerIDname", &channel.caller_name)
            .header("CallerIDani", &channel.caller_number)
            .header("CallerIDrdnis", "")
            .header("CallerIDdnid", "")
            .header("Exten", &channel.extension)
            .header("Context", &channel.context)
            .header("Channel", &channel.name)
            .header("Application", &channel.application)
            .header("AppData", &channel.application_data)
            .header("EventTime", time)
            .header("AMAFlags", "DOCUMENTATION")
            .header("UniqueID", &channel.unique_id)
            .header("LinkedID", &channel.linked_id);
        let event = event.header("Userfield", "").header("Peer", peer);
        event.header("PeerAccount", "").header("Extra", extra).end();
    }

    /// A call detail record of a channel that is about to end.
    pub(super) fn cdr(&mut self, key: u64, destination: Option<u64>) {
        let end = self.moment();
        let Some(channel) = self.channels.get(&key) else {
            return;
        };
        let destination = destination.and_then(|key| self.channels.get(&key));
        let start = self.moment_of(channel.created);
        let answer = channel.answered.map(|at| self.moment_of(at));
        let seconds = |from: Duration| self.now.saturating_sub(from).as_secs();
        let caller = [
            b"\"",
            &*channel.caller_name,
            b"\" <",
            &*channel.caller_number,
            b">",
        ]
        .concat();
        let event = self.outbox.event("Cdr", Classes::CDR);
        let event = event
            .header("AccountCode", &channel.account)
            .header("Source", &channel.caller_number)
            .header("Destination", &channel.extension)
            .header("DestinationContext", &channel.context)
            .header("CallerID", caller)
            .header("Channel", &channel.name)
            .header(
                "DestinationChannel",
                destination.map_or(&[][..], |other| &other.name),
            )
            .header("LastApplication", &channel.application)
            .header("LastData", &channel.application_data)
            .header("StartTime", start.date_time())
            .header(
                "AnswerTime",
                answer.map_or_else(String::new, |at| at.date_time()),
            )
            .header("EndTime", end.date_time())
            .show("Duration", seconds(channel.created))
            .show("BillableSeconds", channel.answered.map_or(0, seconds))
            .header(
                "Disposition",
                if answer.is_some() {
                    "ANSWERED"
                } else {
                    "NO ANSWER"
                },
            )
            .header("AMAFlags", "DOCUMENTATION")
            .header("UniqueID", &channel.unique_id);
        event.header("UserField", "").header("Userfield2", "").end();
    }

    /// The end of a channel: request, records and hangup. The channel is gone afterwards.
    pub(super) fn hang_up(&mut self, key: u64, cause: u32, requested_by_peer: bool) {
        let number = cause.to_string();
        let request = if requested_by_peer {
            "HangupRequest"
        } else {
            "SoftHangupRequest"
        };
        let extra: Extra<'_> = &[("Cause", number.as_bytes())];
        self.channel_event(request, Classes::CALL, key, extra);
        let source = format!(
            "{{\"hangupcause\":{cause},\"hangupsource\":\"dialplan/builtin\",\"dialstatus\":\"\"}}"
        );
        self.cel(key, "HANGUP", b"", source.as_bytes());
        self.cel(key, "CHAN_END", b"", b"");
        let text = cause_text(cause);
        let extra: Extra<'_> = &[("Cause", number.as_bytes()), ("Cause-txt", text.as_bytes())];
        self.channel_event("Hangup", Classes::CALL, key, extra);
        if let Some(channel) = self.channels.remove(&key) {
            self.set_device(channel.device(), "NOT_INUSE");
        }
    }

    /// How an asynchronous Originate ended.
    pub(super) fn originate_response(&mut self, call: u64, key: Option<u64>, reason: u32) {
        let Some(originate) = self
            .calls
            .get(&call)
            .and_then(|call| call.originate.as_ref())
        else {
            return;
        };
        let channel = key.and_then(|key| self.channels.get(&key));
        let mut event = self.outbox.event("OriginateResponse", Classes::CALL);
        if !originate.action_id.is_empty() {
            event = event.header("ActionID", &originate.action_id);
        }
        event = event.header(
            "Response",
            if channel.is_some() {
                "Success"
            } else {
                "Failure"
            },
        );
        event = event.header(
            "Channel",
            channel.map_or(&originate.dialled, |channel| &channel.name),
        );
        event = match &originate.application {
            Some((application, data)) => event
                .header("Application", application)
                .header("Data", data),
            None => event
                .header("Context", &originate.context)
                .header("Exten", &originate.extension),
        };
        let unique_id = channel.map_or("<unknown>", |channel| &channel.unique_id);
        event = event.show("Reason", reason).header("Uniqueid", unique_id);
        event = event.header("CallerIDNum", or_unknown(&originate.caller.0));
        event = event.header("CallerIDName", or_unknown(&originate.caller.1));
        if let Some(channel) = channel {
            let name = String::from_utf8_lossy(&channel.name);
            let header = format!("ChanVariable({name})");
            for variable in channel.shown_variables() {
                event = event.header(&header, variable);
            }
        }
        event.end();
    }
}

/// Texts of the causes that are used here (`main/channel.c`).
pub(super) const fn cause_text(cause: u32) -> &'static str {
    match cause {
        1 => "Unallocated (unassigned) number",
        16 => "Normal Clearing",
        17 => "User busy",
        19 => "User alerting, no answer",
        21 => "Call Rejected",
        _ => "Unknown",
    }
}

/// A value with C escapes, as `VarSet` shows it.
fn escaped(value: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len());
    for byte in value {
        match byte {
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            b'\t' => text.extend_from_slice(b"\\t"),
            b'\\' | b'"' | b'\'' | b'?' => text.extend_from_slice(&[b'\\', *byte]),
            _ => text.push(*byte),
        }
    }
    text
}
