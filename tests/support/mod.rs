//! What the tests that drive a real server share. Each test program uses a part of it.

pub mod actor;
pub mod calls;
pub mod cluster;
pub mod crowd;
pub mod dynamodb;
pub mod dynamodb_answers;
pub mod dynamodb_faults;
pub mod haproxy;
pub mod http;
pub mod judge;
pub mod nodes;
pub mod peers;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod redis;
pub mod roster;
pub mod sentinel;
pub mod server;
pub mod shared;
pub mod tls;
pub mod truth;
