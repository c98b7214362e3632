//! Security events: logins, and requests that were refused (`main/security_events.c`).

use super::{Execution, session};
use crate::policy::class::Classes;
use crate::sim::frame::Frame;

/// An event about a login, with the name that was tried.
pub(super) fn login_event(execution: &mut Execution<'_>, name: &str) {
    let user = execution.get("Username").to_vec();
    let severity = if name == "SuccessfulAuth" {
        "Informational"
    } else {
        "Error"
    };
    let key = execution.get("Key").to_vec();
    let challenge = execution.session.challenge.clone().unwrap_or_default();
    let expected = session::find_user(&execution.world.options, &user)
        .map_or_else(String::new, |user| session::expected_key(&challenge, user));
    let time = execution.world.moment().iso();
    let connection = execution.connection.0;
    let event = execution.world.outbox.event(name, Classes::SECURITY);
    let event = head(event, &time, severity).header("AccountID", user);
    let event = address(event, connection);
    let event = match name {
        "SuccessfulAuth" => event.header("UsingPassword", "0"),
        "ChallengeResponseFailed" => event
            .header("Challenge", challenge)
            .header("Response", key)
            .header("ExpectedResponse", expected),
        _ => event,
    };
    event.header("SessionTV", time).end();
}

/// An event about a request that was refused or makes no sense; `request` is its kind, empty for none.
pub(super) fn request_event(execution: &mut Execution<'_>, name: &str, request: &str) {
    let time = execution.world.moment().iso();
    let account = execution.session.name.clone().unwrap_or_default();
    let connection = execution.connection.0;
    let event = execution.world.outbox.event(name, Classes::SECURITY);
    let mut event = address(head(event, &time, "Error"), connection);
    if !request.is_empty() {
        event = event.header("RequestType", request);
    }
    event
        .header("SessionTV", time)
        .header("AccountID", account)
        .end();
}

fn head<'a>(event: Frame<'a>, time: &str, severity: &str) -> Frame<'a> {
    let event = event.header("EventTV", time).header("Severity", severity);
    event.header("Service", "AMI").header("EventVersion", "1")
}

fn address(event: Frame<'_>, connection: u64) -> Frame<'_> {
    let port = 32_768 + connection % 28_000;
    event
        .show(
            "SessionID",
            format_args!("{:#x}", 0x7f60_0000_0000 + connection * 64),
        )
        .header("LocalAddress", "IPV4/TCP/127.0.0.1/5038")
        .show("RemoteAddress", format_args!("IPV4/TCP/127.0.0.1/{port}"))
}
