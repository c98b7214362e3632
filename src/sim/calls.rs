//! The life of the calls that the simulated PBX makes up: a caller, a menu, a queue, an agent, a conversation, the end.
//! Each stage emits the events that Asterisk would, then says when the next one comes.

use std::time::Duration;

use super::channel::{Bridge, State};
use super::events::Extra;
use super::originate::Originate;
use super::queues::Waiting;
use super::world::World;
use crate::policy::class::Classes;

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// A caller rings.
    Arrived,
    /// The caller hears a menu.
    Menu,
    /// The caller waits in a queue.
    Waiting,
    /// An agent's telephone rings.
    Calling,
    /// Caller and agent talk.
    Talking,
    /// An originated channel rings.
    Dialling,
    /// An originated channel was answered and runs its application.
    Running,
}

/// One call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) stage: Stage,
    /// Key of the caller's channel, or of the originated one.
    pub(super) caller: u64,
    pub(super) agent: Option<u64>,
    /// Index of the queue it is meant for.
    pub(super) queue: usize,
    /// The agent's interface and name.
    pub(super) member: (Vec<u8>, Vec<u8>),
    /// Times since the start; zero when not yet.
    pub(super) joined: Duration,
    pub(super) connected: Duration,
    pub(super) originate: Option<Originate>,
}

impl Call {
    pub(super) const fn new(stage: Stage, caller: u64, queue: usize) -> Self {
        Self {
            stage,
            caller,
            agent: None,
            queue,
            member: (Vec::new(), Vec::new()),
            joined: Duration::ZERO,
            connected: Duration::ZERO,
            originate: None,
        }
    }
}

impl World {
    /// About `seconds` at a normal speed of calls, more or less by chance.
    fn pause(&mut self, seconds: f64) -> Duration {
        let scale = self.options.call_seconds / 20.0;
        let seconds = seconds * scale * (0.5 + self.random.unit());
        Duration::try_from_secs_f64(seconds).unwrap_or_default()
    }

    /// A new caller.
    pub(super) fn arrive(&mut self) {
        if self.calls.len() >= self.options.max_calls {
            return;
        }
        self.processed_calls += 1;
        let lead = 10_000 + self.processed_calls;
        let number = format!("555{:07}", self.random.below(10_000_000));
        let queue = usize::from(self.random.chance(0.3));
        let key = self.new_channel(b"PJSIP/trunk", (b"from-trunk", b"800"), None);
        if let Some(channel) = self.channels.get_mut(&key) {
            channel.caller_number = number.clone().into_bytes();
            channel.caller_name = format!("Caller {lead}").into_bytes();
        }
        self.announce_channel(key, State::Ring);
        self.set_device(b"PJSIP/trunk", "RINGING");
        self.set_variable(key, b"SIPDOMAIN", b"pbx.example");
        self.run(key, "NoOp", &format!("call from {number}"));
        let campaign = format!("c{}", self.random.below(7));
        self.run_set(key, "CAMPAIGN", &campaign);
        self.run_set(key, "LEADID", &lead.to_string());
        self.run(key, "Ringing", "");
        self.run(key, "Wait", "0.5");
        let call = self.next_number();
        self.calls
            .insert(call, Call::new(Stage::Arrived, key, queue));
        let wait = self.pause(0.5);
        self.schedule(call, wait);
    }

    /// The next stage of a call.
    pub(super) fn go_on(&mut self, id: u64) {
        let Some(call) = self.calls.get(&id).cloned() else {
            return;
        };
        match call.stage {
            Stage::Arrived => self.answer_call(id, &call),
            Stage::Menu => self.join_queue(id, &call),
            Stage::Waiting => self.ring_agent(id, &call),
            Stage::Calling => self.connect_agent(id, &call),
            Stage::Dialling => self.dialled(id, &call),
            Stage::Talking | Stage::Running => self.end_call(id, 16),
        }
    }

    fn enter_stage(&mut self, id: u64, stage: Stage, seconds: f64) {
        if let Some(call) = self.calls.get_mut(&id) {
            call.stage = stage;
        }
        let wait = self.pause(seconds);
        self.schedule(id, wait);
    }

    fn answer_call(&mut self, id: u64, call: &Call) {
        let key = call.caller;
        self.run(key, "Answer", "");
        self.new_state(key, State::Up);
        self.set_device(b"PJSIP/trunk", "INUSE");
        self.run_set(key, "CHANNEL(language)", "en");
        self.run(key, "Background", "welcome&menu-main");
        self.run(key, "WaitExten", "5");
        self.enter_stage(id, Stage::Menu, 1.5);
    }

