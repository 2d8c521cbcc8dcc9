//! What is left when a crowd is through: whether anything was lost, and what was looked at to say so.

use super::crowd::{Crowd, PATIENCE};
use super::place::Dialect;
use super::state::State;
use super::verdict::Verdict;
use crate::Encoding;
use crate::client::Client;
use crate::history::Keep;
use crate::wire::{Message, Position};
use smol_str::SmolStr;

/// A fresh client that had all of a room at a node, every frame of it read whole.
#[derive(Debug)]
pub struct Fresh {
    /// Where it stood.
    pub position: Position,
    /// Bytes of the chunks and commits that came to it.
    pub content: u64,
}

impl Fresh {
    /// Compares with where a client stands.
    pub fn compare(&self, state: &State, number: usize, verdict: &mut Verdict) {
        let (there, here) = (state.position(), &self.position);
        if (there.seq, &there.id) != (here.seq, &here.id) {
            verdict.differing += 1;
            verdict.because(|| {
                format!(
                    "client {number} ended at {} ({}), a fresh one at {} ({})",
                    there.seq, there.id, here.seq, here.id
                )
            });
        }
    }
}

/// What was looked at in the rooms of nodes.
#[derive(Debug, Default)]
struct Looked {
    /// Rooms.
    rooms: usize,
    /// Clients that read every frame whole.
    witnesses: usize,
    /// Rooms in which one of them was brought back by a snapshot.
    resynced: usize,
    /// Batches that clients had sent since the load began.
    batches: u64,
    /// Clients whose last cursors were looked for at the others.
    cursors: usize,
}

impl Looked {
    /// As a list for a sentence.
    fn say(&self, all: usize) -> String {
        let Self { rooms, witnesses, resynced, batches, cursors } = self;
        let mut said = format!(
            "in {rooms} of {all} rooms where each client ended, against fresh clients from each node; the copies of {witnesses} clients that read every \
             frame whole, one of a room at each node, against those of the fresh ones; each of {batches} batches, once and in its sender's order, in what these {witnesses} saw"
        );
        if *resynced > 0 {
            said.push_str(&format!(" (in {resynced} rooms a snapshot stood for a part of that, which was not seen)"));
        }
        said.push_str("; the answer to each of them and the word that it is saved");
        if *cursors > 0 {
            said.push_str(&format!("; the last cursors of {cursors} clients at all others of their rooms"));
        }
        said
    }
}

impl Crowd {
    /// Says whether anything was lost, once all is quiet.
    pub async fn judge(&self) -> Verdict {
        let mut verdict = Verdict::default();
        let through = self.settle(PATIENCE).await;
        for peer in &self.peers {
            let state = peer.state.borrow();
            verdict.skipped += state.skipped;
            verdict.refused += state.refused;
            verdict.open += state.open().0.max(state.open().1 as u64);
            if let Some(why) = &state.broken {
                verdict.broken += 1;
                verdict.because(|| why.clone());
            }
        }
        if !through {
            verdict.because(|| format!("after {PATIENCE:?} not everything was answered and heard"));
        }
        let mut looked = Looked::default();
        for room in 0..self.rooms.count {
            match self.ground.dialect {
                Dialect::Floor => self.judge_floor(room, &mut verdict),
                Dialect::Node => {
                    if let Err(why) = self.judge_room(room, &mut verdict, &mut looked).await {
                        verdict.broken += 1;
                        verdict.because(|| format!("a fresh client: {why}"));
                    }
                }
            }
        }
        verdict.checked = match self.ground.dialect {
            Dialect::Floor => {
                "how many messages each client received, against what the others of its room sent".to_owned()
            }
            Dialect::Node => looked.say(self.rooms.count),
        };
        verdict
    }

    fn judge_floor(&self, room: usize, verdict: &mut Verdict) {
        let sent = self.sent(room);
        let all: u64 = sent.iter().sum();
        for (peer, own) in self.room(room).iter().zip(&sent) {
            let (heard, expected) = (peer.state.borrow().heard, all - own);
            verdict.lost += expected.saturating_sub(heard);
            verdict.doubled += heard.saturating_sub(expected);
            if heard != expected {
                verdict.because(|| format!("client {} heard {heard} of {expected}", peer.place.number));
            }
        }
    }

