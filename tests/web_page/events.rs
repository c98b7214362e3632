//! Events as they happen: the list, its filter, pauses, classes; connections that break.

use amimux::policy::class::Classes;

use crate::page::{EVENTS, Page};
use crate::support::{Amimux, until};

fn numbered(page: &Page, number: usize) {
    let event = format!("Event: Hangup\nPrivilege: call,all\nN: {number};");
    page.happens(Classes::CALL, &event);
}

fn numbers(from: usize, to: usize) -> Vec<String> {
    (from..=to).map(|number| number.to_string()).collect()
}

#[test]
fn they_appear_by_themselves_and_unfold() {
    let page = Page::of_alice();
    page.happens(
        Classes::CALL,
        "Event: Newchannel\nPrivilege: call,all\nChannel: PJSIP/100-00000001\nChanVariable: a=1\nChanVariable: b=2",
    );
    page.newest("Newchannel");
    page.newest("Channel: PJSIP/100-00000001");
    page.click(&format!("{EVENTS}:first-child summary"));
    page.wait_for(
        &format!("{EVENTS}:first-child pre"),
        "Privilege: call,all\nChannel: PJSIP/100-00000001\nChanVariable: a=1\nChanVariable: b=2",
    );
    assert!(page.text("#count").contains("1 shown"));
}

#[test]
fn a_filter_shows_what_holds_its_words() {
    let page = Page::of_alice();
    for name in ["alpha", "beta", "alphabet"] {
        let event = format!("Event: Hangup\nPrivilege: call,all\nName: {name};");
        page.happens(Classes::CALL, &event);
    }
    page.counts(3);
    page.fill("#filter", "HANGUP alpha");
    page.counts(2);
    assert_eq!(page.listed("Name: "), ["alpha", "alphabet"]);
    for name in ["gamma", "alphas"] {
        let event = format!("Event: Hangup\nPrivilege: call,all\nName: {name};");
        page.happens(Classes::CALL, &event);
    }
    page.newest("alphas");
    assert_eq!(page.count(EVENTS), 3);
    page.fill("#filter", "gamma");
    page.counts(1);
    page.fill("#filter", "x");
    page.counts(0);
    page.fill("#filter", "a");
    page.counts(5);
}

#[test]
fn a_pause_holds_them_back_and_loses_none() {
    let page = Page::of_alice();
    numbered(&page, 1);
    page.counts(1);
    page.click("#pause");
    assert_eq!(page.property("#pause", "ariaPressed"), "true");
    numbered(&page, 2);
    numbered(&page, 3);
    page.wait_for("#count", "2 waiting");
    assert_eq!(page.listed("N: "), ["1"]);
    page.click("#pause");
    page.counts(3);
    assert_eq!(page.listed("N: "), ["1", "2", "3"]);
    page.click("#clear");
    page.counts(0);
    numbered(&page, 4);
    page.counts(1);
}

#[test]
fn the_list_is_bounded() {
    let page = Page::of_alice();
    for number in 1..=2600 {
        numbered(&page, number);
    }
    page.wait_for("#count", "2600 received");
    page.newest("N: 2600;");
    assert_eq!(page.listed("N: "), numbers(2101, 2600));
    // What a filter finds goes further back, but not for ever.
    page.fill("#filter", "601;");
    page.counts(2);
    assert_eq!(page.listed("N: "), ["601", "1601"]);
    page.fill("#filter", "600;");
    page.counts(2);
    assert_eq!(page.listed("N: "), ["1600", "2600"]);
    // An endless value is cut.
    page.fill("#filter", "");
    let long = format!(
        "Event: Hangup\nPrivilege: call,all\nLong: {}",
        "x".repeat(100_000)
    );
    page.happens(Classes::CALL, &long);
    page.newest("(cut)");
    page.click(&format!("{EVENTS}:first-child summary"));
    let length = format!("{EVENTS}:first-child pre");
    page.wait_for(&length, "(cut)");
    assert!(page.text(&length).len() < 20_100);
}

