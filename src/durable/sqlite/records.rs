//! Records of projects: a table of their own, a row each.
//!
//! Owns which statement replaces one. Never opens a body. Called through the store.

use super::statements::{FIRST_RECORD, NEXT_RECORD, RECORD};
use super::writer::Trouble;
use super::{SqliteStore, sql};
use crate::durable::layout::record;
use crate::durable::{DurableError, Record};
use crate::ids::ProjectId;
use rusqlite::{OptionalExtension as _, params};

impl SqliteStore {
    pub(super) async fn read_record(&self, project: &ProjectId) -> Result<Option<Record>, DurableError> {
        let project = project.clone();
        self.read(move |db| {
            let found = db
                .prepare_cached(RECORD)
                .and_then(|mut q| {
                    let row = q.query_row([project.as_str()], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)));
                    row.optional()
                })
                .map_err(|e| Trouble::from(e).of(&project))?;
            let decode = |(version, stored): (i64, Vec<u8>)| record::decode(&project, version.cast_unsigned(), &stored);
            found.map(decode).transpose()
        })
        .await
    }

    pub(super) async fn write_record(
        &self,
        project: &ProjectId,
        version: u64,
        body: &[u8],
    ) -> Result<bool, DurableError> {
        let (name, next) = (project.clone(), version + 1);
        let stored = record::encode(next, body);
        let statement = if version == 0 { FIRST_RECORD } else { NEXT_RECORD };
        let written = self
            .writer
            .write_one(move |db| db.prepare_cached(statement)?.execute(params![name.as_str(), sql(next), stored]));
        Ok(written.await.map_err(|trouble| trouble.of(project))? > 0)
    }
}
