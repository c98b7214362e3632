//! What Asterisk says about an Originate that is no Originate, where amimux has to say it: before a refusal, because
//! Asterisk looks at these first, and for the synchronous form, which is sent as the asynchronous one.
//! Source: `main/manager.c`, `action_originate`, in its order; compared with what Asterisk 22 answers.

use crate::protocol::request::Request;

/// Bytes of the channel that Asterisk looks at.
const CHANNEL_BYTES_MAX: usize = 255;

/// What Asterisk finds wrong before it asks whether Application and Data are permitted; `None` when it goes on to
/// ask. A Priority that is no number may be a label, which only Asterisk knows.
pub(super) fn earlier_fault(request: Request<'_>) -> Option<&'static str> {
    let channel = request.get_or_empty("Channel");
    let timeout = request.get_or_empty("Timeout");
    let seen = channel.get(..CHANNEL_BYTES_MAX).unwrap_or(channel);
    if channel.is_empty() {
        Some("Channel not specified")
    } else if !timeout.is_empty() && leading_number(timeout).is_none() {
        Some("Invalid timeout")
    } else if !seen.contains(&b'/') {
        Some("Invalid channel")
    } else {
        None
    }
}

/// What a synchronous Originate is answered that says neither which Application to run nor where in the dialplan
/// to begin, if nothing else is wrong with it. Asterisk looks at the Priority only.
pub fn missing_destination(request: Request<'_>) -> Option<&'static str> {
    let priority = request.get_or_empty("Priority");
    let is_given = !priority.is_empty() && leading_number(priority) != Some(0);
    let missing = request.get_or_empty("Application").is_empty()
        && !is_given
        && earlier_fault(request).is_none();
    missing.then_some("Originate with 'Exten' requires 'Context' and 'Priority'")
}

/// The number at the beginning, as C's `%d` reads it: blanks, a sign, digits, whatever else. Huge numbers are all the
/// same here: they are not zero.
fn leading_number(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii_start();
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (1, text),
    };
    let end = digits
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(digits.len());
    let digits = digits.get(..end).filter(|digits| !digits.is_empty())?;
    let value = digits.iter().try_fold(0_i64, |value, digit| {
        value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))
    });
    Some(sign * value.unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_in_asterisks_order() {
        const DESTINATION: &str = "Originate with 'Exten' requires 'Context' and 'Priority'";
        let long = format!("Channel: {}/y\r\n", "x".repeat(255));
        for (text, earlier, synchronous) in [
            ("", Some("Channel not specified"), None),
            (
                "Channel:\r\nChannel: X/1\r\n",
                Some("Channel not specified"),
                None,
            ),
            (
                "Channel: x\r\nTimeout: y\r\n",
                Some("Invalid timeout"),
                None,
            ),
            ("Channel: x\r\n", Some("Invalid channel"), None),
            (&long, Some("Invalid channel"), None),
            (
                "Channel: X/1\r\nTimeout: - 5\r\n",
                Some("Invalid timeout"),
                None,
            ),
            (
                "Channel: X/1\r\nTimeout: +5x\r\nApplication: Wait\r\n",
                None,
                None,
            ),
            ("Channel: X/1\r\n", None, Some(DESTINATION)),
            (
                "Channel: X/1\r\nExten: 1\r\nContext: c\r\nPriority: 0\r\n",
                None,
                Some(DESTINATION),
            ),
            ("Channel: X/1\r\nPriority: -0x\r\n", None, Some(DESTINATION)),
            ("Channel: X/1\r\nPriority: 1abc\r\n", None, None),
            ("Channel: X/1\r\nPriority: label\r\n", None, None),
            (
                "Channel: X/1\r\nPriority: 99999999999999999999999\r\n",
                None,
                None,
            ),
            (
                "Channel: X/1\r\nApplication:\r\nApplication: System\r\n",
                None,
                Some(DESTINATION),
            ),
        ] {
            let request = Request::new(text.as_bytes());
            assert_eq!(earlier_fault(request), earlier, "{text:?}");
            assert_eq!(missing_destination(request), synchronous, "{text:?}");
        }
    }
}
