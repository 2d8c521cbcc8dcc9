//! What must hold once everything is quiet.

use super::client::{Client, Sdk};
use super::world::World;
use crate::durable::load::{Loaded, load};
use crate::hot::HotStore as _;
use crate::ids::Position;
use bytes::Bytes;
use loadtest::replica::{Entry, Replica};
use std::sync::Arc;

/// What still keeps the world from being at rest, if anything.
pub(super) fn unsettled(world: &World, clients: &[Client]) -> Option<String> {
    let durable = world.state().god.position();
    for client in clients {
        let sdk = client.sdk();
        if let Some(why) = waits(&sdk, durable) {
            return Some(why);
        }
        if let Some(cid) = unsaved(world, &sdk) {
            return Some(format!("lost: {} had an answer to {cid}, and it is not in D", sdk.name));
        }
    }
    let stands = world.state().servers.primary().hot.stands(&world.project);
    match stands {
        Some((position, _)) if position != durable => Some(format!("Redis is at {position:?}, D at {durable:?}")),
        Some((position, saved)) if saved.seq != position.seq => {
            Some("Redis does not know that all is saved".to_owned())
        }
        _ => None,
    }
}

/// Why a client is not at rest.
fn waits(sdk: &Sdk, durable: Position) -> Option<String> {
    if sdk.gone {
        return None;
    }
    let (unsaved, unanswered) = sdk.core.open_batches();
    if unsaved > 0 {
        return Some(format!("stuck: {} has {unsaved} unsaved batches, {unanswered} unanswered", sdk.name));
    }
    let at = sdk.core.position().map(|at| (at.epoch, at.seq, at.id.clone()));
    let end = (durable.epoch, durable.seq, durable.id.text());
    if !sdk.core.is_synced() || at.as_ref().is_none_or(|at| (at.1, &at.2) != (end.1, &end.2)) {
        return Some(format!("stuck: {} is at {at:?}, D at {end:?}", sdk.name));
    }
    None
}

/// A batch that was answered and is not durable.
fn unsaved(world: &World, sdk: &Sdk) -> Option<u64> {
    let state = world.state();
    let history = &sdk.core.history;
    history.acked.iter().chain(history.rejected.keys()).copied().find(|cid| !state.god.has(sdk.author, *cid))
}

/// Looks at everything, and tells the god what is wrong.
pub(super) async fn check(world: &Arc<World>, clients: &[Client]) {
    if let Some(why) = unsettled(world, clients) {
        world.bad(why);
        return;
    }
    world.state().god.check_order();
    let loaded = match load(&world.store, &world.project).await {
        Ok(loaded) => loaded,
        Err(error) => return world.bad(format!("D cannot be loaded: {error}")),
    };
    let durable = world.state().god.position();
    if loaded.position != durable {
        world.bad(format!("a load ends at {:?}, D at {durable:?}", loaded.position));
    }
    let project = replica(&loaded);
    for client in clients.iter().filter(|client| !client.sdk().gone) {
        let sdk = client.sdk();
        if let Some(difference) = sdk.core.replica().difference(&project) {
            world.bad(format!("{} has not what D has: {difference}", sdk.name));
        }
    }
    let hot = world.state().servers.primary().hot.clone();
    if let Ok(Some(hot)) = hot.load(&world.project).await {
        if hot.canvas != loaded.canvas {
            world.bad("Redis has other objects than D");
        }
        let last = loaded.clients.iter().map(|(author, client)| (*author, (client.cid, client.seq))).collect();
        if hot
            .clients
            .iter()
            .map(|(author, client)| (*author, (client.cid, client.seq)))
            .collect::<std::collections::BTreeMap<_, _>>()
            != last
        {
            world.bad("Redis has other counters than D");
        }
    }
}

/// A loaded project as clients would have it.
fn replica(loaded: &Loaded) -> Replica {
    let object = |(id, object): (&crate::ids::ObjectId, &crate::project::canvas::Object)| {
        let props = object.props.iter().map(|(name, value)| (name.into(), Bytes::copy_from_slice(value))).collect();
        (id.as_str().into(), Entry { rev: object.rev, props })
    };
    Replica(loaded.canvas.iter().map(object).collect())
}
