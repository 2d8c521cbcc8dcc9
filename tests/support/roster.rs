//! A client that sees who is there.

use super::process::PATIENCE;
use collabcanvas::protocol::Encoding;
use loadtest::client::Client;
use loadtest::history::Keep;
use loadtest::say;
use loadtest::wire::{Fields, Message};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a session looks like to others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Its author.
    pub author: SmolStr,
    /// Its fields, raw.
    pub fields: BTreeMap<SmolStr, bytes::Bytes>,
}

/// A client and its view of everybody.
pub struct Watcher {
    /// The client.
    pub client: Client,
    /// Everybody, itself included, by session.
    pub there: BTreeMap<u64, Seen>,
    /// Sessions that came and that left, in order: a left one is false.
    pub moves: Vec<(u64, bool)>,
}

impl Watcher {
    /// Joins with an id of its own.
    pub async fn join(url: &str, project: &str, name: &str) -> Self {
        let id = format!("{name}-{:016x}", rand::random::<u64>());
        Self::join_as(url, project, &id, name).await
    }

    /// Joins with this id, and shows its name.
    pub async fn join_as(url: &str, project: &str, id: &str, name: &str) -> Self {
        let client = Client::new(url, project, id, Encoding::MessagePack, Keep::Names);
        let mut watcher = Self { client, there: BTreeMap::new(), moves: Vec::new() };
        watcher.client.reconnect(PATIENCE).await.expect("the node is there");
        watcher.sees("itself", PATIENCE, |there, own| there.contains_key(&own)).await;
        watcher.set(&format!(r#"{{"name":"{name}"}}"#)).await;
        watcher
    }

    /// This session's number.
    pub fn session(&self) -> u64 {
        self.client.core.welcome().map_or(0, |welcome| welcome.session)
    }

    /// Changes its own fields.
    pub async fn set(&mut self, fields: &str) {
        let presence = say::from_json(&format!(r#"{{"t":"presence","set":{fields}}}"#));
        self.client.core.say(presence.into());
        self.client.flush().await.expect("the node listens");
    }

    /// Listens for a while: pings are answered, nothing else is said.
    pub async fn listens(&mut self, time: Duration) {
        let until = tokio::time::Instant::now() + time;
        while let Ok(message) = tokio::time::timeout_at(until, self.client.next()).await {
            self.note(message.expect("the session goes on"));
        }
    }

    /// Listens until its view of everybody is as it should be; the second parameter is its own session. Returns how long it took.
    pub async fn sees(
        &mut self,
        what: &str,
        within: Duration,
        holds: impl Fn(&BTreeMap<u64, Seen>, u64) -> bool,
    ) -> Duration {
        let since = Instant::now();
        while !holds(&self.there, self.session()) {
            let heard = tokio::time::timeout_at((since + within).into(), self.client.next()).await;
            let heard = heard.unwrap_or_else(|_| panic!("no {what} within {within:?}: {:?}", self.there));
            self.note(heard.expect("the session goes on"));
        }
        since.elapsed()
    }

    /// The raw text of a session's name, as it sees it.
    pub fn name_of(&self, session: u64) -> Option<&[u8]> {
        Some(self.there.get(&session)?.fields.get("name")?)
    }

    fn note(&mut self, message: Message) {
        let Message::Presence(full, sessions) = message else { return };
        let before: Vec<u64> = self.there.keys().copied().collect();
        if full {
            self.there.clear();
        }
        for present in sessions {
            let Some(fields) = present.fields else {
                self.there.remove(&present.session);
                continue;
            };
            let seen = self.there.entry(present.session).or_default();
            if let Some(author) = present.author {
                seen.author = author;
            }
            merge(&mut seen.fields, fields);
        }
        let came = self.there.keys().filter(|session| !before.contains(session)).map(|session| (*session, true));
        self.moves.extend(came);
        let left = before.iter().filter(|session| !self.there.contains_key(session)).map(|session| (*session, false));
        self.moves.extend(left);
    }
}

/// Nil removes a field.
fn merge(into: &mut BTreeMap<SmolStr, bytes::Bytes>, fields: Fields) {
    for (name, value) in fields {
        if *value == [0xc0] {
            into.remove(&name);
        } else {
            into.insert(name, value);
        }
    }
}
