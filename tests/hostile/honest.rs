//! A hundred people in ten projects, who change something twice a second.

use crate::support::peers::{Node, synced};
use crate::support::process::PATIENCE;
use collabcanvas::protocol::Encoding;
use futures_util::future::join_all;
use loadtest::client::Client;
use loadtest::core::Core;
use loadtest::history::Keep;
use loadtest::say;
use std::time::Duration;
use tokio::time::Instant;

const PEOPLE: usize = 100;
const PROJECTS: usize = 10;
/// Between two changes of one.
const BETWEEN: Duration = Duration::from_millis(500);

/// The people.
pub(crate) struct Honest(Vec<Client>);

impl Honest {
    /// All of them join.
    pub(crate) async fn join(node: &Node) -> Self {
        let mut people = Vec::new();
        for n in 0..PEOPLE {
            let project = format!("honest-{}", n % PROJECTS);
            let mut client =
                Client::new(&node.server.url, &project, format!("honest-{n}"), Encoding::MessagePack, Keep::Names);
            client.connect().await.expect("the server is there");
            synced(&mut client).await;
            people.push(client);
        }
        Self(people)
    }

    /// All work for so long: 95 % of their changes were acked within the result, counted from when each should have been made.
    pub(crate) async fn work(&mut self, time: Duration) -> Duration {
        let start = Instant::now();
        let working = self.0.iter_mut().enumerate().map(|(n, client)| one(client, n, start, time));
        let mut acked: Vec<_> = join_all(working).await.concat();
        acked.sort();
        acked[acked.len() * 95 / 100]
    }

    /// Nobody was disconnected, ever.
    pub(crate) fn are_all_there(&self) {
        for client in &self.0 {
            assert_eq!(client.core.history.welcomes, 1, "somebody was disconnected or brought back");
            assert!(client.core.history.rejected.is_empty(), "{:?}", client.core.history.rejected);
        }
    }
}

async fn one(client: &mut Client, n: usize, start: Instant, time: Duration) -> Vec<Duration> {
    let mut due = start + BETWEEN.mul_f64(n as f64 / PEOPLE as f64);
    let mut acked = Vec::new();
    while due < start + time {
        // Others' commits come meanwhile, as to everybody who works.
        while let Ok(message) = tokio::time::timeout_at(due, client.next()).await {
            message.expect("the session goes on");
        }
        let ops = format!(r#"[{{"op":"create","id":"o-{n}-{:08x}","props":{{"x":1}}}}]"#, rand::random::<u32>());
        client.submit(say::from_json(&ops));
        let answered = |core: &Core| core.open_batches().1 == 0;
        client.until("an ack", PATIENCE, answered).await.expect("the session goes on");
        acked.push(due.elapsed());
        due += BETWEEN;
    }
    acked
}
