//! Checkpoints: chunks in partitions of their own, then the pointer to them.
//!
//! Owns the order of writes, so that a reader never finds a pointer without its chunks, and that nothing stays behind unnamed: chunks are
//! written and removed under a draft, by which a later checkpoint finds what a node that died has left. Called through the store.

use super::DynamoStore;
use super::batch::{Write, parts_of, split};
use super::item::{self, BODY, CHUNK_PARTS, DRAFT, Item, Key, MADE_MS, Name, PART_BYTES, POINTER, SEQ, VERSION};
use super::table::{Query, Range};
use crate::clock;
use crate::durable::layout::{self, chunk_name, corrupt};
use crate::durable::{DurableError, Pointer};
use crate::ids::{ProjectId, Seq};
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};

/// Chunks that are read at the same time.
const READS: usize = 8;
/// Drafts older than this, in ms, are nobody's any more.
const DRAFT_MS: u64 = 60 * 60 * 1000;

impl DynamoStore {
    pub(super) async fn read_pointer(&self, project: &ProjectId) -> Result<Option<Pointer>, DurableError> {
        let key = Key::new(item::meta(project), POINTER);
        let item = self.table.get(&format!("the pointer of project {project}"), &key).await?;
        item.map(|item| pointer(project, &item, POINTER)).transpose()
    }

    /// The seq that the newest checkpoint covers; 0 when there is none.
    pub(super) async fn covered(&self, project: &ProjectId) -> Result<Seq, DurableError> {
        Ok(self.read_pointer(project).await?.map_or(0, |pointer| pointer.seq))
    }

    pub(super) async fn read_chunks(&self, project: &ProjectId, pointer: &Pointer) -> Result<Vec<Bytes>, DurableError> {
        let name = Name::from(pointer);
        let read = async |n: usize| {
            let what = format!("{} of project {project}", chunk_name(name.seq, n));
            let bytes = self.table.joined(&what, name.chunk(project, n)).await?;
            let bytes =
                bytes.ok_or_else(|| corrupt(project, chunk_name(name.seq, n), "it, or a part of it, is missing"));
            bytes.map(Bytes::from)
        };
        futures_util::stream::iter(0..pointer.chunks as usize).map(read).buffered(READS).try_collect().await
    }

    pub(super) async fn write_checkpoint(
        &self,
        project: &ProjectId,
        pointer: &Pointer,
        chunks: &[Bytes],
    ) -> Result<(), DurableError> {
        if self.covered(project).await? >= pointer.seq {
            return Ok(());
        }
        let name = Name::from(pointer);
        let what = format!("the checkpoint at {} of project {project}", name.seq);
        let parts: Vec<_> = chunks.iter().map(|chunk| parts_of(chunk.len()).to_string()).collect();
        let parts = parts.join(",");
        let draft = Item::new(&name.draft(project)).text(CHUNK_PARTS, parts.clone()).number(SEQ, name.seq);
        self.table.put(&what, &draft.number(MADE_MS, clock::now_ms())).await?;
        self.list_project(project).await?;
        for (n, chunk) in chunks.iter().enumerate() {
            let pk = name.chunk(project, n);
            self.table.batch(&what, Some(&self.pace), split(&pk, chunk).map(Write::put).collect()).await?;
        }
        let body = layout::encode_pointer(pointer);
        let named = |key: &Key| Item::new(key).number(SEQ, name.seq).bytes(BODY, &body);
        let moved = self.put_if_newer(named(&Key::new(item::meta(project), POINTER)), name.seq);
        let kept = self.put_in_transaction(named(&name.version(project)).text(CHUNK_PARTS, parts.clone()));
        let refused =
            self.table.transact(&what, vec![moved, kept, self.delete_in_transaction(&name.draft(project))]).await?;
        // Refused also when an attempt before, whose answer was lost, has moved it.
        if refused && self.read_pointer(project).await?.as_ref().map(Name::from) != Some(name) {
            left_behind(project, self.clear(project, name, &parts).await);
            return Ok(());
        }
        left_behind(project, self.sweep(project).await);
        Ok(())
    }

    fn put_if_newer(&self, item: Item, seq: Seq) -> TransactWriteItem {
        let put = Put::builder().table_name(&self.table.place.table).set_item(Some(item.0));
        let put = put.condition_expression("attribute_not_exists(#seq) OR #seq < :seq");
        let put = put.expression_attribute_names("#seq", SEQ);
        let put = put.expression_attribute_values(":seq", AttributeValue::N(seq.to_string()));
        TransactWriteItem::builder().put(put.build().expect("table and item are given")).build()
    }

