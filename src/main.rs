//! The program: arguments, exit codes.

fn main() {}
