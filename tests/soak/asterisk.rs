//! The Asterisk of the soak: it sends numbered events without a pause, and now and then something breaks.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use amimux::policy::class::Classes;
use amimux::sim::{Pbx, PbxOptions};

use super::random::Random;
use super::shared::{Shared, event, is_call};
use super::support::{Amimux, Simulated};

/// How long amimux may take to be connected again, or a client to read on.
const PATIENCE: Duration = Duration::from_secs(60);

/// Calls and floods beside the numbered events.
const CALLS_PER_SECOND: f64 = 3.0;
const FLOOD_EVENTS: u64 = 2000;

/// What goes wrong.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// The connection is closed when nothing is under way.
    Kick,
    /// The connection is closed amid everything.
    KickAmidAll,
    /// Asterisk ends and comes back after a while.
    Restart,
    /// Asterisk says nothing for a second or two.
    Pause,
    /// Asterisk says nothing until it is given up.
    Freeze,
    /// Some actions are never answered.
    Unanswered,
    /// Answers and events of nobody's come along.
    Forged,
}

const FAULTS: [Fault; 7] = [
    Fault::Kick,
    Fault::KickAmidAll,
    Fault::Restart,
    Fault::Pause,
    Fault::Freeze,
    Fault::Unanswered,
    Fault::Forged,
];

/// Who makes everything happen.
pub struct Driver<'a> {
    shared: &'a Shared,
    asterisk: Simulated,
    random: Random,
    log: Option<BufReader<File>>,
    /// A line of the log that is not there whole.
    line: Vec<u8>,
    connected: usize,
}

impl<'a> Driver<'a> {
    pub fn start(shared: &'a Shared) -> Self {
        let asterisk = Simulated::start_with(PbxOptions {
            calls_per_second: CALLS_PER_SECOND,
            call_seconds: 5.0,
            ..PbxOptions::default()
        });
        Self {
            shared,
            asterisk,
            random: Random::of_seed(42),
            log: None,
            line: Vec::new(),
            connected: 0,
        }
    }

    pub const fn port(&self) -> u16 {
        self.asterisk.port
    }

    /// How often amimux has said that it is connected. Of its log, only what is new is read.
    fn connections(&mut self, amimux: &Amimux) -> usize {
        let log = self
            .log
            .get_or_insert_with(|| BufReader::new(File::open(amimux.log_file()).expect("a log")));
        loop {
            let read = log.read_until(b'\n', &mut self.line).expect("a log");
            if read == 0 {
                return self.connected;
            }
            // A line may be half written.
            if self.line.ends_with(b"\n") {
                let line = String::from_utf8_lossy(&self.line);
                self.connected += usize::from(line.contains("Asterisk is connected"));
                self.line.clear();
            }
        }
    }

    /// Waits until amimux is connected for the first time.
    pub fn wait_until_connected(&mut self, amimux: &Amimux) {
        self.wait_for_connection(amimux, 0);
    }

