//! `[general]`: where Prometheus reads the metrics.

use std::net::SocketAddr;

use super::diagnostics::{Report, quoted};
use super::general::GeneralDraft;
use super::options::Spec;
use super::raw::RawOption;
use super::tls::server::parse_bind;

/// The port where a line names none.
const PORT: u16 = 9338;

/// The option about metrics.
pub(super) const OPTIONS: &[Spec<GeneralDraft>] = &[Spec::read(
    "metricsbindaddr",
    "address[:port]",
    "none: no metrics are served",
    "where Prometheus reads the metrics, at /metrics; without a port, 9338",
    bind,
)];

fn bind(draft: &mut GeneralDraft, option: &RawOption, report: &mut Report) {
    let Some(address) = parse_bind(&option.value, PORT) else {
        report.error(
            &option.location,
            format!("'metricsbindaddr' is no address: {}", quoted(&option.value)),
            "write an address, with a port if it is not 9338, such as 127.0.0.1 or [::1]:9338",
        );
        return;
    };
    warn_if_open(address, option, report);
    draft.general.metrics = Some(address);
}

fn warn_if_open(address: SocketAddr, option: &RawOption, report: &mut Report) {
    if address.ip().is_unspecified() {
        report.warning(
            &option.location,
            "the metrics can be read by whoever reaches this machine",
            "write metricsbindaddr = 127.0.0.1 or an address on a network for monitoring",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{BASE, USER, load_text};

    fn load(value: &str) -> (Option<String>, String) {
        let line = format!("[general]\nmetricsbindaddr = {value}");
        let text = format!("{BASE}{USER}").replacen("[general]", &line, 1);
        let (settings, report) = load_text(&text);
        let metrics = settings.map(|settings| settings.general.metrics);
        (metrics.flatten().map(|address| address.to_string()), report)
    }

    #[test]
    fn addresses_with_and_without_a_port() {
        for (value, expected) in [
            ("127.0.0.1", "127.0.0.1:9338"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("::1", "[::1]:9338"),
            ("[::1]:81", "[::1]:81"),
        ] {
            assert_eq!(load(value), (Some(expected.to_owned()), String::new()));
        }
        let (open, report) = load("0.0.0.0");
        assert_eq!(open.as_deref(), Some("0.0.0.0:9338"));
        assert!(report.contains("can be read by whoever"), "{report}");
        for value in ["", "localhost", "127.0.0.1:99999", "9338"] {
            let (none, report) = load(value);
            assert_eq!(none, None);
            assert!(
                report.contains("'metricsbindaddr' is no address"),
                "{report}"
            );
        }
    }
}
