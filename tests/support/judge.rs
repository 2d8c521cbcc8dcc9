//! Whether everybody agrees in the end: the clients with each other, fresh ones at each node, and all of them with the durable log.

use super::actor::Actor;
use super::nodes::{Nodes, join};
use super::process::PATIENCE;
use super::truth::Truth;
use collabcanvas::protocol::Encoding;
use loadtest::client::{Client, Ended};
use loadtest::core::Core;
use std::collections::HashMap;
use std::time::Duration;

/// What may have happened to the hot state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hot {
    /// It was there all the time: no answer is ever taken back, and every commit that anybody saw is in the log.
    Kept,
    /// It was lost, or older: what was not saved may have been ordered anew.
    Lost,
}

fn seq(client: &Client) -> u64 {
    client.core.position().map_or(0, |position| position.seq)
}

/// Listens until a client is at a seq or beyond.
async fn reach(client: &mut Client, seq: u64) {
    let there = |core: &Core| core.is_synced() && core.position().is_some_and(|position| position.seq >= seq);
    while let Err(ended) = client.until("the others' work", PATIENCE, there).await {
        assert!(matches!(ended, Ended::Broken(_) | Ended::Closed(..)), "{ended}");
        client.reconnect(PATIENCE).await.expect("a node is there");
    }
}

/// Brings all clients of a quiet project to its end and compares them.
async fn agree(clients: &mut [&mut Client]) {
    loop {
        let head = clients.iter().map(|client| seq(client)).max().unwrap_or(0);
        for client in clients.iter_mut() {
            reach(client, head).await;
        }
        if clients.iter().all(|client| seq(client) == head) {
            break;
        }
    }
    let Some((first, others)) = clients.split_first() else { return };
    for (n, other) in others.iter().enumerate() {
        assert_eq!(other.core.position().map(|p| &p.id), first.core.position().map(|p| &p.id), "positions");
        assert_eq!(other.core.replica().difference(first.core.replica()), None, "client {} and the first", n + 1);
    }
}

/// Brings everybody together: those who took part and a fresh client at each node. Then stops the nodes, and compares them with the durable
/// log, which it returns.
pub async fn agreed(nodes: &mut Nodes, project: &str, actors: &mut [Actor], hot: Hot) -> Truth {
    let mut fresh = Vec::new();
    for n in 0..nodes.count() {
        let encoding = if n.is_multiple_of(2) { Encoding::Json } else { Encoding::MessagePack };
        fresh.push(join(nodes.url(n), project, encoding).await);
    }
    let everybody = fresh.iter_mut().chain(actors.iter_mut().map(|actor| &mut actor.client));
    agree(&mut everybody.collect::<Vec<_>>()).await;
    let truth = nodes.truth(project).await;
    assert_eq!(truth.loaded.difference(fresh[0].core.replica()), None, "what is loaded and a fresh client");
    let mut acked = 0;
    for history in actors.iter().map(|actor| &actor.client.core.history) {
        acked += history.acked.len();
        match hot {
            Hot::Kept => {
                truth.check(history);
                truth.check_seen(history);
            }
            Hot::Lost => truth.check_after_loss(history),
        }
    }
    assert!(acked > 0, "nobody has done anything");
    truth
}

/// The longest time from a batch's answer at its author to its arrival at another client, and how many were measured.
pub fn slowest(actors: &[Actor], truth: &Truth) -> (Duration, usize) {
    let places: HashMap<_, _> = truth.places().collect();
    let (mut slowest, mut measured) = (Duration::ZERO, 0);
    for author in actors {
        let name = &author.client.core.history.author;
        for (cid, acked) in &author.acked {
            let Some(seq) = places.get(&(name, *cid)) else { continue };
            for other in actors.iter().filter(|other| other.client.core.history.author != *name) {
                let at = other.heard.partition_point(|(heard, _)| heard < seq);
                // What was there before it joined came with its first sync.
                if let Some((_, heard)) = other.heard.get(at).filter(|_| at > 0) {
                    slowest = slowest.max(heard.saturating_duration_since(*acked));
                    measured += 1;
                }
            }
        }
    }
    (slowest, measured)
}
