//! Nothing is smuggled: low-privilege clients send every disguise that is known and thousands that are made up, cut
//! anywhere, and an upstream that reads as Asterisk does never sees what Asterisk would not have let them do.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends by panicking"
)]

mod decisions;
mod disguises;
mod generated;
mod law;
mod reader;
#[path = "../hub_harness/settings.rs"]
mod settings;
mod sockets;
#[path = "../support/mod.rs"]
mod support;
mod web;

use generated::Random;

#[test]
fn known_disguises_cut_at_every_byte() {
    let (mut arrived, mut sent) = (0, 0);
    for disguise in disguises::all() {
        for client in 0..law::CLIENTS.len() {
            arrived += law::hold(client, [&*disguise]);
            sent += 1;
        }
        // Cut into single bytes; and in two at every place, of what is not mere filling.
        let client = disguise.len() % law::CLIENTS.len();
        if disguise.len() < 90 {
            for at in 1..disguise.len() {
                law::hold(client, [&disguise[..at], &disguise[at..]]);
            }
        }
        law::hold(client, disguise.chunks(1));
    }
    // Some of it is harmless, and does arrive: the test does not merely look at silence.
    assert!(arrived > 100, "{arrived} of {sent}");
}

#[test]
fn made_up_disguises_cut_anywhere() {
    let wanted =
        std::env::var("AMIMUX_DISGUISES").map_or(20_000, |text| text.parse().expect("a number"));
    let mut arrived = 0;
    for seed in 0..wanted / u32::try_from(generated::MESSAGES).expect("few") {
        let mut random = Random::new(u64::from(seed));
        let bytes = generated::messages(&mut random);
        let mut pieces = Vec::new();
        let mut rest = &*bytes;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(1 + random.below(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        let client = random.below(law::CLIENTS.len());
        arrived += u32::try_from(law::hold(client, pieces)).expect("few");
    }
    assert!(arrived > wanted / 20, "{arrived} of {wanted}");
}
