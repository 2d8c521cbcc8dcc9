//! The commands that this program uses, tried harmlessly: a user may lack the right to some.

use super::Role;
use crate::keyspace::{Bucket, Keyspace};
use crate::link::error::{LinkError, Refusal};
use crate::link::url::Target;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value};
use std::collections::BTreeSet;

/// Commands on what presence and routing need. `h`, `s`, `l`, `z` and `u` stand for keys of a hash, a string, a stream, a sorted set and a
/// set, `c` for a channel.
const ROUTING: &[&str] = &[
    "PING",
    "SET s 1",
    "GET s",
    "EXISTS s",
    "HSET h f 1",
    "HGETALL h",
    "HDEL h f",
    "EXPIRE h 60",
    "PEXPIRE h 60000",
    "SADD u a",
    "SREM u a",
    "SMEMBERS u",
    "SPUBLISH c probe",
    "SSUBSCRIBE c",
    "SUNSUBSCRIBE c",
    "DEL s",
    "UNLINK h u",
];

/// Commands on what only the data need.
const DATA: &[&str] = &[
    "HSET h f 1",
    "HGET h f",
    "HMGET h f",
    "HLEN h",
    "HINCRBY h n 1",
    "HSCAN h 0",
    "PERSIST h",
    "PTTL h",
    "INCR s",
    "XADD l 1-1 f v",
    "XRANGE l - +",
    "XREVRANGE l + -",
    "XLEN l",
    "XTRIM l MINID 1",
    "ZADD z 1 a",
    "ZRANGE z 0 0",
    "ZRANGEBYSCORE z 0 1",
    "ZSCORE z a",
    "ZCARD z",
    "ZREM z a",
    "RENAME h l",
    "TIME",
    "UNLINK h s l z",
];

/// A script that needs no right but the one to be called.
const SCRIPT: &str = "return 1";

/// What the user lacks, as words of an ACL rule, such as `+hset`.
pub(super) async fn missing(
    connection: &mut MultiplexedConnection,
    target: &Target,
    keyspace: &Keyspace,
    bucket: Bucket,
    role: Role,
) -> Result<BTreeSet<String>, LinkError> {
    let mut missing = BTreeSet::new();
    let data = if role == Role::Data { DATA } else { &[] };
    for line in ROUTING.iter().chain(data) {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        let mut cmd = redis::cmd(name);
        for word in words {
            match word {
                "h" | "s" | "l" | "z" | "u" | "c" => cmd.arg(keyspace.probe(bucket, word)),
                _ => cmd.arg(word),
            };
        }
        missing.extend(lacking(connection, target, keyspace, name, &cmd).await?);
    }
    let (key, script) = (keyspace.probe(bucket, "s"), redis::Script::new(SCRIPT));
    let load = redis::cmd("SCRIPT").arg("LOAD").arg(SCRIPT).to_owned();
    missing.extend(lacking(connection, target, keyspace, "SCRIPT|LOAD", &load).await?);
    let call = redis::cmd("EVALSHA").arg(script.get_hash()).arg(1).arg(key).to_owned();
    missing.extend(lacking(connection, target, keyspace, "EVALSHA", &call).await?);
    Ok(missing)
}

/// What a command lacks. Other errors are none of ours: a full server is let start, and a script that is not loaded was not permitted.
async fn lacking(
    connection: &mut MultiplexedConnection,
    target: &Target,
    keyspace: &Keyspace,
    name: &str,
    cmd: &Cmd,
) -> Result<Option<String>, LinkError> {
    let answer: redis::RedisResult<Value> = cmd.query_async(connection).await;
    let Err(error) = answer else { return Ok(None) };
    match LinkError::sorted(&error, target) {
        LinkError::Refused { kind: Refusal::Denied, message } => {
            let prefix = keyspace.prefix();
            Ok(Some(match message {
                text if text.contains("channel") => format!("&{prefix}:*"),
                text if text.contains("key") => format!("~{prefix}:*"),
                _ => format!("+{}", name.to_ascii_lowercase()),
            }))
        }
        LinkError::Unavailable(text) if !text.to_ascii_uppercase().contains("NOSCRIPT") => {
            Err(LinkError::Unavailable(text))
        }
        _ => Ok(None),
    }
}
