//! Which project is to be saved when, and which of them first.
//!
//! Owns the order among due projects, the pauses after a failure, and the age of what is unsaved. Pure: time is a parameter, and chance is a number given
//! once. Never asks a store; the loop of `autosave` tells what it has heard.

use super::Pace;
use crate::hot::Dirty;
use crate::ids::ProjectId;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Commits that are so much older come before those that somebody wants durable at once: nobody waits for ever.
const LATEST: Duration = Duration::from_secs(5);
/// What another node has left unsaved for so long is adopted: it has died, or cannot save.
pub(super) const ADOPT: Duration = Duration::from_secs(2);
/// When to look again at a project that another node is saving, at first and at most.
const ELSEWHERE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(2));
/// When to try again after a store did not answer, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// When to look again at a project whose stored log is damaged, at first and at most: only a person can repair it.
const DAMAGED: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(600));

/// Why a project is still unsaved after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Another node is at it.
    Elsewhere,
    /// A store does not answer.
    Unavailable,
    /// What is stored cannot be trusted.
    Damaged,
}

/// Where a project is on its way.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// Not before this.
    Waits(Instant),
    /// Due, in the order of these.
    Due(Instant),
    /// A saver is at it.
    Saving,
}

/// A project that has unsaved commits.
#[derive(Debug, Clone, Copy)]
struct Item {
    stage: Stage,
    /// The oldest of them is about as old as this.
    since: Instant,
    /// Somebody wants them durable at once.
    urgent: bool,
    /// Another node has left it.
    adopted: bool,
    /// The last trouble, and how often it had happened in a row before.
    trouble: Option<(Trouble, u32)>,
}

impl Item {
    /// Before whom it comes among those that are due.
    fn rank(&self) -> Instant {
        if self.urgent { self.since } else { self.since + LATEST }
    }
}

/// A project whose turn has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) project: ProjectId,
    /// Not to be left to another node.
    pub(super) urgent: bool,
}

/// Everything that waits to be saved.
pub(super) struct Agenda {
    pace: Pace,
    /// Spreads projects and nodes, so that they do not do everything at the same time.
    salt: u64,
    items: HashMap<ProjectId, Item>,
    waiting: BTreeSet<(Instant, ProjectId)>,
    due: BTreeSet<(Instant, ProjectId)>,
    /// The age of what other nodes had left when last looked.
    left: Duration,
}

