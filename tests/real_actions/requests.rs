//! Requests as text.

/// An action with an ActionID; `rest` is its further headers.
pub(crate) fn action(name: &str, rest: &str) -> String {
    format!("Action: {name}\r\nActionID: id of {name}\r\n{rest}\r\n")
}

/// A login.
pub(crate) fn login(user: &str, secret: &str, rest: &str) -> String {
    format!("Action: Login\r\nActionID: L1\r\nUsername: {user}\r\nSecret: {secret}\r\n{rest}\r\n")
}

/// A Ping.
pub(crate) fn ping(id: &str) -> String {
    format!("Action: Ping\r\nActionID: {id}\r\n\r\n")
}
