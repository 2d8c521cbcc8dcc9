//! The way to a real Redis: commands, subscriptions, and what happens when connections and servers go away.

#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

#[path = "link/checks.rs"]
mod checks;
#[path = "link/cluster.rs"]
mod cluster;
#[path = "link/commands.rs"]
mod commands;
#[path = "link/sentinel.rs"]
mod sentinel;
#[path = "link/subscriptions.rs"]
mod subscriptions;

use collabcanvas::link::{Link, Target};

/// A URL.
fn target(url: &str) -> Target {
    Target::parse(url).unwrap_or_else(|e| panic!("{url}: {e}"))
}

/// A link.
async fn link(url: &str) -> Link {
    Link::open(&target(url)).await.expect("it is there")
}
