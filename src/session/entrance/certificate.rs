//! The names in a client's certificate, by which a user may log in (`tlsclientname`). Only certificates that were verified
//! come here.

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Its DNS names, e-mail addresses and URIs, and the common names of its subject. None if it cannot be read.
pub fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return Vec::new();
    };
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let alternatives = alternatives
        .iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) | GeneralName::RFC822Name(name) | GeneralName::URI(name) => {
                Some(*name)
            }
            _ => None,
        });
    let common = certificate
        .subject()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok());
    alternatives.chain(common).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

    use super::*;

    #[test]
    fn every_kind_of_name_counts() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["crm.example".to_owned()]).unwrap();
        params.subject_alt_names.extend([
            SanType::Rfc822Name("crm@example.net".try_into().unwrap()),
            SanType::URI("urn:app:crm".try_into().unwrap()),
            SanType::IpAddress("192.0.2.1".parse().unwrap()),
        ]);
        params.distinguished_name = DistinguishedName::new();
        let name = &mut params.distinguished_name;
        name.push(DnType::OrganizationName, "not a name");
        name.push(DnType::CommonName, "CRM of Żółw");
        let certificate = params.self_signed(&key).unwrap();
        assert_eq!(
            names(certificate.der()),
            [
                "crm.example",
                "crm@example.net",
                "urn:app:crm",
                "CRM of Żółw"
            ]
        );
    }

    #[test]
    fn what_has_no_name_or_cannot_be_read_has_none() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let certificate = params.self_signed(&key).unwrap();
        assert!(names(certificate.der()).is_empty());
        let broken = CertificateDer::from(b"\x30\x82\xff\xff".to_vec());
        assert!(names(&broken).is_empty());
    }
}
