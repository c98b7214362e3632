//! Tests of cipher strings: what they choose, and what is told of them.

use super::*;

/// The suites of TLS 1.2 by short names: authentication, cipher.
fn names(choice: &Choice) -> String {
    let short = |suite: &SupportedCipherSuite| {
        let known = SUITES.iter().find(|known| known.suite == *suite).unwrap();
        known
            .name
            .replace("ECDHE-", "")
            .replace("ECDSA-", "e")
            .replace("RSA-", "r")
            .replace("AES256-GCM-SHA384", "256")
            .replace("AES128-GCM-SHA256", "128")
            .replace("CHACHA20-POLY1305", "C")
    };
    let names: Vec<String> = choice.suites.iter().map(short).collect();
    let all_tls13 = "TLS_AES_256_GCM_SHA384 TLS_AES_128_GCM_SHA256 TLS_CHACHA20_POLY1305_SHA256";
    names.join(" ").replace(all_tls13, "13")
}

#[test]
fn strings_of_openssl_choose_suites() {
    let all = "13 e256 e128 eC r256 r128 rC";
    let cases = [
        ("ALL", all),
        ("DEFAULT", all),
        ("high", all),
        ("ECDHE", all),
        ("ALL:!aNULL:!eNULL:!MD5", all),
        ("HIGH:!aRSA", "13 e256 e128 eC"),
        ("aRSA", "13 r256 r128 rC"),
        ("ECDSA:RSA", "13 e256 e128 eC"),
        ("AESGCM", "13 e256 e128 r256 r128"),
        ("CHACHA20:AES128", "13 eC rC e128 r128"),
        ("ECDHE+AESGCM+aRSA", "13 r256 r128"),
        ("ECDHE+AES256:!ECDSA", "13 r256"),
        ("ALL:-AES:AES256", "13 eC rC e256 r256"),
        ("ALL:!AES:AES256", "13 eC rC"),
        ("ALL:+AES128", "13 e256 eC r256 rC e128 r128"),
        ("AES128:CHACHA20:@STRENGTH", "13 eC rC e128 r128"),
        ("ECDHE-RSA-AES256-GCM-SHA384", "13 r256"),
        ("ecdhe-rsa-aes128-gcm-sha256", "13 r128"),
        ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "13 r256"),
        (
            "ECDHE-RSA-AES256-GCM-SHA384,ECDHE-RSA-CHACHA20-POLY1305 AES128",
            "13 r256 rC e128 r128",
        ),
        (
            "TLS_AES_128_GCM_SHA256:aRSA",
            "TLS_AES_128_GCM_SHA256 r256 r128 rC",
        ),
        (
            "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384",
            "TLS_CHACHA20_POLY1305_SHA256 TLS_AES_256_GCM_SHA384",
        ),
        (
            "ALL:!TLS_AES_128_GCM_SHA256:!ECDSA:!CHACHA20",
            "TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 r256 r128",
        ),
        ("TLSv1.3", "13"),
        ("TLSv1.3:aRSA+AES256", "13 r256"),
        ("RC4-SHA", "13"),
        ("SHA256", "13"),
        ("!TLSv1.3", ""),
        ("", "13"),
    ];
    for (text, expected) in cases {
        assert_eq!(names(&choose(text)), expected, "{text}");
    }
}

#[test]
fn what_does_not_exist_is_told_where_it_was_wanted() {
    let cases: [(&str, &[&str], &[&str]); 10] = [
        ("ALL", &[], &[]),
        ("ALL:!RC4:-3DES:!DES-CBC3-SHA", &[], &[]),
        (
            "DHE-RSA-AES128-GCM-SHA256:ALL",
            &["DHE-RSA-AES128-GCM-SHA256"],
            &[],
        ),
        ("kRSA+AES:aRSA", &["kRSA+AES"], &[]),
        ("AES+SHA256", &["AES+SHA256"], &[]),
        ("TLS_AES_128_CCM_SHA256", &["TLS_AES_128_CCM_SHA256"], &[]),
        ("ALL:CHACH20", &[], &["CHACH20"]),
        ("ALL:!CHACH20", &[], &["!CHACH20"]),
        ("ALL:@SECLEVEL=2:@LEVEL", &[], &["@LEVEL"]),
        ("+SHA:ALL", &[], &[]),
    ];
    for (text, absent, unknown) in cases {
        let choice = choose(text);
        assert_eq!(choice.absent, absent, "{text}");
        assert_eq!(choice.unknown, unknown, "{text}");
    }
}

#[test]
fn a_string_that_chooses_nothing_is_void() {
    let cases = [
        ("ALL", false, false),
        ("RC4-SHA", true, false),
        ("", true, false),
        ("ALL:!TLSv1.3", false, true),
        ("ALL:!ALL:!TLSv1.3", true, true),
        ("TLS_AES_128_GCM_SHA256", false, false),
        ("TLS_AES_128_GCM_SHA256:!TLS_AES_128_GCM_SHA256", true, true),
    ];
    for (text, both, tls13_only) in cases {
        assert_eq!(choose(text).is_void(false), both, "{text}");
        assert_eq!(choose(text).is_void(true), tls13_only, "{text}, 1.3 only");
    }
}

#[test]
fn the_table_has_every_suite_of_the_provider() {
    let provided = super::super::provider().cipher_suites.clone();
    let listed: Vec<SupportedCipherSuite> = SUITES.iter().map(|suite| suite.suite).collect();
    assert_eq!(listed, provided);
    for suite in &SUITES {
        let tls13 = suite.suite.tls13().is_some();
        assert_eq!(suite.tls13, tls13, "{}", suite.name);
    }
}
