//! Tickets that all nodes share, in Redis.

use super::{TTL, Tickets};
use crate::keyspace::Keyspace;
use crate::link::Link;
use async_trait::async_trait;

/// Tickets in Redis: a key each, which goes by itself.
#[derive(Debug)]
pub struct RedisTickets {
    link: Link,
    keys: Keyspace,
}

impl RedisTickets {
    /// Tickets at the end of this link.
    #[must_use]
    pub fn new(link: Link, keys: Keyspace) -> Self {
        Self { link, keys }
    }
}

#[async_trait]
impl Tickets for RedisTickets {
    async fn put(&self, digest: &str, grant: String) -> Result<(), String> {
        let mut set = redis::cmd("SET");
        set.arg(self.keys.ticket(digest)).arg(grant).arg("EX").arg(TTL.as_secs());
        self.link.query::<()>(&set).await.map_err(|error| error.to_string())
    }

    /// Whoever's DEL finds it has it: of two that read it one deletes it.
    async fn take(&self, digest: &str) -> Result<Option<String>, String> {
        let key = self.keys.ticket(digest);
        let grant: Option<String> =
            self.link.query(redis::cmd("GET").arg(&key)).await.map_err(|error| error.to_string())?;
        let deleted: u64 = self.link.query(redis::cmd("DEL").arg(&key)).await.map_err(|error| error.to_string())?;
        Ok(grant.filter(|_| deleted == 1))
    }
}

#[cfg(test)]
mod tests;
