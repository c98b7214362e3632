//! What is shown of messages, and that no secret is.

use super::*;
use proptest::prelude::*;

fn shown(message: &str) -> String {
    let text = message.replace('|', "\r\n");
    let request = Request::new(text.as_bytes());
    headers(request.action().unwrap_or_default(), request)
}

#[test]
fn what_is_shown_and_what_is_not() {
    for (message, expected) in [
        ("Action: Ping", ""),
        (
            "Action: Hangup|Channel: PJSIP/1;2|ActionID: 7",
            r"Channel: PJSIP/1\;2; ActionID: 7",
        ),
        (
            "Action: Login|Username: a|Secret: s|AuthType: MD5|Key: 00",
            "Username: a; Secret: [redacted]; AuthType: MD5; Key: [redacted]",
        ),
        (
            "ACTION: x|NewPassword:s|Pin: 1|VoicemailPIN: 2|X-Token: t|Authorization: b|Shipping: on",
            "NewPassword: [redacted]; Pin: [redacted]; VoicemailPIN: [redacted]; X-Token: [redacted]; \
             Authorization: [redacted]; Shipping: on",
        ),
        (
            "Action: Originate|Channel: Local/1|Variable: A=1,MY_SECRET=x,more,B=2|Variable: \"PASS\"=y",
            "Channel: Local/1; Variable: A=1,MY_SECRET=[redacted],[redacted],B=2; Variable: \"PASS\"=[redacted]",
        ),
        (
            r"Action: Originate|Variable: TOKEN=a\,b,C=d",
            r"Variable: TOKEN=[redacted],C=d",
        ),
        (
            "Action: Setvar|Channel: c|Variable: SIP_PASSWORD|Value: x",
            "Channel: c; Variable: SIP_PASSWORD; Value: [redacted]",
        ),
        (
            "Action: Setvar|Variable: CAMPAIGN|Value: x",
            "Variable: CAMPAIGN; Value: x",
        ),
        (
            "Action: updateconfig|SrcFilename: a|Var-000000: secret|Value-000000: x|Match-000000: y",
            "SrcFilename: a; Var-000000: secret; Value-000000: [redacted]; Match-000000: [redacted]",
        ),
        (
            "Action: DBPut|Family: auth|Key: 200|Val: x",
            "Family: auth; Key: 200; Val: [redacted]",
        ),
        (
            "Action: DBPut|Family: cidname|Key: pin|Val: x",
            "Family: cidname; Key: pin; Val: [redacted]",
        ),
        (
            "Action: DBPut|Family: cidname|Key: 200|Val: x",
            "Family: cidname; Key: 200; Val: x",
        ),
        (
            "Action: Command|Command: core show channels",
            "Command: core show channels",
        ),
        (
            "Action: Originate|Variable: HASH(a,b)=c,HASH(secret,x)=y",
            "Variable: HASH(a,b)=c,HASH(secret,x)=[redacted]",
        ),
        ("Action: x|no colon", "no colon"),
    ] {
        assert_eq!(shown(message), expected, "{message}");
    }
}

