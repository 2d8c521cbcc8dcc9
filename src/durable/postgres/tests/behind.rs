//! How the suite damages what a store has stored.

use super::server::Postgres;
use tokio::runtime::Runtime;

/// A way into the database past the store, with a runtime of its own: the suite does not wait for it.
pub(super) struct Behind {
    runtime: Option<Runtime>,
    client: tokio_postgres::Client,
}

impl Behind {
    pub(super) fn new(server: &Postgres, database: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let client = elsewhere(&runtime, server.control(database)).expect("it answers");
        Self { runtime: Some(runtime), client }
    }

    pub(super) fn client(&self) -> &tokio_postgres::Client {
        &self.client
    }

    pub(super) fn run<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        elsewhere(self.runtime.as_ref().expect("until it is dropped"), work)
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        self.runtime.take().expect("until it is dropped").shutdown_background();
    }
}

/// Waits for something on a thread of its own.
fn elsewhere<T: Send>(runtime: &Runtime, work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| scope.spawn(|| runtime.block_on(work)).join().expect("no panic"))
}
