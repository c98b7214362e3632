//! The classes that an event needs, read from its own Privilege header.
//! Source: `main/manager.c`, `authority_to_str`: every label of the mask, then always `all`.

use super::class::Classes;

/// What an application's read classes must contain to see an event with this value of its first Privilege header.
///
/// `None` means that the event is no broadcast: the value is empty, malformed, or the literal `Call`
/// that Asterisk writes into the items of a Status list. A label that is not known, or a mask without any
/// label (`all` alone), needs every class: only who may see everything sees it.
pub fn event_classes(privilege: &[u8]) -> Option<Classes> {
    match privilege {
        b"call,all" => return Some(Classes::CALL),
        b"dialplan,all" => return Some(Classes::DIALPLAN),
        b"system,all" => return Some(Classes::SYSTEM),
        b"agent,all" => return Some(Classes::AGENT),
        b"reporting,all" => return Some(Classes::REPORTING),
        b"security,all" => return Some(Classes::SECURITY),
        b"cdr,all" => return Some(Classes::CDR),
        b"dtmf,all" => return Some(Classes::DTMF),
        b"user,all" => return Some(Classes::USER),
        b"<none>" => return Some(Classes::NONE),
        b"all" => return Some(Classes::ALL),
        b"" | b"Call" => return None,
        _ => {}
    }
    let labels = privilege.strip_suffix(b",all").unwrap_or(privilege);
    let mut classes = Classes::NONE;
    for label in labels.split(|byte| *byte == b',') {
        if label.is_empty() || label.iter().any(|byte| !byte.is_ascii_graphic()) {
            return None;
        }
        classes = classes.union(Classes::from_label(label).unwrap_or(Classes::ALL));
    }
    Some(classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::class::LABELS;
    use proptest::prelude::*;

    #[test]
    fn values_of_the_header() {
        let voicemail = Classes::SYSTEM.union(Classes::USER);
        for (value, expected) in [
            ("call,all", Some(Classes::CALL)),
            ("system,user,all", Some(voicemail)),
            ("system,user", Some(voicemail)),
            ("cc,all", Some(Classes::CC)),
            ("all", Some(Classes::ALL)),
            ("<none>", Some(Classes::NONE)),
            ("hookresponse,all", Some(Classes::ALL)),
            ("call,hookresponse,all", Some(Classes::ALL)),
            ("CALL,all", Some(Classes::ALL)),
            ("all,call,all", Some(Classes::ALL)),
            ("Call", None),
            ("", None),
            (",all", None),
            (",", None),
            ("call,,all", None),
            ("call,all,", None),
            ("call, agent,all", None),
            ("call\r", None),
        ] {
            assert_eq!(event_classes(value.as_bytes()), expected, "{value:?}");
        }
    }

    proptest! {
        /// What Asterisk writes for a mask is read as that mask, whichever way it is read here.
        #[test]
        fn every_mask_is_read_back(chosen in proptest::collection::vec(any::<bool>(), LABELS.len())) {
            let mask = LABELS.iter().zip(&chosen).filter(|(_, chosen)| **chosen)
                .fold(Classes::NONE, |mask, ((_, class), _)| mask.union(*class));
            prop_assume!(!mask.is_empty());
            prop_assert_eq!(event_classes(format!("{mask},all").as_bytes()), Some(mask));
        }

        #[test]
        fn nothing_but_none_is_for_everybody(value in proptest::collection::vec(any::<u8>(), 0..24)) {
            if event_classes(&value) == Some(Classes::NONE) {
                prop_assert_eq!(&value[..], b"<none>");
            }
        }
    }
}
