//! `collabcanvas inspect` and `collabcanvas verify`: looking at what is stored without changing it, also while nodes run.
//!
//! Owns how the stores are opened for that, and how the results look. Called by `main`.

use super::StartError;
use crate::config::{DurableConfig, InspectConfig, VerifyConfig};
use crate::durable::dynamodb::{DynamoStore, Patience};
use crate::durable::postgres::PostgresStore;
use crate::durable::sqlite::SqliteStore;
use crate::durable::survey::{Survey, survey};
use crate::durable::verify::{Report, Verdict, verify};
use crate::durable::{DELETED, DurableError, DurableStore};
use crate::hot::redis::{Publish, RedisHot};
use crate::hot::{HotStore as _, Mismatch, Verified};
use crate::ids::{CommitId, Position, ProjectId};
use crate::keyspace::Keyspace;
use crate::link::{Link, Target};
use serde_json::json;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;

/// What is said of a Redis that has what the durable store has, and maybe more.
const SAME: &str = "it is on the same history";

/// How `verify` ended, in the order in which one outweighs another; the number is the program's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// No difference was found.
    Equal = 0,
    /// A checkpoint differs from its log.
    Different = 1,
    /// Something could not be read.
    Unreadable = 2,
}

/// Opens the durable store so that nothing can be changed.
async fn open(config: &DurableConfig) -> Result<Arc<dyn DurableStore>, StartError> {
    match config {
        DurableConfig::File(path) => {
            let store = SqliteStore::open_to_read(path).map_err(|error| StartError(error.to_string()))?;
            Ok(Arc::new(store))
        }
        DurableConfig::Postgres(target) => {
            let store = PostgresStore::open_to_read(target).await.map_err(|error| StartError(error.to_string()))?;
            Ok(Arc::new(store))
        }
        DurableConfig::Table(place) => {
            let store = DynamoStore::open(place, Patience::default()).await;
            Ok(Arc::new(store.map_err(|error| StartError(error.to_string()))?))
        }
        DurableConfig::Memory => {
            Err(StartError("memory: holds nothing outside of its node; there is nothing to look at".to_owned()))
        }
    }
}

/// Looks at a project. Returns what is to be printed, and whether all of it could be read.
///
/// # Errors
/// [`StartError`] when a store cannot be reached.
pub async fn inspect(config: &InspectConfig) -> Result<(String, bool), StartError> {
    let store = open(&config.durable).await?;
    let wrong = |error: DurableError| StartError(error.to_string());
    let mut found = survey(&*store, &config.project).await.map_err(wrong)?;
    if let Some((target, keys)) = &config.redis {
        ask_redis(target, keys, &config.project, &mut found).await?;
    }
    let readable = found.exists && found.problems.is_empty();
    let text = if config.json {
        serde_json::to_string_pretty(&found).map_err(|error| StartError(error.to_string()))?
    } else {
        table(&found)
    };
    Ok((text, readable))
}

/// Asks Redis how far it was told that commits are saved, and whether it is on the history of the durable log. Changes nothing there.
async fn ask_redis(
    target: &Target,
    keys: &Keyspace,
    project: &ProjectId,
    found: &mut Survey,
) -> Result<(), StartError> {
    let Some((tail, id)) = found.tail.as_ref().and_then(|tail| Some((tail, CommitId::parse(&tail.commit)?))) else {
        return Ok(());
    };
    let wrong = |error: &dyn std::fmt::Display| StartError(error.to_string());
    let link = Link::open(target).await.map_err(|error| wrong(&error))?;
    let hot = RedisHot::new(link, keys.clone(), 0, Publish::ByScript, Duration::ZERO);
    let position = Position { epoch: tail.epoch, seq: tail.seq, id };
    let history = match hot.verify(project, position).await.map_err(|error| wrong(&error))? {
        Verified::Same { head, saved, .. } => {
            found.watermark = Some(saved.seq);
            format!("{SAME}, at seq {head}")
        }
        // Whatever is saved and has not changed for long is not in Redis any more.
        Verified::Mismatch(Mismatch::Empty) => "it has nothing of this project, or not all of it".to_owned(),
        Verified::Mismatch(other) => {
            found.watermark = None;
            match other {
                Mismatch::Epoch(epoch) => format!("it is in epoch {epoch}"),
                Mismatch::Fork => "it has another commit at the tail's seq, or ends before it".to_owned(),
                Mismatch::Trimmed => "its log starts above the tail".to_owned(),
                Mismatch::Empty | Mismatch::Frozen => "a heal is at work".to_owned(),
            }
        }
    };
    found.redis = Some(history);
    Ok(())
}

