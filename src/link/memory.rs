//! What Redis says of its memory, again and again: all masters together.

use super::Link;
use super::check::info::field;
use super::error::LinkError;
use super::shards::Shards;
use super::url::{Server, Target};
use crate::metrics::redis::{Memory, memory};
use redis::PushInfo;
use std::convert::Infallible;
use std::time::Duration;

/// How often it is asked. Each time on a connection of its own, so that a question does not wait behind what clients wait for.
const LOOK: Duration = Duration::from_secs(15);

/// Asks for ever.
pub async fn watch(link: Link) {
    loop {
        match all(link.target()).await {
            Ok(found) => memory(found),
            // Whether it answers is told by everything else.
            Err(error) => tracing::debug!(%error, "Redis does not say what memory it uses"),
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn all(target: &Target) -> Result<Memory, LinkError> {
    let shards = Shards::find(target, &Shards::default()).await?;
    let mut sum = Memory::default();
    let mut is_limited = true;
    for server in shards.servers() {
        let one = of(target, &server).await?;
        sum = Memory { used: sum.used + one.used, limit: sum.limit + one.limit, evicted: sum.evicted + one.evicted };
        is_limited &= one.limit > 0;
    }
    Ok(if is_limited { sum } else { Memory { limit: 0, ..sum } })
}

async fn of(target: &Target, server: &Server) -> Result<Memory, LinkError> {
    let mut connection = target.dial(server, |_: PushInfo| Ok::<(), Infallible>(())).await?;
    let mut text = String::new();
    for section in ["memory", "stats"] {
        let said: String = redis::cmd("INFO")
            .arg(section)
            .query_async(&mut connection)
            .await
            .map_err(|error| LinkError::sorted(&error, target))?;
        text.push_str(&said);
    }
    Ok(read(&text))
}

fn read(info: &str) -> Memory {
    let number = |name: &str| field(info, name).and_then(|text| text.parse().ok()).unwrap_or(0);
    Memory { used: number("used_memory"), limit: number("maxmemory"), evicted: number("evicted_keys") }
}

#[cfg(test)]
mod tests {
    use super::super::testing::redis::Redis;
    use super::*;

    #[test]
    fn what_is_not_said_is_nothing() {
        let info =
            "# Memory\r\nused_memory:1024\r\nused_memory_human:1K\r\nmaxmemory:4096\r\n# Stats\r\nevicted_keys:7\r\n";
        assert_eq!(read(info), Memory { used: 1_024, limit: 4_096, evicted: 7 });
        assert_eq!(read("redis_version:7\r\n"), Memory::default());
    }

    #[tokio::test]
    async fn a_server_says_what_it_uses() {
        let redis = Redis::start().await;
        let found = all(&Target::parse(&redis.url()).expect("a URL")).await.expect("it answers");
        assert!(found.used > 100_000 && found.evicted == 0, "{found:?}");
    }
}
