//! The event mask that a client asks for: `Events` at login, `EventMask` later.
//! Source: `main/manager.c`, `strings_to_mask`, `get_perm`, `ast_instring`, `action_events`.
//!
//! The list of classes is read with all the oddities of Asterisk's parser, because the answer is compared
//! with a bare Asterisk's and can grant nothing: it is cut down to what the user may read. The configuration
//! reads its own lists strictly instead.

use super::class::{Classes, LABELS};

/// What a client asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventMask {
    /// Empty, or a number that is negative as a C integer: the mask stays as it was.
    Invalid,
    /// No events.
    Off,
    /// Events of these classes only; never empty.
    Some(Classes),
    /// Every class.
    Everything,
}

impl EventMask {
    /// Whether the reply says `On`: by what was asked for, even if the user may see none of it.
    pub const fn is_on(&self) -> bool {
        matches!(self, Self::Some(_) | Self::Everything)
    }

    /// The classes that the session sees from now on, given what its user may read.
    /// Empty for [`EventMask::Invalid`], which must not be applied.
    pub const fn within(self, read: Classes) -> Classes {
        match self {
            Self::Invalid | Self::Off => Classes::NONE,
            Self::Some(classes) => classes.intersection(read),
            Self::Everything => read,
        }
    }

    fn of(classes: Classes) -> Self {
        if classes.is_empty() {
            Self::Off
        } else if classes == Classes::ALL {
            Self::Everything
        } else {
            Self::Some(classes)
        }
    }
}

/// Reads the value of `Events` or `EventMask` as Asterisk does.
pub fn parse(value: &[u8]) -> EventMask {
    if value.is_empty() {
        EventMask::Invalid
    } else if value.iter().all(u8::is_ascii_digit) {
        number(value)
    } else if is_word(value, &["no", "false", "n", "f", "off"]) {
        EventMask::Off
    } else if is_word(value, &["yes", "true", "y", "t", "on"]) {
        EventMask::Everything
    } else {
        EventMask::of(class_list(value))
    }
}

fn is_word(value: &[u8], words: &[&str]) -> bool {
    words
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// As C's `atoi` on a machine with a 64 bit `long`: held at the largest `long`, then cut to 32 bits.
fn number(digits: &[u8]) -> EventMask {
    const LONG_MAX: u64 = i64::MAX.unsigned_abs();
    let long = digits.iter().fold(0_u64, |sum, digit| {
        let digit = u64::from(digit.saturating_sub(b'0'));
        sum.saturating_mul(10).saturating_add(digit).min(LONG_MAX)
    });
    match u32::try_from(long & u64::from(u32::MAX)) {
        Ok(int) if int <= Classes::ALL.bits() => EventMask::of(Classes::from_bits(int)),
        _ => EventMask::Invalid,
    }
}

/// The classes whose label Asterisk finds in `value`.
fn class_list(value: &[u8]) -> Classes {
    if names(value, b"all") {
        return Classes::ALL;
    }
    LABELS
        .iter()
        .filter(|(label, _)| names(value, label.as_bytes()))
        .fold(Classes::NONE, |all, (_, class)| all.union(*class))
}

/// Whether Asterisk finds `label` in the list: the last element must be the label, any earlier one
/// a prefix of it, and so an empty earlier one is every label.
fn names(list: &[u8], label: &[u8]) -> bool {
    let mut rest = list;
    while let Some(comma) = memchr::memchr(b',', rest) {
        let (element, after) = rest.split_at_checked(comma).unwrap_or((rest, b""));
        if label.starts_with(element) {
            return true;
        }
        rest = after.get(1..).unwrap_or_default();
    }
    !rest.is_empty() && rest == label
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CALL_AGENT: EventMask = EventMask::Some(Classes::CALL.union(Classes::AGENT));

    #[test]
    fn values_as_asterisk_reads_them() {
        let c_words = [Classes::COMMAND, Classes::CONFIG, Classes::CDR, Classes::CC]
            .iter()
            .fold(Classes::CALL.union(Classes::AGENT), |all, class| {
                all.union(*class)
            });
        for (value, expected) in [
            ("", EventMask::Invalid),
            ("0", EventMask::Off),
            ("000", EventMask::Off),
            ("1", EventMask::Some(Classes::SYSTEM)),
            ("3", EventMask::Some(Classes::SYSTEM.union(Classes::CALL))),
            ("2147483647", EventMask::Everything),
            ("2147483648", EventMask::Invalid),
            ("4294967295", EventMask::Invalid),
            ("4294967296", EventMask::Off),
            ("4294967297", EventMask::Some(Classes::SYSTEM)),
            ("9223372036854775807", EventMask::Invalid),
            ("99999999999999999999999999", EventMask::Invalid),
            ("-1", EventMask::Off),
            ("OFF", EventMask::Off),
            ("no", EventMask::Off),
            ("False", EventMask::Off),
            ("f", EventMask::Off),
            ("N", EventMask::Off),
            ("on", EventMask::Everything),
            ("YES", EventMask::Everything),
            ("tRue", EventMask::Everything),
            ("y", EventMask::Everything),
            ("t", EventMask::Everything),
            ("on ", EventMask::Off),
            ("call", EventMask::Some(Classes::CALL)),
            ("Call", EventMask::Off),
            ("foo", EventMask::Off),
            ("none", EventMask::Off),
            ("all", EventMask::Everything),
            ("call,agent", CALL_AGENT),
            ("call,agent,", CALL_AGENT),
            ("call, agent", EventMask::Some(Classes::CALL)),
            ("call ,agent", EventMask::Some(Classes::AGENT)),
            ("call,,agent", EventMask::Everything),
            (",call", EventMask::Everything),
            (",", EventMask::Everything),
            (
                "sys,call",
                EventMask::Some(Classes::SYSTEM.union(Classes::CALL)),
            ),
            ("call,sys", EventMask::Some(Classes::CALL)),
            ("a,call", EventMask::Everything),
            ("c,agent", EventMask::Some(c_words)),
        ] {
            assert_eq!(parse(value.as_bytes()), expected, "{value:?}");
        }
    }

    #[test]
    fn on_is_what_was_asked_for() {
        let mask = parse(b"security");
        assert!(mask.is_on());
        assert_eq!(mask.within(Classes::CALL), Classes::NONE);
        assert_eq!(
            EventMask::Everything.within(Classes::CALL).bits(),
            Classes::CALL.bits()
        );
        assert!(!parse(b"foo").is_on());
        assert!(!parse(b"").is_on());
    }

    proptest! {
        #[test]
        fn nothing_is_seen_beyond_the_read_classes(
            value in proptest::collection::vec(any::<u8>(), 0..20),
            read in any::<u32>(),
        ) {
            let read = Classes::from_bits(read);
            prop_assert!(read.contains_all(parse(&value).within(read)));
        }

        #[test]
        fn small_numbers_are_themselves(bits in 1..Classes::ALL.bits()) {
            prop_assert_eq!(parse(bits.to_string().as_bytes()), EventMask::Some(Classes::from_bits(bits)));
        }
    }
}
