//! How a node stops: at the first signal softly, at the second at once.

use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// So many clients a second are told to go, about: each makes a connection, a hello and a join for another node.
const GOODBYES_PER_SECOND: u32 = 200;

/// Whether the node stops: then within which time its clients are told to go, one after another. `None` while it runs.
pub type Stopping = watch::Receiver<Option<Duration>>;

/// Waits until the node stops: within which time its clients are told to go. Nobody left to say so means the same: at once.
pub async fn stops(stopping: &mut Stopping) -> Duration {
    stopping.wait_for(Option::is_some).await.ok().and_then(|window| *window).unwrap_or_default()
}

/// Within which time so many clients are told to go: soon when they are few, and never longer than `most`.
#[must_use]
pub fn window(clients: usize, most: Duration) -> Duration {
    let clients = u32::try_from(clients).unwrap_or(u32::MAX);
    (Duration::from_secs(1) / GOODBYES_PER_SECOND).saturating_mul(clients).min(most)
}

/// SIGTERM and SIGINT, listened for from the moment that this is made.
#[derive(Debug)]
pub struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Begins to listen; from now on neither signal ends the process by itself.
    ///
    /// # Errors
    /// When the process may not listen for signals.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next one, by its name.
    pub async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_clients_go_soon_and_many_within_the_window() {
        let most = Duration::from_secs(10);
        assert_eq!(window(0, most), Duration::ZERO);
        assert_eq!(window(2, most), Duration::from_millis(10));
        assert_eq!(window(1_000, most), Duration::from_secs(5));
        assert_eq!(window(usize::MAX, most), most);
    }
}
