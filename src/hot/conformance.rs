//! What every hot store must do: one suite, which each implementation runs.
//!
//! Owns the contract as tests. An implementation's tests implement [`Backend`] and call `suite!`.

pub(super) mod commits;
pub(super) mod histories;
pub(super) mod marks;
pub(super) mod states;
pub(super) mod world;

use super::HotStore;
use crate::fanout::Event;
use crate::ids::ProjectId;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;

/// An implementation under test.
pub(super) trait Backend: Sized {
    /// A fresh one that holds nothing.
    async fn new() -> Self;
    /// The store.
    fn store(&self) -> Arc<dyn HotStore>;
    /// Hears of the project from when this returns on.
    async fn listen(&self, project: &ProjectId) -> UnboundedReceiver<Event>;
}

macro_rules! suite {
    ($backend:ty) => {
        $crate::hot::conformance::suite!(
            $backend:
            commits { a_call_is_stored_whole_or_not_at_all a_counter_that_does_not_fit_is_named
                a_room_that_was_overtaken_is_told_what_it_missed what_was_touched_meanwhile_makes_a_call_stale
                whoever_is_far_behind_asks_again a_call_that_is_repeated_is_stored_once a_large_call_is_stored_whole
                a_refusal_takes_its_counter }
            histories { nothing_is_told_from_something another_history_is_told_apart a_log_that_starts_above_says_so
                a_frozen_lineage_takes_no_calls a_lease_ends a_look_says_what_was_missed }
            states { a_state_is_installed_over_what_it_names what_is_loaded_is_what_was_committed
                what_is_loaded_is_what_was_installed a_long_log_is_installed a_log_is_read_from_within_a_call
                what_is_saved_is_left_out_for_who_asks_so a_log_is_read_in_pieces }
            marks { a_watermark_stands_within_a_call_and_moves_forwards a_mark_stays_until_all_is_saved
                the_log_keeps_what_is_unsaved_and_some_of_the_rest large_commits_are_kept_by_their_bytes events_come_in_order_and_once
                a_claim_is_given_back urgent_marks_stay_urgent
                the_age_is_that_of_what_is_unsaved }
        );
    };
    ($backend:ty: $($module:ident { $($name:ident)* })*) => {
        mod conformance {
            use super::*;
            $($(
                #[tokio::test]
                async fn $name() {
                    let backend = <$backend as $crate::hot::conformance::Backend>::new().await;
                    $crate::hot::conformance::$module::$name(&backend).await;
                }
            )*)*
        }
    };
}
pub(super) use suite;
