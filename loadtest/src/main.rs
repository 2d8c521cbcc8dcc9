//! Placeholder until the client is written.
fn main() {}
