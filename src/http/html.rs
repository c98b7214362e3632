//! An answer as the HTML page of Asterisk's manager tester (`/manager`, `/amanager`), byte for byte: a small form, and
//! a table with a row for each header. Source: `main/manager.c`, `generic_http_callback`, `auth_http_callback` and
//! `xml_translate`. Values and names are escaped there as well, and nothing differs.

use bytes::{BufMut, BytesMut};

use super::blocks::{Blocks, Counts, put_escaped};

/// Which of the two pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `/manager`: the form asks for a name and a secret, too.
    Cookie,
    /// `/amanager`.
    Digest,
}

impl Form {
    /// What stands before the rows.
    const fn head(self) -> &'static [u8] {
        match self {
            Self::Cookie => {
                b"<title>Asterisk&trade; Manager Interface</title><body bgcolor=\"#ffffff\">\
<table align=center bgcolor=\"#f1f1f1\" width=\"500\">\r\n\
<tr><td colspan=\"2\" bgcolor=\"#f1f1ff\"><h1>Manager Tester</h1></td></tr>\r\n\
<tr><td colspan=\"2\" bgcolor=\"#f1f1ff\"><form action=\"manager\" method=\"post\">\n\
\tAction: <select name=\"action\">\n\
\t\t<option value=\"\">-----&gt;</option>\n\
\t\t<option value=\"login\">login</option>\n\
\t\t<option value=\"command\">Command</option>\n\
\t\t<option value=\"waitevent\">waitevent</option>\n\
\t\t<option value=\"listcommands\">listcommands</option>\n\
\t</select>\n\
\tor <input name=\"action\"><br/>\n\
\tCLI Command <input name=\"command\"><br>\n\
\tuser <input name=\"username\"> pass <input type=\"password\" name=\"secret\"><br>\n\
\t<input type=\"submit\">\n\
</form>\n\
</td></tr>\r\n"
            }
            Self::Digest => {
                b"<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\r\n\
<html><head>\r\n\
<title>Asterisk&trade; Manager Interface</title>\r\n\
</head><body style=\"background-color: #ffffff;\">\r\n\
<form method=\"POST\">\r\n\
<table align=\"center\" style=\"background-color: #f1f1f1;\" width=\"500\">\r\n\
<tr><th colspan=\"2\" style=\"background-color: #f1f1ff;\"><h1>Manager Tester</h1></th></tr>\r\n\
<tr><th colspan=\"2\" style=\"background-color: #f1f1ff;\">Action: <input name=\"action\" /> Cmd: \
<input name=\"command\" /><br><input type=\"submit\" value=\"Send request\" /></th></tr>\r\n"
            }
        }
    }

    /// What stands behind them.
    const fn tail(self) -> &'static [u8] {
        match self {
            Self::Cookie => b"</table></body>\r\n",
            Self::Digest => b"</table></form></body></html>\r\n",
        }
    }
}

/// Writes the page for `answer` (whole AMI messages) at the end of `out`.
pub fn write(answer: &[u8], form: Form, out: &mut BytesMut) {
    out.put_slice(form.head());
    for fields in Blocks::new(answer) {
        let mut counts = Counts::default();
        for field in &fields {
            out.put_slice(b"<tr><td>");
            counts.write(field.name, |out| put_text(field.name, out), out);
            out.put_slice(b"</td><td>");
            put_text(field.value, out);
            for line in &field.more {
                out.put_slice(b"<br>\n");
                put_text(line, out);
            }
            out.put_slice(b"</td></tr>\n");
        }
        out.put_slice(b"<tr><td colspan=\"2\"><hr></td></tr>\r\n");
    }
    out.put_slice(form.tail());
}

fn put_text(text: &[u8], out: &mut BytesMut) {
    for byte in text {
        put_escaped(*byte, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_an_answer_is_markup() {
        for form in [Form::Cookie, Form::Digest] {
            let mut out = BytesMut::new();
            write(b"<b>: <i>'\r\n<script>\r\n&amp;\r\n\r\n", form, &mut out);
            let rows = out.strip_prefix(form.head()).unwrap();
            let rows = rows.strip_suffix(form.tail()).unwrap();
            let expected = "<tr><td>&lt;b&gt;</td><td>&lt;i&gt;&apos;</td></tr>\n\
                <tr><td>Opaque-data</td><td>&lt;script&gt;<br>\n&amp;amp;</td></tr>\n\
                <tr><td colspan=\"2\"><hr></td></tr>\r\n";
            assert_eq!(std::str::from_utf8(rows).unwrap(), expected);
        }
    }
}
