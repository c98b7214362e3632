//! Tests of what is said of mistakes about ports that speak TLS.

use super::tests::{load, with_general};
use crate::config::testing::{Files, set_mode};
use crate::config::tls::testing::{Authority, self_signed};
use crate::config::{Environment, load as load_path};

const WRONG: &[(&str, &str)] = &[
    (
        "+",
        "2: error: there is no 'tlscertfile', which TLS needs; write tlscertfile = and the file with certificate and key",
    ),
    (
        "tlsenable=yes\ntlsbindaddr=localhost",
        "3: error: tlsbindaddr = 'localhost' is not an address; write a numeric address and a port, as in 127.0.0.1:5039 or [::]:5039\n\
      2: error: there is no 'tlscertfile', which TLS needs; write tlscertfile = and the file with certificate and key",
    ),
    (
        "tlsbindport=5040",
        "2: error: the option 'tlsbindport' is not supported: the port belongs to the address; write tlsbindaddr = ADDRESS:PORT",
    ),
    (
        "tlsverifyclient=yes",
        "2: error: the option 'tlsverifyclient' is not supported: whether clients need a certificate is said by another option here; write tlsclientcert = require, and tlscafile",
    ),
    (
        "tlsdisablev1=no",
        "2: warning: TLS 1.0 is not spoken, whatever 'tlsdisablev1' says; remove the line; clients must speak TLS 1.2 or 1.3",
    ),
    (
        "tlsdisablev11=no",
        "2: warning: TLS 1.1 is not spoken, whatever 'tlsdisablev11' says; remove the line; clients must speak TLS 1.2 or 1.3",
    ),
    (
        "tlsclientcert=maybe",
        "2: error: tlsclientcert = 'maybe' is not valid; write no or optional or require",
    ),
    ("tlscertfile=missing", ""),
    (
        "+tlscertfile=missing",
        "4: error: tlscertfile = 'missing': the file cannot be read: No such file or directory (os error 2); check the path and the permissions",
    ),
    (
        "+tlscertfile=.",
        "4: error: tlscertfile = '.': the file cannot be read: it is not a regular file; check the path and the permissions",
    ),
    (
        "+tlscertfile=",
        "4: error: tlscertfile = '': the line names no file; write the path of a file",
    ),
    (
        "+tlscertfile=%d/cert",
        "4: error: tlscertfile = '%d/cert': $CREDENTIALS_DIRECTORY is not set, so that %d stands for nothing; write LoadCredential=NAME:/path/to/the/file into the [Service] of the systemd unit, which sets it, or name the file by its path",
    ),
    (
        "+tlscertfile=cert",
        "4: error: tlscertfile = 'cert' holds no private key, and there is no 'tlsprivatekey'; write tlsprivatekey = and the file with the key",
    ),
    (
        "+tlscertfile=cert\ntlsprivatekey=cert",
        "5: error: tlsprivatekey = 'cert' holds no private key in PEM form; name a file with a key, from BEGIN PRIVATE KEY to END PRIVATE KEY",
    ),
    (
        "+tlscertfile=cert\ntlsprivatekey=sealed",
        "5: error: the private key in tlsprivatekey = 'sealed' is encrypted, and there is nobody to ask for its password; decrypt it with openssl pkey -in FILE -out NEW, and protect the new file by its permissions",
    ),
    (
        "+tlscertfile=cert\ntlsprivatekey=sealed-old",
        "5: error: the private key in tlsprivatekey = 'sealed-old' is encrypted, and there is nobody to ask for its password; decrypt it with openssl pkey -in FILE -out NEW, and protect the new file by its permissions",
    ),
    (
        "+tlscertfile=cert\ntlsprivatekey=broken",
        "5: error: tlsprivatekey = 'broken' is not well-formed PEM; name a file with a key, from BEGIN PRIVATE KEY to END PRIVATE KEY",
    ),
    (
        "+tlscertfile=cert\ntlsprivatekey=odd",
        "5: error: the private key in tlsprivatekey = 'odd' is of a kind that cannot be used; use RSA of 2048 to 8192 bits, ECDSA with P-256 or P-384, or Ed25519",
    ),
    (
        "+tlscertfile=cert\ntlsprivatekey=other",
        "5: error: the private key in tlsprivatekey = 'other' does not belong to the first certificate in 'cert'; name the key that the certificate was made for; put the certificate of this side first, then those of the authorities between it and the root, each from BEGIN CERTIFICATE to END CERTIFICATE",
    ),
    (
        "+tlscertfile=key",
        "4: error: tlscertfile = 'key' holds no certificate in PEM form; name a file with certificates, each from BEGIN CERTIFICATE to END CERTIFICATE",
    ),
    (
        "+tlscertfile=junk\ntlsprivatekey=key",
        "5: error: the first certificate in tlscertfile = 'junk' cannot be used; make a certificate of version 3 for the key that is named",
    ),
    (
        "+tlscertfile=both\ntlscipher=ALL:CHACH20",
        "5: error: 'tlscipher' has 'CHACH20', which OpenSSL does not know; write names of suites or groups, as in ECDHE+AESGCM:ECDHE+CHACHA20",
    ),
    (
        "+tlscertfile=both\ntlscipher=RC4-SHA:AES128-SHA",
        "5: error: tlscipher = 'RC4-SHA:AES128-SHA' leaves no cipher suite; remove the line, or write ECDHE+AESGCM:ECDHE+CHACHA20, which is all there is",
    ),
    (
        "+tlscertfile=both\ntlscipher=HIGH:RC4:3DES:DHE:kRSA",
        "5: warning: 'tlscipher' has 'RC4', '3DES', 'DHE', 1 more, which does not exist here; remove it; there are suites with ECDHE and AES-GCM or ChaCha20 only",
    ),
    (
        "+tlscertfile=both\ntlscafile=ca",
        "5: warning: 'tlscafile' has no effect: clients are not asked for certificates; write tlsclientcert = optional or tlsclientcert = require",
    ),
    ("+tlscertfile=both\ntlscafile=ca\ntlsclientcert=no", ""),
    (
        "+tlscertfile=both\ntlsclientcert=require",
        "5: error: there is no 'tlscafile' to judge certificates of clients by; write tlscafile = and the file with the authorities that issue them",
    ),
    (
        "+tlscertfile=both\ntlsclientcert=optional\ntlscafile=missing",
        "6: error: tlscafile = 'missing': the file cannot be read: No such file or directory (os error 2); check the path and the permissions",
    ),
    (
        "+tlscertfile=both\ntlsclientcert=optional\ntlscafile=key",
        "6: error: tlscafile = 'key' holds no certificate in PEM form; name a file with certificates, each from BEGIN CERTIFICATE to END CERTIFICATE",
    ),
];

