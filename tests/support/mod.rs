//! What the tests that drive a real server share. Each test program uses a part of it.

pub mod http;
pub mod peers;
pub mod process;
pub mod server;
pub mod truth;