impl Agenda {
    /// An agenda on which nothing is.
    pub(super) fn new(pace: Pace, salt: u64) -> Self {
        let (items, waiting, due) = (HashMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { pace, salt, items, waiting, due, left: Duration::ZERO }
    }

    /// What this node has left unsaved, all of it.
    pub(super) fn note(&mut self, now: Instant, own: Vec<Dirty>) {
        let own: HashMap<ProjectId, (bool, Instant)> =
            own.into_iter().map(|dirty| (dirty.project, (dirty.urgent, ago(now, dirty.age)))).collect();
        self.retain(|project, item| item.adopted || own.contains_key(project));
        for (project, (urgent, since)) in own {
            let after = self.less(&project, self.pace.after, 0);
            let item = self.items.entry(project.clone()).or_insert(Item {
                stage: Stage::Waits(since + after),
                since,
                urgent: false,
                adopted: false,
                trouble: None,
            });
            item.since = since;
            item.adopted = false;
            item.urgent |= urgent;
            let stage = match item.stage {
                // After a failure its time has been set, however urgent it is.
                Stage::Waits(at) if item.trouble.is_none() => {
                    // Others may have saved meanwhile what was the oldest.
                    let at = at.max(since + after);
                    Stage::Waits(if item.urgent { at.min(now) } else { at })
                }
                Stage::Due(_) => Stage::Due(item.rank()),
                same => same,
            };
            self.place(&project, stage);
        }
    }

    /// What any node has left unsaved, as the hot store lists it.
    pub(super) fn adopt(&mut self, now: Instant, all: Vec<Dirty>) {
        let is_own = |project: &ProjectId| self.items.get(project).is_some_and(|item| !item.adopted);
        let others = all.into_iter().filter(|dirty| !is_own(&dirty.project));
        let others: HashMap<ProjectId, Duration> = others.map(|dirty| (dirty.project, dirty.age)).collect();
        self.left = others.values().max().copied().unwrap_or_default();
        self.retain(|project, item| !item.adopted || others.contains_key(project));
        for (project, age) in others.into_iter().filter(|(_, age)| *age >= ADOPT) {
            let since = ago(now, age);
            if let Some(item) = self.items.get_mut(&project) {
                item.since = since;
            } else {
                let stage = Stage::Waits(now);
                let item = Item { stage, since, urgent: false, adopted: true, trouble: None };
                self.items.insert(project.clone(), item);
                self.place(&project, stage);
            }
        }
    }

    /// The project to be saved next: of those that are due the one with the oldest commits, urgent ones before others.
    pub(super) fn take(&mut self, now: Instant) -> Option<Turn> {
        while self.waiting.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, project)) = self.waiting.pop_first() else { break };
            if let Some(rank) = self.items.get(&project).map(Item::rank) {
                self.place(&project, Stage::Due(rank));
            }
        }
        let (_, project) = self.due.pop_first()?;
        self.place(&project, Stage::Saving);
        let item = self.items.get_mut(&project)?;
        let urgent = std::mem::take(&mut item.urgent);
        Some(Turn { project, urgent })
    }

    /// A saver has ended.
    pub(super) fn ended(&mut self, now: Instant, project: &ProjectId, trouble: Option<Trouble>) {
        let Some(item) = self.items.get_mut(project) else { return };
        let Some(trouble) = trouble.filter(|trouble| *trouble != Trouble::Elsewhere || !item.adopted) else {
            // What came meanwhile is noted at the next look.
            self.remove(project);
            return;
        };
        let times = match item.trouble {
            Some((same, times)) if same == trouble => times.saturating_add(1),
            _ => 0,
        };
        item.trouble = Some((trouble, times));
        let (first, most) = match trouble {
            Trouble::Elsewhere => ELSEWHERE,
            Trouble::Unavailable => RETRY,
            Trouble::Damaged => DAMAGED,
        };
        let pause = first.saturating_mul(1 << times.min(16)).min(most);
        let pause = self.less(project, pause, times.into());
        self.place(project, Stage::Waits(now + pause));
    }

    /// How often the project has had its trouble in a row before.
    pub(super) fn tries(&self, project: &ProjectId) -> u32 {
        self.items.get(project).and_then(|item| item.trouble).map_or(0, |(_, times)| times)
    }

    /// When the next project becomes due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.first().map(|(at, _)| *at)
    }

    /// How old the oldest unsaved commit is that is known of: of this node's projects now, of others' when last looked.
    pub(super) fn oldest(&self, now: Instant) -> Duration {
        let own =
            self.items.values().filter(|item| !item.adopted).map(|item| now.saturating_duration_since(item.since));
        own.max().unwrap_or_default().max(self.left)
    }

    /// Projects that cannot be saved because what is stored of them is damaged.
    pub(super) fn damaged(&self) -> usize {
        let damaged = |item: &&Item| matches!(item.trouble, Some((Trouble::Damaged, _)));
        self.items.values().filter(damaged).count()
    }

    fn place(&mut self, project: &ProjectId, stage: Stage) {
        let Some(item) = self.items.get_mut(project) else { return };
        match item.stage {
            Stage::Waits(at) => drop(self.waiting.remove(&(at, project.clone()))),
            Stage::Due(rank) => drop(self.due.remove(&(rank, project.clone()))),
            Stage::Saving => {}
        }
        item.stage = stage;
        match stage {
            Stage::Waits(at) => drop(self.waiting.insert((at, project.clone()))),
            Stage::Due(rank) => drop(self.due.insert((rank, project.clone()))),
            Stage::Saving => {}
        }
    }

    fn remove(&mut self, project: &ProjectId) {
        self.place(project, Stage::Saving);
        self.items.remove(project);
    }

    /// Keeps these, and those that a saver is at.
    fn retain(&mut self, keep: impl Fn(&ProjectId, &Item) -> bool) {
        let is_over =
            |(project, item): &(&ProjectId, &Item)| !matches!(item.stage, Stage::Saving) && !keep(project, item);
        let over: HashSet<ProjectId> = self.items.iter().filter(is_over).map(|(project, _)| project.clone()).collect();
        over.iter().for_each(|project| self.remove(project));
    }

    /// A duration less up to a fifth of it.
    fn less(&self, project: &ProjectId, duration: Duration, salt: u64) -> Duration {
        let chance = xxh3_64_with_seed(project.as_str().as_bytes(), self.salt ^ salt) >> 40;
        let part = u32::try_from(chance).unwrap_or(u32::MAX);
        duration.mul_f64(1.0 - 0.2 * f64::from(part) / f64::from(1 << 24))
    }
}

fn ago(now: Instant, age: Duration) -> Instant {
    // A machine that has just started knows of no earlier time.
    now.checked_sub(age).unwrap_or(now)
}

#[cfg(test)]
mod tests;
