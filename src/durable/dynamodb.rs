//! The durable store in a table of DynamoDB: for several nodes, in any number of availability zones.
//!
//! Owns the table's shape (`dynamodb/item.rs`) and the order of writes. Every read is strongly consistent. Never opens a body; that is
//! `layout`. Called through [`DurableStore`]; the table is made by [`setup()`].

mod batch;
mod checkpoints;
mod connect;
mod ends;
mod item;
mod log;
mod place;
mod records;
mod rest;
mod retry;
mod setup;
mod table;
mod trouble;

pub use connect::OpenError;
pub use place::Place;
pub use retry::Patience;
pub use setup::setup;

use super::{Appended, DurableError, DurableStore, Entry, NodeReport, Pointer, REPORT_MS, Record};
use crate::clock;
use crate::ids::{NodeId, ProjectId, Seq};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use batch::Pace;
use bytes::Bytes;
use ends::{BELIEVED, Ends};
use item::{COUNT, DEPLOYMENT, EXPIRES, Item, Key, LABEL, MADE_MS, NODE, REACHES_HOT, SHARDS};
use std::collections::BTreeSet;
use table::{Query, Range, Table};

/// A durable store in DynamoDB.
#[derive(Debug)]
pub struct DynamoStore {
    table: Table,
    /// Bytes that are not urgent.
    pace: Pace,
    /// Where logs ended lately.
    ends: Ends,
}

impl DynamoStore {
    /// Connects to a table that is there.
    ///
    /// # Errors
    /// [`OpenError`]: what is missing or wrong, and what to do about it.
    pub async fn open(place: &Place, patience: Patience) -> Result<Self, OpenError> {
        let store = Self::over(connect::client(place, patience).await?, place, patience);
        let key = Key::new(DEPLOYMENT, DEPLOYMENT);
        let looked = store.table.get("the look at the table", &key).await;
        looked.map_err(|error| connect::not_ours(place, &error))?;
        Ok(store)
    }

    /// A store over a client, which must not try anything again by itself. Nothing is looked at.
    #[must_use]
    pub fn over(client: Client, place: &Place, patience: Patience) -> Self {
        let table = Table { client, place: place.clone(), patience };
        Self { table, pace: Pace::default(), ends: Ends::new(BELIEVED) }
    }

    /// Enters a project into the list; before anything else of its canvas is written, so that no canvas is ever stored unlisted.
    async fn list_project(&self, project: &ProjectId) -> Result<(), DurableError> {
        self.table.put(&format!("the listing of project {project}"), &Item::new(&item::index(project))).await
    }
}

#[async_trait]
impl DurableStore for DynamoStore {
    async fn append(&self, project: &ProjectId, entry: &Entry) -> Result<Appended, DurableError> {
        self.append_entry(project, entry).await
    }

    async fn entries(&self, project: &ProjectId, from: Seq) -> Result<Vec<Entry>, DurableError> {
        self.read_entries(project, from).await
    }

    async fn pointer(&self, project: &ProjectId) -> Result<Option<Pointer>, DurableError> {
        self.read_pointer(project).await
    }

    async fn chunks(&self, project: &ProjectId, pointer: &Pointer) -> Result<Vec<Bytes>, DurableError> {
        self.read_chunks(project, pointer).await
    }

    async fn checkpoint(&self, project: &ProjectId, pointer: &Pointer, chunks: &[Bytes]) -> Result<(), DurableError> {
        self.write_checkpoint(project, pointer, chunks).await
    }

    async fn versions(&self, project: &ProjectId) -> Result<Vec<Pointer>, DurableError> {
        self.read_versions(project).await
    }

    async fn forget(&self, project: &ProjectId, version: &Pointer) -> Result<(), DurableError> {
        self.remove_version(project, version).await
    }

    async fn truncate(&self, project: &ProjectId, before_ms: u64) -> Result<u64, DurableError> {
        self.remove_entries(project, before_ms).await
    }

    async fn record(&self, project: &ProjectId) -> Result<Option<Record>, DurableError> {
        self.read_record(project).await
    }

    async fn put_record(&self, project: &ProjectId, version: u64, body: &Bytes) -> Result<bool, DurableError> {
        self.write_record(project, version, body).await
    }

    /// From an index in a few partitions of its own: a scan would read, and bill, every log and checkpoint.
    async fn list(&self) -> Result<Vec<ProjectId>, DurableError> {
        let mut projects = BTreeSet::new();
        for shard in (0..SHARDS).map(item::shard) {
            let items = self.table.query("the list of projects", &Query::new(shard, Range::All)).await?;
            projects.extend(items.iter().filter_map(|item| named(item.sk())));
        }
        Ok(projects.into_iter().collect())
    }

    async fn deployment(&self, fresh: &str) -> Result<String, DurableError> {
        let item = Item::new(&Key::new(DEPLOYMENT, DEPLOYMENT)).text(LABEL, fresh);
        let there = self.table.put_new("the deployment's name", &item, |_| false).await?;
        let name = there.map_or_else(|| Some(fresh.to_owned()), |there| there.get_text(LABEL).map(str::to_owned));
        name.ok_or_else(|| DurableError::Unavailable(format!("{} has a deployment without a name", self.table.place)))
    }

    async fn report(&self, report: &NodeReport) -> Result<Vec<NodeReport>, DurableError> {
        let expires = (clock::now_ms() + 2 * REPORT_MS) / 1_000;
        let item = Item::new(&item::node(report.node)).number(COUNT, report.count).number(EXPIRES, expires);
        let item = item.flag(REACHES_HOT, report.reaches_hot).number(MADE_MS, report.at_ms);
        self.table.put("this node's report", &item).await?;
        let items = self.table.query("the nodes' reports", &Query::new(NODE.to_owned(), Range::All)).await?;
        // The table removes what has expired, but up to two days late.
        let reports = items.iter().filter_map(node_report);
        Ok(reports.filter(|other| other.at_ms + REPORT_MS >= report.at_ms).collect())
    }
}

fn node_report(item: &Item) -> Option<NodeReport> {
    Some(NodeReport {
        node: NodeId::from_str_radix(item.sk(), 16).ok()?,
        count: item.get_number(COUNT)?,
        reaches_hot: item.get_flag(REACHES_HOT)?,
        at_ms: item.get_number(MADE_MS)?,
    })
}

/// A stored project's id. One that is not an id was not written by us; nobody could open it either.
fn named(name: &str) -> Option<ProjectId> {
    let parsed = ProjectId::parse(name);
    if parsed.is_err() {
        tracing::error!(name, "the table holds a project whose id is not one");
    }
    parsed.ok()
}

#[cfg(test)]
mod tests;
