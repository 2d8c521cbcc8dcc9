//! DynamoDB as a durable store: what may go wrong between a node and it.

#[allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]
mod support;

#[path = "dynamodb/appends.rs"]
mod appends;
#[path = "dynamodb/layer.rs"]
mod layer;
