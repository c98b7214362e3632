//! The end of a program: everybody reads and says everything, and is answered.

use std::time::Duration;

use super::World;

/// After so many rounds everybody is answered: no program has as many actions, and each takes less than a round now.
const ROUNDS_MAX: usize = 1000;

/// No program has clients ask for so much that its answers come to so many bytes.
const LIMIT_AMPLE: usize = 1 << 20;

impl World {
    pub(super) fn come_to_rest(&mut self) {
        if self.asterisk.is_unpredictable {
            // It may be in the middle of a message, which would take in all that is to come.
            self.lose("it talks nonsense");
        }
        for client in &mut self.clients {
            client.room = usize::MAX;
            client.blocked = false;
        }
        self.round();
        let mut asked = Vec::new();
        for (index, client) in self.clients.iter_mut().enumerate() {
            let open = !client.gone && !client.ended_input && !client.said_goodbye;
            if open && client.is_predictable {
                asked.push((index, client.ask(0)));
            }
        }
        let clean = !self.asterisk.is_unpredictable;
        // Where answers may have been swallowed, nobody can say who is to be answered: half a minute is enough then.
        for _ in 0..if clean { ROUNDS_MAX } else { 10 } {
            self.round();
            let done = |(index, serial): &(usize, usize)| {
                let client = &self.clients[*index];
                client.gone || client.is_answered(*serial)
            };
            if clean && asked.iter().all(done) {
                break;
            }
        }
        // Whoever has ended is closed, and what all have read is forgotten.
        self.round();
        for (index, serial) in asked {
            let client = &self.clients[index];
            if client.gone {
                // All that it had asked was answered at once, and that alone may be more than the least limits allow.
                assert!(self.memory_limit < LIMIT_AMPLE, "client {index} is gone");
                continue;
            }
            assert!(client.out.is_empty(), "client {index} is not read");
            let answered = client.is_answered(serial);
            assert!(
                !clean || answered,
                "client {index} is not answered any more"
            );
        }
        for (index, client) in self.clients.iter().enumerate() {
            let torn = !client.gone && !client.is_between_messages();
            assert!(!torn, "client {index} has part of a message");
        }
        assert_eq!(self.hub.held_bytes(), 0, "something is kept for nobody");
    }

    /// Everything arrives and is answered, and four seconds pass.
    fn round(&mut self) {
        for index in 0..self.clients.len() {
            self.flush(index);
            self.send(index, usize::MAX);
            self.after_turn();
        }
        self.compile_all();
        self.sweep();
        self.after_turn();
        self.converse();
        self.pass(Duration::from_secs(4));
        self.sweep();
    }

    fn compile_all(&mut self) {
        while let Some(drafted) = self.drafts.pop() {
            self.hub.filter_drafted(self.now, drafted);
        }
        while let Some(draft) = self.hub.next_filter_draft() {
            self.hub.filter_drafted(self.now, draft.run());
        }
        for how in [7, 2, 7] {
            self.compile_filters(how);
        }
        self.after_turn();
    }
}
