//! How Asterisk cuts an argument at its commas. Source: `main/app.c`, `__ast_app_separate_args`.

/// The parts of `text` between commas that stand outside quotes, parentheses and brackets and behind no
/// backslash, with quotes and backslashes as they are. The nesting is counted inside quotes too.
pub(super) fn split_arguments(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    split_arguments_at_most(usize::MAX, text)
}

/// As [`split_arguments`], but of the commas only as many count as leave `most` parts.
pub(super) fn split_arguments_at_most(most: usize, text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    let mut parts = 0;
    std::iter::from_fn(move || {
        let text = rest.take()?;
        parts += 1;
        let comma = (parts < most).then(|| first_comma(text)).flatten();
        let Some(comma) = comma else {
            return Some(text);
        };
        rest = text.get(comma + 1..);
        text.get(..comma)
    })
}

fn first_comma(text: &[u8]) -> Option<usize> {
    let (mut parentheses, mut brackets) = (0_usize, 0_usize);
    let mut quoted = false;
    let mut bytes = text.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'(' => parentheses += 1,
            b')' => parentheses = parentheses.saturating_sub(1),
            b'[' => brackets += 1,
            b']' => brackets = brackets.saturating_sub(1),
            b'"' => quoted = !quoted,
            b'\\' => {
                bytes.next();
            }
            b',' if parentheses == 0 && brackets == 0 && !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{split_arguments, split_arguments_at_most};

    #[test]
    fn the_last_part_keeps_its_commas() {
        for (most, expected) in [
            (1, &["a,b,c"] as &[&str]),
            (2, &["a", "b,c"]),
            (3, &["a", "b", "c"]),
            (4, &["a", "b", "c"]),
        ] {
            let parts: Vec<_> = split_arguments_at_most(most, b"a,b,c")
                .map(|part| std::str::from_utf8(part).unwrap())
                .collect();
            assert_eq!(parts, expected, "{most}");
        }
    }

    #[test]
    fn commas_that_count() {
        for (text, expected) in [
            ("", &[""] as &[&str]),
            ("a", &["a"]),
            ("a,b", &["a", "b"]),
            ("a,", &["a", ""]),
            (",", &["", ""]),
            ("F(a,b)=1,c", &["F(a,b)=1", "c"]),
            ("a[1,2],b", &["a[1,2]", "b"]),
            (r#""a,b",c"#, &[r#""a,b""#, "c"]),
            (r"a\,b,c", &[r"a\,b", "c"]),
            (r#"a\",b"#, &[r#"a\""#, "b"]),
            (r#""(",b,c"#, &[r#""(",b,c"#]),
            ("),b", &[")", "b"]),
            (r"a\", &[r"a\"]),
        ] {
            let parts: Vec<_> = split_arguments(text.as_bytes())
                .map(|part| std::str::from_utf8(part).unwrap())
                .collect();
            assert_eq!(parts, expected, "{text:?}");
        }
    }
}
