//! amimux: one AMI session to each Asterisk, many virtual AMI sessions for applications.
//!
//! AMI is the Asterisk Manager Interface: text over TCP, with *actions* from a client, *responses* to them, and
//! *events* for everybody who may read their class. amimux logs in to an Asterisk once, with every right, and
//! plays Asterisk to any number of applications, each with rights of its own. How to use it is in `README.md`;
//! what follows is for those who change it. More words are in `docs/architecture.md`, and choices that look odd
//! are explained in `docs/decisions/`.
//!
//! # The rooms
//!
//! A room imports rooms below it, never one above; `tests/tidy.rs` holds this. The first four know no tokio, no
//! socket and no clock: bytes and the time come in as arguments, results are fetched by the caller. So everything
//! that decides can be tested without waiting and without a network.
//!
//! | room | what it knows |
//! |---|---|
//! | [`protocol`] | where messages begin and end in both directions, headers, ActionIDs, writing that cannot express an injected line, every number of the protocol |
//! | [`policy`] | classes, access control lists, credentials, the table of actions, filters, guards on arguments |
//! | [`config`] | Asterisk's configuration dialect, from text to checked settings, and everything wrong in it |
//! | [`hub`] | one Asterisk: routing, views, logs, mailboxes, loss; a state machine without I/O |
//! | [`transport`] | one connection, with or without TLS, read and written without waiting; what the kernel is to do with it |
//! | [`session`], [`upstream`] | the shells of tokio around the hub: sockets of clients, the connection to Asterisk |
//! | [`http`] | AMI over HTTP: Asterisk's own forms of it, events as a stream, actions as JSON |
//! | [`metrics`] | what Prometheus is told, on a port of its own |
//! | [`admin`] | the `Mux` actions, and the control socket that the command line talks to |
//! | [`sim`] | a simulated PBX for the demonstration, tests and benchmarks; shares only `protocol` and `policy` |
//! | [`import`] | makes a configuration of Asterisk's or astmanproxy's files, with the rights that users had |
//! | [`daemon`] | starts a thread for each Asterisk and the entrance for clients, and ends them |
//! | [`demo`] | a simulated PBX, the proxy, and a few applications in one terminal |
//! | `main`, `cli` | arguments, the log, exit codes |
//!
//! # The life of an event
//!
//! The [`upstream`] shell reads what Asterisk has sent until there is no more, at most 256 KiB: that is a *turn*.
//! [`protocol::upstream_framer`] finds the messages in the read buffer without copying. A message that begins with
//! `Event:` and has a `Privilege` is a broadcast: [`policy::privilege`] reads the classes that one needs to see it,
//! and the hub asks once for each *view* (the clients with the same effective classes) whether it is theirs.
//! If it is, its bytes are appended to the view's [log](hub::log), once, however many clients read it. At the end of
//! the turn the hub's own thread sweeps the clients that are caught up: one write each, straight from the shared
//! log. A client is a *cursor* into that log; one whose socket is full gets a task that drains it, and one that
//! falls off the end of what is kept is disconnected. An event without `Privilege` is an item of a list and
//! belongs to the answer that is being read.
//!
//! # The life of an action
//!
//! A client's bytes are framed by [`protocol::request_framer`], which has Asterisk's limits and refuses what
//! Asterisk would read otherwise than it looks. One function [decides](policy::decision): the
//! [table of actions](policy::action) says whether there is such an action and which classes may run it,
//! [action filters](policy::action_filter) and [guards](policy::guard) look at its arguments. Ping, Events and the
//! other actions of the session itself, and refusals, are answered here, but only when everything that the client
//! asked before has been answered. Anything else is written anew by [`protocol::rebuild`] with a
//! [token](protocol::action_id) as its ActionID, and waits until its client has its turn and Asterisk's window has
//! room. Then it is in the *ring* of actions in flight. Asterisk answers one session's actions in order, so the
//! reply belongs to the oldest entry, which the token confirms; the client's own ActionID is put back and
//! the reply goes into the client's *mailbox*, stamped with the position in the view's log at which it belongs, so
//! that it neither overtakes an event nor is overtaken. Whatever happens to Asterisk meanwhile, the client gets exactly
//! one final answer.

pub mod admin;
pub mod config;
pub mod daemon;
pub mod demo;
pub mod http;
pub mod hub;
pub mod import;
pub mod metrics;
pub mod policy;
pub mod protocol;
pub mod session;
pub mod sim;
pub mod transport;
pub mod upstream;
