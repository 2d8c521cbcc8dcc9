//! Bots: presence of back ends, without a socket, for as long as they say.

use super::Room;
use crate::hub::mailbox::{Bot, BotError};
use crate::ids::{Author, SESSION_END, SessionId};
use crate::presence::roster::Whose;
use crate::protocol::message::PresenceEntry;
use crate::protocol::props::Props;
use rand::RngExt as _;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// Most bots of a project on one node.
const MOST: usize = 100;

/// The bots that this node shows in a room.
#[derive(Debug, Default)]
pub(super) struct Bots(BTreeMap<SessionId, Shown>);

#[derive(Debug)]
struct Shown {
    author: Author,
    until: Instant,
}

impl Bots {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, session: SessionId) -> bool {
        self.0.contains_key(&session)
    }

    fn session_of(&self, author: Author) -> Option<SessionId> {
        self.0.iter().find(|(_, shown)| shown.author == author).map(|(session, _)| *session)
    }

    /// When the next one goes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.values().map(|shown| shown.until).min()
    }
}

impl Room {
    /// Shows a bot, changes it, or takes it away.
    pub(super) fn bot(&mut self, bot: &Bot) -> Result<(), BotError> {
        let shown = self.bots.session_of(bot.who.author);
        let Some(ttl) = bot.ttl else {
            shown.into_iter().for_each(|session| self.forget_bot(session));
            self.stores.presence.tell_bot_left(&self.project, bot.who.clone());
            return Ok(());
        };
        let limit = self.settings.limits.presence_bytes as usize;
        let fields = Props::empty().patched(&bot.fields);
        if fields.size() > limit {
            return Err(BotError::TooLarge(limit));
        }
        if self.bots.0.len() >= MOST && shown.is_none() {
            return Err(BotError::TooMany(MOST));
        }
        // A new number each time that it comes: other nodes never take back one that has left.
        let session = shown.unwrap_or_else(|| rand::rng().random_range(1..SESSION_END));
        self.bots.0.insert(session, Shown { author: bot.who.author, until: Instant::now() + ttl });
        self.roster.join(session, bot.who.clone(), fields, Whose::Ours);
        Ok(())
    }

    fn forget_bot(&mut self, session: SessionId) {
        if self.bots.0.remove(&session).is_some() {
            self.roster.leave(session);
        }
    }

    /// Takes away whose time is over.
    pub(super) fn keep_bots(&mut self, now: Instant) {
        let over: Vec<_> = self.bots.0.iter().filter(|(_, shown)| now >= shown.until).map(|(s, _)| *s).collect();
        over.into_iter().for_each(|session| self.forget_bot(session));
    }

    /// The node is going, with the bots that it shows: nobody comes to tell of them anew.
    pub(super) fn drain(&mut self) {
        self.draining = true;
        std::mem::take(&mut self.bots).0.into_keys().for_each(|session| self.roster.leave(session));
    }

    /// Another node shows the same bot, and later, or was told that it goes: requests come to any node.
    pub(super) fn hand_over_bots(&mut self, news: &[PresenceEntry]) {
        for who in news.iter().filter_map(|entry| entry.who.as_ref()) {
            if let Some(session) = self.bots.session_of(who.author) {
                self.forget_bot(session);
            }
        }
    }
}
