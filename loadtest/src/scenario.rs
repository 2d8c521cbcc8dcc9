//! Scenarios: what a run does, as data in `loadtest/scenarios/*.toml`.
//!
//! Owns the shape and its checks; never runs anything.

use crate::target::Target;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its file's name without the ending.
    #[serde(skip_deserializing)]
    pub name: String,
    /// A few words for headings.
    pub title: String,
    /// What it shows.
    pub about: String,
    /// Who is there.
    pub rooms: Rooms,
    /// What they do.
    pub load: Load,
    /// On what; everything when it is not said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
}

/// Who is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rooms {
    /// Number of projects.
    pub count: usize,
    /// Clients of each.
    pub clients: usize,
    /// How many of these send.
    pub senders: usize,
    /// Rectangles in each project before the load begins.
    pub objects: usize,
}

/// What they do.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Load {
    /// Every op moves a rectangle.
    Moves(Steady),
    /// 15 % of the ops create, 75 % move, 10 % delete.
    Users(Steady),
    /// Every message moves the sender's cursor.
    Cursors(Steady),
    /// Moves, faster and faster.
    Saturation(Ramp),
    /// Clients come to the first room, one by one and many at once.
    Joins(Joins),
    /// Nobody does anything.
    Idle(Idle),
}

/// A load that stays the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steady {
    /// Messages per second and sender.
    pub rate: f64,
    /// Seconds before anything counts.
    pub warmup: f64,
    /// Seconds that count.
    pub seconds: f64,
}

/// A load that grows until the server cannot follow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// Messages per second and sender in the first step.
    pub rate: f64,
    /// By how much each step is faster than the one before, until one fails.
    pub factor: f64,
    /// Looks between the last step that passed and the first that failed.
    pub refine: u32,
    /// Seconds of a step.
    pub seconds: f64,
    /// A step passes if its 99th percentile is at most this, in milliseconds, and nothing is left behind.
    pub p99_ms: f64,
}

/// How clients come. The room's own ones are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joins {
    /// So many, one after another.
    pub one_by_one: usize,
    /// So many at once.
    pub at_once: usize,
    /// So many that had been there before come back at once.
    pub reconnecting: usize,
    /// Moves that these have missed.
    pub missed: usize,
    /// Projects to which somebody is the first to come after the nodes, and all but the durable store, were started anew.
    pub cold: usize,
}

/// How long nobody does anything.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Idle {
    /// Seconds from when all are there.
    pub seconds: f64,
}

/// What is wrong with a scenario: the file and a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("scenario {0}: {1}")]
pub struct Invalid(String, String);

impl Scenario {
    /// Reads one from text.
    ///
    /// # Errors
    /// [`Invalid`] says what is wrong, and where.
    pub fn parse(name: &str, text: &str) -> Result<Self, Invalid> {
        let invalid = |why: String| Invalid(name.to_owned(), why);
        let scenario: Self = toml::from_str(text).map_err(|e| invalid(e.to_string()))?;
        let scenario = Self { name: name.to_owned(), ..scenario };
        scenario.check().map_or(Ok(scenario), |why| Err(invalid(why)))
    }

