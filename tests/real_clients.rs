//! Applications made with real client libraries cannot tell amimux from Asterisk, even when
//! forty of them use it at once: each sees, step by step, what it sees alone and without amimux.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod support;

use support::{Amimux, Asterisk, CallLoad, Library, Program};

const COPIES: usize = 20;

/// What one application sees directly on Asterisk, alone.
fn reference(library: Library, asterisk: &Asterisk, secret: &str, options: &[&str]) -> Vec<String> {
    let alone = Program::start(library, asterisk.ami_port, "app1", secret, "alone", options);
    alone
        .finish()
        .expect("the library works on Asterisk itself")
}

/// Every difference between what each of `programs` prints and `expected`.
fn differences(
    programs: Vec<(Library, Program)>,
    expected: &[(Library, Vec<String>)],
) -> Vec<String> {
    let mut found = Vec::new();
    for (number, (library, program)) in programs.into_iter().enumerate() {
        let wanted = expected
            .iter()
            .find(|(of, _)| *of == library)
            .map(|(_, lines)| lines)
            .expect("a reference");
        match program.finish() {
            Err(complaint) => found.push(complaint),
            Ok(seen) if seen.len() != wanted.len() => found.push(format!(
                "{library:?} {number}: {} steps, not {}",
                seen.len(),
                wanted.len()
            )),
            Ok(seen) => found.extend(
                seen.iter()
                    .zip(wanted)
                    .filter(|(seen, wanted)| seen != wanted)
                    .map(|(seen, wanted)| {
                        format!("{library:?} {number}\n  saw      {seen}\n  expected {wanted}")
                    }),
            ),
        }
    }
    found
}

#[test]
fn forty_applications_at_once_see_what_one_sees_alone() {
    let asterisk = Asterisk::start();
    let expected =
        Library::ALL.map(|library| (library, reference(library, &asterisk, "app1-secret", &[])));
    for (library, lines) in &expected {
        assert!(
            lines.len() >= 20,
            "{library:?} has gone through its scenario: {lines:#?}"
        );
    }
    let amimux = Amimux::before(&asterisk);
    let load = CallLoad::start(&asterisk, 2);
    let programs = (0..COPIES)
        .flat_map(|copy| Library::ALL.map(|library| (copy, library)))
        .map(|(copy, library)| {
            let user = format!("app{}", copy % 4 + 1);
            let name = format!("copy{copy}{library:?}");
            (
                library,
                Program::start(
                    library,
                    amimux.port,
                    &user,
                    &format!("{user}-secret"),
                    &name,
                    &[],
                ),
            )
        });
    let found = differences(programs.collect(), &expected);
    assert!(
        found.is_empty(),
        "{} differences\n{}",
        found.len(),
        found.join("\n")
    );
    assert!(load.started() > 0, "Asterisk was busy meanwhile");
}

#[test]
fn a_wrong_secret_is_refused_as_asterisk_refuses_it() {
    let asterisk = Asterisk::start();
    let options = ["--wrong-secret"];
    let expected =
        Library::ALL.map(|library| (library, reference(library, &asterisk, "wrong", &options)));
    for (library, lines) in &expected {
        assert!(
            lines
                .iter()
                .any(|line| line.contains("Authentication failed")),
            "{library:?}: {lines:?}"
        );
    }
    let amimux = Amimux::before(&asterisk);
    let programs = Library::ALL
        .into_iter()
        .flat_map(|library| [(library, "app1"), (library, "nobody")])
        .map(|(library, user)| {
            (
                library,
                Program::start(
                    library,
                    amimux.port,
                    user,
                    "wrong",
                    &format!("wrong-{user}"),
                    &options,
                ),
            )
        });
    let found = differences(programs.collect(), &expected);
    assert!(found.is_empty(), "{}", found.join("\n"));
}