fn table(found: &Survey) -> String {
    let mut out = format!("project      {}\n", found.project);
    let mut line = |name: &str, value: String| {
        let _ = writeln!(out, "{name:<12} {value}");
    };
    let unknown = || "cannot be read".to_owned();
    if !found.exists {
        line("", "nothing is stored under this name".to_owned());
        return out;
    }
    match &found.tail {
        Some(tail) => {
            let direct = if tail.direct { ", direct: sequenced on the durable store" } else { "" };
            let epoch =
                if tail.epoch == DELETED { "the project was deleted".to_owned() } else { tail.epoch.to_string() };
            line("epoch", format!("{epoch}{direct}"));
            line("tail", format!("seq {}, commit {}", tail.seq, tail.commit));
        }
        None => line("tail", unknown()),
    }
    line("watermark", found.watermark.map_or_else(unknown, |seq| format!("seq {seq}")));
    if let Some(redis) = &found.redis {
        line("redis", redis.clone());
    }
    line("objects", found.objects.map_or_else(unknown, |count| count.to_string()));
    line("clients", found.clients.map_or_else(unknown, |count| count.to_string()));
    line("quarantined", found.quarantined.len().to_string());
    found.quarantined.iter().for_each(|id| line("", id.clone()));
    match &found.log {
        Some(log) => {
            let span = |first: Option<u64>, last: Option<u64>| match (first, last) {
                (Some(first), Some(last)) => format!(", seq {first} to {last}"),
                _ => String::new(),
            };
            line("entries", format!("{}, {} bytes{}", log.entries, log.bytes, span(log.first, log.last)));
            for part in &log.epochs {
                let direct = if part.direct { ", direct" } else { "" };
                let (epoch, entries, commits) = (part.epoch, part.entries, part.commits);
                let span = span(Some(part.first), Some(part.last));
                line("", format!("epoch {epoch}: {entries} entries, {commits} commits{span}{direct}"));
            }
        }
        None => line("entries", unknown()),
    }
    line("checkpoints", found.checkpoints.len().to_string());
    for kept in &found.checkpoints {
        line(
            "",
            format!(
                "seq {}, epoch {}: {} objects, {} clients, {} chunks, build {}, made {}",
                kept.seq,
                kept.epoch,
                kept.objects,
                kept.clients,
                kept.chunks,
                kept.build,
                time(kept.at_ms)
            ),
        );
    }
    found.problems.iter().for_each(|problem| line("PROBLEM", problem.clone()));
    out
}

/// A time in ms since 1970, as people write it, in UTC; one that no calendar has, as it is.
fn time(at_ms: u64) -> String {
    let at = OffsetDateTime::from_unix_timestamp((at_ms / 1_000).cast_signed());
    at.map_or_else(
        |_| format!("{at_ms} ms"),
        |at| format!("{} {:02}:{:02}:{:02} UTC", at.date(), at.hour(), at.minute(), at.second()),
    )
}

