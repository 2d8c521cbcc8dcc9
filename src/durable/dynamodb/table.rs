//! The table: one request for each method, tried again as long as that may help, its costs counted.
//!
//! Owns the client. Never knows what an item means. Called by everything that stores or reads.

use super::item::{Item, Key, PK, SK};
use super::place::Place;
use super::retry::{Patience, retry};
use super::trouble::{Kind, Trouble};
use crate::durable::DurableError;
use crate::durable::layout::FORMAT;
use crate::metrics;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConsumedCapacity, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use std::collections::HashMap;

/// A table and the way to it.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) place: Place,
    pub(super) patience: Patience,
}

/// Which items of a partition.
#[derive(Debug, Clone)]
pub(super) enum Range {
    All,
    From(String),
    UpTo(String),
    With(&'static str),
}

/// What must hold of the item in whose place another is put.
#[derive(Debug, Clone, Copy)]
pub(super) enum If {
    /// There is none.
    New,
    /// It has this number.
    Has(&'static str, u64),
}

/// Why an item was not put.
#[derive(Debug)]
pub(super) struct Refused {
    /// What stands there.
    pub(super) there: Item,
    /// Whether an attempt before may have been carried out: then it may be the very one that was to be put.
    pub(super) doubtful: bool,
}

/// Where the next page begins.
pub(super) type Next = Option<HashMap<String, AttributeValue>>;

/// Items of a partition, in the order of their sort keys.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) pk: String,
    pub(super) range: Range,
    /// Only these attributes, if named. It saves bytes on the way, no read units.
    pub(super) only: Option<&'static [&'static str]>,
    /// Most items of a page.
    pub(super) page: Option<i32>,
    /// From the last to the first.
    pub(super) backwards: bool,
}

impl Query {
    pub(super) fn new(pk: String, range: Range) -> Self {
        Self { pk, range, only: None, page: None, backwards: false }
    }
}

