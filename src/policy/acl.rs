//! Access control lists: from which addresses a user may log in.

/// A list of rules; placeholder to be filled by the access control room.
#[derive(Debug, Clone, Default)]
pub struct Acl {}
