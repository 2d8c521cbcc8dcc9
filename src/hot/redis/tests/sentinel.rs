//! The same suite through Sentinel.

use super::board::Board;
use crate::fanout::Event;
use crate::hot::HotStore;
use crate::hot::conformance::{Backend, suite};
use crate::ids::ProjectId;
use crate::link::testing::shared_sentinel;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedReceiver;

/// A store whose master the Sentinels name.
struct Watched(Board);

impl Backend for Watched {
    async fn new() -> Self {
        let sentinel = shared_sentinel().await;
        Self(Board::on(&sentinel.servers, &sentinel.url()).await)
    }

    fn store(&self) -> Arc<dyn HotStore> {
        self.0.store()
    }

    async fn listen(&self, project: &ProjectId) -> UnboundedReceiver<Event> {
        self.0.listen(project).await
    }
}

suite!(Watched);
