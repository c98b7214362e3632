//! Requests put together at random from what disguises are made of.

/// A seeded source of numbers (xorshift).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

const NAMES: &[&str] = &[
    "Action",
    "Action",
    "Action",
    "ACTION",
    "action",
    "ActionID",
    "ActionID",
    "actionid",
    "Variable",
    "Variable",
    "Variables",
    "Application",
    "Data",
    "Channel",
    "Context",
    "Account",
    "Async",
    "Exten",
    "Priority",
    "Command",
    "Filename",
    "UserEvent",
    "Event",
    "Response",
    "Timeout",
    "X",
    "",
    "Queue",
];

const ACTIONS: &[&str] = &[
    "QueueStatus",
    "Originate",
    "Originate",
    "Getvar",
    "Status",
    "Command",
    "UserEvent",
    "Hangup",
    "Redirect",
    "GetConfig",
    "BridgeKick",
    "Setvar",
    "Logoff",
    "WaitEvent",
    "Events",
    "Filter",
    "Ping",
    "ListCommands",
    "DBPut",
];

const BETWEEN: &[&str] = &[
    ": ", ": ", ": ", ": ", ":", ":\t", ": \x01", ":\x01", " : ", "\0: ", ":\r", ": \0", ";",
];

const VALUES: &[&str] = &[
    "Ping",
    "Logoff",
    "logoff",
    "WaitEvent",
    "Events",
    "EVENTS",
    "Filter",
    "Login",
    "Challenge",
    "ListCommands",
    "QueueStatus",
    "QueueStatus",
    "Originate",
    "Originate",
    "Originate",
    "originate",
    "Getvar",
    "Status",
    "Command",
    "Redirect",
    "Hangup",
    "UserEvent",
    "DBPut",
    "Reload",
    "ModuleLoad",
    "GetConfig",
    "UpdateConfig",
    "BridgeKick",
    "IAXnetstats",
    "Setvar",
    "System",
    "TrySystem",
    "Wait",
    "Queue",
    "Playback",
    "a,,,,,x",
    "SHELL(id)",
    "${SHELL(id)}",
    "S\\HELL(id)",
    "EVAL",
    "FILE(a)=b",
    "A=b",
    "A=1,DB(a/b)=c",
    "F\\ILE(a)=b",
    "Local/1@x",
    "inside",
    "outside",
    "forced",
    "true",
    "false",
    "1",
    "module load x",
    "module\tload x",
    "core show version",
    "manager.conf",
    "0123456789abcdef-o-3",
    "call",
    "off",
    "",
    "x",
];

const ENDS: &[&str] = &[
    "\r\n",
    "\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "\r\r\n",
    "\r",
    "\0\r\n",
    "\r\n\0\r\n",
];

/// How many messages [`messages`] makes.
pub const MESSAGES: usize = 6;

/// Some messages, whole or not. Most lines are as they should be, so that much is wrong in one way only.
pub fn messages(random: &mut Random) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..MESSAGES {
        if random.below(3) > 0 {
            bytes.extend_from_slice(b"Action: ");
            bytes.extend_from_slice(random.of(ACTIONS).as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        for _ in 0..random.below(6) {
            line(random, &mut bytes);
        }
        let end = if random.below(4) > 0 {
            "\r\n"
        } else {
            random.of(ENDS)
        };
        bytes.extend_from_slice(end.as_bytes());
    }
    bytes
}

fn line(random: &mut Random, bytes: &mut Vec<u8>) {
    let odd = random.below(4) == 0;
    let between = if odd { random.of(BETWEEN) } else { ": " };
    let line = [random.of(NAMES), between, random.of(VALUES)].concat();
    bytes.extend_from_slice(line.as_bytes());
    if random.below(60) == 0 {
        let long = 960 + random.below(120);
        bytes.extend(std::iter::repeat_n(b'y', long));
    }
    if random.below(80) == 0 {
        let many = 120 + random.below(12);
        bytes.extend("\r\nX: y".repeat(many).into_bytes());
    }
    let odd = random.below(6) == 0;
    let end = if odd { random.of(ENDS) } else { "\r\n" };
    bytes.extend_from_slice(end.as_bytes());
}
