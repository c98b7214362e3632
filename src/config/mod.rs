//! Asterisk's configuration dialect, turned into typed settings.

pub mod settings;
