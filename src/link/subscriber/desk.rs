//! The task that owns the subscriptions: what is wanted, where it is subscribed, what must be mended.

use super::home::{Home, HomeId, News};
use super::wanted::Wanted;
use super::{Heard, Order};
use crate::backoff::Backoff;
use crate::link::error::LinkError;
use crate::link::shards::{Shards, slot_of};
use crate::link::url::{Server, Target};
use crate::metrics;
use bytes::Bytes;
use futures_util::future::join_all;
use std::collections::HashMap;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Orders taken at once.
const ORDERS: usize = 1024;

/// See the module.
pub(super) struct Desk {
    target: Target,
    sink: mpsc::UnboundedSender<Heard>,
    /// Few: a connection tells of its end once, and of each subscription that ends.
    news: mpsc::UnboundedReceiver<News>,
    tell: mpsc::UnboundedSender<News>,
    shards: Shards,
    homes: HashMap<Server, Home>,
    ids: HomeId,
    wanted: Wanted,
    backoff: Backoff,
    /// When to mend what is broken.
    mend_at: Option<Instant>,
    mended: Instant,
}

impl Desk {
    pub(super) fn new(target: Target, sink: mpsc::UnboundedSender<Heard>) -> Self {
        let (tell, news) = mpsc::unbounded_channel();
        Self {
            target,
            sink,
            news,
            tell,
            shards: Shards::default(),
            homes: HashMap::new(),
            ids: 0,
            wanted: Wanted::default(),
            backoff: Backoff::default(),
            mend_at: None,
            mended: Instant::now(),
        }
    }

    /// The first connections. Of a Cluster one is enough to begin with.
    pub(super) async fn open(&mut self) -> Result<(), LinkError> {
        match self.mend().await {
            Err(error) if self.homes.is_empty() => Err(error),
            Err(_) => {
                self.broken();
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// Serves until the subscriber is dropped.
    pub(super) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Order>) {
        let mut orders = Vec::new();
        loop {
            let mend_at = self.mend_at;
            tokio::select! {
                count = inbox.recv_many(&mut orders, ORDERS) => {
                    if count == 0 {
                        return;
                    }
                    orders.drain(..).for_each(|order| self.wanted.take(order));
                }
                Some(news) = self.news.recv() => self.learn(news),
                () = sleep_until(mend_at.unwrap_or_else(Instant::now)), if mend_at.is_some() => self.mend_or_wait().await,
            }
            self.settle().await;
        }
    }

    fn learn(&mut self, news: News) {
        match news {
            News::Lost(home) => self.lose(home),
            // Not asked for: the slot has gone elsewhere, and the answers on this connection are shifted by one.
            News::Ended(home, channel) if !self.wanted.has_ended(home, channel.clone()) => self.lose(home),
            News::Ended(..) => {}
        }
    }

    /// Gives a connection up.
    fn lose(&mut self, id: HomeId) {
        let count = self.homes.len();
        self.homes.retain(|_, home| home.id != id);
        if self.homes.len() == count {
            return;
        }
        self.wanted.lose(id);
        tracing::warn!(target = %self.target, "lost a connection of subscriptions");
        self.broken();
    }

    /// Something is to be mended, soon.
    fn broken(&mut self) {
        if self.mend_at.is_none() {
            self.backoff.lived(self.mended.elapsed());
            self.mend_at = Some(Instant::now() + self.backoff.next(rand::random()));
        }
    }

    async fn mend_or_wait(&mut self) {
        self.mend_at = None;
        match self.mend().await {
            Ok(opened) => {
                self.mended = Instant::now();
                if opened > 0 {
                    tracing::info!(target = %self.target, "subscriptions have their connections again");
                }
            }
            Err(error) => {
                tracing::debug!(%error, "cannot connect for subscriptions");
                self.mended = Instant::now();
                self.broken();
            }
        }
    }

    /// Finds out who has which slots and connects to those that we are not connected to. Returns how many that were.
    async fn mend(&mut self) -> Result<usize, LinkError> {
        let is_first = self.ids == 0;
        self.shards = Shards::find(&self.target, &self.shards).await.map_err(LinkError::count)?;
        let servers = self.shards.servers();
        let gone: Vec<HomeId> =
            self.homes.iter().filter(|(server, _)| !servers.contains(server)).map(|(_, home)| home.id).collect();
        gone.into_iter().for_each(|home| self.lose(home));
        self.mend_at = None;
        self.move_away();
        let missing: Vec<Server> = servers.into_iter().filter(|server| !self.homes.contains_key(server)).collect();
        let ids = self.ids + 1;
        self.ids += missing.len() as HomeId;
        let dials = missing
            .iter()
            .zip(ids..)
            .map(|(server, id)| Home::open(id, &self.target, server, self.sink.clone(), self.tell.clone()));
        let opened = join_all(dials).await;
        let (mut count, mut result) = (0, Ok(()));
        for (server, home) in missing.into_iter().zip(opened) {
            match home {
                Ok(home) => {
                    self.homes.insert(server, home);
                    count += 1;
                    if !is_first {
                        metrics::redis::reconnected();
                    }
                }
                Err(error) => result = Err(error.count()),
            }
        }
        result.map(|()| count)
    }

    /// Forgets confirmations of servers that have the slot no more.
    fn move_away(&mut self) {
        let owners: HashMap<HomeId, &Server> = self.homes.iter().map(|(server, home)| (home.id, server)).collect();
        let shards = &self.shards;
        self.wanted.keep(|channel, home| owners.get(&home).copied() == shards.owner(slot_of(channel)));
    }

    /// Ends and makes subscriptions until the servers have what is wanted, as far as they are there.
    async fn settle(&mut self) {
        self.leave().await;
        let mut work: HashMap<&Server, Vec<Bytes>> = HashMap::new();
        for channel in self.wanted.pending() {
            if let Some(owner) = self.shards.owner(slot_of(channel)) {
                work.entry(owner).or_default().push(channel.clone());
            }
        }
        let target = &self.target;
        let jobs = self.homes.iter_mut().filter_map(|(server, home)| {
            let channels = work.remove(server)?;
            Some(async move {
                let answers = home.request("SSUBSCRIBE", &channels, target).await;
                (home.id, channels, answers)
            })
        });
        let mut gap = false;
        for (home, channels, answers) in join_all(jobs).await {
            match answers {
                Ok(answers) => {
                    for (channel, answer) in channels.into_iter().zip(answers) {
                        gap |= self.wanted.answered(home, &channel, answer);
                    }
                }
                Err(error) => self.failed(home, &error),
            }
        }
        if gap {
            let _ = self.sink.send(Heard::Gap);
        }
        if self.wanted.pending().next().is_some() {
            self.broken();
        }
    }

    async fn leave(&mut self) {
        let mut work = self.wanted.leave();
        let target = &self.target;
        let jobs = self.homes.values_mut().filter_map(|home| {
            let channels = work.remove(&home.id)?;
            Some(async move { (home.id, home.request("SUNSUBSCRIBE", &channels, target).await) })
        });
        for (home, answers) in join_all(jobs).await {
            if let Err(error) = answers {
                self.failed(home, &error);
            }
        }
    }

    fn failed(&mut self, home: HomeId, error: &redis::RedisError) {
        let error = LinkError::counted(error, &self.target);
        tracing::debug!(%error, "a connection of subscriptions does not answer as it should");
        self.lose(home);
    }
}
