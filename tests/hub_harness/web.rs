//! Sessions without a socket: listeners, askers, and what they are handed.

use std::time::Duration;

use amimux::hub::{Admission, CloseReason, Fetched, NotAsked, Place, SessionId, WebOutput};
use amimux::policy::event_mask::EventMask;
use amimux::policy::user::User;
use bytes::{Bytes, BytesMut};

use super::{Bench, NONCE_HEX, connection, messages, wire};

/// What askers and followers were handed, and what has become of listeners.
#[derive(Debug, Default)]
pub struct Handed {
    pub answers: Vec<(SessionId, Vec<String>, bool)>,
    pub fetched: Vec<(SessionId, Vec<String>)>,
    pub replaced: Vec<SessionId>,
    pub ended: Vec<SessionId>,
    /// Nobody takes anything.
    pub refuses: bool,
}

/// How long a `WaitEvent` may wait.
pub const WAIT_MAX: Duration = Duration::from_secs(50);

impl Bench {
    /// A listener of that user comes in.
    pub fn listener(&mut self, user: User, events: EventMask) -> SessionId {
        self.listener_from(user, events, None)
    }

    /// A listener that comes back.
    pub fn listener_from(
        &mut self,
        user: User,
        events: EventMask,
        resume: Option<Place>,
    ) -> SessionId {
        let admission = Admission {
            account: user.name.as_bytes().into(),
            user: std::sync::Arc::new(user),
            connection: connection(),
            action_id: None,
            events,
            challenge: None,
            challenge_random: 7,
            input: BytesMut::new(),
        };
        let id = self.hub.attach_listener(self.now, admission, resume);
        self.settle();
        id
    }

    /// A listener asks for something; the name of the asker.
    pub fn ask(&mut self, listener: SessionId, message: &str) -> SessionId {
        self.try_ask(listener, message).expect("it is taken")
    }

    /// The same, where it may not be taken.
    pub fn try_ask(&mut self, listener: SessionId, message: &str) -> Result<SessionId, NotAsked> {
        let request = Bytes::from(wire(message));
        let asked = self.hub.ask(self.now, listener, &request, WAIT_MAX);
        self.settle();
        asked
    }

    /// The answer that an asker was handed; nothing if it has none yet.
    pub fn handed(&self, asker: SessionId) -> Option<Vec<String>> {
        let mut answers = self.web.answers.iter().filter(|(id, ..)| *id == asker);
        let answer = answers.next().map(|(_, messages, _)| messages.clone());
        assert_eq!(answers.next(), None, "answered twice");
        answer
    }

    /// A listener asks for what is answered at once.
    pub fn query(&mut self, listener: SessionId, message: &str) -> Vec<String> {
        let asker = self.ask(listener, message);
        self.handed(asker).expect("it is answered at once")
    }

    /// What waits for a listener, with the place behind each message.
    pub fn fetch(&mut self, listener: SessionId, bytes_max: usize) -> Vec<(String, Place)> {
        let mut fetched = Fetched::default();
        self.hub
            .hand_events(self.now, listener, bytes_max, |events| {
                fetched = events;
                true
            });
        self.settle();
        let mut start = 0;
        let cut = fetched.ends.iter().map(|(end, place)| {
            let message = messages(&fetched.bytes[start..*end]);
            start = *end;
            assert_eq!(message.len(), 1, "{message:?}");
            (message[0].clone(), *place)
        });
        let cut = cut.collect::<Vec<_>>();
        assert_eq!(start, fetched.bytes.len());
        cut
    }

    /// The same without the places.
    pub fn events_of(&mut self, listener: SessionId) -> Vec<String> {
        let events = self.fetch(listener, usize::MAX).into_iter();
        events.map(|(event, _)| event).collect()
    }

    /// A follower waits for events.
    pub fn follow(&mut self, listener: SessionId, wait: Duration) {
        self.hub.follow(self.now, listener, wait).unwrap();
        self.settle();
    }

    pub(super) fn hand_out(&mut self) {
        while let Some(output) = self.hub.next_web_output() {
            let web = &mut self.web;
            let takes = !web.refuses;
            match output {
                WebOutput::Answered(asker) => {
                    self.hub.hand_answer(self.now, asker, |answer| {
                        let leaked = memchr::memmem::find(&answer.bytes, NONCE_HEX);
                        assert_eq!(leaked, None, "a token was shown");
                        if takes {
                            let messages = messages(&answer.bytes);
                            web.answers.push((asker, messages, answer.ended));
                        }
                        takes
                    });
                }
                WebOutput::Fetch(listener) => {
                    self.hub
                        .hand_events(self.now, listener, usize::MAX, |events| {
                            if takes {
                                web.fetched.push((listener, messages(&events.bytes)));
                            }
                            takes
                        });
                }
                WebOutput::Replaced(listener) => web.replaced.push(listener),
                WebOutput::Ended(listener) => {
                    web.ended.push(listener);
                    self.hub.remove(listener, CloseReason::Expired);
                }
            }
        }
    }
}
