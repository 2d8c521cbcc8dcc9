//! `collabcanvas setup`: makes what the durable store needs before the first node starts.

use super::StartError;
use crate::config::DurableConfig;
use crate::durable::dynamodb;
use crate::durable::postgres::PostgresStore;
use crate::durable::sqlite::SqliteStore;

/// Makes the table or the file that the configuration names, if it is not there. `say` is told each step.
///
/// # Errors
/// [`StartError`]: what to do about it.
pub async fn setup(durable: &DurableConfig, say: &mut (dyn FnMut(&str) + Send)) -> Result<(), StartError> {
    match durable {
        DurableConfig::Table(place) => {
            dynamodb::setup(place, say).await.map_err(|error| StartError(error.to_string()))?;
        }
        DurableConfig::File(path) => {
            SqliteStore::open(path).map_err(|error| StartError(error.to_string()))?;
            say(&format!("the database {} is ready", path.display()));
        }
        DurableConfig::Postgres(target) => {
            PostgresStore::open(target).await.map_err(|error| StartError(error.to_string()))?;
            say("the tables in Postgres are ready");
        }
        DurableConfig::Memory => say("a store in memory needs no setup"),
    }
    Ok(())
}
