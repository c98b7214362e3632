//! Numbers of 128 bits as 32 hexadecimal digits: session keys and nonces, neither of which can be guessed.

/// Lower-case digits.
pub(super) fn text(number: u128) -> String {
    format!("{number:032x}")
}

/// The number of exactly 32 digits, in either case.
pub(super) fn parse(text: &[u8]) -> Option<u128> {
    if text.len() != 32 {
        return None;
    }
    text.iter().try_fold(0, |number: u128, byte| {
        let digit = char::from(*byte).to_digit(16)?;
        Some(number << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_32_digits() {
        for number in [
            0,
            1,
            0xab,
            u128::MAX,
            0x0123_4567_89ab_cdef_0123_4567_89ab_cdef,
        ] {
            assert_eq!(parse(text(number).as_bytes()), Some(number));
            assert_eq!(parse(text(number).to_uppercase().as_bytes()), Some(number));
        }
        let text = "0".repeat(32);
        for wrong in [
            "",
            "1",
            &text[1..],
            &format!("{text}0"),
            &text.replacen('0', "+", 1),
            &text.replacen("00", "0x", 1),
            &text.replacen("00", "é", 1),
        ] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}
