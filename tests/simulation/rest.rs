//! The end of a world: everybody says and reads everything, and nothing may be missing.

use std::time::Duration;

use super::reader::Want;
use super::world::{CLASSES, World};

impl World {
    /// Everybody says and reads everything; then nothing may be missing.
    pub fn come_to_rest(&mut self) {
        for _ in 0..40 {
            if !self.pbx.connected {
                let at = self.hub.reconnect_at().unwrap_or_default();
                self.now.since_start = self.now.since_start.max(at);
                self.connect();
            }
            self.finish_calls();
            self.settle_down();
            for index in 0..self.actors.len() {
                self.flush(index, true);
                self.say_some(index, self.actors[index].out.len());
            }
            self.compile_all();
            self.fetch_all();
            self.sweep();
            self.catch_up();
            self.pass(Duration::from_secs(4));
        }
        for actor in &mut self.actors {
            actor.lazy = false;
        }
        self.check_stopped();
        self.fetch_all();
        self.check_answers();
        self.check_listeners();
        self.check_quiet();
        self.check_counts();
    }

    /// Each request was counted when it came, and once more when it was over.
    fn check_counts(&self) {
        let report = self.hub.survey(self.now, true);
        let counted = report.statistics;
        let open: usize = report.sessions.iter().map(|session| session.pending).sum();
        let finished: u64 = counted.outcomes.iter().sum();
        assert_eq!(counted.requests, finished + open as u64, "{counted:?}");
        assert_eq!(counted.refusals.iter().sum::<u64>(), counted.refused);
    }

    fn check_answers(&mut self) {
        for (index, actor) in self.actors.iter_mut().enumerate() {
            assert!(
                !actor.revoked || actor.gone || actor.stopped,
                "client {index} has no right to be there"
            );
            if actor.stopped || actor.revoked || (actor.gone && !actor.reader.finished) {
                continue;
            }
            let reader = &mut actor.reader;
            let open = |want: &Want| matches!(want, Want::Parts(_));
            while reader
                .requests
                .front()
                .is_some_and(|request| open(&request.want))
                && reader.requests.len() == 1
            {
                reader.requests.pop_front();
            }
            assert!(
                reader.requests.is_empty(),
                "client {index} was not answered: {:?}",
                reader.requests
            );
            assert!(
                reader.originates.is_empty(),
                "client {index}: {:?}",
                reader.originates
            );
            assert!(reader.is_between_messages(), "client {index}");
            if !actor.gone {
                assert!(reader.from.is_some());
                reader.missed(self.pbx.happened.len(), &self.pbx.happened);
            }
        }
    }

    /// In quiet, an event reaches everybody in its own turn, and nothing is kept.
    fn check_quiet(&mut self) {
        for classes in CLASSES {
            self.pbx.happen(classes, "Last", "");
            let bytes = self.pbx.output.drain(..).collect::<Vec<_>>();
            self.hub.inbound().extend_from_slice(&bytes);
            self.hub.upstream_received(self.now);
            let mut ids = Vec::new();
            self.hub.begin_sweep(&mut ids);
            for id in ids {
                let index = self.actors.iter().position(|actor| actor.id == id).unwrap();
                self.flush(index, true);
            }
            self.fetch_all();
            self.hub.swept();
            assert_eq!(self.hub.held_bytes(), 0);
            self.check_listeners();
            for actor in self.actors.iter().filter(|actor| !actor.gone) {
                actor
                    .reader
                    .missed(self.pbx.happened.len(), &self.pbx.happened);
            }
        }
    }
}
