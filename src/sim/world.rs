//! The state of the simulated PBX that all its sessions share: channels, bridges, queues, database, device states.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use super::calls::Call;
use super::channel::{Bridge, Channel, State};
use super::clock::Moment;
use super::frame::Outbox;
use super::options::PbxOptions;
use super::queues::{Queue, default_queues};
use super::random::Random;
use crate::policy::class::Classes;

/// The shared state. Broadcast events collect in `outbox` until the PBX hands them to its sessions.
#[derive(Debug)]
pub(super) struct World {
    pub(super) options: PbxOptions,
    /// Time since the start of the simulation.
    pub(super) now: Duration,
    /// When this PBX was started; later than zero after a restart.
    pub(super) started: Duration,
    pub(super) last_reload: Duration,
    pub(super) outbox: Outbox,
    pub(super) random: Random,
    pub(super) channels: BTreeMap<u64, Channel>,
    /// Bridges by the call that made them.
    pub(super) bridges: BTreeMap<u64, Bridge>,
    pub(super) calls: BTreeMap<u64, Call>,
    /// When which call goes on; the number in the middle keeps equal times in order.
    pub(super) agenda: BinaryHeap<Reverse<(Duration, u64, u64)>>,
    pub(super) next_arrival: Option<Duration>,
    pub(super) queues: Vec<Queue>,
    pub(super) database: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) globals: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) devices: BTreeMap<Vec<u8>, &'static str>,
    /// Synchronous Originates that came to an end: the call, and whether it was answered.
    pub(super) resolved: Vec<(u64, bool)>,
    pub(super) processed_calls: u64,
    sequence: u64,
}

impl World {
    pub(super) fn new(options: PbxOptions, started: Duration) -> Self {
        let mut world = Self {
            now: started,
            started,
            last_reload: started,
            outbox: Outbox::default(),
            random: Random::new(options.seed),
            channels: BTreeMap::new(),
            bridges: BTreeMap::new(),
            calls: BTreeMap::new(),
            agenda: BinaryHeap::new(),
            next_arrival: None,
            queues: default_queues(),
            database: BTreeMap::new(),
            globals: BTreeMap::from([(b"GREETING".to_vec(), b"hello world".to_vec())]),
            devices: BTreeMap::new(),
            resolved: Vec::new(),
            processed_calls: 0,
            sequence: 0,
            options,
        };
        world.outbox.padding = world.options.event_padding_bytes;
        for queue in &world.queues {
            for member in &queue.members {
                world.devices.insert(member.interface.clone(), "NOT_INUSE");
            }
        }
        world.schedule_arrival();
        world
    }

    /// The simulated calendar now.
    pub(super) const fn moment(&self) -> Moment {
        self.moment_of(self.now)
    }

    /// The simulated calendar at a time since the start.
    pub(super) const fn moment_of(&self, at: Duration) -> Moment {
        Moment(Duration::from_secs(self.options.epoch_seconds).saturating_add(at))
    }

    /// The next number of the one counter from which keys and identifiers come.
    pub(super) const fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// A random identifier in the form of a UUID.
    pub(super) fn uuid(&mut self) -> String {
        let (high, low) = (self.random.bits(), self.random.bits());
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }

    /// Makes a channel on `device`, such as `PJSIP/trunk`, at an extension. It is linked to `linked` if there is one.
    pub(super) fn new_channel(
        &mut self,
        device: &[u8],
        place: (&[u8], &[u8]),
        linked: Option<u64>,
    ) -> u64 {
        let key = self.next_number();
        let unique_id = format!("{}.{key}", self.moment().seconds());
        let linked_id = linked.and_then(|other| self.channels.get(&other));
        let linked_id =
            linked_id.map_or_else(|| unique_id.clone(), |other| other.linked_id.clone());
        let channel = Channel {
            name: [device, format!("-{key:08x}").as_bytes()].concat(),
            state: State::Down,
            caller_number: Vec::new(),
            caller_name: Vec::new(),
            connected_number: Vec::new(),
            connected_name: Vec::new(),
            account: Vec::new(),
            context: place.0.to_vec(),
            extension: place.1.to_vec(),
            priority: 1,
            unique_id,
            linked_id,
            variables: Vec::new(),
            application: Vec::new(),
            application_data: Vec::new(),
            created: self.now,
            answered: None,
            bridge: String::new(),
        };
        self.channels.insert(key, channel);
        key
    }

    /// The channel of exactly that name, or whose `Uniqueid` it is.
    pub(super) fn find_channel(&self, name: &[u8]) -> Option<u64> {
        let matches = |channel: &Channel| {
            channel.name.eq_ignore_ascii_case(name) || channel.unique_id.as_bytes() == name
        };
        let mut channels = self.channels.iter();
        channels
            .find(|(_, channel)| matches(channel))
            .map(|(key, _)| *key)
    }

    /// Changes the state of a device, with its event.
    pub(super) fn set_device(&mut self, device: &[u8], state: &'static str) {
        let event = self.outbox.event("DeviceStateChange", Classes::CALL);
        event.header("Device", device).header("State", state).end();
        // Only devices that exist from the start are listed: those of calls come and go.
        if let Some(known) = self.devices.get_mut(device) {
            *known = state;
        }
    }

    /// Whether booting has ended.
    pub(super) fn booted(&self) -> bool {
        self.now >= self.started.saturating_add(self.options.boot_delay)
    }

    /// Plans the next generated call.
    pub(super) fn schedule_arrival(&mut self) {
        let rate = self.options.calls_per_second;
        self.next_arrival = (rate > 0.0).then(|| {
            let wait = self.random.exponential(1.0 / rate);
            let from = self.next_arrival.unwrap_or(self.now);
            from.saturating_add(Duration::try_from_secs_f64(wait).unwrap_or_default())
        });
    }

    /// Lets a call go on after `wait`.
    pub(super) fn schedule(&mut self, call: u64, wait: Duration) {
        let order = self.next_number();
        let due = self.now.saturating_add(wait);
        self.agenda.push(Reverse((due, order, call)));
    }

    /// When something happens by itself.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let agenda = self.agenda.peek().map(|Reverse((due, ..))| *due);
        agenda.into_iter().chain(self.next_arrival).min()
    }

    /// Lets happen what is due at `now`, in order; whether there is more after the outbox was emptied.
    pub(super) fn advance(&mut self, now: Duration) -> bool {
        const OUTBOX_BYTES: usize = 256 * 1024;
        while self.outbox.len() < OUTBOX_BYTES {
            let next = self.next_deadline().filter(|due| *due <= now);
            let Some(due) = next else {
                self.now = self.now.max(now);
                return false;
            };
            self.now = self.now.max(due);
            if self.next_arrival == Some(due) {
                self.schedule_arrival();
                self.arrive();
            } else if let Some(Reverse((_, _, call))) = self.agenda.pop() {
                self.go_on(call);
            }
        }
        true
    }
}
