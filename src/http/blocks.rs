//! The messages of an answer as Asterisk's XML and HTML show them. Source: `main/manager.c`, `xml_translate`, whose
//! reading of an answer is not that of AMI: a lone CR and a lone LF end lines too, blanks around names and values go,
//! and from a line without a colon on everything up to the blank line is one text.

use std::collections::HashMap;

use bytes::{BufMut, BytesMut};

/// One attribute, or one row of a table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    /// Further lines of a text without a colon.
    pub(super) more: Vec<&'a [u8]>,
}

/// What Asterisk calls text without a name.
const NAMELESS: &[u8] = b"Opaque-data";

/// The messages in an answer, one after the other; none is empty.
pub(super) struct Blocks<'a> {
    rest: &'a [u8],
}

impl<'a> Blocks<'a> {
    pub(super) const fn new(answer: &'a [u8]) -> Self {
        Self { rest: answer }
    }

    /// The next line, without blanks at its end.
    fn line(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\r', b'\n', self.rest).unwrap_or(self.rest.len());
        let (line, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        let rest = rest.get(1..).unwrap_or_default();
        self.rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        Some(without_trailing_blanks(line))
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Vec<Field<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut fields: Vec<Field<'a>> = Vec::new();
        let mut nameless = false;
        while let Some(line) = self.line() {
            match fields.last_mut() {
                None if line.is_empty() => continue,
                Some(_) if line.is_empty() => break,
                Some(text) if nameless => {
                    text.more.push(line);
                    continue;
                }
                _ => {}
            }
            nameless = !line.contains(&b':');
            fields.push(if nameless {
                field(NAMELESS, line)
            } else {
                let mut halves = line.splitn(2, |byte| *byte == b':');
                let name = halves.next().unwrap_or_default();
                field(
                    without_trailing_blanks(name),
                    without_leading_blanks(halves.next().unwrap_or_default()),
                )
            });
        }
        (!fields.is_empty()).then_some(fields)
    }
}

const fn field<'a>(name: &'a [u8], value: &'a [u8]) -> Field<'a> {
    Field {
        name,
        value,
        more: Vec::new(),
    }
}

fn without_trailing_blanks(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., 0..=32] = text {
        text = rest;
    }
    text
}

fn without_leading_blanks(mut text: &[u8]) -> &[u8] {
    while let [0..=32, rest @ ..] = text {
        text = rest;
    }
    text
}

/// Counts names within one message: the second `Variable` is `Variable-2`.
#[derive(Default)]
pub(super) struct Counts(HashMap<Vec<u8>, usize>);

impl Counts {
    /// Writes `name`, and behind it which of its kind it is if it is not the first.
    pub(super) fn write(
        &mut self,
        name: &[u8],
        shown: impl FnOnce(&mut BytesMut),
        out: &mut BytesMut,
    ) {
        shown(out);
        if let Some(count) = self.0.get_mut(name) {
            *count += 1;
            out.put_slice(format!("-{count}").as_bytes());
        } else {
            self.0.insert(name.to_vec(), 1);
        }
    }
}

/// Writes one byte as markup shows it.
pub(super) fn put_escaped(byte: u8, out: &mut BytesMut) {
    match byte {
        b'<' => out.put_slice(b"&lt;"),
        b'>' => out.put_slice(b"&gt;"),
        b'"' => out.put_slice(b"&quot;"),
        b'\'' => out.put_slice(b"&apos;"),
        b'&' => out.put_slice(b"&amp;"),
        other => out.put_u8(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(answer: &str) -> String {
        Blocks::new(answer.as_bytes())
            .map(|fields| {
                let fields = fields.iter().map(|field| {
                    let values = std::iter::once(&field.value).chain(&field.more);
                    let values: Vec<_> = values
                        .map(|value| value.escape_ascii().to_string())
                        .collect();
                    format!("{}={}", field.name.escape_ascii(), values.join("+"))
                });
                format!("[{}]", fields.collect::<Vec<_>>().join(" "))
            })
            .collect()
    }

    #[test]
    fn lines_as_asterisk_cuts_them() {
        let cases = [
            ("", ""),
            ("\r\n\r\n\r\n", ""),
            ("A: 1\r\n\r\nB: 2\r\n\r\n", "[A=1][B=2]"),
            ("A: 1\r\nB: 2", "[A=1 B=2]"),
            ("A: 1\nB: 2\r\n\r\n", "[A=1 B=2]"),
            ("A: x\rB: 2\r\n\r\n", "[A=x B=2]"),
            ("A: text\n\r\n\r\nB: 1\r\n\r\n", "[A=text][B=1]"),
            ("A: 1\r\n\r\n\r\nB: 1\r\n\r\n", "[A=1][B=1]"),
            ("A: 1\n\nB: 2\n", "[A=1 B=2]"),
            (" A  : \t b c \t\r\n:\r\nE:\r\n\r\n", "[ A=b c = E=]"),
            (
                "A: 1\r\ntext\r\nB: 2\r\n  more\r\n\r\nC: 3\r\n",
                "[A=1 Opaque-data=text+B: 2+  more][C=3]",
            ),
            ("text", "[Opaque-data=text]"),
            ("A: \x01\x1fx\x02\r\n \r\nB: 1\r\n", "[A=x][B=1]"),
        ];
        for (answer, expected) in cases {
            assert_eq!(shown(answer), expected, "{answer:?}");
        }
    }
}
