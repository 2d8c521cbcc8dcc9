//! Tickets of a node on its own.

use super::{TTL, Tickets};
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;

/// Most tickets at the same time: a caller who gets more of them does not use them.
const MOST: usize = 100_000;

/// Tickets in this process.
#[derive(Debug, Default)]
pub struct MemoryTickets(Mutex<HashMap<String, (Instant, String)>>);

#[async_trait]
impl Tickets for MemoryTickets {
    async fn put(&self, digest: &str, grant: String) -> Result<(), String> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if kept.len() >= MOST {
            kept.retain(|_, (end, _)| *end > now);
        }
        if kept.len() >= MOST {
            return Err("there are too many tickets that nobody uses; try again in 30 s".to_owned());
        }
        kept.insert(digest.to_owned(), (now + TTL, grant));
        Ok(())
    }

    async fn take(&self, digest: &str) -> Result<Option<String>, String> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(digest);
        Ok(taken.filter(|(end, _)| *end > Instant::now()).map(|(_, grant)| grant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_ticket_is_good_once_and_for_its_time() {
        let tickets = MemoryTickets::default();
        tickets.put("a", "grant".to_owned()).await.expect("kept");
        assert_eq!(tickets.take("a").await, Ok(Some("grant".to_owned())));
        assert_eq!(tickets.take("a").await, Ok(None));
        tickets.put("b", "grant".to_owned()).await.expect("kept");
        tokio::time::sleep(TTL + Duration::from_millis(1)).await;
        assert_eq!(tickets.take("b").await, Ok(None));
    }
}
