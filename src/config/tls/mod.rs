//! From the options about TLS to what rustls needs: certificates and keys out of files, cipher suites out of OpenSSL's
//! words for them, the side that listens and the side that connects to Asterisk.
//!
//! Nothing here opens a connection, and no provider is installed for the whole process: every configuration names its own.

mod ciphers;
pub mod client;
mod files;
pub mod fingerprint;
mod ingredients;
pub mod judge;
pub(super) mod listener_options;
pub mod server;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};

/// The cryptography that every configuration uses, with all its cipher suites.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

#[cfg(test)]
#[path = "testing.rs"]
pub(super) mod testing;
