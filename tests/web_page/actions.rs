//! The form for actions.

use crate::page::Page;

fn run(page: &Page, action: &str, headers: &[(&str, &str)]) {
    while page.count("#headers > .header") > 0 {
        page.click("#headers > .header:last-child button");
    }
    page.fill("#name", action);
    for (number, (name, value)) in headers.iter().enumerate() {
        page.click("#add");
        let row = format!("#headers > .header:nth-child({})", number + 1);
        page.fill(&format!("{row} input:first-child"), name);
        page.fill(&format!("{row} input:nth-child(2)"), value);
    }
    page.click("#run");
}

#[test]
fn it_offers_what_its_user_may_run() {
    let page = Page::of_alice();
    let offered = "#names > option";
    crate::support::until("actions are offered", || {
        (page.count(offered) > 20).then_some(())
    });
    assert_eq!(page.count(&format!("{offered}[value=Originate]")), 1);
    assert_eq!(page.count(&format!("{offered}[value=Response]")), 0);
    page.fill("#name", "ping");
    page.wait_for("#about", "Sign of life.");
    page.fill("#name", "nonsense");
    page.wait_for("#about", "");
    page.click("#logout");
    page.wait_for("#state", "Logged out.");
    page.log_in("bob", "bob-secret");
    page.is_inside("bob");
    crate::support::until("those of Bob are offered", || {
        let of_bob = page.count(&format!("{offered}[value=Ping]")) == 1
            && page.count(&format!("{offered}[value=Reload]")) == 0;
        of_bob.then_some(())
    });
}

#[test]
fn answers_lists_and_refusals_are_shown() {
    let page = Page::of_alice();
    run(&page, "Ping", &[("ActionID", "my-own")]);
    page.wait_for("#outcome", "Success");
    let answer = page.text("#result");
    assert!(
        answer.starts_with("Response: Success\nActionID: my-own\nPing: Pong"),
        "{answer}"
    );
    run(&page, "QueueSummary", &[]);
    page.wait_for("#outcome", "Success: Queue summary will follow (");
    assert!(
        page.text("#result")
            .contains("\n\nEvent: QueueSummaryComplete\n")
    );
    run(&page, "Nonsense", &[]);
    page.wait_for("#outcome", "Error: Invalid/unknown command: Nonsense.");
    assert_eq!(page.property("#outcome", "className"), "note bad");
    // What is no action at all.
    run(&page, "Ping", &[("No:Name", "x")]);
    page.wait_for("#outcome", "holds a colon");
    assert!(!page.shows("#result"));
    page.click("#logout");
    page.wait_for("#state", "Logged out.");
    page.log_in("bob", "bob-secret");
    page.is_inside("bob");
    assert_eq!(page.text("#outcome"), "", "nothing of Alice's is left");
    run(&page, "CoreStatus", &[]);
    page.wait_for("#outcome", "Error: Permission denied");
}

#[test]
fn headers_go_out_as_they_are_written() {
    let page = Page::of_alice();
    let headers = [
        ("UserEvent", "Demo"),
        ("Variable", "a=1"),
        ("9", " spaces "),
        ("Variable", "b=2"),
        ("__proto__", "x"),
        ("", ""),
        ("Empty", ""),
    ];
    run(&page, "UserEvent", &headers);
    page.wait_for("#outcome", "Success");
    let sent = page.site.asterisk.pbx.with(|pbx, _| {
        let run = pbx.executed().iter().find(|run| run.action == b"UserEvent");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        run.expect("it arrived")
            .headers
            .iter()
            .filter(|(name, _)| name != b"ActionID")
            .map(|(name, value)| (text(name), text(value)))
            .collect::<Vec<_>>()
    });
    let expected = [
        ("Action", "UserEvent"),
        ("UserEvent", "Demo"),
        ("Variable", "a=1"),
        ("Variable", "b=2"),
        ("9", "spaces "),
        ("__proto__", "x"),
        ("Empty", ""),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(sent, expected);
}
