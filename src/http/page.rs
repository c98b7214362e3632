//! The pages that go with a status other than 200, byte for byte those of Asterisk. Source: `main/http.c`,
//! `ast_http_create_response`, and who calls `ast_http_error`.

use bytes::{BufMut, BytesMut};

use super::blocks::put_escaped;

/// A status with the words that Asterisk has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorPage<'a> {
    /// The status code.
    pub status: u16,
    /// The reason phrase, which is the page's heading as well.
    pub title: &'static str,
    /// The paragraph under it.
    pub text: &'a str,
}

impl<'a> ErrorPage<'a> {
    /// The request line has no path.
    pub const INVALID_REQUEST: Self = Self::new(400, "Bad Request", "Invalid Request");
    /// The request line has more than 4,096 bytes.
    pub const REQUEST_LINE_TOO_LONG: Self = Self::new(400, "Bad Request", "Request line too long");
    /// A header has more than 4,096 bytes.
    pub const HEADER_TOO_LONG: Self = Self::new(400, "Bad Request", "Header line too long");
    /// `Content-Length` is no number.
    pub const INVALID_LENGTH: Self =
        Self::new(400, "Bad Request", "Invalid Content-Length in request!");
    /// Digest credentials are wanted.
    pub const UNAUTHORIZED: Self = Self::new(401, "Unauthorized", "");
    /// The user of Digest credentials may not come from there.
    pub const PERMISSION_DENIED: Self = Self::new(403, "Permission denied", "Permission denied");
    /// A restriction of `http.conf`.
    pub const FORBIDDEN: Self = Self::new(403, "Forbidden", "Access denied by ACL");
    /// There is nothing under this path.
    pub const NOT_FOUND: Self = Self::new(
        404,
        "Not Found",
        "The requested URL was not found on this server.",
    );
    /// The body has more than 40,960 bytes.
    pub const BODY_TOO_LARGE: Self = Self::new(413, "Request Entity Too Large", "Body too large");
    /// There are more than 100 headers.
    pub const TOO_MANY_HEADERS: Self =
        Self::new(413, "Request Entity Too Large", "Too many headers");
    /// Something is missing that the request has no part in.
    pub const SERVER_ERROR: Self = Self::new(500, "Server Error", "Out of memory");
    /// A method other than GET, HEAD and POST.
    pub const NOT_IMPLEMENTED: Self = Self::new(
        501,
        "Not Implemented",
        "Attempt to use unimplemented / unsupported method",
    );
    /// `Transfer-Encoding` is neither `identity` nor `chunked`.
    pub const TRANSFER_ENCODING: Self =
        Self::new(501, "Unimplemented", "Unsupported Transfer-Encoding.");
    /// The program is ending.
    pub const SHUTDOWN: Self = Self::new(503, "Service Unavailable", "Shutdown in progress");

    /// A page of other words.
    pub const fn new(status: u16, title: &'static str, text: &'a str) -> Self {
        Self {
            status,
            title,
            text,
        }
    }

    /// Writes the page at the end of `out`. `server` is what the header `Server` says; without one there is no last line.
    pub fn write(&self, server: Option<&str>, out: &mut BytesMut) {
        let mut put = |parts: &[&str]| {
            for part in parts {
                out.put_slice(part.as_bytes());
            }
        };
        put(&["<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\r\n<html><head>\r\n"]);
        put(&[
            "<title>",
            &self.status.to_string(),
            " ",
            self.title,
            "</title>\r\n</head><body>\r\n",
        ]);
        put(&[
            "<h1>",
            self.title,
            "</h1>\r\n<p>",
            self.text,
            "</p>\r\n<hr />\r\n",
        ]);
        if let Some(server) = server.filter(|server| !server.is_empty()) {
            out.put_slice(b"<address>");
            for byte in server.bytes() {
                put_escaped(byte, out);
            }
            out.put_slice(b"</address>\r\n");
        }
        out.put_slice(b"</body></html>\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_is_named_if_it_has_a_name() {
        let page = |server| {
            let mut out = BytesMut::new();
            ErrorPage::FORBIDDEN.write(server, &mut out);
            String::from_utf8(out.to_vec()).unwrap()
        };
        let nameless = "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\r\n<html><head>\r\n<title>403 Forbidden</title>\r\n\
            </head><body>\r\n<h1>Forbidden</h1>\r\n<p>Access denied by ACL</p>\r\n<hr />\r\n</body></html>\r\n";
        assert_eq!(page(None), nameless);
        assert_eq!(page(Some("")), nameless);
        let named = nameless.replace("<hr />\r\n", "<hr />\r\n<address>a&lt;b</address>\r\n");
        assert_eq!(page(Some("a<b")), named);
    }
}
