//! What a client of the storm edits: drawn from a seed, about objects that it has seen.

use loadtest::replica::Replica;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// Objects of a project, about.
const OBJECTS: usize = 150;
/// One batch in so many asks for what is refused for good.
const MISTAKE: u32 = 40;
/// One batch in so many has several ops.
const SEVERAL: u32 = 8;

/// One client's edits.
pub(crate) struct Edits {
    client: String,
    made: u32,
    rng: StdRng,
}

impl Edits {
    /// Those of a client.
    pub(crate) fn new(client: &str, seed: u64) -> Self {
        Self { client: client.to_owned(), made: 0, rng: StdRng::seed_from_u64(seed) }
    }

    /// The next batch: its ops as JSON.
    pub(crate) fn batch(&mut self, replica: &Replica) -> Vec<String> {
        if self.rng.random_range(0..MISTAKE) == 0 {
            // Refused whatever else there is.
            return vec![r#"{"op":"create","id":"never","props":{"z":"?"}}"#.to_owned()];
        }
        let count = if self.rng.random_range(0..SEVERAL) == 0 { 3 } else { 1 };
        (0..count).map(|_| self.op(replica)).collect()
    }

    fn op(&mut self, replica: &Replica) -> String {
        let (x, y) = (self.rng.random_range(-5_000..5_000), self.rng.random_range(0.0..1.0));
        // Only what it has seen: an op about what is not there yet has no effect, in whatever order both come afterwards.
        let objects = &replica.0;
        let full = objects.len() > OBJECTS;
        let known = (!objects.is_empty()).then(|| self.rng.random_range(0..objects.len()));
        let known = known.and_then(|n| objects.keys().nth(n));
        match (self.rng.random_range(0..100), known) {
            (0..8, Some(id)) if full => format!(r#"{{"op":"delete","id":"{id}"}}"#),
            (8..25, Some(id)) => format!(r#"{{"op":"increment","id":"{id}","prop":"n","by":1}}"#),
            (25..80, Some(id)) => format!(r#"{{"op":"update","id":"{id}","set":{{"x":{x},"y":{y:?}}}}}"#),
            (80..88, Some(id)) => {
                format!(r#"{{"op":"update","id":"{id}","set":{{"text":"at {x}"}},"unset":["y"]}}"#)
            }
            // Nobody else makes an object of this id, so that no create is ever refused.
            _ => {
                self.made += 1;
                let id = format!("o{}-{}", self.client, self.made);
                format!(r#"{{"op":"create","id":"{id}","props":{{"type":"note","x":{x},"y":{y:?},"n":0}}}}"#)
            }
        }
    }
}