#[test]
fn mistakes_are_told_with_place_and_remedy() {
    let (pair, other, ca) = (
        self_signed("localhost"),
        self_signed("localhost"),
        Authority::new("ca"),
    );
    let both = pair.both();
    let sealed = pair.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let sealed_old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    let broken = pair.key.replace("-----END PRIVATE KEY-----", "");
    let odd = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let junk = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let files = [
        ("cert", pair.certificate.as_str()),
        ("key", &pair.key),
        ("both", &both),
        ("other", &other.key),
        ("ca", &ca.certificate),
        ("sealed", &sealed),
        ("sealed-old", sealed_old),
        ("broken", &broken),
        ("odd", odd),
        ("junk", junk),
    ];
    for (lines, expected) in WRONG {
        let lines = match lines.strip_prefix('+') {
            Some(rest) => format!("tlsenable=yes\ntlsbindaddr=127.0.0.1:5040\n{rest}"),
            None => (*lines).to_owned(),
        };
        let (_, report) = load(&lines, &files);
        let expected: Vec<String> = expected
            .lines()
            .map(|line| format!("amimux.conf:{}", line.trim_start()))
            .collect();
        assert_eq!(report, expected.join("\n"), "{lines}");
    }
}

#[test]
fn keys_that_everybody_can_read_are_warned_of() {
    let pair = self_signed("localhost");
    let both = pair.both();
    for (lines, exposed, expected) in [
        (
            "tlscertfile=both",
            "both",
            "amimux.conf:4: warning: tlscertfile = 'both' holds a private key and everybody on this machine can read it; run chmod o-r on it",
        ),
        (
            "tlscertfile=cert\ntlsprivatekey=key",
            "key",
            "amimux.conf:5: warning: tlsprivatekey = 'key' holds a private key and everybody on this machine can read it; run chmod o-r on it",
        ),
        ("tlscertfile=cert\ntlsprivatekey=key", "cert", ""),
    ] {
        let main = with_general(&format!(
            "tlsenable=yes\ntlsbindaddr=127.0.0.1:5040\n{lines}"
        ));
        let files = Files::new(&[
            ("amimux.conf", main.as_str()),
            ("both", &both),
            ("cert", &pair.certificate),
            ("key", &pair.key),
        ]);
        set_mode(&files.path(exposed), 0o644);
        let (settings, report) = load_path(&files.path("amimux.conf"), &Environment::default());
        assert!(settings.unwrap().general.tls.is_some());
        assert_eq!(files.text(&report), expected);
    }
}
