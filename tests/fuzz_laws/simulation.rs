//! The world of `tests/simulation`, in which the input decides what happens next: who joins with which rights, who
//! says how much of what, how much of it arrives, when filters are compiled, when the connection breaks. Every promise
//! is checked after every step.

/// Longest input: each of its bytes is a choice, and a run of thousands of steps finds no more than one of hundreds.
const BYTES_MAX: usize = 4096;

pub fn hold(data: &[u8]) {
    if data.len() <= BYTES_MAX {
        crate::simulation::run_chosen(data);
    }
}
