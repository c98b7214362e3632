//! The soak: the program that was built, before a simulated Asterisk that breaks down again and again, with good and
//! bad clients, for an hour or as long as is asked for. Nobody who behaves misses anything, and what the program takes
//! does not grow. Run it with `scripts/soak.sh [minutes]`; `AMIMUX_SOAK_MINUTES` tells how long it lasts.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    reason = "a run that cannot go on says so by a panic, and prints how it is getting on"
)]

mod asterisk;
mod gauges;
mod nuisance;
#[path = "../simulation/random.rs"]
mod random;
mod shared;
#[path = "../support/mod.rs"]
mod support;
mod wire;
mod witness;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::thread::Scope;
use std::time::{Duration, Instant};

use self::asterisk::Driver;
use self::gauges::Sample;
use self::shared::Shared;
use self::support::Amimux;
use self::witness::Habit;

/// How long it lasts unless it is told.
const MINUTES: f64 = 60.0;

const HABITS: [(Habit, usize); 5] = [
    (Habit::Sees, 1),
    (Habit::Filtered, 2),
    (Habit::Changes, 3),
    (Habit::ComesAndGoes, 4),
    (Habit::Skips, 2),
];

/// `hasty` is given up quickly, `slowly` never by time.
const USERS: &str = "\
[all](!)\nread = all\nwrite = all\n\
[reader](all)\nsecret = reader-secret\n\
[filtered](all)\nsecret = filtered-secret\neventfilter = !Digit: 3\neventfilter(action(exclude),header(Digit),method(exact)) = 7\n\
[skips](all)\nsecret = skips-secret\nonslow = skip\nwritetimeout = 600000\n\
[slowly](all)\nsecret = slowly-secret\nwritetimeout = 600000\n\
[hasty](all)\nsecret = hasty-secret\nwritetimeout = 2000\n";

/// An amimux before the Asterisk at that port. Little is kept for slow readers, so that they fall off often.
fn start(port: u16) -> Amimux {
    Amimux::start(&format!(
        "[general]\nbindaddr = 127.0.0.1\nport = {{port}}\nretention = 2M\nmemorylimit = 16M\nauthtimeout = 5\n\n\
         [one]\ntype = upstream\nhost = 127.0.0.1\nport = {port}\nusername = upstream\nsecret = upstream-secret\n\
         keepalive = 3\nresponsetimeout = 10\nreconnectmin = 0.2\nreconnectmax = 2\n\n{USERS}"
    ))
}

/// Runs a part in a thread of its own; a panic there is what the soak fails with.
fn part<'scope>(
    scope: &'scope Scope<'scope, '_>,
    shared: &'scope Shared,
    run: impl FnOnce() + Send + 'scope,
) {
    scope.spawn(move || {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            let text = panic.downcast_ref::<String>().cloned();
            shared.fail(text.unwrap_or_else(|| "a client panicked".to_owned()));
        }
    });
}

#[test]
fn nothing_is_missed_and_nothing_grows() {
    let minutes = std::env::var("AMIMUX_SOAK_MINUTES").ok();
    let minutes = minutes.map_or(MINUTES, |minutes| minutes.parse().expect("minutes"));
    let length = Duration::from_secs_f64(minutes * 60.0);
    let shared = &Shared::default();
    let mut driver = Driver::start(shared);
    let amimux = &start(driver.port());
    driver.wait_until_connected(amimux);
    let port = amimux.port;
    let mut samples = Vec::new();
    std::thread::scope(|scope| {
        let habits = HABITS
            .iter()
            .flat_map(|(habit, count)| vec![*habit; *count]);
        for (number, habit) in habits.enumerate() {
            part(scope, shared, move || {
                witness::run(shared, port, number, habit);
            });
        }
        for (number, vice) in nuisance::VICES.into_iter().enumerate() {
            part(scope, shared, move || {
                nuisance::run(shared, port, number, vice);
            });
        }
        part(scope, shared, move || nuisance::floods(shared, port));
        part(scope, shared, || driver.drive(amimux));
        watch(shared, amimux, length, &mut samples);
    });
    let failures = shared.failures();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let missing = shared.unexplained();
    assert!(missing.is_empty(), "events are missing: {missing:?}");
    let log = amimux.log();
    assert!(!log.contains("panicked"), "{log}");
    let (text, grew) = gauges::growth(&samples);
    println!("last third against the second: {text}");
    assert!(!grew, "it grows: {text}");
}

/// Looks at amimux every second, says every minute what it saw, and ends the soak when it is time or something failed.
fn watch(shared: &Shared, amimux: &Amimux, length: Duration, samples: &mut Vec<Sample>) {
    let begin = Instant::now();
    println!(
        "minute  RSS KiB  files threads  CPU %  sessions     events   answers   errors   gaps resets  given up refused"
    );
    let (mut minute, mut cpu) = (0, 0);
    while begin.elapsed() < length && shared.failures().is_empty() {
        std::thread::sleep(Duration::from_secs(1));
        let Some(sample) = Sample::of(amimux.pid()) else {
            shared.fail("amimux is gone".to_owned());
            break;
        };
        samples.push(sample);
        if begin.elapsed().as_secs() / 60 > minute || samples.len() == 1 {
            minute = begin.elapsed().as_secs() / 60;
            let percent = (sample.cpu - cpu) as f64 / 60.0;
            cpu = sample.cpu;
            println!(
                "{minute:6} {:8} {:6} {:7} {percent:6.1} {:9} {:10} {:9} {:8} {:6} {:6} {:9} {:7}",
                sample.resident_kibibytes,
                sample.files,
                sample.threads,
                Shared::get(&shared.sessions),
                Shared::get(&shared.events),
                Shared::get(&shared.answers),
                Shared::get(&shared.errors),
                Shared::get(&shared.gaps),
                Shared::get(&shared.resets),
                Shared::get(&shared.given_up),
                Shared::get(&shared.refused),
            );
        }
    }
    // First nothing more happens, then everybody is done.
    shared.ending.store(true, Ordering::Relaxed);
    let ending = Instant::now();
    while Shared::get(&shared.sessions) > 0
        && shared.failures().is_empty()
        && ending.elapsed() < Duration::from_secs(150)
    {
        std::thread::sleep(Duration::from_millis(100));
    }
    if Shared::get(&shared.sessions) > 0 && shared.failures().is_empty() {
        shared.fail("clients do not come to an end".to_owned());
    }
    shared.stop.store(true, Ordering::Relaxed);
}
