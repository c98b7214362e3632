//! Every number of the protocol, with its source.

/// Longest line that Asterisk accepts from a client, its terminator included
/// (`main/manager.c`, `get_input`: the buffer holds 1,024 usable bytes).
pub const REQUEST_LINE_BYTES_MAX: usize = 1024;

/// Longest text of a line that may be sent to Asterisk before its CRLF.
pub const REQUEST_TEXT_BYTES_MAX: usize = REQUEST_LINE_BYTES_MAX - 2;

/// Most lines in one request (`AST_MAX_MANHEADERS`).
pub const REQUEST_LINES_MAX: usize = 128;

/// Longest ActionID that every action of Asterisk can bear (`MeetmeList`, `ConfbridgeList`: a buffer of 80 bytes).
pub const ACTION_ID_SAFE_BYTES_MAX: usize = 67;

/// Default bound on one whole message from Asterisk. Asterisk itself has none
/// (`GetConfigJSON`, `Command`); ours keeps a broken peer from filling memory.
pub const FRAME_BYTES_MAX_DEFAULT: usize = 16 * 1024 * 1024;

/// An unknown-action error text is cut after this many bytes (`manager.c`, a buffer of 512).
pub const UNKNOWN_ACTION_TEXT_BYTES_MAX: usize = 511;

/// User names in configuration are cut after this many bytes (`struct ast_manager_user`).
pub const NAME_BYTES_MAX: usize = 79;