impl Table {
    pub(super) async fn retry<T, F>(&self, what: &str, call: impl FnMut(bool) -> F) -> Result<T, DurableError>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        retry(&self.place, what, self.patience, call).await
    }

    /// Reads an item as it is now.
    pub(super) async fn get(&self, what: &str, key: &Key) -> Result<Option<Item>, DurableError> {
        let get = self.client.get_item().table_name(&self.place.table).set_key(Some(key.attributes()));
        let get = get.consistent_read(true).return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.retry(what, |_| async { get.clone().send().await.map_err(|e| Trouble::of(&e)) }).await?;
        read_units(answer.consumed_capacity.as_ref());
        answer.item.map(|item| known(Item(item))).transpose()
    }

    /// Writes an item, whatever was there.
    pub(super) async fn put(&self, what: &str, item: &Item) -> Result<(), DurableError> {
        let put = self.client.put_item().table_name(&self.place.table).set_item(Some(item.0.clone()));
        let put = put.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.retry(what, |_| async { put.clone().send().await.map_err(|e| Trouble::of(&e)) }).await?;
        write_units(answer.consumed_capacity.as_ref());
        Ok(())
    }

    /// Writes an item if none has its key, and returns the one that has. `ours` tells whether that is the very one that was to be written:
    /// then an attempt that got no answer has written it.
    pub(super) async fn put_new(
        &self,
        what: &str,
        item: &Item,
        ours: impl Fn(&Item) -> bool,
    ) -> Result<Option<Item>, DurableError> {
        let refused = self.put_if(what, item, If::New).await?;
        Ok(refused.filter(|refused| !(refused.doubtful && ours(&refused.there))).map(|refused| refused.there))
    }

    /// Writes an item if this holds of the one that has its key; else says what that is.
    pub(super) async fn put_if(&self, what: &str, item: &Item, holds: If) -> Result<Option<Refused>, DurableError> {
        let put = self.client.put_item().table_name(&self.place.table).set_item(Some(item.0.clone()));
        let put = match holds {
            If::New => put.condition_expression(format!("attribute_not_exists({PK})")),
            If::Has(name, number) => {
                let put = put.condition_expression("#has = :number").expression_attribute_names("#has", name);
                put.expression_attribute_values(":number", AttributeValue::N(number.to_string()))
            }
        };
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = put.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let call = |doubtful| {
            let put = put.clone();
            async move {
                match put.send().await {
                    Ok(done) => {
                        write_units(done.consumed_capacity.as_ref());
                        Ok(None)
                    }
                    Err(SdkError::ServiceError(answer)) => match answer.err() {
                        PutItemError::ConditionalCheckFailedException(failed) => {
                            Ok(Some((doubtful, failed.item.clone().map(Item))))
                        }
                        _ => Err(Trouble::of(&SdkError::ServiceError(answer))),
                    },
                    Err(error) => Err(Trouble::of(&error)),
                }
            }
        };
        let Some((doubtful, there)) = self.retry(what, call).await? else { return Ok(None) };
        let there = match there {
            Some(there) => Some(known(there)?),
            // Not every stand-in returns it.
            None => self.get(what, &Key::new(item.get_text(PK).unwrap_or_default(), item.sk())).await?,
        };
        Ok(Some(Refused { there: there.unwrap_or_else(|| Item(HashMap::new())), doubtful }))
    }

    /// Removes an item, if there is one and it has this value.
    pub(super) async fn delete(
        &self,
        what: &str,
        key: &Key,
        only_if: Option<(&str, AttributeValue)>,
    ) -> Result<(), DurableError> {
        let mut delete = self.client.delete_item().table_name(&self.place.table).set_key(Some(key.attributes()));
        if let Some((name, value)) = only_if {
            delete = delete.condition_expression("#name = :value");
            delete = delete.expression_attribute_names("#name", name).expression_attribute_values(":value", value);
        }
        let delete = delete.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let call = |_| async {
            match delete.clone().send().await {
                Err(SdkError::ServiceError(answer)) if answer.err().is_conditional_check_failed_exception() => Ok(None),
                answer => answer.map(|done| done.consumed_capacity).map_err(|e| Trouble::of(&e)),
            }
        };
        write_units(self.retry(what, call).await?.as_ref());
        Ok(())
    }

    /// One page of a query, as it is now, and where the next one begins.
    pub(super) async fn page(&self, what: &str, query: &Query, next: Next) -> Result<(Vec<Item>, Next), DurableError> {
        let mut read = self.client.query().table_name(&self.place.table).consistent_read(true);
        read = read.expression_attribute_names("#pk", PK);
        read = read.expression_attribute_values(":pk", AttributeValue::S(query.pk.clone()));
        let (condition, value) = match &query.range {
            Range::All => ("#pk = :pk", None),
            Range::From(from) => ("#pk = :pk AND #sk >= :sk", Some(from.as_str())),
            Range::UpTo(to) => ("#pk = :pk AND #sk <= :sk", Some(to.as_str())),
            Range::With(start) => ("#pk = :pk AND begins_with(#sk, :sk)", Some(*start)),
        };
        read = read.key_condition_expression(condition);
        if let Some(value) = value {
            read = read.expression_attribute_names("#sk", SK);
            read = read.expression_attribute_values(":sk", AttributeValue::S(value.to_owned()));
        }
        if let Some(only) = query.only {
            let names: Vec<_> = (0..only.len()).map(|n| format!("#o{n}")).collect();
            read = read.projection_expression(names.join(", "));
            for (alias, name) in names.iter().zip(only) {
                read = read.expression_attribute_names(alias, *name);
            }
        }
        read = read.scan_index_forward(!query.backwards).set_limit(query.page).set_exclusive_start_key(next);
        let read = read.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let answer = self.retry(what, |_| async { read.clone().send().await.map_err(|e| Trouble::of(&e)) }).await?;
        read_units(answer.consumed_capacity.as_ref());
        let items = answer.items.unwrap_or_default().into_iter().map(|item| known(Item(item)));
        Ok((items.collect::<Result<_, _>>()?, answer.last_evaluated_key.filter(|key| !key.is_empty())))
    }

    /// All that a query finds.
    pub(super) async fn query(&self, what: &str, query: &Query) -> Result<Vec<Item>, DurableError> {
        let (mut items, mut next) = self.page(what, query, None).await?;
        while next.is_some() {
            let more;
            (more, next) = self.page(what, query, next).await?;
            items.extend(more);
        }
        Ok(items)
    }

    /// Carries out several writes, all or none. Returns whether a condition of theirs did not hold.
    pub(super) async fn transact(&self, what: &str, writes: Vec<TransactWriteItem>) -> Result<bool, DurableError> {
        let transact = self.client.transact_write_items().set_transact_items(Some(writes));
        let transact = transact.return_consumed_capacity(ReturnConsumedCapacity::Total);
        let call = |_| async {
            match transact.clone().send().await {
                Ok(done) => {
                    done.consumed_capacity().iter().for_each(|capacity| write_units(Some(capacity)));
                    Ok(false)
                }
                Err(SdkError::ServiceError(answer)) => match answer.err() {
                    TransactWriteItemsError::TransactionCanceledException(canceled) => {
                        let codes = canceled.cancellation_reasons().iter().filter_map(|reason| reason.code.as_deref());
                        let codes: Vec<_> = codes.filter(|code| *code != "None").collect();
                        match codes.iter().find(|code| !["TransactionConflict", "ThrottlingError"].contains(*code)) {
                            Some(&"ConditionalCheckFailed") => Ok(true),
                            Some(&"ProvisionedThroughputExceeded") | None => {
                                Err(Trouble::new(Kind::Throttled, codes.join(", ")))
                            }
                            Some(_) => Err(Trouble::of(&SdkError::ServiceError(answer))),
                        }
                    }
                    _ => Err(Trouble::of(&SdkError::ServiceError(answer))),
                },
                Err(error) => Err(Trouble::of(&error)),
            }
        };
        self.retry(what, call).await
    }
}

/// An item, unless it was written by a newer version of this program.
fn known(item: Item) -> Result<Item, DurableError> {
    match item.format() {
        found if found > FORMAT => Err(DurableError::NewerFormat { found, known: FORMAT }),
        _ => Ok(item),
    }
}

/// Counts what a write has cost.
pub(super) fn write_units(capacity: Option<&ConsumedCapacity>) {
    metrics::durable::write_units(units(capacity));
}

fn read_units(capacity: Option<&ConsumedCapacity>) {
    metrics::durable::read_units(units(capacity));
}

/// Units are halves only for reads that may be stale, which we never do.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "they are small and never negative")]
fn units(capacity: Option<&ConsumedCapacity>) -> u64 {
    capacity.and_then(|capacity| capacity.capacity_units).unwrap_or_default().ceil() as u64
}
