//! A user's `setvar` variables reach the extensions that it calls as they do from a session of Asterisk's own:
//! whole, whatever stands in them, and outdone by the request's own variables.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod support;

use support::{AmiClient, Amimux, Asterisk};

/// The values that extension 117 saw, one line each, of a call with these headers.
fn seen(port: u16, headers: &[(&str, &str)]) -> Vec<String> {
    let mut client = AmiClient::session(port, "variables", "user");
    let call = [
        ("Action", "Originate"),
        ("ActionID", "call"),
        ("Channel", "Local/117@ami-test"),
        ("Application", "Wait"),
        ("Data", "1"),
    ];
    client.action(&[&call, headers].concat());
    let answer = client.read_until("UserEvent: TestSetvar\r\n");
    let text = String::from_utf8(answer).expect("text");
    let values = text.lines().filter(|line| line.get(1..3) == Some(": "));
    values.map(str::to_owned).collect()
}

#[test]
fn called_extensions_see_the_same_variables() {
    let asterisk = Asterisk::start();
    let amimux = Amimux::before(&asterisk);
    for headers in [
        &[("Async", "true")][..],
        &[],
        &[
            ("Async", "true"),
            ("Variable", "V1=mine,V2=own"),
            ("Variable", "VC=more"),
        ],
        &[
            ("Async", "true"),
            ("Variable", "V2=\"quoted, whole\",_V6=x"),
        ],
        &[("Variable", "V9=set"), ("Variable", "V9=twice")],
    ] {
        let direct = seen(asterisk.ami_port, headers);
        assert!(direct.len() >= 12, "{direct:?}");
        assert_eq!(seen(amimux.port, headers), direct, "{headers:?}");
    }
    // What the configuration says is there, so that equal does not mean empty.
    let values = seen(amimux.port, &[]);
    assert!(
        values.contains(&"2: YSxi".to_owned()),
        "V2 is a,b: {values:?}"
    );
}
