//! How a node starts, refuses to start, is watched, and stops.

#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

#[path = "lifecycle/admin.rs"]
mod admin;
#[path = "lifecycle/logs.rs"]
mod logs;
#[path = "lifecycle/start.rs"]
mod start;
#[path = "lifecycle/stop.rs"]
mod stop;