    async fn judge_room(&self, room: usize, verdict: &mut Verdict, looked: &mut Looked) -> Result<(), String> {
        let unheard = self.unheard(room);
        verdict.lost += unheard;
        if unheard > 0 {
            verdict.because(|| format!("in room {room}, {unheard} last cursors did not come"));
        }
        let fresh = self.fresh_copies(room, &self.ground.urls, verdict).await?;
        let (peers, before) = (self.room(room), &self.before[room * self.rooms.clients..]);
        let senders: Vec<(SmolStr, u64, u64)> = peers
            .iter()
            .zip(before.iter().zip(self.sent(room)))
            .map(|(peer, (before, sent))| (peer.state.borrow().author.clone(), *before, sent))
            .collect();
        let mut resynced = false;
        for peer in peers {
            let state = peer.state.borrow();
            fresh.iter().for_each(|fresh| fresh.compare(&state, peer.place.number, verdict));
            looked.cursors += usize::from(state.cursor.is_some());
            if let Some(witness) = &state.witness {
                looked.witnesses += 1;
                resynced |= witness.was_resynced();
                witness.account(senders.iter().cloned(), verdict);
            }
        }
        looked.rooms += 1;
        looked.batches += senders.iter().map(|(_, _, sent)| sent).sum::<u64>();
        looked.resynced += usize::from(resynced);
        Ok(())
    }

    /// Lets a fresh client come to a room at each of these addresses, and compares what it has with the copy of every client of the room that kept one.
    ///
    /// # Errors
    /// Why one did not get everything.
    pub async fn fresh_copies(
        &self,
        room: usize,
        urls: &[String],
        verdict: &mut Verdict,
    ) -> Result<Vec<Fresh>, String> {
        let head = self.room(room).iter().map(|peer| peer.state.borrow().seq).max().unwrap_or(0);
        let name = &self.room(room)[0].place.room;
        let mut copies = Vec::with_capacity(urls.len());
        for url in urls {
            let (client, content) = come(url, name, head).await?;
            let position = client.core.position().ok_or("it has no position")?.clone();
            for peer in self.room(room) {
                if let Some(witness) = &peer.state.borrow().witness {
                    witness.compare(client.core.replica(), &position, verdict);
                }
            }
            copies.push(Fresh { position, content });
        }
        Ok(copies)
    }
}

/// A fresh client comes, reads everything up to this seq, and goes. Returns it, and the bytes of the chunks and commits.
async fn come(url: &str, room: &str, head: u64) -> Result<(Client, u64), String> {
    let id = format!("judge-{:016x}", rand::random::<u64>());
    let mut client = Client::new(url, room, id, Encoding::MessagePack, Keep::Names);
    client.connect().await.map_err(|e| e.to_string())?;
    let end = tokio::time::Instant::now() + PATIENCE;
    let mut content = 0;
    while !client.core.is_synced() || client.core.position().is_none_or(|position| position.seq < head) {
        let before = client.received;
        match tokio::time::timeout_at(end, client.next()).await {
            Ok(message) => {
                if matches!(message.map_err(|e| e.to_string())?, Message::Snapshot(..) | Message::Commits(..)) {
                    content += client.received - before;
                }
            }
            // What it lacks is found by the comparison.
            Err(_) if client.core.is_synced() => break,
            Err(_) => return Err(format!("its join did not end within {PATIENCE:?}")),
        }
    }
    client.close().await;
    Ok((client, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_claimed_that_was_not_looked_at() {
        let looked = Looked { rooms: 2, witnesses: 4, ..Looked::default() };
        let said = looked.say(3);
        assert!(
            said.starts_with("in 2 of 3 rooms ") && !said.contains("snapshot") && !said.contains("cursors"),
            "{said}"
        );
        let said = Looked { resynced: 1, cursors: 5, ..looked }.say(3);
        assert!(said.contains("in 1 rooms a snapshot stood for") && said.contains("cursors of 5 clients"), "{said}");
    }
}
