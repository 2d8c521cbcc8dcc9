//! Who is let in and what they may do, against the real program: tokens, tickets, share links, roles, and rights that change under way.

#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

#[path = "access/delete.rs"]
mod delete;
#[path = "access/development.rs"]
mod development;
#[path = "access/live.rs"]
mod live;
#[path = "access/people.rs"]
mod people;
#[path = "access/rest.rs"]
mod rest;
#[path = "access/secrets.rs"]
mod secrets;
#[path = "access/tokens.rs"]
mod tokens;
