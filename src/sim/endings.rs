//! How calls end, in whatever stage they are: given up while waiting, refused, or hung up after a conversation.

use super::calls::{Call, Stage};
use super::events::Extra;
use super::world::World;
use crate::policy::class::Classes;

impl World {
    /// Ends a call with all its channels. `cause` is the hangup cause of its first channel.
    pub(super) fn end_call(&mut self, id: u64, cause: u32) {
        let Some(call) = self.calls.get(&id).cloned() else {
            return;
        };
        match call.stage {
            Stage::Arrived | Stage::Menu | Stage::Running => {}
            Stage::Dialling => self.stop_dialling(id, &call),
            Stage::Waiting => {
                self.leave_queue(&call, true);
            }
            Stage::Calling => self.stop_calling(&call),
            Stage::Talking => self.end_talk(id, &call),
        }
        if matches!(call.stage, Stage::Waiting | Stage::Calling | Stage::Talking) {
            self.cel(call.caller, "APP_END", b"", b"");
        }
        self.cdr(call.caller, call.agent);
        if let Some(agent) = call.agent {
            self.hang_up(agent, 16, true);
            if let Some(queue) = self.queues.get_mut(call.queue)
                && let Some(member) = queue.member_mut(&call.member.0)
            {
                member.active = member.active.saturating_sub(1);
            }
        }
        self.cel(call.caller, "LINKEDID_END", b"", b"");
        self.hang_up(call.caller, cause, false);
        self.calls.remove(&id);
    }

    /// An originated call is hung up before anybody answered.
    fn stop_dialling(&mut self, id: u64, call: &Call) {
        let extra: Extra<'_> = &[("DialStatus", b"CANCEL")];
        self.dial_event("DialEnd", Classes::CALL, (None, call.caller), extra);
        match &call.originate {
            Some(originate) if originate.synchronous => self.resolved.push((id, false)),
            _ => self.originate_response(id, None, 1),
        }
    }

    fn stop_calling(&mut self, call: &Call) {
        if let Some(agent) = call.agent {
            let extra: Extra<'_> = &[("DialStatus", b"CANCEL")];
            self.dial_event("DialEnd", Classes::CALL, (Some(call.caller), agent), extra);
        }
        self.leave_queue(call, true);
    }

    fn end_talk(&mut self, id: u64, call: &Call) {
        let Some(agent) = call.agent else {
            return;
        };
        let held = call.connected.saturating_sub(call.joined).as_secs();
        let talked = self.now.saturating_sub(call.connected).as_secs();
        let name = self.queue_name(call.queue);
        let (held_text, talked_text) = (held.to_string(), talked.to_string());
        let extra: Extra<'_> = &[
            ("Queue", &name),
            ("Interface", &call.member.0),
            ("MemberName", &call.member.1),
            ("HoldTime", held_text.as_bytes()),
            ("TalkTime", talked_text.as_bytes()),
            ("Reason", b"caller"),
        ];
        self.dial_event(
            "AgentComplete",
            Classes::AGENT,
            (Some(call.caller), agent),
            extra,
        );
        let seconds = self.moment().seconds();
        if let Some(queue) = self.queues.get_mut(call.queue) {
            queue.completed_call(held, talked);
            if let Some(member) = queue.member_mut(&call.member.0) {
                member.calls_taken += 1;
                member.last_call = seconds;
            }
        }
        self.leave_bridge(id, call.caller, agent);
        self.leave_bridge(id, agent, call.caller);
        self.bridge_event("BridgeDestroy", id, None);
        self.bridges.remove(&id);
        for (variable, value) in [("ANSWEREDTIME", &talked_text), ("DIALEDTIME", &held_text)] {
            self.set_variable(call.caller, variable.as_bytes(), value.as_bytes());
        }
    }

    /// The call that a channel belongs to.
    pub(super) fn call_of(&self, channel: u64) -> Option<u64> {
        let mut calls = self.calls.iter();
        calls
            .find(|(_, call)| call.caller == channel || call.agent == Some(channel))
            .map(|(id, _)| *id)
    }
}
