//! How a round ends: everybody comes to rest, agrees, and is compared with the durable store.

use crate::check::check;
use crate::crew::Crew;
use crate::editor::Editor;
use crate::ledger::Entry;
use crate::record::{self, At, Line};
use crate::world::World;
use collabcanvas::durable::DurableStore;
use collabcanvas::durable::load::{Tail, tail};
use collabcanvas::ids::ProjectId;
use collabcanvas::protocol::Encoding;
use loadtest::client::Client;
use loadtest::core::Core;
use loadtest::history::Keep;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long anything may take in the end, when nothing happens any more.
const SETTLING: Duration = Duration::from_secs(60);
/// Between two looks at the durable log.
const LOOK: Duration = Duration::from_millis(50);
/// In this time a room notices that Redis is back, and heals: its seal is a commit, too.
const CALM: Duration = Duration::from_secs(2);

/// Lets everybody finish, stops the nodes, writes the history into the directory and has it checked. What is wrong goes into the entry.
pub(crate) async fn finish(world: &mut World, crew: &mut Crew, header: Line, directory: &Path, entry: &mut Entry) {
    let (round, projects) = (crew.round.clone(), crew.projects.clone());
    let (mut editors, settled) = crew.finish(SETTLING).await;
    entry.wrong.extend(settled.err());
    tokio::time::sleep(CALM).await;
    let store = world.store.open();
    let mut lines = vec![header];
    for project in &projects {
        let mut here: Vec<_> = editors.iter_mut().filter(|editor| editor.project == *project).collect();
        match agree(project, store.as_ref(), &round.urls, &mut here).await {
            Ok(fresh) => lines.extend(fresh),
            Err(why) => entry.wrong.push(why),
        }
    }
    entry.wrong.extend(world.fleet.stop().await.err());
    lines.extend(crew.gone.drain(..).map(|record| Line::Client(Box::new(record))));
    lines.extend(editors.iter().map(|editor| Line::Client(Box::new(editor.record()))));
    for project in &projects {
        match record::durable(store.as_ref(), project).await {
            Ok(durable) => lines.extend(durable),
            Err(why) => entry.wrong.push(why),
        }
    }
    store.close().await;
    let path = directory.join("history.jsonl.gz");
    entry.wrong.extend(record::write(&path, &lines).err().map(|error| error.to_string()));
    entry.verdict = check(&lines);
    let stale = round.stale.load(Ordering::Relaxed);
    entry.wrong.extend((stale > 0).then(|| format!("{stale} times a node greeted a client with less than was saved")));
    entry.stall_ms = round.stall.load(Ordering::Relaxed);
    for line in &lines {
        let Line::Client(client) = line else { continue };
        (entry.taken_back, entry.left) = (entry.taken_back + client.taken_back, entry.left + u64::from(client.left));
    }
    if let Some((good, said)) = world.store.verify().await {
        entry.verified = Some(good);
        entry.wrong.extend((!good).then_some(said));
    }
}

/// Brings all clients of a quiet project, and a fresh one at each node, to where the durable log ends.
async fn agree(
    project: &str,
    store: &dyn DurableStore,
    urls: &[String],
    editors: &mut [&mut Editor],
) -> Result<Vec<Line>, String> {
    let id = ProjectId::parse(project).map_err(|error| error.to_string())?;
    let mut fresh = Vec::new();
    for (n, url) in urls.iter().enumerate() {
        let encoding = if n.is_multiple_of(2) { Encoding::Json } else { Encoding::MessagePack };
        fresh.push(Client::new(url, project, format!("fresh-{:016x}", rand::random::<u64>()), encoding, Keep::Names));
    }
    let deadline = Instant::now() + SETTLING;
    loop {
        let all = fresh.iter().chain(editors.iter().map(|editor| &editor.client));
        let heads = all.filter_map(|client| client.core.position()).map(|position| position.seq);
        let durable = tail(store, &id, &Tail::START).await.map_err(|error| error.to_string())?.position.seq;
        let head = heads.max().unwrap_or(0).max(durable);
        for client in fresh.iter_mut().chain(editors.iter_mut().map(|editor| &mut editor.client)) {
            reach(client, head, deadline).await.map_err(|why| format!("{project}: a client at the end: {why}"))?;
        }
        let seq = |client: &Client| client.core.position().map(|position| position.seq);
        let mut all = fresh.iter().chain(editors.iter().map(|editor| &editor.client));
        if durable == head && all.all(|client| seq(client) == Some(head)) {
            break;
        }
        if Instant::now() > deadline {
            return Err(format!("{project}: clients are at {head}, the durable log ends at {durable}"));
        }
        tokio::time::sleep(LOOK).await;
    }
    let line = |(node, client): (usize, &Client)| {
        let at = At::of(&client.core)?;
        Some(Line::Fresh { project: project.to_owned(), node, at })
    };
    Ok(fresh.iter().enumerate().filter_map(line).collect())
}

/// Listens until a client is at a seq or beyond.
async fn reach(client: &mut Client, seq: u64, deadline: Instant) -> Result<(), String> {
    let there = |core: &Core| core.is_synced() && core.position().is_some_and(|position| position.seq >= seq);
    while !there(&client.core) {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(format!("it is at {:?} and not at {seq}", client.core.position()));
        }
        if client.until("the others' work", left, there).await.is_err() {
            client.reconnect(left).await.map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}
