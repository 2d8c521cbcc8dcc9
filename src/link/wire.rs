//! A connection that notices when it is no good any more.

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{Route, RoutingInfo, SingleNodeRoutingInfo, Slot, SlotAddr};
use redis::{Arg, Cmd, ErrorKind, Pipeline, RedisError, RedisFuture, RedisResult, ServerErrorKind, Value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// So many answers in a row that did not come make a connection a dead one. In a Cluster too: the client library tries a master that hangs
/// for ever, and nobody else tells it that a replica took over (`tests/link/cluster.rs`).
const STRIKES: u8 = 2;

/// What the client library gives: one connection, or one per shard.
#[derive(Clone)]
pub(super) enum Socket {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// One life of the link.
#[derive(Clone)]
pub(super) struct Wire {
    socket: Socket,
    /// Told when this life is over.
    pub(super) broken: Arc<Notify>,
    /// Answers in a row that did not come. By slot in a Cluster, where shards fail one by one.
    strikes: Arc<Mutex<HashMap<Option<Slot>, u8>>>,
    /// The slot of the last command, in a Cluster: a script is loaded where it was missed.
    slot: Option<Slot>,
}

/// What an answer says about its connection.
#[derive(Debug, PartialEq, Eq)]
enum Sign {
    Good,
    Late,
    Broken,
}

fn sign(error: &RedisError) -> Sign {
    if error.is_timeout() {
        return Sign::Late;
    }
    let is_demoted = error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly);
    if error.is_connection_dropped() || is_demoted || error.kind() == ErrorKind::Parse {
        return Sign::Broken;
    }
    Sign::Good
}

fn sign_of_value(value: &Value) -> Sign {
    match value {
        Value::ServerError(error) if error.kind() == Some(ServerErrorKind::ReadOnly) => Sign::Broken,
        _ => Sign::Good,
    }
}

impl Wire {
    pub(super) fn new(socket: Socket, broken: Arc<Notify>) -> Self {
        Self { socket, broken, strikes: Arc::default(), slot: None }
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.socket, Socket::Cluster(_))
    }

    /// Judges the connection by an answer.
    fn judge(&self, sign: &Sign) {
        let place = self.slot;
        // A Cluster's shards are mended, and its demoted masters found, by the client library.
        let is_over = match sign {
            Sign::Broken => !self.is_cluster(),
            Sign::Good => {
                self.strikes.lock().unwrap_or_else(PoisonError::into_inner).remove(&place);
                false
            }
            Sign::Late => {
                let mut strikes = self.strikes.lock().unwrap_or_else(PoisonError::into_inner);
                let count = strikes.entry(place).or_default();
                *count = count.saturating_add(1);
                *count >= STRIKES
            }
        };
        if is_over {
            self.broken.notify_one();
        }
    }

    async fn send(&mut self, cmd: &Cmd) -> RedisResult<Value> {
        match &mut self.socket {
            Socket::Single(connection) => connection.req_packed_command(cmd).await,
            // Without a key the library would ask all masters, and one that is away would fail what another one needs.
            Socket::Cluster(cluster) => match first_key(cmd).map(Slot::for_key).or(self.slot) {
                Some(slot) => {
                    self.slot = Some(slot);
                    let route = RoutingInfo::SingleNode(SingleNodeRoutingInfo::SpecificNode(Route::with_slot(
                        slot,
                        SlotAddr::Master,
                    )));
                    cluster.route_command(cmd.clone(), route).await
                }
                None => cluster.req_packed_command(cmd).await,
            },
        }
    }
}

/// The key that decides where a command goes.
fn first_key(cmd: &Cmd) -> Option<&[u8]> {
    let argument = |n: usize| match cmd.args_iter().nth(n) {
        Some(Arg::Simple(bytes)) => Some(bytes),
        _ => None,
    };
    let name = argument(0)?.to_ascii_uppercase();
    match name.as_slice() {
        b"EVALSHA" | b"EVAL" | b"FCALL" if argument(2) == Some(b"0") => None,
        b"EVALSHA" | b"EVAL" | b"FCALL" => argument(3),
        b"XINFO" | b"OBJECT" | b"XGROUP" => argument(2),
        b"PING" | b"INFO" | b"ROLE" | b"SCRIPT" | b"TIME" | b"CLIENT" | b"CLUSTER" | b"ACL" | b"DBSIZE"
        | b"COMMAND" => None,
        // The keys of these stand behind a word that is not always in the same place: the library finds them.
        b"XREAD" | b"XREADGROUP" => None,
        _ => argument(1),
    }
}

impl ConnectionLike for Wire {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let answer = self.send(cmd).await;
            self.judge(&answer.as_ref().map_or_else(sign, sign_of_value));
            answer
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let answer = match &mut self.socket {
                Socket::Single(connection) => connection.req_packed_commands(pipeline, offset, count).await,
                Socket::Cluster(cluster) => {
                    self.slot = pipeline.cmd_iter().find_map(first_key).map(Slot::for_key).or(self.slot);
                    cluster.req_packed_commands(pipeline, offset, count).await
                }
            };
            let broken = |values: &Vec<Value>| {
                if values.iter().any(|v| sign_of_value(v) == Sign::Broken) { Sign::Broken } else { Sign::Good }
            };
            self.judge(&answer.as_ref().map_or_else(sign, broken));
            answer
        })
    }

    fn get_db(&self) -> i64 {
        0
    }
}
