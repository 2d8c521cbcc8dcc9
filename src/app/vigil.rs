//! The node's watch over the hot store: reports in the durable store whether it reaches it, and reads whether others do.
//!
//! Owns when that is done. Never decides what follows; rooms and the gateway read the result. Started by `app`.

use crate::clock;
use crate::durable::DurableStore;
use crate::hot::HotStore;
use crate::ids::NodeId;
use crate::metrics;
use crate::recovery::isolation::Isolation;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often a node reports.
const REPORT: Duration = Duration::from_secs(1);
/// How long the hot store may take to answer.
const ANSWER: Duration = Duration::from_millis(800);

/// Reports for ever. The result turns true while this node is cut off from a hot store that others reach.
pub(crate) async fn watch(
    node: NodeId,
    hot: Arc<dyn HotStore>,
    durable: Arc<dyn DurableStore>,
    isolated: watch::Sender<bool>,
) {
    let mut isolation = Isolation::new(node);
    loop {
        let reaches = matches!(tokio::time::timeout(ANSWER, hot.answers()).await, Ok(Ok(())));
        let report = isolation.report(reaches, clock::now_ms());
        // Without the durable store nothing can be said of others.
        let cut_off = match durable.report(&report).await {
            Ok(reports) => isolation.hear(&reports),
            Err(error) => {
                tracing::debug!(%error, "this node's report could not be stored");
                false
            }
        };
        if isolated.send_replace(cut_off) != cut_off {
            metrics::isolated(cut_off);
            if cut_off {
                tracing::error!("this node does not reach the hot store and others do: it leaves its projects to them");
            } else {
                tracing::info!("this node serves its projects again");
            }
        }
        tokio::time::sleep(REPORT).await;
    }
}