    fn join_queue(&mut self, id: u64, call: &Call) {
        let key = call.caller;
        let digit = if call.queue == 0 { '1' } else { '2' };
        self.dtmf(key, digit);
        self.run(key, "UserEvent", &format!("MenuChoice,Choice: {digit}"));
        let choice = digit.to_string();
        let extra: Extra<'_> = &[("UserEvent", b"MenuChoice"), ("Choice", choice.as_bytes())];
        self.channel_event("UserEvent", Classes::USER, key, extra);
        self.run(key, "GotoIf", &format!("1?queue-{digit},800,1"));
        if let Some(channel) = self.channels.get_mut(&key) {
            channel.context = format!("queue-{digit}").into_bytes();
            channel.priority = 1;
        }
        self.run_set(key, "QUEUE_PRIO", "0");
        self.run(key, "ExecIf", "0?Hangup(17)");
        self.run(key, "MixMonitor", &format!("calls/{id}.wav,b"));
        let name = self.queue_name(call.queue);
        self.run(
            key,
            "Queue",
            &format!("{},tT,,,300", String::from_utf8_lossy(&name)),
        );
        self.cel(key, "APP_START", b"", b"");
        for variable in ["QUEUEWAIT", "QUEUEWAIT_MS"] {
            self.set_variable(key, variable.as_bytes(), b"");
        }
        let since = self.now;
        let mut count = 0;
        if let Some(queue) = self.queues.get_mut(call.queue) {
            queue.waiting.push(Waiting {
                channel: key,
                since,
            });
            count = queue.waiting.len();
        }
        let count = count.to_string();
        let extra: Extra<'_> = &[
            ("Queue", &name),
            ("Position", count.as_bytes()),
            ("Count", count.as_bytes()),
        ];
        self.channel_event("QueueCallerJoin", Classes::AGENT, key, extra);
        self.set_device(&[b"Queue:", &*name].concat(), "INUSE");
        if let Some(call) = self.calls.get_mut(&id) {
            call.joined = since;
        }
        self.enter_stage(id, Stage::Waiting, 2.0);
    }

    /// The name of a queue by its index.
    pub(super) fn queue_name(&self, index: usize) -> Vec<u8> {
        self.queues
            .get(index)
            .map_or_else(Vec::new, |queue| queue.name.clone())
    }

    /// A member who is not paused and preferably free.
    fn pick_member(&mut self, index: usize) -> Option<(Vec<u8>, Vec<u8>)> {
        let queue = self.queues.get_mut(index)?;
        let ready = queue.members.iter_mut().filter(|member| !member.paused);
        let member = ready.min_by_key(|member| (member.active, member.calls_taken))?;
        member.active += 1;
        Some((member.interface.clone(), member.name.clone()))
    }

    fn ring_agent(&mut self, id: u64, call: &Call) {
        let abandons = self.random.chance(0.08);
        let member = if abandons {
            None
        } else {
            self.pick_member(call.queue)
        };
        let Some(member) = member else {
            self.end_call(id, 16);
            return;
        };
        let caller = call.caller;
        let number = member
            .0
            .rsplit(|byte| *byte == b'/')
            .next()
            .unwrap_or_default();
        let agent = self.new_channel(&member.0, (b"agents", number), Some(caller));
        self.announce_channel(agent, State::Down);
        self.run(agent, "AppQueue", "(Outgoing Line)");
        let (caller_number, caller_name) = self
            .channels
            .get(&caller)
            .map_or_else(Default::default, |channel| {
                (channel.caller_number.clone(), channel.caller_name.clone())
            });
        self.identify(agent, (number, &member.1), (&caller_number, &caller_name));
        self.set_variable(agent, b"DIALEDPEERNUMBER", number);
        let name = self.queue_name(call.queue);
        let extra: Extra<'_> = &[
            ("Queue", &name),
            ("Interface", &member.0),
            ("MemberName", &member.1),
        ];
        self.dial_event("AgentCalled", Classes::AGENT, (Some(caller), agent), extra);
        let extra: Extra<'_> = &[("DialString", number)];
        self.dial_event("DialBegin", Classes::CALL, (Some(caller), agent), extra);
        self.new_state(agent, State::Ringing);
        self.set_device(&member.0, "RINGING");
        let extra: Extra<'_> = &[("DialStatus", b"RINGING")];
        self.dial_event("DialState", Classes::CALL, (Some(caller), agent), extra);
        if let Some(call) = self.calls.get_mut(&id) {
            call.agent = Some(agent);
            call.member = member;
        }
        self.enter_stage(id, Stage::Calling, 3.0);
    }

    /// The caller leaves the queue, whatever the reason. Returns the seconds it waited.
    pub(super) fn leave_queue(&mut self, call: &Call, abandoned: bool) -> u64 {
        let held = self.now.saturating_sub(call.joined).as_secs();
        let name = self.queue_name(call.queue);
        let Some(queue) = self.queues.get_mut(call.queue) else {
            return held;
        };
        let position = queue
            .waiting
            .iter()
            .position(|waiting| waiting.channel == call.caller);
        let Some(position) = position else {
            return held;
        };
        queue.waiting.remove(position);
        queue.abandoned += u64::from(abandoned);
        let count = queue.waiting.len().to_string();
        let (position, held_text) = ((position + 1).to_string(), held.to_string());
        if abandoned {
            let extra: Extra<'_> = &[
                ("Queue", &name),
                ("Position", position.as_bytes()),
                ("OriginalPosition", position.as_bytes()),
                ("HoldTime", held_text.as_bytes()),
            ];
            self.channel_event("QueueCallerAbandon", Classes::AGENT, call.caller, extra);
        }
        let extra: Extra<'_> = &[
            ("Queue", &name),
            ("Position", position.as_bytes()),
            ("Count", count.as_bytes()),
        ];
        self.channel_event("QueueCallerLeave", Classes::AGENT, call.caller, extra);
        if count == "0" {
            self.set_device(&[b"Queue:", &*name].concat(), "NOT_INUSE");
        }
        held
    }

    fn connect_agent(&mut self, id: u64, call: &Call) {
        let (caller, Some(agent)) = (call.caller, call.agent) else {
            return;
        };
        self.new_state(agent, State::Up);
        let extra: Extra<'_> = &[("DialStatus", b"ANSWER")];
        self.dial_event("DialEnd", Classes::CALL, (Some(caller), agent), extra);
        let held = self.leave_queue(call, false).to_string();
        self.set_variable(caller, b"QUEUEWAIT", held.as_bytes());
        let milliseconds = self.now.saturating_sub(call.joined).as_millis().to_string();
        self.set_variable(caller, b"QUEUEWAIT_MS", milliseconds.as_bytes());
        let name = self.queue_name(call.queue);
        let extra: Extra<'_> = &[
            ("Queue", &name),
            ("Interface", &call.member.0),
            ("MemberName", &call.member.1),
            ("HoldTime", held.as_bytes()),
            ("RingTime", b"3"),
        ];
        self.dial_event("AgentConnect", Classes::AGENT, (Some(caller), agent), extra);
        let unique_id = self.uuid();
        self.bridges.insert(
            id,
            Bridge {
                unique_id,
                members: Vec::new(),
            },
        );
        self.bridge_event("BridgeCreate", id, None);
        for (key, peer) in [(agent, caller), (caller, agent)] {
            self.enter_bridge(id, key);
            let peer = self
                .channels
                .get(&peer)
                .map_or_else(Vec::new, |peer| peer.name.clone());
            self.set_variable(key, b"BRIDGEPEER", &peer);
        }
        self.set_device(&call.member.0, "INUSE");
        let now = self.now;
        if let Some(call) = self.calls.get_mut(&id) {
            call.connected = now;
        }
        self.enter_stage(id, Stage::Talking, 20.0);
    }

    fn enter_bridge(&mut self, id: u64, key: u64) {
        let Some(bridge) = self.bridges.get_mut(&id) else {
            return;
        };
        bridge.members.push(key);
        let unique_id = bridge.unique_id.clone();
        let extra = bridge_extra(&unique_id);
        if let Some(channel) = self.channels.get_mut(&key) {
            channel.bridge = unique_id;
        }
        self.cel(key, "BRIDGE_ENTER", b"", extra.as_bytes());
        self.bridge_event("BridgeEnter", id, Some(key));
    }

    pub(super) fn leave_bridge(&mut self, id: u64, key: u64, peer: u64) {
        let Some(bridge) = self.bridges.get_mut(&id) else {
            return;
        };
        bridge.members.retain(|member| *member != key);
        let extra = bridge_extra(&bridge.unique_id);
        let peer = self
            .channels
            .get(&peer)
            .map_or_else(Vec::new, |peer| peer.name.clone());
        self.set_variable(key, b"BRIDGEPEER", b"");
        self.bridge_event("BridgeLeave", id, Some(key));
        self.cel(key, "BRIDGE_EXIT", &peer, extra.as_bytes());
    }
}

fn bridge_extra(unique_id: &str) -> String {
    format!("{{\"bridge_id\":\"{unique_id}\",\"bridge_technology\":\"simple_bridge\"}}")
}
