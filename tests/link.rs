//! The way to a real Redis: commands, subscriptions, and what happens when connections and servers go away.

#[path = "link/checks.rs"]
mod checks;
#[path = "link/cluster.rs"]
mod cluster;
#[path = "link/commands.rs"]
mod commands;
#[path = "link/sentinel.rs"]
mod sentinel;
#[path = "link/redis.rs"]
mod server;
#[path = "link/subscriptions.rs"]
mod subscriptions;
