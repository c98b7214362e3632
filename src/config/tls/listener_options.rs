//! The options about TLS that `[general]` and `[http]` have in common.

use std::marker::PhantomData;

use super::server::HasListener;
use crate::config::diagnostics::Report;
use crate::config::options::{Spec, Treatment};
use crate::config::raw::RawOption;
use crate::config::value;

/// The rows of a section's table.
pub(in crate::config) struct Rows<D>(PhantomData<D>);

impl<D: HasListener> Rows<D> {
    pub(in crate::config) const OPTIONS: &'static [Spec<D>] = &[
        Spec::read(
            "tlsenable",
            "yes or no",
            "no",
            "whether there is a port that speaks TLS as well",
            |draft: &mut D, option, report| {
                let enabled = value::boolean(option, report);
                draft.listener().enabled = enabled.then(|| option.location.clone());
            },
        )
        .with_aliases(&["sslenable"]),
        Spec::read(
            "tlsbindaddr",
            "address[:port]",
            D::BIND_DEFAULT,
            "address and port that speak TLS",
            |draft: &mut D, option, _| draft.listener().bind = Some(option.clone()),
        )
        .with_aliases(&["sslbindaddr"]),
        Spec::read(
            "tlscertfile",
            "file, or %d/NAME",
            "none, must be given with tlsenable",
            "the certificate in PEM form, with those of the authorities between it and the root",
            |draft: &mut D, option, _| draft.listener().certificate = Some(option.clone()),
        )
        .with_aliases(&["tlscert", "sslcert", "sslcertfile"]),
        Spec::read(
            "tlsprivatekey",
            "file, or %d/NAME",
            "in tlscertfile",
            "its private key in PEM form, without a password",
            |draft: &mut D, option, _| draft.listener().key = Some(option.clone()),
        )
        .with_aliases(&["sslprivatekey"]),
        Spec::read(
            "tlscipher",
            "cipher string of OpenSSL",
            "all",
            "which cipher suites may be used, the preferred ones first",
            |draft: &mut D, option, _| {
                draft.listener().ciphers = Some(option.clone()).filter(|o| !o.value.is_empty());
            },
        )
        .with_aliases(&["sslcipher"]),
        Spec::read(
            "tlsservercipherorder",
            "yes or no",
            "yes",
            "whether the order of tlscipher counts, or the client's own",
            |draft: &mut D, option, report| {
                draft.listener().client_order = !value::boolean(option, report);
            },
        ),
        Spec::read(
            "tlsdisablev1",
            "yes",
            "yes",
            "TLS 1.0 is never spoken",
            |_: &mut D, option, report| never_spoken("TLS 1.0", option, report),
        ),
        Spec::read(
            "tlsdisablev11",
            "yes",
            "yes",
            "TLS 1.1 is never spoken",
            |_: &mut D, option, report| never_spoken("TLS 1.1", option, report),
        ),
        Spec::read(
            "tlsdisablev12",
            "yes or no",
            "no",
            "whether TLS 1.3 alone is spoken",
            |draft: &mut D, option, report| {
                draft.listener().without_tls12 = value::boolean(option, report);
            },
        ),
        Spec::read(
            "tlsclientcert",
            "no, optional or require",
            "no",
            "whether clients are asked for a certificate, and whether they must have one",
            |draft: &mut D, option, report| draft.listener().client_certificate(option, report),
        ),
        Spec::read(
            "tlscafile",
            "file, or %d/NAME",
            "none",
            "the authorities in PEM form whose certificates are believed of clients",
            |draft: &mut D, option, _| draft.listener().authorities = Some(option.clone()),
        ),
        Spec::unsupported(
            "tlsbindport",
            &["sslbindport"],
            "the port belongs to the address",
            Treatment::Refused("write tlsbindaddr = ADDRESS:PORT"),
        ),
        Spec::unsupported(
            "tlsverifyclient",
            &[],
            "whether clients need a certificate is said by another option here",
            Treatment::Refused("write tlsclientcert = require, and tlscafile"),
        ),
    ];
}

fn never_spoken(version: &str, option: &RawOption, report: &mut Report) {
    if !value::boolean(option, report) {
        report.warning(
            &option.location,
            format!(
                "{version} is not spoken, whatever '{}' says",
                option.name.to_ascii_lowercase()
            ),
            "remove the line; clients must speak TLS 1.2 or 1.3",
        );
    }
}
