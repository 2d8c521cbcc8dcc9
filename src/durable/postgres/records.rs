//! Records of projects: a table of their own, a row each.
//!
//! Owns which statement replaces one. Never sends it twice: a put that got no answer may have been done, and whoever asked for it reads. Never
//! opens a body. Called through the store.

use super::statements::{FIRST_RECORD, NEXT_RECORD, RECORD};
use super::{PostgresStore, sql};
use crate::durable::layout::record;
use crate::durable::{DurableError, Record};
use crate::ids::ProjectId;

impl PostgresStore {
    pub(super) async fn read_record(&self, project: &ProjectId) -> Result<Option<Record>, DurableError> {
        let rows = self.query(RECORD, &[&project.as_str()]).await.map_err(|trouble| trouble.of_project(project))?;
        let decode = |row: &tokio_postgres::Row| {
            record::decode(project, row.get::<_, i64>(0).cast_unsigned(), row.get::<_, &[u8]>(1))
        };
        rows.first().map(decode).transpose()
    }

    pub(super) async fn write_record(
        &self,
        project: &ProjectId,
        version: u64,
        body: &[u8],
    ) -> Result<bool, DurableError> {
        let next = version + 1;
        let statement = if version == 0 { FIRST_RECORD } else { NEXT_RECORD };
        let written = self.execute(statement, &[&project.as_str(), &sql(next), &record::encode(next, body)]).await;
        Ok(written.map_err(|trouble| trouble.of_project(project))? > 0)
    }
}
