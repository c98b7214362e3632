//! What rebuilding keeps, changes and refuses.

use super::super::action_id::{TokenKind, TokenMint};
use super::super::fuzzing::rebuild_laws;
use super::*;
use proptest::prelude::*;

const TOKEN: &str = "0000000000000001-o-2";

fn rebuilt(text: &str, rewrite: &Rewrite<'_>) -> Result<String, RebuildError> {
    let outgoing = rebuild(Request::new(text.as_bytes()), rewrite)?;
    let mut out = BytesMut::new();
    outgoing.write_to(&TokenMint::new(1).token(2, TokenKind::Ordinary), &mut out);
    assert!(out.len() <= outgoing.size());
    Ok(String::from_utf8(out.to_vec()).unwrap())
}

fn in_place() -> Rewrite<'static> {
    Rewrite {
        action_id_in_place: true,
        ..Rewrite::default()
    }
}

#[test]
fn lines_and_their_order() {
    let added = [
        (Text::fixed("Variable"), Text::fixed("A=1")),
        (Text::fixed("Empty"), Text::fixed("")),
    ];
    let change = Rewrite {
        action_id_in_place: false,
        drop: &["Async", "action", "ACTIONID"],
        append: &added,
    };
    let plain = Rewrite::default();
    let cases: &[(&str, &str, &Rewrite<'_>, &str)] = &[
        (
            "canonical",
            "X:y\naction:\t\x01 Ping \r\nno colon\r\n Z : \x02\r\n",
            &plain,
            "ActionID: T\r\nAction: Ping \r\nX:y\r\nno colon\r\n Z : \x02\r\n\r\n",
        ),
        (
            "ActionID to the front",
            "Action: A\r\nB: c\r\nactionid: 5\r\n",
            &plain,
            "ActionID: T\r\nAction: A\r\nB: c\r\n\r\n",
        ),
        (
            "ActionID in place",
            "Action: A\r\nB: c\r\naCtionid:5\r\nD: e\r\n",
            &in_place(),
            "Action: A\r\nB: c\r\naCtionid: T\r\nD: e\r\n\r\n",
        ),
        (
            "empty ActionID in place",
            "ActionID:\r\nAction: A\r\n",
            &in_place(),
            "Action: A\r\nActionID: T\r\n\r\n",
        ),
        (
            "no ActionID in place",
            "Action: A\r\nB: c\r\n",
            &in_place(),
            "ActionID: T\r\nAction: A\r\nB: c\r\n\r\n",
        ),
        (
            "dropped and added",
            "ASYNC: no\r\nAction: A\r\nAsync : x\r\nAsync:\r\nActionID: 1\r\n",
            &change,
            "ActionID: T\r\nAction: A\r\nAsync : x\r\nVariable: A=1\r\nEmpty: \r\n\r\n",
        ),
        (
            "names that only look alike",
            "Action: A\r\nAction : B\r\n Action: C\r\nActions: D\r\nActionID : 1\r\n",
            &plain,
            "ActionID: T\r\nAction: A\r\nAction : B\r\n Action: C\r\nActions: D\r\nActionID : 1\r\n\r\n",
        ),
    ];
    for (name, text, rewrite, expected) in cases {
        assert_eq!(
            rebuilt(text, rewrite),
            Ok(expected.replace("T\r", &format!("{TOKEN}\r"))),
            "{name}"
        );
    }
}

#[test]
fn headers_that_are_refused() {
    use RebuildError::{DuplicateAction, DuplicateActionId, NoAction};
    let cases = [
        ("no action", "ActionID: 1\r\n", NoAction),
        ("nothing", "", NoAction),
        ("an empty action", "Action: \t\r\n", NoAction),
        ("no action by its name", "Action : Ping\r\n", NoAction),
        ("two actions", "Action: A\r\naction: B\r\n", DuplicateAction),
        (
            "an empty one first",
            "Action:\r\nAction: Command\r\n",
            DuplicateAction,
        ),
        (
            "an empty one last",
            "Action: A\r\nACTION:\x01\r\n",
            DuplicateAction,
        ),
        (
            "two ActionIDs",
            "Action: A\r\nActionID: 1\r\nactionid: 2\r\n",
            DuplicateActionId,
        ),
        (
            "an empty ActionID too",
            "Action: A\r\nActionID:\r\nActionID: 2\r\n",
            DuplicateActionId,
        ),
    ];
    for (name, text, expected) in cases {
        assert_eq!(rebuilt(text, &Rewrite::default()), Err(expected), "{name}");
        assert_eq!(
            rebuilt(text, &in_place()),
            Err(expected),
            "{name}, in place"
        );
    }
}

#[test]
fn lines_that_are_refused() {
    use RebuildError::{ForbiddenByte, LineTooLong, TooManyLines};
    let x = |count: usize| "x".repeat(count);
    let lines = |count: usize| "A: b\r\n".repeat(count);
    let cases: [(&str, String, Option<RebuildError>); 10] = [
        ("1,022 bytes", format!("{}\n", x(1022)), None),
        (
            "1,023 bytes that ended in LF",
            format!("{}\n", x(1023)),
            Some(LineTooLong),
        ),
        (
            "1,022 bytes in place",
            format!("ActionID:{}\n", x(1013)),
            None,
        ),
        ("128 lines with the ActionID", lines(126), None),
        (
            "129 lines with the ActionID",
            lines(127),
            Some(TooManyLines),
        ),
        (
            "128 lines, one the ActionID",
            lines(126) + "actionid: 1\n",
            None,
        ),
        ("NUL", "\0hidden: x\r\n".into(), Some(ForbiddenByte)),
        ("bare CR", "A: b\rAction: C\r\n".into(), Some(ForbiddenByte)),
        ("CR at the end", "A: b\r\r\n".into(), Some(ForbiddenByte)),
        (
            "a blank line within",
            "\r\nAction : B\r\n".into(),
            Some(ForbiddenByte),
        ),
    ];
    for (name, text, expected) in cases {
        let result = rebuilt(&format!("Action: A\r\n{text}"), &Rewrite::default());
        assert_eq!(result.err(), expected, "{name}");
    }
    let grown = format!("Action:{}\r\n", x(1015));
    assert_eq!(
        rebuilt(&grown, &Rewrite::default()),
        Err(LineTooLong),
        "1,022 bytes and a blank"
    );
    assert_eq!(
        rebuilt("Action: Ping\0x\r\n", &Rewrite::default()),
        Err(ForbiddenByte),
        "NUL in the action"
    );
}

#[test]
fn what_is_added_counts_too() {
    let text = format!("Action: A\r\n{}", "A: b\r\n".repeat(126));
    let long = "x".repeat(1020);
    let long = Text::new(long.as_bytes()).unwrap();
    let cases = [
        (
            "A",
            Text::fixed("b"),
            text.as_str(),
            RebuildError::TooManyLines,
        ),
        ("A", long, "Action: A\r\n", RebuildError::LineTooLong),
        (
            "action",
            Text::fixed(""),
            "Action: A\r\n",
            RebuildError::DuplicateAction,
        ),
        (
            "ActionID:1",
            Text::fixed("b"),
            "Action: A\r\n",
            RebuildError::DuplicateActionId,
        ),
    ];
    for (name, value, text, expected) in cases {
        let append = [(Text::new(name.as_bytes()).unwrap(), value)];
        let rewrite = Rewrite {
            append: &append,
            ..Rewrite::default()
        };
        assert_eq!(rebuilt(text, &rewrite), Err(expected), "{name}");
    }
}

#[test]
fn asterisk_texts() {
    assert_eq!(
        RebuildError::from(Defect::LineTooLong).to_string(),
        "Failed to parse message: line too long"
    );
    let many = RebuildError::from(Defect::TooManyLines).to_string();
    assert_eq!(many, "Too many lines in message or allocation failure");
    assert_eq!(
        RebuildError::from(Defect::ForbiddenByte),
        RebuildError::ForbiddenByte
    );
    assert_eq!(
        RebuildError::NoAction.to_string(),
        "Missing action in request"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn look_ups_stay_the_same(
        lines in prop::collection::vec("(Action|ActionID|Variable|x|Channel)?:?[\t -~]{0,20}\r?\n", 0..12),
        place in 0_usize..12, action in "[A-Z][a-z]{1,8}", kept: bool,
    ) {
        let mut lines = lines;
        lines.retain(|line| !line.trim_end_matches(['\r', '\n']).is_empty());
        lines.insert(place.min(lines.len()), format!("aCtion:{action}\r\n"));
        let text = lines.concat();
        rebuild_laws(text.as_bytes(), kept);
        let rewrite = Rewrite { action_id_in_place: kept, ..Rewrite::default() };
        if let Ok(sent) = rebuilt(&text, &rewrite) {
            let (before, after) = (Request::new(text.as_bytes()), Request::new(sent.as_bytes()));
            for name in ["Variable", "x", "Channel"] {
                prop_assert_eq!(before.all(name).collect::<Vec<_>>(), after.all(name).collect::<Vec<_>>());
            }
            prop_assert_eq!(before.action(), after.action());
        }
    }
}
