//! `[general]`: where those who administer amimux connect.

use std::path::{Path, PathBuf};

use super::diagnostics::{Report, quoted};
use super::general::GeneralDraft;
use super::options::Spec;
use super::raw::RawOption;
use super::settings::ControlSocket;
use super::value::{FALSE_WORDS, is_true};

/// Longest path that the system takes for a socket (`sun_path`, with its closing NUL).
const PATH_BYTES_MAX: usize = 107;

/// The option about the control socket.
pub(super) const OPTIONS: &[Spec<GeneralDraft>] = &[Spec::read(
    "controlsocket",
    "file, or no",
    "/run/amimux/control.sock where that directory exists",
    "where root and the group of amimux administer it: amimux show, kick, log, reload, status",
    socket,
)];

fn socket(draft: &mut GeneralDraft, option: &RawOption, report: &mut Report) {
    let text = option.value.as_str();
    draft.general.control_socket = if is_true(text) {
        ControlSocket::Usual
    } else if FALSE_WORDS
        .iter()
        .any(|word| word.eq_ignore_ascii_case(text))
    {
        ControlSocket::Off
    } else if Path::new(text).is_absolute() && text.len() <= PATH_BYTES_MAX {
        ControlSocket::At(PathBuf::from(text))
    } else {
        return report.error(
            &option.location,
            format!("'controlsocket' is no path for a socket: {}", quoted(text)),
            "write a path that begins with / and has at most 107 bytes, such as /run/amimux/control.sock, or no",
        );
    };
}

#[cfg(test)]
mod tests {
    use super::super::testing::{BASE, USER, load_text};
    use super::*;

    #[test]
    fn a_path_or_a_word() {
        let long = format!("/{}", "x".repeat(107));
        for (value, expected) in [
            ("/a/b", Some(ControlSocket::At("/a/b".into()))),
            ("no", Some(ControlSocket::Off)),
            ("Off", Some(ControlSocket::Off)),
            ("yes", Some(ControlSocket::Usual)),
            ("control.sock", None),
            ("", None),
            (&long, None),
        ] {
            let line = format!("[general]\ncontrolsocket = {value}");
            let text = format!("{BASE}{USER}").replacen("[general]", &line, 1);
            let (settings, report) = load_text(&text);
            let found = settings.map(|settings| settings.general.control_socket);
            assert_eq!(found, expected, "{value}: {report}");
            let complains = report.contains("'controlsocket' is no path");
            assert_eq!(complains, expected.is_none(), "{value}: {report}");
        }
    }
}
