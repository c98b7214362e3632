//! Tests of the options of listeners.
