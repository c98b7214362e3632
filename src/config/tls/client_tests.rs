//! Tests of the options of upstreams.
