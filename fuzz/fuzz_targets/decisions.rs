//! What is allowed is what Asterisk parses: any bytes from a client with few rights, and an Asterisk that reads what
//! arrives with a reader of its own. The law is the one of `tests/smuggling`.
#![no_main]

#[path = "../../tests/smuggling/decisions.rs"]
mod decisions;
#[path = "../../tests/smuggling/law.rs"]
mod law;
#[path = "../../tests/smuggling/reader.rs"]
mod reader;
#[path = "../../tests/hub_harness/settings.rs"]
mod settings;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    // Which client, and where its bytes are cut in two.
    if let [client, cut, bytes @ ..] = data {
        let (head, tail) = bytes.split_at(usize::from(*cut).min(bytes.len()));
        law::hold(usize::from(*client), [head, tail]);
    }
});