    fn put_in_transaction(&self, item: Item) -> TransactWriteItem {
        let put = Put::builder().table_name(&self.table.place.table).set_item(Some(item.0));
        TransactWriteItem::builder().put(put.build().expect("table and item are given")).build()
    }

    fn delete_in_transaction(&self, key: &Key) -> TransactWriteItem {
        let delete = Delete::builder().table_name(&self.table.place.table).set_key(Some(key.attributes()));
        TransactWriteItem::builder().delete(delete.build().expect("table and key are given")).build()
    }

    pub(super) async fn read_versions(&self, project: &ProjectId) -> Result<Vec<Pointer>, DurableError> {
        let query = Query::new(item::meta(project), Range::With(VERSION));
        let items = self.table.query(&format!("the checkpoints of project {project}"), &query).await?;
        items.iter().map(|item| pointer(project, item, item.sk())).collect()
    }

    pub(super) async fn remove_version(&self, project: &ProjectId, version: &Pointer) -> Result<(), DurableError> {
        let name = Name::from(version);
        let what = format!("the old checkpoint at {} of project {project}", name.seq);
        if self.read_pointer(project).await?.as_ref().map(Name::from) == Some(name) {
            return Ok(());
        }
        let key = name.version(project);
        let Some(kept) = self.table.get(&what, &key).await? else { return Ok(()) };
        let parts = kept.get_text(CHUNK_PARTS).unwrap_or_default();
        let draft = Item::new(&name.draft(project)).text(CHUNK_PARTS, parts).number(SEQ, name.seq);
        self.table.put(&what, &draft.number(MADE_MS, clock::now_ms())).await?;
        self.table.delete(&what, &key, None).await?;
        self.clear(project, name, parts).await
    }

    /// Removes the chunks of a draft, then the draft.
    async fn clear(&self, project: &ProjectId, name: Name, parts: &str) -> Result<(), DurableError> {
        let what = format!("chunks of the checkpoint at {} of project {project}", name.seq);
        let counts = parts.split(',').enumerate().filter_map(|(n, count)| Some((n, count.parse::<usize>().ok()?)));
        let keys = counts.flat_map(|(n, count)| (0..count).map(move |part| (n, part)));
        let gone = keys.map(|(n, part)| Write::delete(&Key::new(name.chunk(project, n), item::part(part)), PART_BYTES));
        self.table.batch(&what, Some(&self.pace), gone.collect()).await?;
        self.table.delete(&what, &name.draft(project), None).await
    }

    /// Clears what nodes that have died left of checkpoints that the pointer has passed.
    async fn sweep(&self, project: &ProjectId) -> Result<(), DurableError> {
        let query = Query::new(item::meta(project), Range::With(DRAFT));
        let drafts = self.table.query(&format!("unfinished checkpoints of project {project}"), &query).await?;
        for draft in drafts {
            let Some(name) = draft.sk().strip_prefix(DRAFT).and_then(Name::parse) else { continue };
            let made = draft.get_number(MADE_MS).unwrap_or_default();
            let is_left = clock::now_ms().saturating_sub(made) > DRAFT_MS;
            let what = format!("an unfinished checkpoint of project {project}");
            if is_left
                && self.covered(project).await? >= name.seq
                && self.table.get(&what, &name.version(project)).await?.is_none()
            {
                tracing::info!(%project, seq = name.seq, "what was left of an unfinished checkpoint is removed");
                self.clear(project, name, draft.get_text(CHUNK_PARTS).unwrap_or_default()).await?;
            }
        }
        Ok(())
    }
}

/// What cannot be removed now is named by its draft, and goes with a later checkpoint.
fn left_behind(project: &ProjectId, cleared: Result<(), DurableError>) {
    if let Err(error) = cleared {
        tracing::warn!(%project, %error, "chunks of an old checkpoint could not be removed");
    }
}

fn pointer(project: &ProjectId, item: &Item, name: &str) -> Result<Pointer, DurableError> {
    let body = item.get_bytes(BODY).ok_or_else(|| corrupt(project, name, "its body is missing"))?;
    layout::decode_pointer(project, body)
}
