//! Many items at once: written or removed in batches, at a pace that leaves room for appends.
//!
//! Owns the bytes that are not urgent. Never conditions: a batch has none. Called for checkpoints, truncation and what is too large for one item.

use super::item::{BODY, Item, Key, PART_BYTES, PARTS, part};
use super::retry::Attempts;
use super::table::{Query, Range, Table, write_units};
use super::trouble::{Kind, Trouble};
use crate::durable::DurableError;
use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, ReturnConsumedCapacity, WriteRequest};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Items of a batch, by DynamoDB's rule.
const ITEMS: usize = 25;
/// Bytes of a batch: a thousand write units, what a partition takes in a second.
const BYTES: usize = 1 << 20;
/// Bytes a second that are not urgent: half of what a new table on demand takes.
const RATE: u32 = 2 << 20;
/// What may go ahead of that rate.
const BURST: Duration = Duration::from_secs(2);

/// When the next bytes that are not urgent may go.
#[derive(Debug)]
pub(super) struct Pace(Mutex<Instant>);

impl Default for Pace {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Pace {
    async fn take(&self, bytes: usize) {
        let due = {
            let mut free = self.0.lock().await;
            // An hour at rest earns no more than a burst.
            *free = (*free).max(Instant::now().checked_sub(BURST).unwrap_or_else(Instant::now));
            *free += Duration::from_secs(1).mul_f64(bytes as f64 / f64::from(RATE));
            *free
        };
        tokio::time::sleep_until(due).await;
    }
}

/// A write of a batch and its size in bytes.
pub(super) struct Write(WriteRequest, usize);

impl Write {
    pub(super) fn put(item: Item) -> Self {
        let size = item.size();
        let put = PutRequest::builder().set_item(Some(item.0)).build();
        Self(WriteRequest::builder().put_request(whole(put)).build(), size)
    }

    /// Removes an item of about so many bytes; removing is billed as writing.
    pub(super) fn delete(key: &Key, size: usize) -> Self {
        let delete = DeleteRequest::builder().set_key(Some(key.attributes())).build();
        Self(WriteRequest::builder().delete_request(whole(delete)).build(), size)
    }
}

fn whole<T>(built: Result<T, BuildError>) -> T {
    built.expect("all that it needs is given")
}

impl Table {
    /// Carries out all writes, in any order, those that are not urgent at a pace. After an error some may have been and some not; trying again is
    /// right.
    pub(super) async fn batch(&self, what: &str, pace: Option<&Pace>, writes: Vec<Write>) -> Result<(), DurableError> {
        let mut writes = writes.into_iter().peekable();
        while writes.peek().is_some() {
            let (mut group, mut bytes) = (Vec::new(), 0);
            while let Some(Write(write, size)) =
                writes.next_if(|next| group.is_empty() || group.len() < ITEMS && bytes + next.1 <= BYTES)
            {
                group.push(write);
                bytes += size;
            }
            if let Some(pace) = pace {
                pace.take(bytes).await;
            }
            self.send(what, group).await?;
        }
        Ok(())
    }

    /// Sends one batch until nothing of it is handed back.
    async fn send(&self, what: &str, mut left: Vec<WriteRequest>) -> Result<(), DurableError> {
        let table = &self.place.table;
        let mut attempts = Attempts::new(&self.place, what, self.patience);
        while !left.is_empty() {
            let batch = self.client.batch_write_item().request_items(table, left.clone());
            match batch.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await {
                Ok(mut answer) => {
                    answer.consumed_capacity().iter().for_each(|capacity| write_units(Some(capacity)));
                    let back = answer.unprocessed_items.as_mut().and_then(|back| back.remove(table));
                    let back = back.unwrap_or_default();
                    if back.len() < left.len() {
                        attempts.progress();
                    }
                    left = back;
                    if !left.is_empty() {
                        let why = format!("{} items were handed back", left.len());
                        attempts.pause(&Trouble::new(Kind::Throttled, why)).await?;
                    }
                }
                Err(error) => attempts.pause(&Trouble::of(&error)).await?,
            }
        }
        Ok(())
    }

    /// Bytes that lie in the parts of a partition, if all of them are there.
    pub(super) async fn joined(&self, what: &str, pk: String) -> Result<Option<Vec<u8>>, DurableError> {
        let parts = self.query(what, &Query::new(pk, Range::All)).await?;
        let wanted = parts.first().and_then(|first| first.get_number(PARTS));
        if wanted != Some(parts.len() as u64) {
            return Ok(None);
        }
        let mut bytes = Vec::with_capacity(parts.iter().map(Item::size).sum());
        for part in &parts {
            let Some(piece) = part.get_bytes(BODY) else { return Ok(None) };
            bytes.extend_from_slice(piece);
        }
        Ok(Some(bytes))
    }
}

/// How many parts so many bytes need.
pub(super) fn parts_of(bytes: usize) -> usize {
    bytes.div_ceil(PART_BYTES).max(1)
}

/// Bytes as the parts of a partition.
pub(super) fn split<'a>(pk: &'a str, bytes: &'a [u8]) -> impl Iterator<Item = Item> + 'a {
    let count = parts_of(bytes.len());
    (0..count).map(move |n| {
        let piece = &bytes[n * PART_BYTES..bytes.len().min((n + 1) * PART_BYTES)];
        let item = Item::new(&Key::new(pk, part(n))).bytes(BODY, piece);
        if n == 0 { item.number(PARTS, count as u64) } else { item }
    })
}
