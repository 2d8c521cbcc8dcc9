//! Users' and projects' rates where nodes share a Redis: each node tells in bulk what was taken from it, and keeps to its share of the rate.
//!
//! A node's own bucket decides at once, so that no op waits for Redis; while Redis is away every node grants the whole rate. Only what takes a
//! twentieth of its rate or more is told of: the others matter to nobody.

use super::{Pool, Quotas};
use crate::clock;
use crate::keyspace::Keyspace;
use crate::link::{Link, LinkError};
use futures_util::future::join_all;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often is told what was taken, and over what time it is counted.
const WINDOW_MS: u64 = 1_000;
/// Part of its rate that makes a pool worth telling of.
const WORTH: u32 = 20;

/// A pool that was taken from.
struct Used {
    name: String,
    pool: Arc<Pool>,
    rate: u32,
    taken: u64,
}

/// Tells and hears as long as the quotas live.
pub async fn keep(quotas: Weak<Quotas>, link: Link, keys: Keyspace) {
    let mut last: Vec<Used> = Vec::new();
    loop {
        tokio::time::sleep(Duration::from_millis(WINDOW_MS)).await;
        let Some(quotas) = quotas.upgrade() else { return };
        let used = quotas.used();
        let window = clock::now_ms() / WINDOW_MS;
        join_all(used.iter().map(|used| tell(&link, keys.taken(&used.name, window), used.taken))).await;
        // Of the window before, every node has told by now.
        join_all(last.iter().map(|used| hear(&link, keys.taken(&used.name, window - 1), used))).await;
        last = used;
    }
}

async fn tell(link: &Link, key: String, taken: u64) {
    let told: Result<(), LinkError> = async {
        link.query::<i64>(redis::cmd("INCRBY").arg(&key).arg(taken)).await?;
        link.query::<i64>(redis::cmd("EXPIRE").arg(&key).arg(10)).await?;
        Ok(())
    }
    .await;
    if let Err(error) = told {
        tracing::debug!(%error, "what was taken of a rate could not be told to other nodes");
    }
}

async fn hear(link: &Link, key: String, used: &Used) {
    let total = link.query::<Option<u64>>(redis::cmd("GET").arg(&key)).await.ok().flatten();
    used.pool.with(|common| {
        common.granted = share(used.rate, common.granted, used.taken, total.unwrap_or_default());
        common.bucket.set_rate(common.granted);
    });
}

/// The rate that this node grants, of a rate for all, when it granted this much, and this much was taken of it here and that much everywhere. Near
/// the limit it is this node's part; below, more and more, so that nodes do not swing between all and half.
fn share(rate: u32, granted: u32, here: u64, everywhere: u64) -> u32 {
    let is_near = everywhere.saturating_mul(10) > u64::from(rate) * 9;
    if !is_near || here >= everywhere {
        return granted.saturating_add(granted / 2).saturating_add(1).min(rate);
    }
    // Who has little must be able to get more next time.
    let part = u64::from(rate) * here / everywhere;
    u32::try_from(part).unwrap_or(rate).max(rate / WORTH).max(1)
}

impl Quotas {
    /// What was taken since this was asked last, where it is worth telling.
    fn used(&self) -> Vec<Used> {
        let users = self.users.iter().map(|at| (format!("user:{}", at.key()), at.value().clone(), self.rates.user_ops));
        let projects = self
            .projects
            .iter()
            .map(|at| (format!("project:{}", at.key()), at.value().clone(), self.rates.project_ops));
        let used = users.chain(projects).filter_map(|(name, pool, rate)| {
            let pool = pool.upgrade()?;
            let taken = pool.with(|common| std::mem::take(&mut common.taken));
            let is_worth = taken >= u64::from(rate / WORTH).max(1);
            is_worth.then_some(Used { name, pool, rate, taken })
        });
        used.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rates;
    use super::*;
    use crate::ids::ProjectId;
    use crate::link::check;
    use crate::link::testing::redis::Redis;
    use crate::link::testing::{least, link};
    use tokio::time::Instant;

    #[test]
    fn nodes_keep_to_their_share_of_what_is_too_much() {
        assert_eq!(share(1_000, 1_000, 100, 900), 1_000, "not too much");
        assert_eq!(share(1_000, 1_000, 1_500, 1_500), 1_000, "alone");
        assert_eq!(share(1_000, 1_000, 1_000, 2_000), 500);
        assert_eq!(share(1_000, 500, 500, 1_000), 500, "and it stays so");
        assert_eq!(share(1_000, 500, 500, 600), 751, "the other takes less: more, step by step");
        assert_eq!(share(1_000, 1_000, 300, 3_000), 100);
        assert_eq!(share(1_000, 1_000, 1, 3_000), 50, "a beginner gets something");
        assert_eq!(share(1_000, 1_000, 500, 0), 1_000, "nobody knows");
    }

    #[tokio::test]
    async fn two_nodes_grant_a_user_together_what_one_would() {
        let redis = Redis::start().await;
        let keys = Keyspace::default();
        let link = link(&least(std::slice::from_ref(&redis), &redis.url(), &keys, check::Role::Routing)).await;
        let rates = Rates {
            user_sessions: 10,
            session_ops: 1_000_000,
            user_ops: 100,
            project_ops: 1_000_000,
            presence: 1,
            broadcasts: 1,
        };
        let nodes = [Arc::new(Quotas::new(rates)), Arc::new(Quotas::new(rates))];
        for node in &nodes {
            tokio::spawn(keep(Arc::downgrade(node), link.clone(), keys.clone()));
        }
        let project = ProjectId::parse("p").expect("valid");
        let mut sessions =
            nodes.each_ref().map(|node| node.allowance(&project, Some(&"ana".into())).expect("there is place"));
        let granted = |node: &Arc<Quotas>| {
            let pool = node.users.get("ana").and_then(|pool| pool.upgrade()).expect("a session has it");
            pool.with(|common| common.granted)
        };
        let greed = async {
            while nodes.iter().any(|node| granted(node) > 80) {
                for session in &mut sessions {
                    while session.ops(Instant::now(), 1).is_ok() {}
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), greed).await.expect("each keeps to its share");
    }
}
