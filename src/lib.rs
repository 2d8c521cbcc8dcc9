#![doc = include_str!("ARCHITECTURE.md")]

pub mod access;
pub mod admin;
pub mod app;
pub mod autosave;
pub(crate) mod backoff;
pub mod beside;
pub mod bucket;
pub mod chance;
pub mod clock;
pub mod config;
pub mod durable;
pub mod fanout;
pub mod gateway;
pub mod hot;
pub mod hub;
pub mod ids;
pub mod keyspace;
pub mod lifecycle;
pub mod link;
pub mod mechanism;
pub mod metrics;
pub mod outbound;
pub mod presence;
pub mod pressure;
pub mod project;
pub mod protocol;
pub mod quota;
pub mod recovery;
pub mod session;
#[cfg(test)]
mod sim;
pub mod telemetry;
pub mod trace;
