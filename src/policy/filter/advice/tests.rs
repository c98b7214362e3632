//! What is advised, and that it means what it says.

use super::*;
use crate::policy::event_filter::EventFilters;
use crate::protocol::frame::Frame;

/// The filter that a line of configuration makes.
fn filter(line: &str) -> EventFilter {
    let (option, pattern) = split_option(line).unwrap();
    let mut filters = EventFilters::default();
    let pattern = pattern.trim_start().replace("\\;", ";");
    filters
        .push("a.conf:1", option, &pattern)
        .unwrap_or_else(|error| panic!("{line}: {error}"));
    filters.iter().next().unwrap().clone()
}

#[test]
fn efforts() {
    for (line, expected) in [
        ("eventfilter(name(Hangup)) =", Effort::NoPattern),
        ("eventfilter = .*", Effort::Always),
        (
            "eventfilter(header(Channel),method(contains)) = 1",
            Effort::FixedText,
        ),
        ("eventfilter = !Event: RTCP", Effort::FixedText),
        (
            "eventfilter = Channel: (PJSIP|SIP)/[a-z]+-[0-9]",
            Effort::RegexWithText,
        ),
        ("eventfilter = [^:]{3}x", Effort::RegexWithoutText),
    ] {
        assert_eq!(Effort::of(&filter(line)), expected, "{line}");
    }
}

#[test]
fn advice_and_in_what_it_differs() {
    for (line, instead, differs) in [
        (
            "eventfilter = Event: Hangup",
            "eventfilter(name(Hangup)) =",
            "whose name begins with Hangup (HangupRequest, ",
        ),
        (
            "eventfilter = !^Event: RTCPSent",
            "eventfilter(action(exclude),name(RTCPSent)) =",
            "whose name begins with RTCPSent",
        ),
        (
            "eventfilter = Channel: PJSIP/100;",
            "eventfilter(header(Channel),method(starts_with)) = PJSIP/100\\;",
            "in headers whose names end in Channel",
        ),
        (
            "eventfilter = !.*Local[0-9].*",
            "eventfilter = !Local[0-9]",
            "",
        ),
        (
            "eventfilter(name(VarSet),header(Value),method(regex)) = .*a[0-9]",
            "eventfilter(name(VarSet),header(Value),method(regex)) = a[0-9]",
            "",
        ),
        (
            "eventfilter(header(Channel),method(regex)) = ^PJSIP/100-",
            "eventfilter(header(Channel),method(starts_with)) = PJSIP/100-",
            "",
        ),
        (
            "eventfilter(action(exclude),header(Exten),method(regex)) = s",
            "eventfilter(action(exclude),header(Exten),method(contains)) = s",
            "",
        ),
        (
            "eventfilter(name(VarSet),header(Value),method(regex)) = .*",
            "eventfilter(name(VarSet),header(Value)) =",
            "",
        ),
        ("eventfilter = .*", "no filter", "every event"),
        (
            "eventfilter = [^:]{3}x",
            "name(NAME) or header(HEADER)",
            "no longer",
        ),
    ] {
        let found = advice(&filter(line)).unwrap_or_else(|| panic!("no advice for {line}"));
        assert!(found.instead.starts_with(instead), "{line}: {found:?}");
        match differs {
            "" => assert_eq!(found.differs, None, "{line}"),
            part => assert!(found.differs.unwrap().contains(part), "{line}"),
        }
    }
}

#[test]
fn nothing_is_said_where_nothing_is_better() {
    for line in [
        "eventfilter(name(Hangup)) =",
        "eventfilter(header(Channel),method(contains)) = 1",
        "eventfilter = PJSIP/100",
        "eventfilter = Channel: (PJSIP|SIP)/[a-z]+-[0-9]",
        "eventfilter(header(Channel),method(regex)) = ^[0-9]+$",
        "eventfilter = .*!a[0-9]bcd",
        "eventfilter = .* a[0-9]bcd",
        "eventfilter = Channel:PJSIP/100",
        "eventfilter = ^Channel: PJSIP/100",
        "eventfilter = .*^a[0-9]bcd",
        "eventfilter = a[0-9]bcd\\.*",
        "eventfilter(header(Exten),method(regex)) = ^!$",
    ] {
        assert_eq!(advice(&filter(line)), None, "{line}");
    }
}

#[test]
fn advice_without_a_difference_means_the_same() {
    let values: [&[u8]; 11] = [
        b"",
        b"a1",
        b"xa1y",
        b"PJSIP/100-",
        b"PJSIP/100-1",
        b"xPJSIP/100-",
        b"a1\n",
        b"\xff a1 \xff",
        b"s",
        b"a\nb",
        b"\xff",
    ];
    let mut compared = 0;
    for line in [
        "eventfilter(header(V),method(regex)) = .*a[0-9].*",
        "eventfilter(header(V),method(regex)) = .*a[0-9]",
        "eventfilter(header(V),method(regex)) = ^PJSIP/100-",
        "eventfilter(header(V),method(regex)) = PJSIP/100-$",
        "eventfilter(header(V),method(regex)) = ^s$",
        "eventfilter(header(V),method(regex)) = .*a[0-9]|b[0-9].*",
        "eventfilter(header(V),method(regex)) = .*",
        "eventfilter(header(V),method(regex)) = ^a[^x].*",
        "eventfilter = !.*a[0-9].*",
    ] {
        let (one, found) = (filter(line), advice(&filter(line)));
        let found = found.unwrap_or_else(|| panic!("no advice for {line}"));
        assert_eq!(found.differs, None, "{line}");
        let other = filter(&found.instead);
        assert_eq!(one.criteria().kind, other.criteria().kind, "{line}");
        for value in values {
            let bytes = [b"Event: E\r\nV: ".as_slice(), value, b"\r\n\r\n"].concat();
            let event = Frame::new(&bytes);
            assert_eq!(
                one.matches(event),
                other.matches(event),
                "{line} and {}: {}",
                found.instead,
                value.escape_ascii()
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 9 * 11);
}
