//! The log: an item an entry, in the order of their seqs.
//!
//! Owns the condition that keeps two writers apart. A put knows only whether an entry starts at its own seq; that none reaches beyond it,
//! and that none was there and has been removed, is known from a look at the log's end and at the pointer, not longer ago than
//! [`super::ends`] allows. Called through the store.

use super::DynamoStore;
use super::batch::{Write, split};
use super::ends::Moment;
use super::item::{self, BODY, BYTES, END_SEQ, Item, LAST_ID, MADE_MS, PART_BYTES, PARTS, REST, SK};
use super::rest::Rest;
use super::table::{Query, Range};
use crate::clock;
use crate::durable::layout::{self, corrupt, entry_name};
use crate::durable::{Appended, DurableError, Entry};
use crate::ids::{ProjectId, Seq};
use crate::metrics;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

/// Entries younger than this, in ms, are not removed whatever is asked: it is what makes a look at the log's end hold for a minute.
pub(super) const YOUNGEST_MS: u64 = 10 * 60 * 1000;
/// Entries looked at in one go when old ones are removed.
const PAGE: i32 = 200;

impl DynamoStore {
    pub(super) async fn append_entry(&self, project: &ProjectId, entry: &Entry) -> Result<Appended, DurableError> {
        let from = entry.from;
        let looked = match self.ends.known(project, from.saturating_sub(1)) {
            Some(moment) => moment,
            None => {
                let moment = Moment::now();
                if self.end(project).await?.max(self.covered(project).await?) >= from {
                    return Ok(Appended::Conflict);
                }
                moment
            }
        };
        if from == 1 {
            self.list_project(project).await?;
        }
        let began = Moment::now();
        let stored = self.put_entry(project, entry).await;
        self.ends.forget(project);
        if !stored? {
            return Ok(Appended::Conflict);
        }
        // Long after that look the entry that stood here may have been removed, and this one counts only if no checkpoint covers it.
        if self.ends.is_past(looked) && self.covered(project).await? >= from {
            self.take_back(project, entry).await?;
            return Ok(Appended::Conflict);
        }
        self.ends.learn(project, entry.to(), began);
        Ok(Appended::Stored)
    }

    /// Stores an entry unless one starts at its seq.
    async fn put_entry(&self, project: &ProjectId, entry: &Entry) -> Result<bool, DurableError> {
        let what = format!("{} of project {project}", entry_name(entry.from));
        let body = layout::encode_entry(entry);
        let (first, more) = body.split_at(body.len().min(PART_BYTES));
        let rest = Rest::of(project, entry.from, &body);
        let mut item = Item::new(&item::entry(project, entry.from)).bytes(BODY, first).number(BYTES, body.len() as u64);
        item = item.number(END_SEQ, entry.to()).bytes(LAST_ID, &entry.last_id().0).number(MADE_MS, entry.at_ms);
        if let Some(rest) = &rest {
            item = rest.name_in(item);
            self.table.batch(&what, None, split(&rest.pk, more).map(Write::put).collect()).await?;
        }
        let ours = |there: &Item| {
            let same = there.get_bytes(LAST_ID) == Some(&entry.last_id().0) && there.get_bytes(BODY) == Some(first);
            same && Rest::named_in(project, entry.from, there) == rest
        };
        let there = self.table.put_new(&what, &item, ours).await?;
        if let Some(there) = &there {
            metrics::durable::conflict();
            // Unless the very same entry was there before: then they are its parts too.
            if let Some(rest) = rest.as_ref().filter(|_| !ours(there)) {
                self.table.batch(&what, None, rest.removal().collect()).await?;
            }
        }
        Ok(there.is_none())
    }

    /// Removes an entry that came too late to count.
    async fn take_back(&self, project: &ProjectId, entry: &Entry) -> Result<(), DurableError> {
        tracing::warn!(%project, from = entry.from, "an entry came after a checkpoint that covers it and is taken back");
        let mine = AttributeValue::B(Blob::new(entry.last_id().0));
        let what = format!("{} of project {project}", entry_name(entry.from));
        self.table.delete(&what, &item::entry(project, entry.from), Some((LAST_ID, mine))).await?;
        let rest = Rest::of(project, entry.from, &layout::encode_entry(entry));
        self.table.batch(&what, None, rest.iter().flat_map(Rest::removal).collect()).await
    }

