//! A project of 50,000 objects.

use super::board::Board;
use super::cluster::Sharded;
use crate::hot::conformance::Backend;
use crate::hot::conformance::world::{World, facts, id, project, props, start};
use crate::hot::log::Log;
use crate::hot::{Freeze, HotState, Over};
use crate::ids::Position;
use crate::project::canvas::Object;
use futures_util::future::join_all;
use std::time::{Duration, Instant};

const OBJECTS: u64 = 50_000;
/// Rooms that open at once.
const AT_ONCE: usize = 4;

/// Rectangles of ten properties, about 170 bytes each.
fn large() -> HotState {
    let mut state = start(1);
    state.position = Position { seq: OBJECTS, ..state.position };
    state.saved = state.position;
    state.log = Log::new(OBJECTS, state.position.id, Vec::new());
    for n in 0..OBJECTS {
        let (x, y) = (n * 17 % 4_000, n * 31 % 3_000);
        let rectangle = props(&format!(
            r##"{{"type":"rect","x":{x}.25,"y":{y}.75,"width":160.5,"height":90.125,"rotation":0.5,"fill":"#ffcc00","stroke":"#112233","z":"a0{n:06}","text":"A note with some more words, {n:010}"}}"##
        ));
        state.canvas.set(id(&format!("object-{n:05}")), Some(Object { rev: n + 1, props: rectangle }));
    }
    state
}

/// Installs it, reads it as several rooms would that open at once, and installs it over itself: each within the time that an answer has.
async fn is_installed_and_loaded(backend: &impl Backend) {
    let state = large();
    let world = World::of(backend, state.clone()).await;
    let at_once = (0..AT_ONCE).map(|_| async { world.load().await });
    for loaded in join_all(at_once).await {
        assert!(facts(&loaded) == facts(&state));
    }
    assert_eq!(world.hot.freeze(&project(), 1, Duration::from_secs(60)).await, Ok(Freeze::Frozen(state.position)));
    let over = Over::Frozen { token: 1, position: state.position };
    assert_eq!(world.hot.install(&project(), state.clone(), over).await, Ok(true));
    assert!(facts(&world.load().await) == facts(&state));
}

// Reading and taking apart go beside each other, as on a node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_project_is_installed_and_loaded_also_in_a_cluster() {
    is_installed_and_loaded(&Board::new().await).await;
    is_installed_and_loaded(&Sharded::new().await).await;
}

/// Run by hand, with --release.
#[tokio::test]
#[ignore = "a measurement"]
#[expect(clippy::print_stderr, reason = "it tells what it measured")]
async fn how_long_it_takes() {
    let (board, state) = (Board::new().await, large());
    let started = Instant::now();
    let world = World::of(&board, state).await;
    eprintln!("installed in {:?}", started.elapsed());
    for _ in 0..5 {
        let started = Instant::now();
        world.load().await;
        eprintln!("loaded in {:?}", started.elapsed());
    }
    for _ in 0..5 {
        let started = Instant::now();
        world.hot.verify(&project(), world.head).await.expect("it answers");
        let quick = started.elapsed();
        let (_, late) = tokio::join!(world.load(), async {
            tokio::task::yield_now().await;
            let started = Instant::now();
            world.hot.verify(&project(), world.head).await.expect("it answers");
            started.elapsed()
        });
        eprintln!("a look takes {quick:?} alone and {late:?} behind a load");
    }
}