    /// Waits for one connection more than there were; the world goes on meanwhile.
    fn wait_for_connection(&mut self, amimux: &Amimux, before: usize) {
        let begin = Instant::now();
        while self.connections(amimux) <= before {
            assert!(begin.elapsed() < PATIENCE, "amimux does not connect again");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Makes events until the soak ends.
    pub fn drive(&mut self, amimux: &Amimux) {
        let mut next_flood = Instant::now();
        let mut next_fault = Instant::now() + Duration::from_secs(10);
        while !self.shared.is_ending() {
            self.happen();
            if next_flood.elapsed() > Duration::ZERO {
                next_flood = Instant::now() + Duration::from_secs(2 + self.random.below(5) as u64);
                self.flood();
            }
            if next_fault.elapsed() > Duration::ZERO {
                let fault = *self.random.pick(&FAULTS);
                self.break_something(amimux, fault);
                next_fault = Instant::now() + Duration::from_secs(5 + self.random.below(15) as u64);
            }
            std::thread::sleep(Duration::from_millis(10 + self.random.below(40) as u64));
        }
        // Behind what may have been lost at the end comes something for everybody that must not be.
        for _ in 0..100 {
            self.happen();
        }
        self.shared.complete.store(true, Ordering::Relaxed);
    }

    /// Some numbered events happen.
    fn happen(&mut self) {
        let count = 1 + self.random.below(20) as u64;
        self.asterisk.pbx.with(|pbx, _| {
            for _ in 0..count {
                let number = self.shared.next.fetch_add(1, Ordering::Relaxed);
                let class = if is_call(number) {
                    Classes::CALL
                } else {
                    Classes::USER
                };
                pbx.broadcast(class, event(number).as_bytes());
            }
        });
    }

    fn flood(&self) {
        self.with_upstream(|pbx, upstream| pbx.flood(upstream, FLOOD_EVENTS));
    }

    fn with_upstream(&self, act: impl Fn(&mut Pbx, amimux::sim::ConnectionId)) {
        for upstream in self.asterisk.connections() {
            self.asterisk.pbx.with(|pbx, _| act(pbx, upstream));
        }
    }

    /// Waits until everything that happened has been read.
    fn calm_down(&self) {
        let (begin, last) = (Instant::now(), Shared::get(&self.shared.next));
        while Shared::get(&self.shared.seen) < last && !self.shared.is_ending() {
            let seen = Shared::get(&self.shared.seen);
            assert!(
                begin.elapsed() < PATIENCE,
                "only {seen} of {last} events came"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The connection breaks: what happens between the last event that came and the new connection may be missed.
    fn lose(&mut self, amimux: &Amimux, breaks: impl FnOnce(&mut Self)) {
        let before = self.connections(amimux);
        let from = Shared::get(&self.shared.seen);
        breaks(self);
        let begin = Instant::now();
        while self.connections(amimux) <= before {
            assert!(begin.elapsed() < PATIENCE, "amimux does not connect again");
            self.happen();
            std::thread::sleep(Duration::from_millis(50));
        }
        self.shared.doubt(from..Shared::get(&self.shared.next));
    }

    fn break_something(&mut self, amimux: &Amimux, fault: Fault) {
        let pause = Duration::from_millis(500 + self.random.below(2000) as u64);
        match fault {
            Fault::Kick => {
                self.calm_down();
                let before = self.connections(amimux);
                self.with_upstream(Pbx::kick);
                self.wait_for_connection(amimux, before);
            }
            Fault::KickAmidAll => self.lose(amimux, |driver| {
                driver.flood();
                driver.happen();
                driver.with_upstream(Pbx::kick);
            }),
            Fault::Restart => self.lose(amimux, |driver| {
                driver.happen();
                driver.asterisk.pbx.with(|pbx, _| pbx.shut_down());
                std::thread::sleep(pause);
                driver.asterisk.pbx.with(Pbx::restart);
            }),
            Fault::Pause => {
                self.asterisk.pbx.with(|pbx, _| pbx.freeze(true));
                std::thread::sleep(pause);
                self.asterisk.pbx.with(|pbx, now| {
                    pbx.freeze(false);
                    pbx.tick(now);
                });
            }
            Fault::Freeze => {
                // The new connection is not greeted before the thaw: what is frozen stays so until the old one is gone.
                let frozen = self.asterisk.connections();
                self.asterisk.pbx.with(|pbx, _| pbx.freeze(true));
                self.lose(amimux, |driver| {
                    let begin = Instant::now();
                    while driver.asterisk.connections() == frozen {
                        assert!(
                            begin.elapsed() < PATIENCE,
                            "a dead Asterisk is not given up"
                        );
                        std::thread::sleep(Duration::from_millis(50));
                    }
                    driver.asterisk.pbx.with(|pbx, now| {
                        pbx.freeze(false);
                        pbx.tick(now);
                    });
                });
            }
            Fault::Unanswered => {
                let count = 1 + self.random.below(4) as u64;
                self.asterisk.pbx.with(|pbx, _| pbx.leave_unanswered(count));
            }
            Fault::Forged => self.with_upstream(|pbx, upstream| {
                let frames: [&[u8]; 4] = [
                    b"Response: Success\r\nMessage: forged\r\n\r\n",
                    b"Response: Success\r\nActionID: forged\r\nMessage: forged\r\n\r\n",
                    b"Event: QueueParams\r\nQueue: forged\r\n\r\n",
                    b"forged: text\r\n\r\n",
                ];
                for frame in frames {
                    pbx.inject(upstream, frame);
                }
            }),
        }
    }
}

impl Drop for Driver<'_> {
    fn drop(&mut self) {
        // Whoever waits for a frozen Asterisk need not wait any longer.
        self.asterisk.pbx.with(|pbx, _| pbx.freeze(false));
    }
}
