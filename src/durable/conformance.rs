//! What every durable store must do: one suite, which each backend runs.
//!
//! Owns the contract as tests. A backend implements [`Backend`] and calls `suite!`.

pub(super) mod cases;
pub(super) mod checkpoints;
pub(super) mod damage;
pub(super) mod deletion;
pub(super) mod records;
mod world;

use super::DurableStore;
use crate::ids::{ProjectId, Seq};
use std::sync::Arc;

/// Something stored, as tests damage it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item {
    /// The entry that starts there.
    Entry(Seq),
    /// The pointer.
    Pointer,
    /// A chunk of the newest checkpoint, counted from 0.
    Chunk(usize),
    /// The record.
    Record,
}

/// A backend under test: an empty store, and a way past its contract.
pub(super) trait Backend: Sized {
    /// Whether what it needs is there. When not, its tests are skipped, and it says so.
    fn is_there() -> bool {
        true
    }
    /// A fresh one, sharing nothing with others.
    async fn new() -> Self;
    /// The store.
    fn store(&self) -> Arc<dyn DurableStore>;
    /// Another store, as a node that starts would open it; the same one where nothing outlives it.
    async fn reopened(&self) -> Arc<dyn DurableStore> {
        self.store()
    }
    /// Changes the bytes of an item that is there, or removes it, behind the store's back.
    fn replace(&self, project: &ProjectId, item: Item, change: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>);
}

macro_rules! suite {
    ($backend:ty) => {
        $crate::durable::conformance::suite!(
            $backend:
            cases { an_entry_is_stored_once two_appends_at_once_have_one_winner what_is_behind_the_log_conflicts
                entries_come_in_order nothing_stored_is_an_empty_project a_tail_follows_the_log
                what_is_loaded_is_what_was_absorbed projects_are_listed a_deployment_has_one_name
                nodes_read_each_others_reports }
            checkpoints { a_pointer_only_moves_forwards truncation_keeps_what_the_pointer_needs a_checkpoint_is_made_when_due
                old_clients_are_forgotten a_checkpoint_inside_an_entry_is_met
                a_load_survives_a_moving_checkpoint loads_and_checkpoints_run_together
                older_checkpoints_stay_until_forgotten history_grows_coarser_with_age }
            damage { one_damaged_object_is_set_aside a_put_makes_a_damaged_object_whole a_wrong_checksum_is_corrupt
                a_hole_is_corrupt a_foreign_link_is_corrupt epochs_never_fall a_missing_chunk_is_corrupt
                damaged_clients_are_corrupt a_newer_format_is_refused every_flipped_byte_is_found }
            deletion { what_was_deleted_is_gone_and_stays_so }
            records { no_record_is_none a_record_is_what_was_put_last a_record_is_replaced_only_by_who_knows_it
                two_that_put_a_record_at_once_have_one_winner a_record_outlives_its_store records_of_projects_do_not_mix
                a_record_is_not_the_project a_large_record_is_whole a_damaged_record_is_not_none
                a_record_of_a_newer_format_is_refused }
        );
    };
    ($backend:ty: $($module:ident { $($name:ident)* })*) => {
        mod conformance {
            use super::*;
            $($(
                #[tokio::test]
                async fn $name() {
                    if !<$backend as Backend>::is_there() {
                        return;
                    }
                    let backend = <$backend as Backend>::new().await;
                    $crate::durable::conformance::$module::$name(&backend).await;
                }
            )*)*
        }
    };
}
pub(super) use suite;
