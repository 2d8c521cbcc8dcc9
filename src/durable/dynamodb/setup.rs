//! Makes the table, or makes it whole: `collabcanvas setup`.
//!
//! Owns what a table must have besides its keys. Never touches an item. Setting up twice changes nothing.

use super::connect::{self, OpenError};
use super::item::{EXPIRES, PK, SK};
use super::place::Place;
use super::retry::{Patience, retry};
use super::trouble::{Kind, Trouble};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, ContinuousBackupsStatus, KeySchemaElement, KeyType,
    PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, ScalarAttributeType, SseSpecification, SseStatus,
    SseType, TableDescription, TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};
use std::time::Duration;
use tokio::time::Instant;

/// How long a table may take to be made; AWS needs about ten seconds.
const MAKING: Duration = Duration::from_secs(300);
/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Makes the table if it is not there, waits until it can be used, and switches on recovery to any second, expiry and encryption. `say` is told each step.
///
/// # Errors
/// [`OpenError`]: what to do about it.
pub async fn setup(place: &Place, say: &mut (dyn FnMut(&str) + Send)) -> Result<(), OpenError> {
    let patience = Patience { attempt: Duration::from_secs(10), total: Duration::from_secs(30) };
    over(connect::client(place, patience).await?, place, patience, say).await
}

/// The same over a client.
pub(super) async fn over(
    client: Client,
    place: &Place,
    patience: Patience,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(), OpenError> {
    let setup = Setup { client, place, patience };
    let table = match setup.describe().await? {
        Some(table) => {
            say(&format!("{place} is there already"));
            table
        }
        None => {
            setup.create().await?;
            say(&format!("{place} is being made"));
            setup.active(say).await?
        }
    };
    check_keys(place, &table)?;
    let table = if table.table_status == Some(TableStatus::Active) { table } else { setup.active(say).await? };
    let on_demand = table.billing_mode_summary.as_ref().and_then(|mode| mode.billing_mode.as_ref());
    if on_demand == Some(&BillingMode::PayPerRequest) {
        say("billing: on demand");
    } else {
        say("warning: its capacity is provisioned, or the endpoint does not say; see that it is enough");
    }
    match table.sse_description.and_then(|sse| sse.status) {
        Some(SseStatus::Enabled | SseStatus::Enabling | SseStatus::Updating) => {
            say("encryption: with the account's managed key");
        }
        _ => say(
            "warning: the endpoint does not say that the table has a key of the account; AWS encrypts it with a key of its own",
        ),
    }
    setup.expiry(say).await?;
    setup.recovery(say).await?;
    say(&format!("{place} is ready"));
    Ok(())
}

struct Setup<'a> {
    client: Client,
    place: &'a Place,
    patience: Patience,
}

/// What an endpoint that only stands in for DynamoDB may not know.
fn is_unsupported(code: Option<&str>) -> bool {
    matches!(
        code,
        Some("UnknownOperationException" | "UnsupportedOperationException" | "NotImplemented" | "InvalidAction")
    )
}

/// An answer, or `None` when the endpoint does not know the operation.
fn supported<T, E>(answer: Result<T, SdkError<E, HttpResponse>>) -> Result<Option<T>, Trouble>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Err(error) if is_unsupported(error.as_service_error().and_then(ProvideErrorMetadata::code)) => Ok(None),
        answer => answer.map(Some).map_err(|error| Trouble::of(&error)),
    }
}

