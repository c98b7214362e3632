//! A flood of realistic events to one connection, made as fast as they are taken: for measuring readers.

use std::sync::Arc;
use std::time::Duration;

use super::frame::Outbox;
use super::options::PbxOptions;
use super::world::World;
use crate::policy::class::Classes;

/// What is left of a flood. The events are those of a few made-up calls, over and over.
#[derive(Debug, Clone)]
pub(super) struct Flood {
    sample: Arc<[Box<[u8]>]>,
    position: usize,
    left: u64,
}

impl Flood {
    /// A flood of `count` events that a session with `mask` may see; `None` when it may see none.
    pub(super) fn new(options: &PbxOptions, mask: Classes, count: u64) -> Option<Self> {
        let options = PbxOptions {
            calls_per_second: 10.0,
            call_seconds: 1.0,
            ..options.clone()
        };
        let mut world = World::new(options, Duration::ZERO);
        world.advance(Duration::from_secs(5));
        let outbox: &Outbox = &world.outbox;
        let visible = outbox
            .frames()
            .filter(|(classes, _)| mask.contains_all(*classes));
        let sample: Arc<[_]> = visible.map(|(_, frame)| frame.into()).collect();
        (!sample.is_empty()).then_some(Self {
            sample,
            position: 0,
            left: count,
        })
    }

    /// The next event, until the flood has ended.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        self.left = self.left.checked_sub(1)?;
        let frame = self.sample.get(self.position)?;
        self.position = (self.position + 1) % self.sample.len();
        Some(frame)
    }
}
