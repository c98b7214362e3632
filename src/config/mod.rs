//! Asterisk's configuration dialect, turned into typed settings.
//!
//! A file is read in three steps, each in a module of its own: [`lexer`] takes comments away and tells lines apart,
//! [`raw`] puts sections together (templates, includes) and remembers where everything stands, and [`load`] makes
//! [`settings::Settings`] of it with the tables of options. Everything that is wrong is collected in a
//! [`diagnostics::Report`]; no value of a secret ever gets into one. Files are read here, sockets and clocks unknown.

mod access;
mod credentials;
pub mod diagnostics;
pub mod diff;
mod entry;
mod filters;
mod general;
mod http;
pub(crate) mod include;
pub mod lexer;
mod load;
mod metrics;
pub mod options;
mod picture;
pub mod raw;
mod rights;
mod secret_file;
pub mod settings;
mod template;
#[cfg(test)]
mod testing;
pub mod tls;
mod upstream;
mod user;
pub(crate) mod value;

pub use load::{Environment, load};
