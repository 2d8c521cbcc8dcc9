//! Runs that were written by hand, for what is too rare to be met by chance. Each is run with several seeds, which say when exactly things happen.

use super::client::Client;
use super::durable::SimDurable;
use super::faults::{Fault, strike};
use super::node;
use super::run::{Outcome, simulate};
use super::temper::Temper;
use super::world::{World, ms, pause};
use crate::clock;
use crate::durable::load::load;
use crate::durable::{DurableStore as _, checkpoint};
use std::sync::Arc;
use std::time::Duration;

/// How long people edit before anything happens.
const EDITS: Duration = Duration::from_secs(6);

/// A saver's append arrives when it has long been given up: a checkpoint covers its place, and the log below is gone.
pub(super) fn an_append_of_long_ago(seed: u64) -> Outcome {
    simulate(seed, false, false, Temper::calm, |world| async move {
        let clients = vec![one_person(&world)];
        tokio::time::sleep(EDITS).await;
        let first = world.store.entries(&world.project, 1).await.expect("in memory").remove(0);
        cover(&world).await;
        let store = way_to_durable(&world);
        let appended = store.append(&world.project, &first).await;
        world.say(format_args!("the first entry arrives again: {appended:?}"));
        clients
    })
}

/// A reader is so slow that the log which it is about to read is covered and removed meanwhile.
pub(super) fn a_checkpoint_beneath_a_reader(seed: u64) -> Outcome {
    let temper = || Temper { durable_ms: 40, ..Temper::calm() };
    simulate(seed, false, false, temper, |world| async move {
        let clients = vec![one_person(&world)];
        tokio::time::sleep(EDITS).await;
        for _ in 0..20 {
            let reader = tokio::spawn({
                let (store, project) = (way_to_durable(&world), world.project.clone());
                async move { load(&store, &project).await }
            });
            pause(0, 80).await;
            cover(&world).await;
            if let Err(error) = reader.await.expect("no panic") {
                world.bad(format!("a reader has found what is not so: {error}"));
            }
            pause(0, 2_000).await;
        }
        clients
    })
}

/// The only person leaves with an answer, the room is idle before that is saved, and the replica that is promoted has not heard of it.
pub(super) fn nobody_stays_with_unsaved_work(seed: u64) -> Outcome {
    let temper = || Temper { idle_ms: 150, ..Temper::calm() };
    simulate(seed, false, true, temper, |world| async move {
        let clients = vec![one_person(&world)];
        // People leave by chance.
        world.state().noise = 1_000;
        world.state().farewells = true;
        while !clients[0].sdk().gone {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(ms(160, 300)).await;
        strike(&world, Fault::FailOver, Duration::ZERO);
        tokio::time::sleep(EDITS).await;
        clients
    })
}

/// A person and the only room that knows of their work are gone before it is saved, and Redis is away: it alone has that work when it comes back whole,
/// and others have begun a direct epoch meanwhile.
pub(super) fn only_redis_has_it(seed: u64) -> Outcome {
    let temper = || Temper { lost: 1_000, ..Temper::calm() };
    simulate(seed, false, false, temper, |world| async move {
        let author = Client::start(&world, "c0", Some(0), true);
        let other = Client::start(&world, "c1", Some(1), false);
        tokio::time::sleep(EDITS).await;
        let has_unsaved = || {
            let history = &author.sdk().core.history;
            history.acked.last().is_some_and(|last| *last > history.saved)
        };
        while !has_unsaved() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        author.sdk().gone = true;
        node::kill(&world, 0);
        world.state().servers.primary().up = false;
        world.cut_all();
        other.sdk().edits = true;
        tokio::time::sleep(EDITS).await;
        world.state().servers.primary().up = true;
        tokio::time::sleep(EDITS).await;
        vec![author, other]
    })
}

/// Somebody who edits, in a world in which nothing goes wrong by itself.
fn one_person(world: &Arc<World>) -> Client {
    world.state().noise = 0;
    Client::start(world, "c0", None, true)
}

fn way_to_durable(world: &Arc<World>) -> SimDurable {
    let life = world.state().nodes[0].life;
    SimDurable { world: world.clone(), node: 0, life }
}

/// A checkpoint covers the log, and what it covers is removed, all in no time.
async fn cover(world: &World) {
    let loaded = load(&world.store, &world.project).await.expect("in memory");
    let (seq, now) = (loaded.position.seq, clock::now_ms());
    checkpoint::write(&world.store, &world.project, loaded, now, seq).await.expect("in memory");
    world.store.truncate(&world.project, now + 1).await.expect("in memory");
    world.say(format_args!("a checkpoint covers the log up to {seq}, which is removed"));
}
