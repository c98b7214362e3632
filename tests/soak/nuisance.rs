//! Clients that behave badly, each in its own way, again and again. What becomes of them is not looked at.

use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::random::Random;
use super::shared::Shared;
use super::support::repository;
use super::wire::{Came, Wire};

/// A way to behave badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vice {
    /// Reads 40 kB in a second.
    Slow,
    /// Reads nothing from some moment on.
    Stops,
    /// Reads one byte in a second.
    ByteByByte,
    /// Asks many things and vanishes before the answers.
    AsksAndVanishes,
    /// Does not know its secret, or floods those who do with names.
    WrongSecret,
    /// Asks without reading the answers.
    AsksWithoutReading,
    /// Sends what is no request.
    Babbles,
}

pub const VICES: [Vice; 7] = [
    Vice::Slow,
    Vice::Stops,
    Vice::ByteByByte,
    Vice::AsksAndVanishes,
    Vice::WrongSecret,
    Vice::AsksWithoutReading,
    Vice::Babbles,
];

const POLL: Duration = Duration::from_millis(50);

/// Behaves so until the soak ends.
pub fn run(shared: &Shared, port: u16, number: usize, vice: Vice) {
    let mut random = Random::of_seed(number as u64 * 1000);
    while !shared.is_over() {
        // Addresses of their own, so that what they do wrong bars nobody else.
        let from = Ipv4Addr::new(127, 0, 1, 10 + vice as u8);
        let small = matches!(vice, Vice::Stops | Vice::ByteByByte).then_some(4096);
        if let Ok(wire) = Wire::connect(port, from, small) {
            let user = if random.once_in(2) { "slowly" } else { "hasty" };
            behave(shared, &mut random, wire, vice, user);
        }
        shared.rest(Duration::from_millis(200 + random.below(800) as u64));
    }
}

fn behave(shared: &Shared, random: &mut Random, mut wire: Wire, vice: Vice, user: &str) {
    let secret = match vice {
        Vice::WrongSecret => "wrong".to_owned(),
        _ => format!("{user}-secret"),
    };
    if vice == Vice::Babbles && random.once_in(2) {
        babble(shared, random, &mut wire);
        return;
    }
    if wire.log_in(user, &secret, "on").is_err() {
        return;
    }
    let seconds = 1 + random.below(40) as u64;
    let (begin, until) = (Instant::now(), Duration::from_secs(seconds));
    let going_on = || begin.elapsed() < until && !shared.is_over();
    match vice {
        Vice::Slow | Vice::ByteByByte => {
            let (bytes, pause) = match vice {
                Vice::Slow => (4096, 100),
                _ => (1, 1000),
            };
            while going_on() {
                if wire.fill(POLL, bytes) == Came::End {
                    Shared::add(&shared.given_up);
                    return;
                }
                wire.forget();
                shared.rest(Duration::from_millis(pause));
            }
        }
        Vice::Stops => shared.rest(until),
        Vice::AsksAndVanishes => {
            wire.fill(POLL * 4, 64 * 1024);
            for number in 0..1 + random.below(30) {
                let action =
                    *random.pick(&["CoreShowChannels", "QueueStatus", "Ping", "WaitEvent"]);
                let _ = wire.send(&format!("Action: {action}\r\nActionID: {number}\r\n\r\n"));
            }
            if random.once_in(2) {
                wire.fill(POLL, 4096);
            }
            wire.vanish();
            Shared::add(&shared.resets);
        }
        Vice::WrongSecret => {
            while wire.fill(POLL, 4096) != Came::End && going_on() {}
            Shared::add(&shared.refused);
        }
        Vice::AsksWithoutReading => {
            while going_on() {
                if wire
                    .send("Action: ListCommands\r\n\r\nAction: QueueStatus\r\n\r\n")
                    .is_err()
                {
                    return;
                }
                shared.rest(Duration::from_millis(5));
                // Answers that wait are bounded: soon nothing more is read from this one.
                if begin.elapsed() > Duration::from_secs(5) {
                    shared.rest(until);
                    return;
                }
            }
        }
        Vice::Babbles => babble(shared, random, &mut wire),
    }
}

fn babble(shared: &Shared, random: &mut Random, wire: &mut Wire) {
    for _ in 0..50 {
        let text = match random.below(5) {
            0 => "\r\n".repeat(300),
            1 => "x".repeat(3000),
            2 => "Action: Login\r\n".repeat(200) + "\r\n",
            3 => "Action: Command\r\nCommand: core\0show\r\n\r\n".to_owned(),
            _ => "Action: Getvar\rActionID: 1\r\n\r\n".to_owned(),
        };
        if wire.send(&text).is_err() || wire.fill(POLL, 4096) == Came::End || shared.is_over() {
            return;
        }
        wire.forget();
    }
}

/// Floods the door for a while, in one way after the other, with pauses.
pub fn floods(shared: &Shared, port: u16) {
    let ways = [
        ("idle", "300"),
        ("reconnect", "1500"),
        ("blank", "8000000"),
        ("endless", "8000000"),
        ("requests", "4000000"),
    ];
    for (way, amount) in ways.iter().cycle() {
        shared.rest(Duration::from_secs(12));
        if shared.is_over() {
            return;
        }
        let script = repository().join("tests/clients/flood.py");
        let flood = Command::new("python3")
            .arg(script)
            .args([way, &*port.to_string(), amount])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        match flood {
            Ok(flood) => watch(shared, flood),
            Err(error) => shared.fail(format!("python3: {error}")),
        }
    }
}

/// Lets a flood end by itself, but not later than after some seconds.
fn watch(shared: &Shared, mut flood: Child) {
    for _ in 0..8 {
        shared.rest(Duration::from_secs(1));
        if shared.is_over() || matches!(flood.try_wait(), Ok(Some(_))) {
            break;
        }
    }
    // Fails only where it has ended.
    let _ = flood.kill();
    let _ = flood.wait();
}
