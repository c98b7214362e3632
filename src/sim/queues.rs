//! The call queues of the simulated PBX, their members and who waits in them.

use std::time::Duration;

use super::frame::Frame;

/// One member (agent) of a queue.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) interface: Vec<u8>,
    pub(super) dynamic: bool,
    pub(super) penalty: u32,
    pub(super) calls_taken: u64,
    /// Seconds since 1970; 0 for never.
    pub(super) last_call: u64,
    pub(super) last_pause: u64,
    pub(super) login_time: u64,
    /// Calls that this member is in now.
    pub(super) active: u32,
    pub(super) paused: bool,
    pub(super) paused_reason: Vec<u8>,
}

impl Member {
    /// Device state as a number: 1 free, 2 in use.
    pub(super) const fn status(&self) -> u32 {
        if self.active > 0 { 2 } else { 1 }
    }

    const fn membership(&self) -> &'static str {
        if self.dynamic { "dynamic" } else { "static" }
    }

    /// The headers that list items and events have in common, from `StateInterface` on.
    fn write_rest(&self, frame: Frame<'_>, in_event: bool) {
        let frame = frame
            .header("StateInterface", &self.interface)
            .header("Membership", self.membership())
            .show("Penalty", self.penalty)
            .show("CallsTaken", self.calls_taken)
            .show("LastCall", self.last_call)
            .show("LastPause", self.last_pause)
            .show("LoginTime", self.login_time)
            .show("InCall", u32::from(self.active > 0))
            .show("Status", self.status())
            .show("Paused", u32::from(self.paused))
            .header("PausedReason", &self.paused_reason);
        if in_event {
            frame
                .header("Ringinuse", "1")
                .header("Wrapuptime", "0")
                .end();
        } else {
            frame.header("Wrapuptime", "0").action_id_in(256).end();
        }
    }

    /// The rest of a `QueueMember` item.
    pub(super) fn write_item(&self, frame: Frame<'_>, queue: &[u8]) {
        let frame = frame.header("Queue", queue).header("Name", &self.name);
        self.write_rest(frame.header("Location", &self.interface), false);
    }

    /// The rest of a `QueueMemberAdded`, `QueueMemberRemoved` or `QueueMemberPause` event.
    pub(super) fn write_event(&self, frame: Frame<'_>, queue: &[u8]) {
        let frame = frame
            .header("Queue", queue)
            .header("MemberName", &self.name);
        self.write_rest(frame.header("Interface", &self.interface), true);
    }
}

/// A caller that waits.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) channel: u64,
    pub(super) since: Duration,
}

/// One queue.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub(super) name: Vec<u8>,
    pub(super) strategy: &'static str,
    pub(super) service_level: u32,
    pub(super) members: Vec<Member>,
    pub(super) waiting: Vec<Waiting>,
    pub(super) completed: u64,
    pub(super) abandoned: u64,
    pub(super) hold_seconds: u64,
    pub(super) talk_seconds: u64,
}

impl Queue {
    /// The member at that interface.
    pub(super) fn member(&self, interface: &[u8]) -> Option<&Member> {
        let mut members = self.members.iter();
        members.find(|member| member.interface.eq_ignore_ascii_case(interface))
    }

    /// The member at that interface, to be changed.
    pub(super) fn member_mut(&mut self, interface: &[u8]) -> Option<&mut Member> {
        let mut members = self.members.iter_mut();
        members.find(|member| member.interface.eq_ignore_ascii_case(interface))
    }

    /// A running average, as Asterisk keeps it: the old value weighs three times.
    pub(super) const fn completed_call(&mut self, hold: u64, talk: u64) {
        self.completed += 1;
        self.hold_seconds = (self.hold_seconds * 3 + hold) / 4;
        self.talk_seconds = (self.talk_seconds * 3 + talk) / 4;
    }
}

fn member(number: u32, name: &str, penalty: u32) -> Member {
    Member {
        name: name.as_bytes().to_vec(),
        interface: format!("PJSIP/{number}").into_bytes(),
        dynamic: false,
        penalty,
        calls_taken: 0,
        last_call: 0,
        last_pause: 0,
        login_time: 1_795_211_836,
        active: 0,
        paused: false,
        paused_reason: Vec::new(),
    }
}

/// `sales` with six members, `support` with four, and `empty` with none.
pub(super) fn default_queues() -> Vec<Queue> {
    let queue = |name: &str, strategy, service_level, members| Queue {
        name: name.as_bytes().to_vec(),
        strategy,
        service_level,
        members,
        waiting: Vec::new(),
        completed: 0,
        abandoned: 0,
        hold_seconds: 0,
        talk_seconds: 0,
    };
    let names = ["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana"];
    let all: Vec<Member> = (2001..)
        .zip(names)
        .map(|(number, name)| member(number, name, 0))
        .collect();
    let sales = all.get(..6).unwrap_or_default().to_vec();
    let support = all.get(4..).unwrap_or_default().to_vec();
    vec![
        queue("sales", "rrmemory", 0, sales),
        queue("support", "ringall", 30, support),
        queue("empty", "leastrecent", 0, Vec::new()),
    ]
}
