//! Work that takes the CPU for long, done beside the async threads; in a simulated world in its turn, so that a seed determines the order of everything.

use tokio::task::JoinHandle;

/// Has work done beside the async threads.
pub fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    #[cfg(test)]
    if crate::clock::is_simulated() {
        return tokio::spawn(async move { work() });
    }
    tokio::task::spawn_blocking(work)
}
