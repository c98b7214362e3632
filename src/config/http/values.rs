//! The values of `[http]` that are paths, origins and the like.

use std::net::Ipv6Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::HttpDraft;
use crate::config::diagnostics::{Report, quoted};
use crate::config::raw::RawOption;
use crate::config::value::{self, Unit, assign};

pub(super) fn milliseconds(
    target: &mut Duration,
    option: &RawOption,
    limits: RangeInclusive<Duration>,
    report: &mut Report,
) {
    assign(
        target,
        value::duration(option, Unit::Milliseconds, limits, report),
    );
}

/// Whether text can stand in a path as it is.
fn is_path(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'"' | b'<' | b'>'))
}

pub(super) fn prefix(draft: &mut HttpDraft, option: &RawOption, report: &mut Report) {
    let prefix = option.value.trim_matches('/');
    if !is_path(prefix) || prefix.contains("//") {
        report.error(
            &option.location,
            format!(
                "prefix = {} cannot be the beginning of a path",
                quoted(&option.value)
            ),
            "write a word, as in prefix = asterisk",
        );
        return;
    }
    prefix.clone_into(&mut draft.http.prefix);
}

pub(super) fn server_name(draft: &mut HttpDraft, option: &RawOption, report: &mut Report) {
    let name = option.value.as_str();
    if !name
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic())
    {
        report.error(
            &option.location,
            format!("servername = {} cannot be sent as a header", quoted(name)),
            "use ASCII alone",
        );
        return;
    }
    draft.http.server_name = Some(name.to_owned()).filter(|name| !name.is_empty());
}

pub(super) fn redirect(draft: &mut HttpDraft, option: &RawOption, report: &mut Report) {
    let words: Vec<&str> = option.value.split_ascii_whitespace().collect();
    match words.as_slice() {
        [from, to]
            if from.starts_with('/')
                && is_path(from)
                && to.bytes().all(|b| b.is_ascii_graphic()) =>
        {
            draft
                .http
                .redirects
                .push(((*from).to_owned(), (*to).to_owned()));
        }
        _ => report.error(
            &option.location,
            format!(
                "redirect = {} is not a path and where it leads",
                quoted(&option.value)
            ),
            "write redirect = /FROM /TO",
        ),
    }
}

pub(super) fn cors_origin(draft: &mut HttpDraft, option: &RawOption, report: &mut Report) {
    match parse_origin(&option.value) {
        Some(origin) => draft.http.cors_origins.push(origin),
        None => report.error(
            &option.location,
            format!("corsorigin = {} is not an origin", quoted(&option.value)),
            "write scheme, host and port of the pages that may, as in https://desk.example.org:8443; one for each line",
        ),
    }
}

/// An origin as browsers write it: in small letters, without a port that goes without saying, without a path.
fn parse_origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (scheme, rest) = text.split_once("://")?;
    let usual = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let rest = rest.strip_suffix(usual).unwrap_or(rest);
    let host = match rest.rsplit_once(':') {
        Some((host, port)) if !rest.ends_with(']') => {
            port.parse::<u16>().ok().filter(|port| *port > 0)?;
            host
        }
        _ => rest,
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let valid = match bare {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            let plain =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
            !host.is_empty() && host.bytes().all(plain)
        }
    };
    valid.then(|| format!("{scheme}://{rest}"))
}
