//! Bots: presence of back ends, without a socket, for as long as they say.

use super::Room;
use crate::hub::mailbox::{Bot, BotError};
use crate::ids::{Author, SessionId};
use crate::presence::roster::Whose;
use crate::protocol::message::PresenceEntry;
use crate::protocol::props::Props;
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

    /// When the next one goes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0.values().map(|shown| shown.until).min()
    }
}

impl Room {
    /// Shows a bot, changes it, or takes it away.
    pub(super) fn bot(&mut self, bot: &Bot) -> Result<(), BotError> {
        let now = Instant::now();
        let Some(until) = bot.ttl.map(|ttl| now + ttl) else {
            self.forget_bot(bot.session);
            return Ok(());
        };
        let limit = self.settings.limits.presence_bytes as usize;
        let fields = Props::empty().patched(&bot.fields);
        if fields.size() > limit {
            return Err(BotError::TooLarge(limit));
        }
        if self.bots.0.len() >= MOST && !self.bots.has(bot.session) {
            return Err(BotError::TooMany(MOST));
        }
        self.bots.0.insert(bot.session, Shown { author: bot.who.author, until });
        self.roster.join(bot.session, bot.who.clone(), fields, Whose::Ours);
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

    /// Another node shows the same bot, and later: requests go to any node.
    pub(super) fn hand_over_bots(&mut self, news: &[PresenceEntry]) {
        let theirs = news.iter().filter_map(|entry| entry.who.as_ref()).map(|who| who.author);
        let ours: Vec<_> = theirs
            .filter_map(|author| self.bots.0.iter().find(|(_, shown)| shown.author == author).map(|(s, _)| *s))
            .collect();
        ours.into_iter().for_each(|session| self.forget_bot(session));
    }
}