#[test]
fn lines_of_messages_either_way() {
    let long = "x".repeat(3000);
    for (message, expected) in [
        (
            "Action: Login|Username: a|Secret: s|Key: 1",
            "Action: Login|Username: a|Secret: [redacted]|Key: [redacted]",
        ),
        ("Action: X|A: b;c|no colon", "Action: X|A: b;c|no colon"),
        (
            "Action: Originate|Variable: A=1,PASS=x,B=;",
            "Action: Originate|Variable: A=1,PASS=[redacted],B=;",
        ),
        (
            "Action: Setvar|Variable: PIN|Value: 1",
            "Action: Setvar|Variable: PIN|Value: [redacted]",
        ),
        (
            "Event: VarSet|Variable: API_TOKEN|Value: x",
            "Event: VarSet|Variable: API_TOKEN|Value: [redacted]",
        ),
        (
            "Response: Success|Variable: SECRET|Value: x",
            "Response: Success|Variable: SECRET|Value: [redacted]",
        ),
        (
            "Event: DBGetResponse|Family: auth|Key: 200|Val: x",
            "Event: DBGetResponse|Family: auth|Key: 200|Val: [redacted]",
        ),
        (
            "Action: DBPut|Family: secret|Key: 200|Val: x",
            "Action: DBPut|Family: secret|Key: 200|Val: [redacted]",
        ),
        (
            "Response: Success|Line-000000-000001: secret=x|Line-000000-000002: host=y",
            "Response: Success|Line-000000-000001: secret= [redacted]|Line-000000-000002: host=y",
        ),
        (
            "Response: Success|Output:   Secret  : x|Output: a: b|Output: md5secret=x",
            "Response: Success|Output: Secret  : [redacted]|Output: a: b|Output: md5secret= [redacted]",
        ),
        (
            r#"Response: Success|JSON: {"secret":"x"}|JSON-000001: {"a":"b"}"#,
            r#"Response: Success|JSON: [redacted]|JSON-000001: {"a":"b"}"#,
        ),
        (
            "Event: Newexten|Application: Set|AppData: TOKEN=x|ChanVariable(1): PASSWORD=x",
            "Event: Newexten|Application: Set|AppData: TOKEN=[redacted]|ChanVariable(1): PASSWORD=[redacted]",
        ),
        (
            "Response: Success|Message: Authentication accepted|ActionID: 1",
            "Response: Success|Message: Authentication accepted|ActionID: 1",
        ),
    ] {
        let text = message.replace('|', "\r\n");
        assert_eq!(lines(text.as_bytes()).join("|"), expected, "{message}");
    }
    assert_eq!(lines(long.as_bytes()), [long]);
    assert_eq!(lines(b"A: 1\r\n\r\n"), ["A: 1"]);
}

#[test]
fn values_and_lines_are_cut() {
    let long = "ä".repeat(300);
    let line = shown(&format!("Action: x|A: {long}"));
    assert_eq!(line, format!("A: {}…", "ä".repeat(100)));
    let many = "B: 0123456789|".repeat(500);
    let line = shown(&format!("Action: x|{many}"));
    assert!(line.len() <= 2048 + "…".len() && line.ends_with('…'));
}

/// Letters of either case.
fn in_any_case(word: &'static str) -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<bool>(), word.len()).prop_map(move |upper| {
        let letters = word.chars().zip(upper);
        let cased = |(letter, upper): (char, bool)| match upper {
            true => letter.to_ascii_uppercase(),
            false => letter,
        };
        letters.map(cased).collect()
    })
}

fn secret_name() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(vec![
        "secret",
        "password",
        "passwd",
        "pass",
        "pin",
        "token",
        "key",
        "authorization",
        "auth",
    ]);
    let affix = "([A-Z][a-z]{0,6}[_-])?";
    (affix, word.prop_flat_map(in_any_case)).prop_map(|(before, word)| before + &word)
}

proptest! {
    #[test]
    fn secrets_never_show(
        name in secret_name(),
        form in 0..6_usize,
        before in "[A-Za-z]{1,8}",
        quoted in any::<bool>(),
    ) {
        const SECRET: &str = "s3cr3tv4lue";
        let value = if quoted { format!("\"{SECRET},{SECRET}\"") } else { format!("{SECRET}\\,{SECRET}") };
        let message = match form {
            0 => format!("Action: {before}|{name}: {value}"),
            1 => format!("Action: {before}|{name}:{value}|Other: 1"),
            2 => format!("Action: Originate|Variable: X=1,{name}={value},Y=2"),
            3 => format!("Action: Originate|Variable: {name}={SECRET},{SECRET}"),
            4 => format!("Action: SetVar|Value: {value}|Variable: {name}"),
            _ => format!("Action: DBPut|Val: {value}|Key: x|Family: {name}"),
        };
        let line = shown(&message);
        prop_assert!(!line.contains(SECRET), "{} became {}", message, line);
    }

    #[test]
    fn any_bytes_make_a_bounded_line(bytes in proptest::collection::vec(any::<u8>(), 0..4000)) {
        let line = headers(b"x", Request::new(&bytes));
        prop_assert!(line.len() <= LINE_BYTES_MAX + "…".len());
    }
}
