//! What `PROTOCOL.md` promises, against the real program: bad input, repeats, resyncs, presence, values, deadlines. Each wrong is answered
//! with its code and a sentence, and nobody else in the project notices.

#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

#[path = "protocol/batches.rs"]
mod batches;
#[path = "protocol/bodies.rs"]
mod bodies;
#[path = "protocol/bots.rs"]
mod bots;
#[path = "protocol/crowding.rs"]
mod crowding;
#[path = "protocol/edge.rs"]
mod edge;
#[path = "protocol/frames.rs"]
mod frames;
#[path = "protocol/leases.rs"]
mod leases;
#[path = "protocol/presence.rs"]
mod presence;
#[path = "protocol/reconnect.rs"]
mod reconnect;
#[path = "protocol/shared.rs"]
mod shared;
#[path = "protocol/shared_end.rs"]
mod shared_end;
#[path = "protocol/slow.rs"]
mod slow;
#[path = "protocol/upgrade.rs"]
mod upgrade;
#[path = "protocol/values.rs"]
mod values;