/// Compares checkpoints with their logs. `say` gets a line for each project as soon as it is known.
///
/// # Errors
/// [`StartError`] when the store cannot be opened, or its projects not be listed.
pub async fn verify_projects(config: &VerifyConfig, say: &mut (dyn FnMut(&str) + Send)) -> Result<Outcome, StartError> {
    let store = open(&config.durable).await?;
    let projects = match &config.project {
        Some(project) => vec![project.clone()],
        None => store.list().await.map_err(|error| StartError(error.to_string()))?,
    };
    let mut outcome = Outcome::Equal;
    let mut counts = [0_usize; 4];
    for project in &projects {
        let report = verify(&*store, project).await;
        let (one, n) = sorted(&report, config.project.is_some());
        counts[n] += 1;
        outcome = outcome.max(one);
        say(&if config.json { as_json(project, &report, n) } else { as_text(project, &report) });
    }
    let [equal, different, not_compared, unreadable] = counts;
    if config.project.is_none() && !config.json {
        say(&format!(
            "{} projects: {equal} equal, {different} different, {not_compared} with nothing to compare, {unreadable} could not be read",
            projects.len()
        ));
    }
    Ok(outcome)
}

/// The names of the results, in the order of the counts.
const RESULTS: [&str; 4] = ["equal", "different", "not_compared", "unreadable"];

/// What a report counts as. A project that was asked for by name and is not there is no success: the name may be wrong.
fn sorted(report: &Result<Report, DurableError>, by_name: bool) -> (Outcome, usize) {
    match report {
        Ok(Report { verdict: Verdict::Equal, .. }) => (Outcome::Equal, 0),
        Ok(Report { verdict: Verdict::Different { .. }, .. }) => (Outcome::Different, 1),
        Ok(Report { tail: 0, .. }) if by_name => (Outcome::Unreadable, 2),
        Ok(Report { verdict: Verdict::NotCompared(_), .. }) => (Outcome::Equal, 2),
        Err(_) => (Outcome::Unreadable, 3),
    }
}

fn as_text(project: &ProjectId, report: &Result<Report, DurableError>) -> String {
    let report = match report {
        Ok(report) => report,
        Err(error) => return format!("{project}: COULD NOT BE READ: {error}"),
    };
    let at = report.checkpoint.map(|seq| format!("the checkpoint at {seq}")).unwrap_or_default();
    let by = match report.rebuilt {
        Some((0, entries)) => format!("the {entries} entries from the first one on"),
        Some((seq, entries)) => format!("the version at {seq} with {entries} entries after it"),
        None => String::new(),
    };
    match &report.verdict {
        Verdict::Equal => format!("{project}: equal: {at} is what {by} make; the log is whole up to {}", report.tail),
        Verdict::Different { count, first } => {
            format!("{project}: DIFFERENT: {at} and {by} differ in {count}; the first: {}: {}", first.item, first.what)
        }
        Verdict::NotCompared(why) => {
            format!("{project}: nothing to compare: {why}; what is there is whole up to {}", report.tail)
        }
    }
}

fn as_json(project: &ProjectId, report: &Result<Report, DurableError>, n: usize) -> String {
    let mut line = json!({ "project": project.to_string(), "result": RESULTS[n] });
    match report {
        Ok(report) => {
            line["tail"] = json!(report.tail);
            line["checkpoint"] = json!(report.checkpoint);
            line["rebuilt_from"] = json!(report.rebuilt.map(|(seq, _)| seq));
            line["entries"] = json!(report.rebuilt.map(|(_, entries)| entries));
            match &report.verdict {
                Verdict::Equal => {}
                Verdict::Different { count, first } => {
                    line["differences"] = json!(count);
                    line["first"] = json!({ "item": first.item, "what": first.what });
                }
                Verdict::NotCompared(why) => line["why"] = json!(why),
            }
        }
        Err(error) => line["why"] = json!(error.to_string()),
    }
    line.to_string()
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_written_as_people_do() {
        for (at_ms, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400_000, "2000-02-29 00:00:00 UTC"),
            (951_868_799_999, "2000-02-29 23:59:59 UTC"),
            (1_709_251_200_000, "2024-03-01 00:00:00 UTC"),
            (4_107_542_400_000, "2100-03-01 00:00:00 UTC"),
            (1_795_713_607_000, "2026-11-26 17:20:07 UTC"),
            (u64::MAX, "18446744073709551615 ms"),
        ] {
            assert_eq!(time(at_ms), text);
        }
    }
}
