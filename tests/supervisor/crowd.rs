//! Those whom nothing concerns.

use super::*;

const CROWD: usize = 200;

/// Numbered events for a crowd that nothing concerns, while users come and go, and others log in.
#[test]
fn whom_nothing_concerns_notices_nothing() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let running = Running::start(&with("", &pbx, &format!("{ALICE}{BOB}")));
    let mut crowd: Vec<_> = (0..CROWD).map(|_| running.client("alice")).collect();
    reaches_asterisk(&mut crowd[0]);
    let stop = Arc::new(AtomicBool::new(false));
    let logins = Arc::new(AtomicUsize::new(0));
    let comer = {
        let (stop, logins, port) = (Arc::clone(&stop), Arc::clone(&logins), running.port);
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                assert!(comes_in(port, "alice", "alice-secret"));
                logins.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let sender = {
        let (stop, pbx) = (Arc::clone(&stop), asterisk.pbx.clone());
        std::thread::spawn(move || {
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) {
                let event =
                    format!("Event: Numbered\r\nPrivilege: call,all\r\nNumber: {sent}\r\n\r\n");
                pbx.with(|pbx, _| pbx.broadcast(Classes::CALL, event.as_bytes()));
                sent += 1;
                std::thread::park_timeout(Duration::from_millis(2));
            }
            sent
        })
    };
    for round in 0..20 {
        let bob = match round % 2 {
            0 => format!(
                "[carol]\nsecret = carol-secret\nread = call\nmaxinflight = {}\n",
                round + 1
            ),
            _ => BOB.to_owned(),
        };
        let general = format!(
            "retention = {}M\nsessionlimit = {}",
            4 + round,
            5000 + round
        );
        let changes = running.reload(&with(&general, &pbx, &format!("{ALICE}{bob}")));
        assert!(
            !changes.iter().any(|line| line.contains("alice")),
            "{changes:?}"
        );
    }
    stop.store(true, Ordering::Relaxed);
    comer.join().expect("logins");
    let sent: usize = sender.join().expect("events");
    assert!(
        logins.load(Ordering::Relaxed) > 5 && sent > 20,
        "{sent} events"
    );
    let last = format!("Number: {}\r\n", sent - 1);
    for client in &mut crowd {
        let all = String::from_utf8_lossy(&client.read_until(&last)).into_owned();
        let numbers = all.lines().filter_map(|line| line.strip_prefix("Number: "));
        let numbers: Vec<usize> = numbers
            .map(|number| number.parse().expect("a number"))
            .collect();
        assert_eq!(
            numbers,
            (0..sent).collect::<Vec<_>>(),
            "each event once, in order"
        );
        assert!(is_alive(client));
    }
}
