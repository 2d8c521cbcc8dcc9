//! A store on the test's own server, under names of its own.

use crate::fanout::{Event, wire};
use crate::hot::HotStore;
use crate::hot::conformance::Backend;
use crate::hot::conformance::world::project;
use crate::hot::redis::{KEPT, Publish, RedisHot};
use crate::ids::ProjectId;
use crate::keyspace::Keyspace;
use crate::link::check::Role;
use crate::link::subscriber::{Heard, Subscriber};
use crate::link::testing::redis::Redis;
use crate::link::{Link, testing};
use ::redis::{Cmd, FromRedisValue};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver};

/// A store, whose user may do what is needed and no more, and a way past it.
pub(super) struct Board {
    pub(super) hot: Arc<RedisHot>,
    link: Link,
    past: Link,
    pub(super) keys: Keyspace,
}

impl Backend for Board {
    async fn new() -> Self {
        Self::at(testing::shared().await).await
    }

    fn store(&self) -> Arc<dyn HotStore> {
        self.hot.clone()
    }

    async fn listen(&self, project: &ProjectId) -> UnboundedReceiver<Event> {
        let ((sink, mut heard), (sender, events)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let subscriber = Subscriber::open(self.link.target(), sink).await.expect("it answers");
        let channel = self.keys.channel(project);
        subscriber.subscribe(&channel);
        subscriber.subscribed(&channel).await.expect("subscribed");
        tokio::spawn(async move {
            // It hears as long as it is there.
            let _subscriber = subscriber;
            while let Some(heard) = heard.recv().await {
                let Heard::Message { payload, .. } = heard else { panic!("nothing broke") };
                let _ = sender.send(wire::decode(&payload).expect("an event").0);
            }
        });
        events
    }
}

impl Board {
    /// A store on this server, as node 1.
    pub(super) async fn at(redis: &Redis) -> Self {
        Self::on(std::slice::from_ref(redis), &redis.url()).await
    }

    /// The same on several servers that are one.
    pub(super) async fn on(servers: &[Redis], url: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let keys = Keyspace::new(&format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed))).expect("a prefix");
        let link = testing::link(&testing::least(servers, url, &keys, Role::Data)).await;
        let past = testing::link(url).await;
        let hot = Arc::new(RedisHot::new(link.clone(), keys.clone(), 1, Publish::ByScript, KEPT));
        Self { hot, link, past, keys }
    }

    /// Another node on the same keys.
    pub(super) fn node(&self, node: u64, publish: Publish, kept: Duration) -> RedisHot {
        RedisHot::new(self.link.clone(), self.keys.clone(), node, publish, kept)
    }

    /// A command, its words apart by spaces.
    pub(super) async fn ask<T: FromRedisValue>(&self, line: &str) -> T {
        let mut cmd = Cmd::new();
        line.split(' ').for_each(|word| {
            cmd.arg(word);
        });
        self.past.query(&cmd).await.expect("it answers")
    }

    /// The keys of a state: objects, clients, meta, log.
    pub(super) fn state_keys(&self) -> [String; 4] {
        let (keys, project) = (&self.keys, project());
        [keys.objects(&project), keys.clients(&project), keys.meta(&project), keys.log(&project)]
    }

    /// The server forgets the project.
    pub(super) async fn lose(&self) {
        self.ask::<i64>(&format!("DEL {}", self.state_keys().join(" "))).await;
    }

    /// All keys of this test.
    pub(super) async fn all_keys(&self) -> Vec<String> {
        self.ask(&format!("KEYS {}:*", self.keys.prefix())).await
    }
}
