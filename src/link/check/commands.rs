//! The commands that this program uses, of its own and from its scripts: as rules of an ACL, and tried harmlessly, since a user may lack the right to
//! some. The tests of `hot`, `fanout` and `presence` run as users that may do this and nothing else.

use super::Role;
use crate::keyspace::{Bucket, Keyspace};
use crate::link::error::{LinkError, Refusal};
use crate::link::url::{Layout, Target};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Script, Value};
use std::collections::BTreeSet;

/// What is asked before anything is tried: whoever may not do this is not let in.
const FIRST: &[&str] = &["INFO", "ROLE"];

/// Commands of fan-out and presence, each as it is tried. `h`, `s`, `l`, `z` and `u` stand for keys of a hash, a string, a stream, a sorted set and a
/// set, `c` for a channel, `f` for a script.
const ROUTING: &[&str] = &[
    "SET s 1",
    "GET s",
    "HSET h f 1",
    "HGETALL h",
    "PTTL s",
    "INCRBY s 1",
    "EXPIRE h 60",
    "PEXPIRE h 60000",
    "SADD u a",
    "SREM u a",
    "SMEMBERS u",
    "SPUBLISH c probe",
    "SSUBSCRIBE c",
    "SUNSUBSCRIBE c",
    "SCRIPT|LOAD return",
    "EVALSHA f 1 s",
    "DEL s h u",
];

/// Commands that only the hot store needs besides.
const DATA: &[&str] = &[
    "EXISTS s",
    "HSET h f 1",
    "HGET h f",
    "HMGET h f",
    "HLEN h",
    "HDEL h g",
    "PERSIST h",
    "PEXPIREAT h 9999999999999",
    "XADD l 1-1 f v",
    "XRANGE l - +",
    "XLEN l",
    "MEMORY|USAGE l",
    "XTRIM l MINID 1",
    "ZADD z 1 a",
    "ZRANGE z 0 0",
    "ZREM z a",
    "TIME",
    "RENAME h l",
    "UNLINK h l z",
    // Refused for another reason when it may be called.
    "EXEC",
    // The last one: what followed would not be run.
    "MULTI",
];

/// What the client library needs in a Cluster.
const CLUSTER: &[&str] = &["CLUSTER|SLOTS", "PING", "ASKING"];

/// The script that is loaded and called: it does nothing.
const SCRIPT: &str = "return";

/// Commands to try, by what the user is for.
fn lines(target: &Target, role: Role) -> impl Iterator<Item = &'static str> {
    let data = if role == Role::Data { DATA } else { &[] };
    let cluster = if target.layout == Layout::Cluster { CLUSTER } else { &[] };
    cluster.iter().chain(ROUTING).chain(data).copied()
}

/// The rule that permits a command.
fn rule(line: &str) -> String {
    format!("+{}", line.split(' ').next().unwrap_or_default().to_ascii_lowercase())
}

/// All that a user needs and no more, as rules of an ACL: for `ACL SETUSER`, or for a file of users. A Redis that has both the data and the routing needs
/// [`Role::Data`].
#[must_use]
pub fn acl(target: &Target, keyspace: &Keyspace, role: Role) -> String {
    let prefix = keyspace.prefix();
    let database = (target.database != 0).then_some("SELECT");
    let rules: BTreeSet<_> = lines(target, role).chain(FIRST.iter().copied()).chain(database).map(rule).collect();
    let rules: Vec<_> = [format!("~{prefix}:*"), format!("&{prefix}:*")].into_iter().chain(rules).collect();
    rules.join(" ")
}

/// What the user lacks, as words of an ACL rule, such as `+hset`.
pub(super) async fn missing(
    connection: &mut MultiplexedConnection,
    target: &Target,
    keyspace: &Keyspace,
    bucket: Bucket,
    role: Role,
) -> Result<BTreeSet<String>, LinkError> {
    let mut missing = BTreeSet::new();
    let script = Script::new(SCRIPT);
    for line in lines(target, role) {
        let mut words = line.split(' ');
        let mut cmd = Cmd::new();
        words.next().unwrap_or_default().split('|').for_each(|name| {
            cmd.arg(name);
        });
        for word in words {
            match word {
                "h" | "s" | "l" | "z" | "u" | "c" => cmd.arg(keyspace.probe(bucket, word)),
                "f" if line.starts_with("EVALSHA") => cmd.arg(script.get_hash()),
                _ => cmd.arg(word),
            };
        }
        missing.extend(lacking(connection, target, keyspace, line, &cmd).await?);
    }
    Ok(missing)
}

/// What a command lacks. Other errors are none of ours: a full server is let start, and a script that is not loaded was not permitted.
async fn lacking(
    connection: &mut MultiplexedConnection,
    target: &Target,
    keyspace: &Keyspace,
    line: &str,
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
                _ => rule(line),
            }))
        }
        LinkError::Unavailable(text) if !text.to_ascii_uppercase().contains("NOSCRIPT") => {
            Err(LinkError::Unavailable(text))
        }
        _ => Ok(None),
    }
}