impl Setup<'_> {
    async fn retry<T, F>(&self, what: &str, call: impl FnMut(bool) -> F) -> Result<T, OpenError>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        retry(self.place, what, self.patience, call).await.map_err(|error| OpenError::from(&error))
    }

    async fn describe(&self) -> Result<Option<TableDescription>, OpenError> {
        let describe = self.client.describe_table().table_name(&self.place.table);
        let call = |_| async {
            match describe.clone().send().await {
                Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(None),
                answer => answer.map(|answer| answer.table).map_err(|error| Trouble::of(&error)),
            }
        };
        self.retry("the look at the table", call).await
    }

    async fn create(&self) -> Result<(), OpenError> {
        let attribute = |name: &str| {
            let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
            attribute.build().expect("name and type are given")
        };
        let key = |name: &str, kind| {
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("name and kind are given")
        };
        let create = self.client.create_table().table_name(&self.place.table);
        let create = create.attribute_definitions(attribute(PK)).attribute_definitions(attribute(SK));
        let create = create.key_schema(key(PK, KeyType::Hash)).key_schema(key(SK, KeyType::Range));
        let create = create.billing_mode(BillingMode::PayPerRequest);
        let create = create.sse_specification(SseSpecification::builder().enabled(true).sse_type(SseType::Kms).build());
        let call = |_| async {
            match create.clone().send().await {
                // An attempt before, or somebody else.
                Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) => Ok(()),
                answer => answer.map(drop).map_err(|error| Trouble::of(&error)),
            }
        };
        self.retry("the making of the table", call).await
    }

    /// Waits until the table can be used.
    async fn active(&self, say: &mut (dyn FnMut(&str) + Send)) -> Result<TableDescription, OpenError> {
        let until = Instant::now() + MAKING;
        let mut said = None;
        loop {
            let table = self.describe().await?;
            let status = table.as_ref().and_then(|table| table.table_status.clone());
            if let (Some(table), Some(TableStatus::Active)) = (table, &status) {
                return Ok(table);
            }
            let now = status.map_or("not there yet".to_owned(), |status| status.as_str().to_owned());
            if Instant::now() >= until {
                return Err(OpenError::new(format!(
                    "{} is still {now} after {MAKING:?}: look at it, and set up again",
                    self.place
                )));
            }
            if said.as_ref() != Some(&now) {
                say(&format!("waiting for the table: {now}"));
                said = Some(now);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Has the table remove what has expired.
    async fn expiry(&self, say: &mut (dyn FnMut(&str) + Send)) -> Result<(), OpenError> {
        let describe = self.client.describe_time_to_live().table_name(&self.place.table);
        let there = self.retry("expiry", |_| async { supported(describe.clone().send().await) }).await?;
        let Some(there) = there else {
            say("warning: this endpoint knows no expiry; old reports of nodes stay in the table");
            return Ok(());
        };
        let there = there.time_to_live_description;
        let on = |status: &TimeToLiveStatus| matches!(status, TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling);
        if let Some(there) = there.filter(|there| there.time_to_live_status.as_ref().is_some_and(on)) {
            let name = there.attribute_name.unwrap_or_default();
            if name == EXPIRES {
                say(&format!("expiry: by the attribute {EXPIRES}"));
                return Ok(());
            }
            return Err(OpenError::new(format!(
                "{} lets items expire by {name}, which is not ours: switch that off, or name another table",
                self.place
            )));
        }
        let wanted = TimeToLiveSpecification::builder().enabled(true).attribute_name(EXPIRES).build();
        let update = self.client.update_time_to_live().table_name(&self.place.table);
        let update = update.time_to_live_specification(wanted.expect("attribute and switch are given"));
        let done = self.retry("expiry", |_| async { supported(update.clone().send().await) }).await?;
        match done {
            Some(_) => say(&format!("expiry: switched on, by the attribute {EXPIRES}")),
            None => say("warning: this endpoint knows no expiry; old reports of nodes stay in the table"),
        }
        Ok(())
    }

    /// Keeps every state of the last 35 days.
    async fn recovery(&self, say: &mut (dyn FnMut(&str) + Send)) -> Result<(), OpenError> {
        const NONE: &str = "warning: this endpoint knows no point-in-time recovery; make backups another way";
        let describe = self.client.describe_continuous_backups().table_name(&self.place.table);
        let there =
            self.retry("point-in-time recovery", |_| async { supported(describe.clone().send().await) }).await?;
        let Some(there) = there else {
            say(NONE);
            return Ok(());
        };
        let backups = there.continuous_backups_description;
        let recovery = backups.as_ref().filter(|b| b.continuous_backups_status == ContinuousBackupsStatus::Enabled);
        let recovery = recovery.and_then(|backups| backups.point_in_time_recovery_description.as_ref());
        let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status.as_ref());
        if status == Some(&PointInTimeRecoveryStatus::Enabled) {
            say("point-in-time recovery: on");
            return Ok(());
        }
        let wanted = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
        let update = self.client.update_continuous_backups().table_name(&self.place.table);
        let update = update.point_in_time_recovery_specification(wanted.expect("the switch is given"));
        let call = |_| async {
            match update.clone().send().await {
                // For a moment after the table was made.
                Err(error)
                    if error.as_service_error().is_some_and(|e| e.is_continuous_backups_unavailable_exception()) =>
                {
                    Err(Trouble::new(Kind::Throttled, "backups are being prepared"))
                }
                answer => supported(answer),
            }
        };
        match self.retry("point-in-time recovery", call).await? {
            Some(_) => say("point-in-time recovery: switched on"),
            None => say(NONE),
        }
        Ok(())
    }
}

fn check_keys(place: &Place, table: &TableDescription) -> Result<(), OpenError> {
    let keys: Vec<_> = table.key_schema().iter().map(|key| (key.attribute_name(), key.key_type())).collect();
    if keys == [(PK, &KeyType::Hash), (SK, &KeyType::Range)] {
        return Ok(());
    }
    Err(OpenError::new(format!("{place} has other keys than ours: name another table in COLLAB_DURABLE_URL")))
}
