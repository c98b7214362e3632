//! An answer as XML (`/mxml`, `/amxml`), byte for byte as Asterisk writes it (`main/manager.c`, `xml_translate`) wherever
//! that is well-formed. Where it is not, a browser's parser would stop, and with `ajaxdest` a link could put elements of
//! its own into the document; so what follows differs:
//! * repeated names are counted as they are written, in lower case and cleaned, so that no attribute is there twice;
//! * a header without a name is the attribute `_`, and one called `xmlns` is `_xmlns`, as it is no namespace;
//! * control bytes, what is no UTF-8, and the two characters that XML excludes become U+FFFD;
//! * `ajaxdest` is escaped, and in `ajaxobjtype` what is not part of a simple name becomes `_`.

use bytes::{BufMut, BytesMut};

use super::blocks::{Blocks, Counts, put_escaped};

/// Writes the document for `answer` (whole AMI messages) at the end of `out`. `dest` is the parameter `ajaxdest`, and
/// `object` is `ajaxobjtype`; where they are empty, Asterisk's `unknown` and `generic` take their place.
pub fn write(answer: &[u8], dest: &[u8], object: &[u8], out: &mut BytesMut) {
    let mut head = BytesMut::from(&b"<response type='object' id='"[..]);
    put_text(if dest.is_empty() { b"unknown" } else { dest }, &mut head);
    head.put_slice(b"'><");
    head.put_slice(&element_name(object));
    out.put_slice(b"<ajax-response>\n");
    for fields in Blocks::new(answer) {
        out.put_slice(&head);
        let mut counts = Counts::default();
        for field in &fields {
            out.put_u8(b' ');
            let name = attribute_name(field.name);
            counts.write(&name, |out| out.put_slice(&name), out);
            out.put_slice(b"='");
            put_text(field.value, out);
            for line in &field.more {
                out.put_u8(b'\n');
                put_text(line, out);
            }
            out.put_u8(b'\'');
        }
        out.put_slice(b" /></response>\n");
    }
    out.put_slice(b"</ajax-response>\n");
}

/// A header's name in lower case, with `_` for each byte that is no letter or digit, and one before a leading digit.
fn attribute_name(name: &[u8]) -> Vec<u8> {
    let cleaned = name.iter().map(|byte| match byte.to_ascii_lowercase() {
        byte if byte.is_ascii_alphanumeric() => byte,
        _ => b'_',
    });
    let mut cleaned: Vec<u8> = cleaned.collect();
    if cleaned.first().is_none_or(u8::is_ascii_digit) || cleaned == b"xmlns" {
        cleaned.insert(0, b'_');
    }
    cleaned
}

/// What was asked for as the element's name, as far as it is one.
fn element_name(object: &[u8]) -> Vec<u8> {
    let cleaned = object.iter().map(|byte| match byte {
        b'-' | b'.' | b'_' => *byte,
        byte if byte.is_ascii_alphanumeric() => *byte,
        _ => b'_',
    });
    let mut cleaned: Vec<u8> = cleaned.collect();
    match cleaned.first() {
        None => return b"generic".to_vec(),
        Some(first) if first.is_ascii_alphabetic() || *first == b'_' => {}
        Some(_) => cleaned.insert(0, b'_'),
    }
    cleaned
}

/// Writes text, escaped, with U+FFFD in the place of what XML cannot hold.
fn put_text(text: &[u8], out: &mut BytesMut) {
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            let mut buffer = [0; 4];
            let kept = match character {
                '\t' => true,
                '\0'..='\x1f' | '\x7f' | '\u{fffe}' | '\u{ffff}' => false,
                _ => true,
            };
            let shown = if kept {
                character
            } else {
                char::REPLACEMENT_CHARACTER
            };
            for byte in shown.encode_utf8(&mut buffer).bytes() {
                put_escaped(byte, out);
            }
        }
        if !chunk.invalid().is_empty() {
            let mut buffer = [0; 4];
            out.put_slice(
                char::REPLACEMENT_CHARACTER
                    .encode_utf8(&mut buffer)
                    .as_bytes(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(answer: &[u8], dest: &[u8], object: &[u8]) -> String {
        let mut out = BytesMut::from(&b"before"[..]);
        write(answer, dest, object, &mut out);
        let text = std::str::from_utf8(&out).unwrap();
        let text = text.strip_prefix("before<ajax-response>\n").unwrap();
        text.strip_suffix("</ajax-response>\n").unwrap().to_owned()
    }

    #[test]
    fn attributes() {
        let cases: &[(&[u8], &str)] = &[
            (b"Response: Success\r\n\r\n", "response='Success'"),
            (
                b"A-B.c d: <&>\"'\r\n\r\n",
                "a_b_c_d='&lt;&amp;&gt;&quot;&apos;'",
            ),
            (b"1a: x\r\n_1A: y\r\n\r\n", "_1a='x' _1a-2='y'"),
            (
                b"key: 1\r\nKey: 2\r\na-b: 3\r\na_b: 4\r\nKEY: 5\r\n",
                "key='1' key-2='2' a_b='3' a_b-2='4' key-3='5'",
            ),
            (b": x\r\n: y\r\n-: z\r\n", "_='x' _-2='y' _-3='z'"),
            (
                b"xmlns: http://www.w3.org/2000/xmlns/\r\n",
                "_xmlns='http://www.w3.org/2000/xmlns/'",
            ),
            (b"\xc3\xa9: x\r\n", "__='x'"),
            (b"a: x\x01y\x7f\tz\r\n", "a='x\u{fffd}y\u{fffd}\tz'"),
            (
                b"a: \xe9\xff.\xc3\r\nb: \xef\xbf\xbe\xef\xbf\xbf\r\n",
                "a='\u{fffd}\u{fffd}.\u{fffd}' b='\u{fffd}\u{fffd}'",
            ),
            (
                b"A: 1\r\n<one>\r\nB: 2\r\n",
                "a='1' opaque_data='&lt;one&gt;\nB: 2'",
            ),
        ];
        for (answer, expected) in cases {
            let expected =
                format!("<response type='object' id='unknown'><generic {expected} /></response>\n");
            assert_eq!(xml(answer, b"", b""), expected, "{}", answer.escape_ascii());
        }
        assert_eq!(xml(b"", b"", b""), "");
    }

    #[test]
    fn destination_and_object_cannot_add_elements() {
        let cases: &[(&[u8], &[u8], &str)] = &[
            (
                b"the-dest",
                b"thing",
                "<response type='object' id='the-dest'><thing a='1' /></response>\n",
            ),
            (
                b"'/><script>&",
                b"a b='c'><script",
                "<response type='object' id='&apos;/&gt;&lt;script&gt;&amp;'><a_b__c___script a='1' /></response>\n",
            ),
            (
                b"\xff\x01",
                b"0",
                "<response type='object' id='\u{fffd}\u{fffd}'><_0 a='1' /></response>\n",
            ),
            (
                b" ",
                b"-:\xc3\xa9",
                "<response type='object' id=' '><_-___ a='1' /></response>\n",
            ),
        ];
        for (dest, object, expected) in cases {
            assert_eq!(xml(b"A: 1\r\n\r\n", dest, object), *expected);
        }
    }
}
