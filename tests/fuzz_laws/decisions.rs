//! What is allowed is what Asterisk parses: any bytes from a client with few rights, and an Asterisk that reads what
//! arrives with a reader of its own. The law is the one of `tests/smuggling`; the first byte chooses the client, the
//! second where its bytes are cut in two.

#[path = "../smuggling/decisions.rs"]
mod decisions;
#[path = "../smuggling/law.rs"]
pub mod law;
#[path = "../smuggling/reader.rs"]
pub mod reader;

use crate::hub_harness as settings;

pub fn hold(data: &[u8]) {
    if let [client, cut, bytes @ ..] = data {
        let (head, tail) = bytes.split_at(usize::from(*cut).min(bytes.len()));
        law::hold(usize::from(*client), [head, tail]);
    }
}
