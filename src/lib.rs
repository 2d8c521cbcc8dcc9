#![doc = include_str!("ARCHITECTURE.md")]

pub mod durable;
pub mod ids;
pub mod project;
pub mod protocol;