#[test]
fn classes_can_be_chosen() {
    let page = Page::of_alice();
    page.click("#classes > summary");
    page.click("#choice input[value=cdr]");
    page.click("#choice input[value=user]");
    page.newest("Classes from here on: user, cdr.");
    assert_eq!(page.text("#chosen"), "user, cdr");
    page.wait_for("#link", "Connected.");
    // The stream of that choice may still be on its way: the newest one counts.
    let cdr = "Event: Cdr\nPrivilege: cdr,all\nN: 7;";
    until("what was chosen appears", || {
        numbered(&page, 1);
        page.happens(Classes::CDR, cdr);
        page.listed("N: ").contains(&"7".to_owned()).then_some(())
    });
    page.click("#clear");
    numbered(&page, 2);
    page.happens(Classes::CDR, "Event: Cdr\nPrivilege: cdr,all\nN: 8;");
    page.newest("N: 8;");
    assert!(!page.listed("N: ").contains(&"2".to_owned()));
}

#[test]
fn a_connection_that_breaks_is_shown_and_resumed_without_a_gap() {
    let page = Page::of_alice();
    numbered(&page, 1);
    page.counts(1);
    page.set_offline(true);
    page.wait_for("#link", "Disconnected");
    for number in 2..=4 {
        numbered(&page, number);
    }
    page.set_offline(false);
    page.wait_for("#link", "Connected.");
    page.newest("N: 4;");
    assert_eq!(page.listed("N: "), numbers(1, 4));
    assert_eq!(page.count(&format!("{EVENTS}.mark")), 0);
}

#[test]
fn a_connection_that_says_nothing_for_too_long_is_given_up() {
    let page = Page::open();
    page.prepare(
        "const real = setTimeout; \
         window.setTimeout = (act, time) => real(act, time === 40000 && window.hasty ? 500 : time)",
    );
    page.reload();
    page.log_in("alice", "alice-secret");
    page.is_inside("alice");
    page.run("window.hasty = true");
    numbered(&page, 1);
    page.wait_for("#link", "Disconnected");
    page.run("window.hasty = false");
    page.wait_for("#link", "Connected.");
    numbered(&page, 2);
    page.newest("N: 2;");
    assert_eq!(page.listed("N: "), ["1", "2"]);
}

#[test]
fn events_that_are_gone_are_told() {
    let page = Page::with("retention = 64k\n");
    page.log_in("alice", "alice-secret");
    page.is_inside("alice");
    numbered(&page, 1);
    page.counts(1);
    page.set_offline(true);
    page.wait_for("#link", "Disconnected");
    let fill = "x".repeat(1000);
    for _ in 0..5000 {
        let event = format!("Event: Hangup\nPrivilege: call,all\nFill: {fill}");
        page.happens(Classes::CALL, &event);
    }
    page.set_offline(false);
    page.wait_for("#link", "Connected.");
    page.wait_for(&format!("{EVENTS}.mark"), "Some events were missed");
    numbered(&page, 2);
    page.newest("N: 2;");
}

#[test]
fn a_restart_of_amimux_is_shown_and_survived() {
    let mut page = Page::of_alice();
    numbered(&page, 1);
    page.counts(1);
    let text = std::fs::read_to_string(page.site.amimux.configuration_file()).unwrap();
    let port = format!("\nport = {}\n", page.site.amimux.port);
    assert_eq!(text.matches(&port).count(), 1);
    page.site.amimux.end();
    page.wait_for("#link", "Disconnected");
    assert!(page.shows("#inside"), "what was seen can still be read");
    page.site.amimux = Amimux::start(&text.replace(&port, "\nport = {port}\n"));
    page.site.logged(&["Asterisk is connected"]);
    page.wait_for("#state", "The session has ended; log in again.");
    page.fill("#secret", "alice-secret");
    page.click("#enter");
    page.is_inside("alice");
    page.newest("events before that may be missing");
    numbered(&page, 2);
    page.newest("N: 2;");
    assert_eq!(page.listed("N: "), ["1", "2"]);
}
