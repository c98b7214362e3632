//! What can be run follows what Asterisk has: an action comes and goes with its module, without a reconnect.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod support;

use support::{AmiClient, Amimux, Asterisk, until};

/// An action of a module that nothing else needs.
const ACTION: &str = "PresenceStateList";
const MODULE: &str = "res_manager_presencestate.so";

/// What is answered to an action, up to the end of its first message.
fn answer(client: &mut AmiClient, action: &str) -> String {
    client.action(&[("Action", action), ("ActionID", "x")]);
    let text = String::from_utf8(client.read_until("ActionID: x\r\n")).expect("text");
    // A list goes on: what is behind it is the next one's.
    client.action(&[("Action", "Ping"), ("ActionID", "behind")]);
    client.read_until("ActionID: behind\r\n");
    text
}

#[test]
fn actions_come_and_go_with_their_modules() {
    let asterisk = Asterisk::start();
    let amimux = Amimux::before(&asterisk);
    let mut client = AmiClient::session(amimux.port, "app1", "off");
    let mut lists = |wanted: bool| {
        until("the list of actions changes", || {
            let list = answer(&mut client, "ListCommands");
            (list.contains(&format!("\n{ACTION}: ")) == wanted).then_some(())
        });
        answer(&mut client, ACTION)
    };
    assert!(lists(true).starts_with("Response: Success"));
    assert!(
        asterisk
            .cli(&format!("module unload {MODULE}"))
            .contains("Unloaded")
    );
    let unknown = lists(false);
    assert!(
        unknown.contains(&format!("Invalid/unknown command: {ACTION}.")),
        "{unknown}"
    );
    asterisk.cli(&format!("module load {MODULE}"));
    assert!(lists(true).starts_with("Response: Success"));
    assert!(
        !amimux.log().contains("Asterisk is away"),
        "nobody reconnected"
    );
}
