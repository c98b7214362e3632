//! The same decisions: every action that a real Asterisk offers, run by users of every class and of none, is
//! allowed or refused through amimux as directly, with the same text; and so are the arguments that Asterisk
//! looks at inside actions, logins, access lists and class lists.
//!
//! With `guards = asterisk` nothing may differ. With the defaults what differs must be stricter, and stand in
//! `differences.txt` with its reason.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod access;
mod arguments;
mod differences;
mod exchange;
mod matrix;
#[path = "../support/mod.rs"]
mod support;
mod users;

use differences::Differences;
use support::{Amimux, Asterisk};

#[test]
fn amimux_decides_as_asterisk_does() {
    let users = users::all();
    let sections = users::sections(&users) + &access::sections();
    let asterisk = Asterisk::start_with(&sections);
    let amimux = |guards: &str| {
        let (acls, ami_port) = (access::ONLY_HERE, asterisk.ami_port);
        Amimux::start(&format!(
            "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\nguards = {guards}\nfailedlogins = 0\n\n\
             [asterisk]\ntype = upstream\nhost = 127.0.0.1\nport = {ami_port}\nusername = upstream\nsecret = upstream-secret\n\n\
             {sections}{acls}"
        ))
    };
    let (faithful, safe) = (amimux("asterisk"), amimux("safe"));
    let mut differences = Differences::read();
    let mut faults = Vec::new();
    for user in &users {
        matrix::compare(
            &asterisk,
            &faithful,
            &safe,
            user,
            &mut differences,
            &mut faults,
        );
        arguments::compare(
            &asterisk,
            &faithful,
            &safe,
            user,
            &mut differences,
            &mut faults,
        );
    }
    access::compare(&asterisk, &faithful, &safe, &mut faults);
    faults.extend(differences.unused());
    assert!(
        faults.is_empty(),
        "{} differences that were not meant\n\n{}",
        faults.len(),
        faults.join("\n\n")
    );
}
