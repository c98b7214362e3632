//! Asterisk's configuration dialect, turned into typed settings.

pub mod diagnostics;
mod include;
pub mod lexer;
pub mod raw;
pub mod settings;
mod template;
