//! What the settings of a TLS connection were made of, as one hash: read again at a reload, the same files and options
//! give the same hash, so that a connection is made anew only where it would be another one.

use rustls::RootCertStore;
use sha2::{Digest as _, Sha256};

/// A hash of parts, each with its length, so that none can run into the next.
#[derive(Default)]
pub(super) struct Ingredients(Sha256);

impl Ingredients {
    /// One more part.
    pub(super) fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    /// The authorities that are trusted, in whatever order they were read.
    pub(super) fn add_authorities(&mut self, roots: &RootCertStore) {
        let digest = |anchor: &rustls::pki_types::TrustAnchor<'_>| {
            let mut one = Self::default();
            one.add(&anchor.subject);
            one.add(&anchor.subject_public_key_info);
            one.add(anchor.name_constraints.as_deref().unwrap_or_default());
            one.finish()
        };
        let mut digests = roots.roots.iter().map(digest).collect::<Vec<_>>();
        digests.sort_unstable();
        for digest in digests {
            self.add(&digest);
        }
    }

    /// The hash.
    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
