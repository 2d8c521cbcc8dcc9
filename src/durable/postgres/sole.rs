//! The right of an embedded node to a database: two nodes with a hot store each would not hear of each other.
//!
//! Owns a lock that the server keeps for as long as our session lives. Never protects what is stored; the fence of each append does. Called
//! when an embedded node starts.

use super::line::Wire;
use super::open::{self, Opening};
use super::trouble::Trouble;
use crate::backoff::Backoff;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Name of the lock: "CLLB", 2.
const SOLE: i64 = 0x434c_4c42_0000_0002;
/// How long somebody else may have the lock after our session was lost: the server may not have noticed yet that it was.
const ZOMBIE: Duration = Duration::from_secs(30);
/// Between two tries to get it back.
const PAUSE: Duration = Duration::from_millis(250);

const TAKE: &str = "SELECT pg_try_advisory_lock($1)";

/// Takes the lock. The task keeps it, gets it back when the session was lost, and ends with a sentence if another node has it then.
pub(super) async fn take(opening: &Arc<Opening>) -> Result<JoinHandle<String>, Trouble> {
    let (wire, runs) = open::connect(opening).await?;
    if !try_take(&wire).await? {
        return Err(Trouble::undone(in_use(opening)));
    }
    Ok(tokio::spawn(keep(opening.clone(), wire, runs)))
}

fn in_use(opening: &Opening) -> String {
    format!(
        "{} is in use by another node without Redis; stop that one, give both the same COLLAB_REDIS_URL, or name another database by COLLAB_DURABLE_URL",
        opening.target
    )
}

async fn try_take(wire: &Wire) -> Result<bool, Trouble> {
    let taken = wire.query(TAKE, &[&SOLE]).await?;
    Ok(taken.first().is_some_and(|row| row.get(0)))
}

async fn keep(opening: Arc<Opening>, mut wire: Arc<Wire>, mut runs: JoinHandle<String>) -> String {
    loop {
        // Why it ended was told by the other connections.
        let _ = (&mut runs).await;
        drop(wire);
        match again(&opening).await {
            Some(session) => (wire, runs) = session,
            None => return in_use(&opening),
        }
    }
}

/// Takes the lock back as soon as the server is there; nothing when another node has it and keeps it.
async fn again(opening: &Arc<Opening>) -> Option<(Arc<Wire>, JoinHandle<String>)> {
    let mut backoff = Backoff::default();
    let mut others_since = None;
    loop {
        tokio::time::sleep(backoff.next(rand::random())).await;
        let Ok((wire, runs)) = open::connect(opening).await else { continue };
        while let Ok(taken) = try_take(&wire).await {
            if taken {
                return Some((wire, runs));
            }
            if others_since.get_or_insert_with(Instant::now).elapsed() > ZOMBIE {
                return None;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
