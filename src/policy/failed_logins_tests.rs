//! Tests of the limit on failed logins.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn tokens_are_used_up_and_come_back_one_by_one() {
    // Three in a minute: one in 20 seconds.
    let mut logins = FailedLogins::new(3, MINUTE);
    let client = address("192.0.2.7");
    for (seconds, expected) in [
        (100, true),
        (100, true),
        (100, true),
        (100, false),
        (119, false),
        (120, true),
        (120, false),
        (159, true),
        (159, false),
        (160, true),
        (160, false),
        (1000, true),
        (1000, true),
        (1000, true),
        (1000, false),
    ] {
        let now = Duration::from_secs(seconds);
        assert_eq!(logins.begin(client, now), expected, "at {seconds}");
    }
}

#[test]
fn a_login_that_succeeds_costs_nothing() {
    let mut logins = FailedLogins::new(2, MINUTE);
    let client = address("192.0.2.7");
    for second in 0..1000 {
        let now = Duration::from_millis(second);
        assert!(logins.begin(client, now), "{second}");
        logins.succeeded(client, now);
    }
    assert!(logins.full_at.is_empty() && logins.by_time.is_empty());
    let now = Duration::from_secs(1);
    assert!(logins.begin(client, now) && logins.begin(client, now));
    assert!(!logins.begin(client, now));
    // One that was not begun fills nothing beyond the brim.
    for _ in 0..10 {
        logins.succeeded(client, now);
    }
    assert!(logins.begin(client, now) && logins.begin(client, now));
    assert!(!logins.begin(client, now));
}

#[test]
fn who_shares_a_bucket() {
    for (first, second, shared) in [
        ("192.0.2.7", "192.0.2.7", true),
        ("192.0.2.7", "192.0.2.8", false),
        ("192.0.2.7", "::ffff:192.0.2.7", true),
        ("2001:db8::1", "2001:db8::ffff:1:2:3", true),
        ("2001:db8::1", "2001:db8:0:1::1", false),
        ("::1", "0.0.0.1", false),
    ] {
        let mut logins = FailedLogins::new(1, MINUTE);
        assert!(logins.begin(address(first), Duration::ZERO));
        let other = logins.begin(address(second), Duration::ZERO);
        assert_eq!(other, !shared, "{first} {second}");
    }
}

#[test]
fn without_a_burst_there_is_no_limit() {
    let mut logins = FailedLogins::new(0, MINUTE);
    for _ in 0..1000 {
        assert!(logins.begin(address("192.0.2.7"), Duration::ZERO));
    }
    assert!(logins.full_at.is_empty());
}

#[test]
fn when_there_is_no_room_strangers_share_one_bucket_and_nobody_is_forgotten() {
    let mut logins = FailedLogins::with_buckets(2, MINUTE, 3);
    let host = |number: u32| IpAddr::V4(Ipv4Addr::from_bits(number));
    let early = Duration::from_secs(1);
    for number in 0..3 {
        assert!(logins.begin(host(number), early) && logins.begin(host(number), early));
    }
    assert!(logins.begin(host(10), early));
    assert!(logins.begin(host(11), early));
    logins.succeeded(host(11), early);
    assert!(logins.begin(host(12), early));
    assert!(!logins.begin(host(13), early), "the common bucket is empty");
    for number in 0..3 {
        assert!(!logins.begin(host(number), early), "{number} was forgotten");
    }
    // All are full again a minute later: strangers get buckets of their own.
    let late = early + MINUTE;
    for number in 20..23 {
        assert!(logins.begin(host(number), late) && logins.begin(host(number), late));
    }
    assert_eq!(logins.full_at.len(), 3);
}

#[test]
fn many_addresses_are_bounded() {
    let mut logins = FailedLogins::new(20, MINUTE);
    for number in 0..100_000_u128 {
        let _ = logins.begin(
            IpAddr::V6(Ipv6Addr::from_bits(number << 64)),
            Duration::ZERO,
        );
    }
    assert_eq!(logins.full_at.len(), BUCKETS_MAX);
    assert_eq!(logins.by_time.len(), BUCKETS_MAX);
}

/// What one of few clients does after a pause.
#[derive(Debug, Clone)]
struct Attempt {
    pause_ms: u64,
    client: u32,
    right: bool,
}

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let attempt = (0_u64..4000, 0_u32..4, any::<bool>());
    let attempt = attempt.prop_map(|(pause_ms, client, right)| Attempt {
        // Often none at all.
        pause_ms: pause_ms.saturating_sub(2500),
        client,
        right,
    });
    proptest::collection::vec(attempt, 0..120)
}

proptest! {
    #[test]
    fn in_no_time_more_than_the_burst_and_what_came_back_fail(
        attempts in attempts(),
        burst in 1_u32..6,
        buckets in 1_usize..6,
    ) {
        let period = Duration::from_secs(10);
        let mut logins = FailedLogins::with_buckets(burst, period, buckets);
        let mut now = Duration::ZERO;
        let mut failures: Vec<(Duration, u32)> = Vec::new();
        for Attempt { pause_ms, client, right } in attempts {
            now += Duration::from_millis(pause_ms);
            let address = IpAddr::V4(Ipv4Addr::from_bits(client));
            if logins.begin(address, now) {
                match right {
                    true => logins.succeeded(address, now),
                    false => failures.push((now, client)),
                }
            }
            prop_assert!(logins.full_at.len() <= buckets);
            prop_assert_eq!(logins.full_at.len(), logins.by_time.len());
        }
        // With too few buckets a client may use its own and the common one.
        let own = if buckets < 4 { 2.0 } else { 1.0 };
        let rate = f64::from(burst) / period.as_secs_f64();
        for (index, (from, client)) in failures.iter().enumerate() {
            let mut count = 0.0;
            for (at, _) in failures[index..].iter().filter(|(_, who)| who == client) {
                count += 1.0;
                let most = f64::from(burst) + (*at - *from).as_secs_f64() * rate;
                prop_assert!(count <= own * most + 1e-6, "{} > {}", count, most);
            }
        }
    }

    #[test]
    fn who_never_fails_is_never_refused(
        pauses in proptest::collection::vec(0_u64..100, 1..100),
        burst in 1_u32..4,
    ) {
        let mut logins = FailedLogins::new(burst, MINUTE);
        let mut now = Duration::ZERO;
        for pause in pauses {
            now += Duration::from_millis(pause);
            prop_assert!(logins.begin(IpAddr::V4(Ipv4Addr::LOCALHOST), now));
            now += Duration::from_millis(pause);
            logins.succeeded(IpAddr::V4(Ipv4Addr::LOCALHOST), now);
        }
    }
}
