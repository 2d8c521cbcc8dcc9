//! Scenarios: what a run does, as data in `loadtest/scenarios/*.toml`.
//!
//! Owns the shape and its checks; never runs anything. Linux only.
#![cfg(target_os = "linux")]

mod check;

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
    /// Those of one group are also shown together, as a table of connections and projects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
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
    /// Everybody also moves a cursor, as often as the server asks for it.
    #[serde(default)]
    pub hands: bool,
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
        check::wrong(&scenario).map_or(Ok(scenario), |why| Err(invalid(why)))
    }

    /// Finds and reads one: a name without a path is looked up in the folder of scenarios.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn load(named: &str) -> Result<Self, Invalid> {
        let path = if is_path(named) { PathBuf::from(named) } else { folder().join(format!("{named}.toml")) };
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).map_err(|e| {
            Invalid(
                named.to_owned(),
                format!("{} cannot be read ({e}); there are {}", path.display(), known().join(", ")),
            )
        })?;
        Self::parse(&name, &text)
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

/// Whether somebody means a file, not a name.
fn is_path(named: &str) -> bool {
    named.contains(['/', '.'])
}

/// The scenarios that are named: by name, by path, or all of a folder within that of the scenarios. All that lie in that itself when nothing is named.
///
/// # Errors
/// A sentence, when one cannot be read or there is none.
pub fn find(names: &[String]) -> Result<Vec<Scenario>, String> {
    let mut found = Vec::new();
    for named in names {
        let group = folder().join(named);
        let files = if !is_path(named) && group.is_dir() { files(&group) } else { vec![named.clone()] };
        found.extend(files);
    }
    if names.is_empty() {
        found = files(&folder());
    }
    if found.is_empty() {
        return Err(format!(
            "there are no scenarios in {}: start this in a checkout, or give paths of files",
            folder().display()
        ));
    }
    found.iter().map(|named| Scenario::load(named).map_err(|e| e.to_string())).collect()
}

/// The paths of all scenarios in a folder, sorted.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let toml = entries.filter(|path| path.extension().is_some_and(|e| e == "toml"));
    let mut files: Vec<String> = toml.map(|path| path.display().to_string()).collect();
    files.sort();
    files
}

/// What can be named: scenarios, and folders of them.
fn known() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut names: Vec<String> = entries.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned())).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "title = \"T\"\nabout = \"A\"\n[rooms]\ncount = 1\nclients = 50\nsenders = 20\nobjects = 200\n\
                        [load]\nkind = \"moves\"\nrate = 20.0\nwarmup = 2.0\nseconds = 10.0\n";

    #[test]
    fn all_that_is_in_the_folders_can_be_read() {
        let names = |named: &[&str]| {
            let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
            find(&named).map(|found| found.into_iter().map(|scenario| scenario.name).collect::<Vec<_>>())
        };
        let all = names(&[]).expect("all can be read");
        assert!(all.contains(&"hot-room".to_owned()) && !all.contains(&"growth-100-in-1".to_owned()), "{all:?}");
        let growth = names(&["cost-growth", "soak"]).expect("all can be read");
        assert!(
            growth.len() > 2 && growth[0] == "growth-100-in-1" && growth.ends_with(&["soak".to_owned()]),
            "{growth:?}"
        );
        let error = names(&["no-such-scenario"]).expect_err("there is none");
        assert!(error.contains("hot-room") && error.contains("cost-growth"), "{error}");
    }

    #[test]
    fn a_good_one_is_what_it_says() {
        let scenario = Scenario::parse("x", GOOD).expect("it is good");
        assert_eq!(scenario.load, Load::Moves(Steady { rate: 20.0, warmup: 2.0, seconds: 10.0, hands: false }));
        assert!(scenario.is_for("floor"));
        let narrow = Scenario::parse("x", &format!("targets = [\"embedded\"]\n{GOOD}")).expect("it is good");
        assert!(narrow.is_for("embedded") && !narrow.is_for("floor"));
    }
}
