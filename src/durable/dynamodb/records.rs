//! Records of projects: an item each, under a partition key of its own.
//!
//! Owns the condition by which one replaces another, and what is said when an answer did not come. Never opens a body. Called through the
//! store.

use super::DynamoStore;
use super::item::{self, BODY, Item, PUT_ID, RECORD_VERSION};
use super::table::If;
use crate::durable::layout::{corrupt, record};
use crate::durable::{DurableError, Record};
use crate::ids::ProjectId;

impl DynamoStore {
    pub(super) async fn read_record(&self, project: &ProjectId) -> Result<Option<Record>, DurableError> {
        let item = self.table.get(&name(project), &item::record(project)).await?;
        item.map(|item| decode(project, &item)).transpose()
    }

    pub(super) async fn write_record(
        &self,
        project: &ProjectId,
        version: u64,
        body: &[u8],
    ) -> Result<bool, DurableError> {
        let (what, next) = (name(project), version + 1);
        let put_id = format!("{:016x}", rand::random::<u64>());
        let item = Item::new(&item::record(project)).number(RECORD_VERSION, next).text(PUT_ID, &put_id);
        let item = item.bytes(BODY, &record::encode(next, body));
        let holds = if version == 0 { If::New } else { If::Has(RECORD_VERSION, version) };
        let Some(refused) = self.table.put_if(&what, &item, holds).await? else { return Ok(true) };
        if !refused.doubtful {
            return Ok(false);
        }
        let there = refused.there.get_number(RECORD_VERSION);
        if there > Some(next) {
            let why = "an answer did not come, and it has been replaced since: whether it was stored is not known";
            return Err(DurableError::Unavailable(format!("{what}: {why}; read it again")));
        }
        Ok(there == Some(next) && refused.there.get_text(PUT_ID) == Some(&put_id))
    }
}

fn name(project: &ProjectId) -> String {
    format!("the {} of project {project}", record::NAME)
}

fn decode(project: &ProjectId, item: &Item) -> Result<Record, DurableError> {
    let missing = |name: &str| corrupt(project, record::NAME, format!("its {name} is missing"));
    let version = item.get_number(RECORD_VERSION).ok_or_else(|| missing(RECORD_VERSION))?;
    record::decode(project, version, item.get_bytes(BODY).ok_or_else(|| missing(BODY))?)
}
