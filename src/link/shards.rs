//! Which server has which slots.

use super::error::LinkError;
use super::url::{Layout, Server, Target};
use redis::{FromRedisValue as _, ParsingError, PushInfo, Value};
use std::convert::Infallible;

/// The masters, each with its ranges of slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shards {
    ranges: Vec<(u16, u16, Server)>,
}

/// Number of slots of a Cluster.
pub(super) const SLOTS: u16 = 16_384;

/// The slot of a channel or key: CRC16 (XMODEM) of its hash tag, as the Cluster specification has it. The client library keeps the number
/// of its slots to itself.
pub(super) fn slot_of(name: &[u8]) -> u16 {
    let open = name.iter().position(|b| *b == b'{').map(|n| n + 1);
    let tag = open.and_then(|open| {
        let close = name[open..].iter().position(|b| *b == b'}').filter(|n| *n > 0)?;
        Some(&name[open..open + close])
    });
    let step = |crc: u16, _: u8| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
    let crc = tag.unwrap_or(name).iter().fold(0, |crc, byte| (0..8).fold(crc ^ (u16::from(*byte) << 8), step));
    crc % SLOTS
}

impl Shards {
    /// One server for everything.
    pub(super) fn single(server: Server) -> Self {
        Self { ranges: vec![(0, SLOTS - 1, server)] }
    }

    /// The server of a slot; `None` while nobody has it.
    pub(super) fn owner(&self, slot: u16) -> Option<&Server> {
        self.ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&slot)).map(|(_, _, server)| server)
    }

    /// All masters, each once.
    pub(super) fn servers(&self) -> Vec<Server> {
        let mut servers: Vec<Server> = Vec::new();
        for (_, _, server) in &self.ranges {
            if !servers.contains(server) {
                servers.push(server.clone());
            }
        }
        servers
    }

    /// Finds the masters. In a Cluster one of the nodes is asked that are known by now, else one of the URL.
    pub(super) async fn find(target: &Target, known: &Self) -> Result<Self, LinkError> {
        if target.layout != Layout::Cluster {
            return target.master().await.map(Self::single);
        }
        let mut last = LinkError::unavailable("no node of the Cluster is known");
        let mut asked: Vec<Server> = Vec::new();
        for node in known.servers().into_iter().chain(target.servers.iter().cloned()) {
            if asked.contains(&node) {
                continue;
            }
            asked.push(node.clone());
            match Self::ask(target, &node).await {
                Ok(shards) => return Ok(shards),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn ask(target: &Target, node: &Server) -> Result<Self, LinkError> {
        let mut connection = target.dial_any(node, |_: PushInfo| Ok::<(), Infallible>(())).await?;
        let answer: redis::RedisResult<Value> = redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await;
        let answer = answer.map_err(|e| LinkError::sorted(&e, target))?;
        Self::read(&answer, node).map_err(|e| LinkError::Unavailable(format!("{node}: CLUSTER SLOTS: {e}")))
    }

    /// Reads the answer of CLUSTER SLOTS. A node that does not know its own name leaves it out: it is the one that was asked.
    fn read(answer: &Value, asked: &Server) -> Result<Self, ParsingError> {
        let mut ranges = Vec::new();
        for range in answer.as_sequence().unwrap_or_default() {
            let [first, last, master, ..] = range.as_sequence().unwrap_or_default() else { continue };
            let [host, port, ..] = master.as_sequence().unwrap_or_default() else { continue };
            let host = Option::<String>::from_redis_value_ref(host)?.filter(|h| !h.is_empty() && h != "?");
            let server =
                Server { host: host.unwrap_or_else(|| asked.host.clone()), port: u16::from_redis_value_ref(port)? };
            ranges.push((u16::from_redis_value_ref(first)?, u16::from_redis_value_ref(last)?, server));
        }
        Ok(Self { ranges })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot_of(b"123456789"), 0x31c3);
        for name in ["collab:{b017}:demo:events", "plain", "{}x", "a{b}c{d}", "{open", ""] {
            let theirs = redis::cluster_routing::Slot::for_key(name);
            assert_eq!(redis::cluster_routing::Slot::new(slot_of(name.as_bytes())), Some(theirs), "{name}");
        }
    }

    #[test]
    fn the_answer_of_a_cluster_is_read() {
        let text = b"*2\r\n*4\r\n:0\r\n:5460\r\n*3\r\n$9\r\n127.0.0.1\r\n:7001\r\n$1\r\na\r\n*3\r\n$1\r\nr\r\n:1\r\n$1\r\nb\r\n*3\r\n:5461\r\n:16383\r\n*3\r\n$-1\r\n:7002\r\n$1\r\nc\r\n";
        let value = redis::parse_redis_value(text).expect("RESP");
        let asked = Server { host: "me".into(), port: 1 };
        let shards = Shards::read(&value, &asked).expect("readable");
        assert_eq!(shards.owner(5460), Some(&Server { host: "127.0.0.1".into(), port: 7001 }));
        assert_eq!(shards.owner(5461), Some(&Server { host: "me".into(), port: 7002 }));
        assert_eq!(shards.servers().len(), 2);
        assert_eq!(Shards::default().owner(3), None);
    }
}
