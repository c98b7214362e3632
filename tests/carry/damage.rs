//! What was damaged on its way is refused, or makes a hub that works somehow; but never a panic.

use amimux::hub::carry::Carried;
use amimux::hub::{CloseReason, Hub, Now, Outcome, Slices};
use proptest::prelude::*;
use serde_json::Value;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use crate::simulation::{Packed, pack};

/// How one value is damaged.
#[derive(Debug, Clone)]
enum Damage {
    Number(u64),
    Add(i64),
    Null,
    Toggle,
    Drop,
    Repeat,
}

fn damage() -> impl Strategy<Value = Damage> {
    let large = prop::sample::select(vec![
        0,
        1,
        2,
        7,
        255,
        1 << 31,
        u64::from(u32::MAX),
        1 << 60,
        u64::MAX,
    ]);
    prop_oneof![
        3 => large.prop_map(Damage::Number),
        3 => (-3_i64..4).prop_map(Damage::Add),
        1 => Just(Damage::Null),
        1 => Just(Damage::Toggle),
        1 => Just(Damage::Drop),
        1 => Just(Damage::Repeat),
    ]
}

/// How many values there are that can be damaged.
fn count(value: &Value) -> usize {
    match value {
        Value::Array(all) if all.iter().all(Value::is_number) => 1,
        Value::Array(all) => 1 + all.iter().map(count).sum::<usize>(),
        Value::Object(all) => all.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// Damages the value of that number.
fn hurt(value: &mut Value, number: &mut usize, how: &Damage) {
    match value {
        Value::Array(all) if !all.iter().all(Value::is_number) && *number > 0 => {
            *number -= 1;
            for each in all {
                let inside = count(each);
                if *number < inside {
                    return hurt(each, number, how);
                }
                *number -= inside;
            }
        }
        Value::Object(all) => {
            for each in all.values_mut() {
                let inside = count(each);
                if *number < inside {
                    return hurt(each, number, how);
                }
                *number -= inside;
            }
        }
        leaf => change(leaf, how),
    }
}

fn change(value: &mut Value, how: &Damage) {
    match (how, &mut *value) {
        (Damage::Drop, Value::Array(all)) => drop(all.pop()),
        (Damage::Repeat, Value::Array(all)) => all.extend(all.last().cloned()),
        (Damage::Toggle, Value::Bool(bit)) => *bit = !*bit,
        (Damage::Null, _) => *value = Value::Null,
        (Damage::Number(number), Value::Number(_) | Value::Null) => *value = (*number).into(),
        (Damage::Add(more), Value::Number(number)) => {
            let number = number.as_u64().unwrap_or_default();
            *value = number.wrapping_add_signed(*more).into();
        }
        _ => {}
    }
}

/// Has a hub do all that there is to be done.
fn exercise(mut hub: Hub, mut now: Now) {
    let greeting = b"Event: X\r\nPrivilege: call,all\r\n\r\nResponse: Success\r\n\r\n";
    for round in 0..4_u32 {
        hub.inbound().extend_from_slice(greeting);
        hub.upstream_received(now);
        for id in hub.session_ids() {
            hub.client_bytes(
                now,
                id,
                b"\r\n\r\nAction: Ping\r\n\r\nAction: Events\r\nEventMask: on\r\n\r\n",
            );
            for _ in 0..10 {
                let mut slices = Slices::new();
                let outcome = hub.gather(id, &mut slices);
                let bytes = slices.iter().map(|slice| slice.len()).sum::<usize>();
                drop(slices);
                match outcome {
                    Outcome::Write => hub.wrote(now, id, bytes.div_ceil(2)),
                    Outcome::CaughtUp if hub.turn_over(now, id) => {}
                    Outcome::CaughtUp => break,
                    Outcome::Finished | Outcome::FellOff { .. } => {
                        hub.remove(id, CloseReason::Disconnected);
                        break;
                    }
                }
            }
        }
        while hub.next_dirty().is_some() || hub.next_web_output().is_some() {}
        let mut ids = Vec::new();
        hub.begin_sweep(&mut ids);
        hub.swept();
        let _ = (hub.lost_sessions(), hub.held_bytes(), hub.next_deadline());
        now.since_start += Duration::from_secs(u64::from(round) * 20);
        hub.tick(now);
    }
    hub.upstream_lost(now, "the end");
    let _ = hub.pack(now, |id| Some(id.index() as u64));
}

/// What some worlds packed.
struct Sample {
    value: Value,
    bytes: Vec<u8>,
    rest: Packed,
}

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let sample = |seed| {
        let rest = pack(seed);
        Sample {
            value: serde_json::to_value(&rest.carried).unwrap(),
            bytes: rmp_serde::to_vec_named(&rest.carried).unwrap(),
            rest,
        }
    };
    (0..12).map(sample).collect()
});

/// Tries to go on with what came; `Err`: it was refused.
fn go_on(carried: Carried, rest: &Packed, connected: bool) -> Result<(), String> {
    let (general, upstream) = (Arc::clone(&rest.general), Arc::clone(&rest.upstream));
    let unpacked = Hub::unpack(general, upstream, &rest.users, carried, connected, rest.now);
    exercise(unpacked.map_err(|error| error.to_string())?.hub, rest.now);
    Ok(())
}

#[test]
fn undamaged_it_is_taken() {
    for sample in &*SAMPLES {
        for connected in [true, false] {
            let carried = serde_json::from_value(sample.value.clone()).unwrap();
            assert_eq!(go_on(carried, &sample.rest, connected), Ok(()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn damage_is_refused_or_borne(
        sample in 0_usize..12,
        connected: bool,
        damages in prop::collection::vec((any::<usize>(), damage()), 1..6),
    ) {
        let sample = &SAMPLES[sample];
        let mut value = sample.value.clone();
        let total = count(&value);
        for (place, how) in damages {
            hurt(&mut value, &mut (place % total), &how);
        }
        // Either will do; a panic will not.
        if let Ok(carried) = serde_json::from_value(value) {
            let _ = go_on(carried, &sample.rest, connected);
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_borne(
        sample in 0_usize..12,
        flips in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4),
    ) {
        let sample = &SAMPLES[sample];
        let mut bytes = sample.bytes.clone();
        for (at, flip) in flips {
            let at = at % bytes.len();
            bytes[at] ^= flip;
        }
        if let Ok(carried) = rmp_serde::from_slice(&bytes) {
            let _ = go_on(carried, &sample.rest, true);
        }
    }
}
