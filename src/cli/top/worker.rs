//! Asks the running amimux beside the terminal, so that keys work while an answer is on its way. A connection that breaks
//! is made anew for the next question.

use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::Instant;

use amimux::admin::client::{ControlClient, ControlError};

use super::sample::{Query, Sample, fetch};
use crate::cli::control::ControlArguments;

/// What came of a question.
pub(super) type Outcome = Result<Sample, ControlError>;

/// The thread that asks; it ends with the value.
pub(super) struct Worker {
    queries: Sender<Query>,
    outcomes: Receiver<Outcome>,
    is_busy: bool,
}

impl Worker {
    /// Starts it, with a connection.
    pub(super) fn start(control: ControlArguments, client: ControlClient) -> Self {
        let (queries, asked) = channel::<Query>();
        let (answers, outcomes) = channel();
        thread::spawn(move || {
            let started = Instant::now();
            let mut client = Some(client);
            for query in asked {
                let connected = client.take().map_or_else(|| control.connect(), Ok);
                let outcome = connected.and_then(|mut connected| {
                    let sample = fetch(&mut connected, &query, started.elapsed())?;
                    client = Some(connected);
                    Ok(sample)
                });
                if answers.send(outcome).is_err() {
                    return;
                }
            }
        });
        Self {
            queries,
            outcomes,
            is_busy: false,
        }
    }

    /// Asks, unless an answer is awaited still.
    pub(super) fn ask(&mut self, query: Query) {
        if !self.is_busy {
            self.is_busy = self.queries.send(query).is_ok();
        }
    }

    /// The answer, if it is there.
    pub(super) fn outcome(&mut self) -> Option<Outcome> {
        let outcome = match self.outcomes.try_recv() {
            Ok(outcome) => outcome,
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => Err(ControlError::Closed),
        };
        self.is_busy = false;
        Some(outcome)
    }

    /// Waits for the answer.
    pub(super) fn wait(&mut self) -> Outcome {
        self.is_busy = false;
        self.outcomes.recv().unwrap_or(Err(ControlError::Closed))
    }
}