    /// The last seq in the log; 0 when it is empty.
    async fn end(&self, project: &ProjectId) -> Result<Seq, DurableError> {
        let mut query = Query::new(item::log(project), Range::All);
        query.backwards = true;
        query.page = Some(1);
        query.only = Some(&[SK, END_SEQ]);
        let (items, _) = self.table.page(&format!("the end of project {project}"), &query, None).await?;
        items.first().map_or(Ok(0), |item| number(project, item, END_SEQ))
    }

    pub(super) async fn read_entries(&self, project: &ProjectId, from: Seq) -> Result<Vec<Entry>, DurableError> {
        let moment = Moment::now();
        let what = format!("the log of project {project}");
        let query = Query::new(item::log(project), Range::From(item::padded(from)));
        let mut entries = Vec::new();
        for item in self.table.query(&what, &query).await? {
            let from = seq(project, &item)?;
            let missing = |what: &str| corrupt(project, entry_name(from), format!("{what} is missing"));
            let mut body = item.get_bytes(BODY).ok_or_else(|| missing("its body"))?;
            let whole;
            if let Some(rest) = Rest::named_in(project, from, &item) {
                match self.table.joined(&what, rest.pk.clone()).await? {
                    Some(more) => whole = [body, &more].concat(),
                    // Removed meanwhile, as if we had come later; or damaged.
                    None if self.table.get(&what, &item::entry(project, from)).await?.is_none() => continue,
                    None => return Err(missing("a part of it")),
                }
                body = &whole;
            }
            entries.push(layout::decode_entry(project, from, body)?);
        }
        match entries.last() {
            Some(last) => self.ends.learn(project, last.to(), moment),
            None if from <= 1 => self.ends.learn(project, 0, moment),
            None => {}
        }
        Ok(entries)
    }

    /// Goes through the log from its beginning, a page at a time, up to where entries are needed or too young: older ones come first.
    pub(super) async fn remove_entries(&self, project: &ProjectId, before_ms: u64) -> Result<u64, DurableError> {
        let before = before_ms.min(clock::now_ms().saturating_sub(YOUNGEST_MS));
        let covered = self.covered(project).await?;
        let what = format!("old entries of project {project}");
        let mut query = Query::new(item::log(project), Range::UpTo(item::padded(covered)));
        query.page = Some(PAGE);
        query.only = Some(&[SK, END_SEQ, MADE_MS, BYTES, PARTS, REST]);
        let (mut removed, mut next) = (0, None);
        loop {
            let items;
            (items, next) = self.table.page(&what, &query, next).await?;
            let mut gone = Vec::new();
            let mut parts = Vec::new();
            for item in &items {
                if number(project, item, END_SEQ)? <= covered && number(project, item, MADE_MS)? < before {
                    let from = seq(project, item)?;
                    let bytes = item.get_number(BYTES).and_then(|bytes| bytes.try_into().ok()).unwrap_or(PART_BYTES);
                    gone.push(Write::delete(&item::entry(project, from), bytes.min(PART_BYTES)));
                    parts.extend(Rest::named_in(project, from, item).iter().flat_map(Rest::removal));
                }
            }
            let all = gone.len() == items.len();
            removed += gone.len() as u64;
            self.table.batch(&what, Some(&self.pace), gone).await?;
            // After the first parts, without which nobody looks for them.
            self.table.batch(&what, Some(&self.pace), parts).await?;
            if next.is_none() || !all {
                return Ok(removed);
            }
        }
    }
}

fn seq(project: &ProjectId, item: &Item) -> Result<Seq, DurableError> {
    item.sk().parse().map_err(|_| corrupt(project, format!("entry {:?}", item.sk()), "its key is no seq"))
}

fn number(project: &ProjectId, item: &Item, name: &str) -> Result<u64, DurableError> {
    let number = item.get_number(name);
    number.ok_or_else(|| {
        corrupt(project, format!("entry {}", item.sk().trim_start_matches('0')), format!("its {name} is missing"))
    })
}
