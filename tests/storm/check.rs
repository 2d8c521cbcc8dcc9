//! Whether what clients were told is true of the durable log: the checker. It reads a round's history and knows no server.

use crate::record::{At, ClientRecord, Line, LogCommit};
use crate::verdict::Verdict;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};

/// An object of the replay: its rev and its properties.
type Object = (u64, Map<String, Value>);

/// A project as the durable log has it.
#[derive(Default)]
struct Log<'a> {
    commits: Vec<&'a LogCommit>,
    /// Seq of the last commit of each commit's entry: within an entry, values that are overtaken may be left out.
    ends: Vec<u64>,
    prev: String,
    epoch: u64,
    place: HashMap<(&'a str, u64), u64>,
    objects: BTreeMap<String, Object>,
    /// Seqs at which a property was written, by object and name; an object was made or removed where the name is empty.
    wrote: HashMap<(String, String), Vec<u64>>,
    /// Seqs at which each object was made or removed, and whether it was there from then on.
    lives: HashMap<String, Vec<(u64, bool)>>,
    loaded: Option<(&'a At, &'a Value)>,
}

/// Looks at all projects of a round.
pub(crate) fn check(lines: &[Line]) -> Verdict {
    let (mut verdict, mut logs) = (Verdict::default(), HashMap::<&str, Log<'_>>::new());
    for line in lines {
        match line {
            Line::Entry { project, epoch, from, prev, commits, .. } => {
                let log = logs.entry(project).or_default();
                if *from != log.commits.len() as u64 + 1 || *epoch < log.epoch || (*from > 1 && *prev != log.prev) {
                    verdict.disordered += 1;
                    verdict.note(format!("{project}: the entry at {from} does not follow the one before"));
                }
                let end = from + commits.len() as u64 - 1;
                log.ends.extend(commits.iter().map(|_| end));
                log.commits.extend(commits);
                log.prev = commits.last().map(|commit| commit.id.clone()).unwrap_or_default();
                log.epoch = *epoch;
            }
            Line::Loaded { project, at, objects, .. } => {
                logs.entry(project).or_default().loaded = Some((at, objects));
            }
            _ => {}
        }
    }
    for (project, log) in &mut logs {
        log.replay(project, &mut verdict);
    }
    let nothing = Log::default();
    for line in lines {
        match line {
            Line::Client(client) => {
                logs.get(client.project.as_str()).unwrap_or(&nothing).check_client(client, &mut verdict);
            }
            Line::Fresh { project, node, at } => {
                let log = logs.get(project.as_str()).unwrap_or(&nothing);
                log.check_replica(&format!("a fresh client of {project} at node {node}"), at, &mut verdict);
            }
            _ => {}
        }
    }
    verdict
}

impl<'a> Log<'a> {
    /// Follows the log from its beginning: each batch once and in order, and in the end what a node would load.
    fn replay(&mut self, project: &str, verdict: &mut Verdict) {
        let mut last: HashMap<&str, u64> = HashMap::new();
        for (seq, commit) in (1..).zip(self.commits.clone()) {
            verdict.commits += 1;
            if !commit.author.is_empty() {
                let before = last.insert(&commit.author, commit.cid).unwrap_or(0);
                let twice = self.place.insert((&commit.author, commit.cid), seq);
                let (author, cid) = (&commit.author, commit.cid);
                if let Some(twice) = twice {
                    verdict.doubled += 1;
                    verdict.note(format!("{project}: batch {cid} of {author} is at {twice} and at {seq}"));
                } else if cid != before + 1 {
                    verdict.disordered += 1;
                    verdict.note(format!("{project}: batch {cid} of {author} at {seq} follows batch {before}"));
                }
            }
            if let Err(why) = self.apply(seq, commit) {
                verdict.disordered += 1;
                verdict.note(format!("{project}: the commit at {seq}: {why}"));
            }
        }
        let Some((at, objects)) = self.loaded else { return };
        let replayed = self.objects.iter().map(|(id, (rev, props))| (id.clone(), serde_json::json!([rev, props])));
        let replayed = Value::Object(replayed.collect());
        if at.seq != self.commits.len() as u64 || replayed != *objects {
            verdict.diverged += 1;
            let (ours, theirs) = (replayed.as_object(), objects.as_object());
            let ids = ours.into_iter().chain(theirs).flat_map(Map::keys);
            let other = ids.into_iter().find(|id| replayed.get(*id) != objects.get(*id));
            let pair = other.map(|id| (id, replayed.get(id), objects.get(id)));
            verdict.note(format!("{project}: the log's state and what is loaded at {} differ: {pair:?}", at.seq));
        }
    }

    fn wrote(&mut self, id: &str, name: &str, seq: u64) {
        self.wrote.entry((id.to_owned(), name.to_owned())).or_default().push(seq);
    }

    fn apply(&mut self, seq: u64, commit: &LogCommit) -> Result<(), String> {
        for change in commit.changes.as_array().into_iter().flatten() {
            let (kind, id) = (text(&change[0]), text(&change[1]).to_owned());
            match kind {
                "put" => {
                    let props = change[2].as_object().cloned().unwrap_or_default();
                    self.wrote(&id, "", seq);
                    self.lives.entry(id.clone()).or_default().push((seq, true));
                    self.objects.insert(id, (seq, props));
                }
                "del" => {
                    self.wrote(&id, "", seq);
                    self.lives.entry(id.clone()).or_default().push((seq, false));
                    self.objects.remove(&id);
                }
                _ => {
                    let set = change[2].as_object().cloned().unwrap_or_default();
                    let unset: Vec<_> = change[3].as_array().into_iter().flatten().map(text).collect();
                    for name in set.keys().map(String::as_str).chain(unset.iter().copied()) {
                        self.wrote(&id, name, seq);
                    }
                    let Some((rev, props)) = self.objects.get_mut(&id) else {
                        return Err(format!("sets properties of {id}, which is not there"));
                    };
                    *rev = seq;
                    unset.iter().for_each(|name| drop(props.remove(*name)));
                    props.extend(set);
                }
            }
        }
        Ok(())
    }

    fn check_replica(&self, who: &str, at: &At, verdict: &mut Verdict) {
        if self.loaded.is_none_or(|(loaded, _)| loaded != at) {
            verdict.diverged += 1;
            verdict.note(format!("{who} is at {at:?}, the durable log at {:?}", self.loaded.map(|(at, _)| at)));
        }
    }

    fn check_client(&self, client: &ClientRecord, verdict: &mut Verdict) {
        let who = format!("{} ({}) of {}", client.client, client.author, client.project);
        verdict.clients += 1;
        let rejected: HashMap<_, _> = client.rejected.iter().map(|(cid, code)| (*cid, code.as_str())).collect();
        let mut acked = client.acked.iter().copied().peekable();
        for sent in &client.sent {
            let cid = sent.0;
            while acked.next_if(|(_, to)| *to < cid).is_some() {}
            let is_acked = acked.peek().is_some_and(|(from, to)| (*from..=*to).contains(&cid));
            if is_acked {
                verdict.acked_batches += 1;
                verdict.acked_ops += sent.2.as_array().map_or(0, Vec::len) as u64;
            }
            let Some(seq) = self.place.get(&(client.author.as_str(), cid)).copied() else {
                if is_acked || cid <= client.saved {
                    verdict.lost += 1;
                    let how = if cid <= client.saved { "saved" } else { "acked" };
                    verdict.note(format!("{who}: batch {cid} was {how} and is lost; it left: {}", client.left));
                }
                continue;
            };
            let commit = self.at(seq);
            let refused = commit.and_then(|commit| commit.refused.as_deref());
            let wanted = rejected.get(&cid).copied();
            if (is_acked && refused.is_some()) || (wanted.is_some() && refused != wanted) {
                verdict.lost += 1;
                verdict.note(format!("{who}: batch {cid}, acked: {is_acked}, is {refused:?} at {seq}, not {wanted:?}"));
            }
            if let (None, Some(commit)) = (refused, commit) {
                let gone = client.gone.iter().find(|(gone, _)| *gone == cid).map_or(&[][..], |(_, ids)| ids);
                self.check_effects((&who, gone), seq, &sent.2, commit, verdict);
            }
        }
        for segment in &client.seen {
            for (seq, (author, cid)) in (segment.base + 1..=segment.saved_seq).zip(&segment.commits) {
                let there = self.at(seq).map(|commit| (commit.author.as_str(), commit.cid));
                let seen = (segment.authors[*author].as_str(), *cid);
                if there != Some(seen) {
                    verdict.diverged += 1;
                    verdict.note(format!("{who} saw {seen:?} as durable at {seq}, where {there:?} is"));
                }
            }
        }
        if let Some(at) = &client.at {
            self.check_replica(&who, at, verdict);
        }
    }

    fn at(&self, seq: u64) -> Option<&'a LogCommit> {
        let index = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.commits.get(index).copied()
    }

    /// Whether a property was written, or its object made or removed, in these seqs.
    fn overtaken(&self, id: &str, name: &str, after: u64, until: u64) -> bool {
        [name, ""].iter().any(|name| {
            let seqs = self.wrote.get(&(id.to_owned(), (*name).to_owned()));
            seqs.is_some_and(|seqs| {
                seqs.get(seqs.partition_point(|seq| *seq <= after)).is_some_and(|seq| *seq <= until)
            })
        })
    }

    /// Whether an object was there just before this seq.
    fn lived(&self, id: &str, seq: u64) -> bool {
        let before = self.lives.get(id).and_then(|life| life.iter().rev().find(|(at, _)| *at < seq));
        before.is_some_and(|(_, there)| *there)
    }

    /// Checks that each op of a batch has become what its commit says, was about an object that is gone, or has been overtaken.
    fn check_effects(
        &self,
        (who, gone): (&str, &[String]),
        seq: u64,
        ops: &Value,
        commit: &LogCommit,
        verdict: &mut Verdict,
    ) {
        let end = usize::try_from(seq - 1).map_or(seq, |index| self.ends[index]);
        let changes: Vec<_> = commit.changes.as_array().into_iter().flatten().collect();
        for op in ops.as_array().into_iter().flatten() {
            let (kind, id) = (text(&op["op"]), text(&op["id"]));
            // What a sum comes to depends on the order; that it is there does not.
            let sum = Map::from_iter([(text(&op["prop"]).to_owned(), Value::Null)]);
            let wanted = match kind {
                "create" => op["props"].as_object(),
                "update" => op["set"].as_object(),
                "increment" => Some(&sum),
                _ => None,
            };
            let change = changes.iter().rev().find(|change| change[0] != "del" && change[1] == op["id"]);
            // An object that was gone takes no update.
            let gone = gone.iter().any(|gone| gone == id) || !self.lived(id, seq);
            let missing = change.is_none() && kind != "create" && gone;
            // Another op of the same batch may have had the last word.
            let several = ops.as_array().is_some_and(|ops| ops.iter().filter(|o| o["id"] == op["id"]).count() > 1);
            for (name, value) in wanted.into_iter().flatten() {
                let is = change.and_then(|change| change[2].get(name));
                let same = is == Some(value) || (kind == "increment" && is.is_some());
                if !same && !several && !missing && !self.overtaken(id, name, seq, end) {
                    verdict.forgotten += 1;
                    verdict.note(format!("{who}: {kind} of {id}.{name} to {value} at {seq} left {is:?}"));
                }
            }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