    /// Finds and reads one: a name without a path is looked up in the folder of scenarios.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn load(named: &str) -> Result<Self, Invalid> {
        let path =
            if named.contains(['/', '.']) { PathBuf::from(named) } else { folder().join(format!("{named}.toml")) };
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).map_err(|e| {
            Invalid(
                named.to_owned(),
                format!("{} cannot be read ({e}); there are {}", path.display(), all().join(", ")),
            )
        })?;
        Self::parse(&name, &text)
    }

    /// The first thing that makes no sense.
    fn check(&self) -> Option<String> {
        let Rooms { count, clients, senders, objects } = self.rooms;
        let positive = |name: &str, value: f64| {
            (!value.is_finite() || value <= 0.0).then(|| format!("load.{name} must be above 0, it is {value}"))
        };
        if count == 0 {
            return Some("rooms.count must be at least 1".to_owned());
        }
        if clients < 2 {
            return Some(format!("rooms.clients must be at least 2, so that somebody receives; it is {clients}"));
        }
        if senders == 0 || senders > clients {
            return Some(format!("rooms.senders must be from 1 to rooms.clients ({clients}); it is {senders}"));
        }
        if !(1..=50_000).contains(&objects) {
            return Some(format!("rooms.objects must be from 1 to 50000; it is {objects}"));
        }
        if let Some(name) = self.targets.iter().find_map(|name| Target::named(name).err()) {
            return Some(name);
        }
        match self.load {
            Load::Moves(steady) | Load::Users(steady) | Load::Cursors(steady) => positive("rate", steady.rate)
                .or_else(|| positive("seconds", steady.seconds))
                .or_else(|| (steady.warmup < 0.0).then(|| "load.warmup must not be negative".to_owned())),
            Load::Saturation(ramp) => positive("rate", ramp.rate)
                .or_else(|| positive("seconds", ramp.seconds))
                .or_else(|| positive("p99_ms", ramp.p99_ms))
                .or_else(|| {
                    (ramp.factor <= 1.0).then(|| format!("load.factor must be above 1, it is {}", ramp.factor))
                }),
            Load::Joins(joins) => (joins.one_by_one == 0).then(|| "load.one_by_one must be at least 1".to_owned()),
            Load::Idle(idle) => positive("seconds", idle.seconds),
        }
    }

    /// Whether it is for this target.
    #[must_use]
    pub fn is_for(&self, target: &str) -> bool {
        self.targets.is_empty() || self.targets.iter().any(|name| name == target)
    }
}

impl Steady {
    /// Before anything counts.
    #[must_use]
    pub fn warmup(&self) -> Duration {
        Duration::from_secs_f64(self.warmup)
    }

    /// What counts.
    #[must_use]
    pub fn measured(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

/// Where the scenarios are: in the working directory's tree, or where this program was built.
#[must_use]
pub fn folder() -> PathBuf {
    let here = Path::new("loadtest/scenarios");
    if here.is_dir() { here.to_owned() } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios") }
}

/// The names of all scenarios, sorted.
#[must_use]
pub fn all() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).into_iter().flatten().flatten().map(|entry| entry.path());
    let toml = entries.filter(|path| path.extension().is_some_and(|e| e == "toml"));
    let mut names: Vec<String> = toml.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "title = \"T\"\nabout = \"A\"\n[rooms]\ncount = 1\nclients = 50\nsenders = 20\nobjects = 200\n\
                        [load]\nkind = \"moves\"\nrate = 20.0\nwarmup = 2.0\nseconds = 10.0\n";

    fn wrong(from: &str, to: &str) -> String {
        let text = GOOD.replace(from, to);
        assert_ne!(text, GOOD);
        Scenario::parse("x", &text).expect_err("it is wrong").to_string()
    }

    #[test]
    fn all_that_is_in_the_folder_can_be_read() {
        let names = all();
        assert!(names.contains(&"hot-room".to_owned()), "{names:?}");
        for name in names {
            assert_eq!(Scenario::load(&name).map(|s| s.name), Ok(name));
        }
    }

    #[test]
    fn a_good_one_is_what_it_says() {
        let scenario = Scenario::parse("x", GOOD).expect("it is good");
        assert_eq!(scenario.load, Load::Moves(Steady { rate: 20.0, warmup: 2.0, seconds: 10.0 }));
        assert!(scenario.is_for("floor"));
        let narrow = Scenario::parse("x", &format!("targets = [\"embedded\"]\n{GOOD}")).expect("it is good");
        assert!(narrow.is_for("embedded") && !narrow.is_for("floor"));
    }

    #[test]
    fn a_bad_one_is_refused_with_the_reason() {
        assert!(wrong("rate = 20.0", "rate = 0.0").contains("scenario x: load.rate must be above 0"));
        assert!(wrong("senders = 20", "senders = 51").contains("rooms.senders must be from 1 to rooms.clients (50)"));
        assert!(wrong("clients = 50", "clients = 1").contains("somebody receives"));
        assert!(wrong("objects = 200", "objects = 50001").contains("rooms.objects"));
        assert!(wrong("warmup = 2.0\n", "").contains("warmup"), "a missing key is named");
        assert!(wrong("senders", "sender").contains("sender"), "an unknown key is named");
        assert!(wrong("moves", "move").contains("move"), "an unknown kind is named");
        assert!(Scenario::load("no-such-scenario").expect_err("there is none").to_string().contains("hot-room"));
    }
}
