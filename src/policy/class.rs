//! Classes: the bits by which Asterisk decides who may run an action or read an event.
//! Source: `main/manager.c`, the table `perms`, `authority_to_str`, `get_perm` and `strings_to_mask`.

use std::fmt;

/// A set of classes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Classes(u32);

/// Every class that has a label, in the order in which Asterisk prints them.
pub const LABELS: [(&str, Classes); 19] = [
    ("system", Classes::SYSTEM),
    ("call", Classes::CALL),
    ("log", Classes::LOG),
    ("verbose", Classes::VERBOSE),
    ("command", Classes::COMMAND),
    ("agent", Classes::AGENT),
    ("user", Classes::USER),
    ("config", Classes::CONFIG),
    ("dtmf", Classes::DTMF),
    ("reporting", Classes::REPORTING),
    ("cdr", Classes::CDR),
    ("dialplan", Classes::DIALPLAN),
    ("originate", Classes::ORIGINATE),
    ("agi", Classes::AGI),
    ("cc", Classes::CC),
    ("aoc", Classes::AOC),
    ("test", Classes::TEST),
    ("security", Classes::SECURITY),
    ("message", Classes::MESSAGE),
];

#[expect(missing_docs, reason = "each constant is the class of that label")]
impl Classes {
    pub const NONE: Self = Self(0);
    pub const SYSTEM: Self = Self(1 << 0);
    pub const CALL: Self = Self(1 << 1);
    pub const LOG: Self = Self(1 << 2);
    pub const VERBOSE: Self = Self(1 << 3);
    pub const COMMAND: Self = Self(1 << 4);
    pub const AGENT: Self = Self(1 << 5);
    pub const USER: Self = Self(1 << 6);
    pub const CONFIG: Self = Self(1 << 7);
    pub const DTMF: Self = Self(1 << 8);
    pub const REPORTING: Self = Self(1 << 9);
    pub const CDR: Self = Self(1 << 10);
    pub const DIALPLAN: Self = Self(1 << 11);
    pub const ORIGINATE: Self = Self(1 << 12);
    pub const AGI: Self = Self(1 << 13);
    pub const CC: Self = Self(1 << 15);
    pub const AOC: Self = Self(1 << 16);
    pub const TEST: Self = Self(1 << 17);
    pub const SECURITY: Self = Self(1 << 18);
    pub const MESSAGE: Self = Self(1 << 30);
    /// Every bit that Asterisk has, with or without a label.
    pub const ALL: Self = Self(0x7fff_ffff);
}

impl Classes {
    /// The set of these bits; the sign bit is not a class.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// The bits, as Asterisk numbers them.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether the set has no class.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether every class of `other` is here: the rule for events.
    pub const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any class of `other` is here: the rule for actions.
    pub const fn contains_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets together.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both sets have.
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The class of exactly this label (`all` is every class); case counts, as in Asterisk.
    pub fn from_label(label: &[u8]) -> Option<Self> {
        if label == b"all" {
            return Some(Self::ALL);
        }
        LABELS
            .iter()
            .find(|(name, _)| name.as_bytes() == label)
            .map(|(_, class)| *class)
    }
}

/// The labels, comma separated, without `all`; nothing for the empty set.
impl fmt::Display for Classes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (label, class) in LABELS {
            if self.contains_all(class) {
                write!(formatter, "{separator}{label}")?;
                separator = ",";
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Classes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Classes({self})")
    }
}
