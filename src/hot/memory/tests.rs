use super::*;
use crate::fanout::local::LocalFanout;
use crate::hot::conformance::{Backend, suite};
use tokio::sync::mpsc::UnboundedReceiver;

struct Memory {
    hot: Arc<MemoryHot>,
    fanout: Arc<LocalFanout>,
}

impl Backend for Memory {
    async fn new() -> Self {
        let fanout = Arc::new(LocalFanout::default());
        Self { hot: Arc::new(MemoryHot::new(fanout.clone())), fanout }
    }

    fn store(&self) -> Arc<dyn HotStore> {
        self.hot.clone()
    }

    async fn listen(&self, project: &ProjectId) -> UnboundedReceiver<Event> {
        self.fanout.subscribe(project).await.expect("it is local")
    }
}

suite!(Memory);
