//! The log: an item an entry, in the order of their seqs.
//!
//! Owns the condition that keeps two writers apart. A put knows only whether an entry starts at its own seq; that none reaches beyond it,
//! and that none was there and has been removed, is known from a look at the log's end and at the pointer, not longer ago than
//! [`super::ends`] allows. Called through the store.

use super::DynamoStore;
use super::batch::{Write, split};
use super::ends::Moment;
use super::item::{self, BODY, END_SEQ, Item, Key, LAST_ID, MADE_MS, PART_BYTES, PARTS, SK};
use super::table::{Query, Range};
use crate::clock;
use crate::durable::layout::{self, corrupt, entry_name};
use crate::durable::{Appended, DurableError, Entry};
use crate::ids::{ProjectId, Seq};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

/// Entries younger than this, in ms, are not removed whatever is asked: it is what makes a look at the log's end hold for a minute.
pub(super) const YOUNGEST_MS: u64 = 10 * 60 * 1000;
/// Entries looked at in one go when old ones are removed.
const PAGE: i32 = 200;

impl DynamoStore {
    pub(super) async fn append_entry(&self, project: &ProjectId, entry: &Entry) -> Result<Appended, DurableError> {
        let from = entry.from;
        let looked = match self.ends.known(project, from - 1) {
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

    /// Stores an entry unless one starts at its seq. What does not fit one item lies in further ones, which count only with the first.
    async fn put_entry(&self, project: &ProjectId, entry: &Entry) -> Result<bool, DurableError> {
        let what = format!("{} of project {project}", entry_name(entry.from));
        let body = layout::encode_entry(entry);
        let (first, rest) = body.split_at(body.len().min(PART_BYTES));
        let parts = item::entry_parts(project, entry.from, entry.last_id());
        let more: Vec<_> = if rest.is_empty() { Vec::new() } else { split(&parts, rest).collect() };
        let mut item = Item::new(&item::entry(project, entry.from)).bytes(BODY, first);
        item = item.number(END_SEQ, entry.to()).bytes(LAST_ID, &entry.last_id().0).number(MADE_MS, entry.at_ms);
        if !more.is_empty() {
            item = item.number(PARTS, 1 + more.len() as u64);
            self.table.batch(&what, &self.pace, more.iter().cloned().map(Write::put).collect()).await?;
        }
        let ours =
            |there: &Item| there.get_bytes(LAST_ID) == Some(&entry.last_id().0) && there.get_bytes(BODY) == Some(first);
        let there = self.table.put_new(&what, &item, ours).await?;
        // The same entry, written by somebody else before us, has the same parts.
        if there.as_ref().is_some_and(|there| !ours(there)) {
            let gone = more.iter().map(|more| Write::delete(&Key::new(&parts, more.sk()), more.size()));
            self.table.batch(&what, &self.pace, gone.collect()).await?;
        }
        Ok(there.is_none())
    }

    /// Removes an entry that came too late to count.
    async fn take_back(&self, project: &ProjectId, entry: &Entry) -> Result<(), DurableError> {
        tracing::warn!(%project, from = entry.from, "an entry came after a checkpoint that covers it and is taken back");
        let mine = AttributeValue::B(Blob::new(entry.last_id().0));
        let what = format!("{} of project {project}", entry_name(entry.from));
        self.table.delete(&what, &item::entry(project, entry.from), Some((LAST_ID, mine))).await
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
            if let Some(parts) = item.get_number(PARTS).and_then(|parts| parts.checked_sub(1)) {
                let last = item.get_bytes(LAST_ID).and_then(|id| id.try_into().ok());
                let last = last.map(crate::ids::CommitId).ok_or_else(|| missing("its last commit's id"))?;
                let rest = self.table.joined(&what, item::entry_parts(project, from, last)).await?;
                let rest = rest.filter(|rest| super::batch::parts_of(rest.len()) as u64 == parts);
                whole = [body, &rest.ok_or_else(|| missing("a part of it"))?].concat();
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
        let (mut removed, mut next) = (0, None);
        loop {
            let items;
            (items, next) = self.table.page(&what, &query, next).await?;
            let mut gone = Vec::new();
            let mut parts = Vec::new();
            for item in &items {
                if number(project, item, END_SEQ)? <= covered && number(project, item, MADE_MS)? < before {
                    let from = seq(project, item)?;
                    gone.push(Write::delete(&item::entry(project, from), item.size()));
                    parts.extend(further_parts(project, from, item));
                }
            }
            let all = gone.len() == items.len();
            removed += gone.len() as u64;
            self.table.batch(&what, &self.pace, gone).await?;
            // After the first parts, without which nobody looks for them.
            self.table.batch(&what, &self.pace, parts).await?;
            if next.is_none() || !all {
                return Ok(removed);
            }
        }
    }
}

fn further_parts(project: &ProjectId, from: Seq, item: &Item) -> Vec<Write> {
    let last = item.get_bytes(LAST_ID).and_then(|id| id.try_into().ok()).map(crate::ids::CommitId);
    let Some((count, last)) = item.get_number(PARTS).zip(last) else { return Vec::new() };
    let pk = item::entry_parts(project, from, last);
    let more = usize::try_from(count).unwrap_or_default().saturating_sub(1);
    (0..more).map(|n| Write::delete(&Key::new(&pk, item::part(n)), PART_BYTES)).collect()
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
