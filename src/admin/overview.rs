//! What the rooms of this node said last, and how fast they are: for gauges, and for whoever asks which project takes what.
//!
//! Ids of projects are no labels of metrics: there are too many. So the projects that take most are listed here.

use super::health::Health;
use crate::gateway::Crowd;
use crate::hub::{Hub, Report};
use crate::ids::ProjectId;
use crate::metrics::node::{self, Held};
use crate::metrics::process;
use crate::protocol::message::Mode;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often rooms are asked.
const LOOK: Duration = Duration::from_secs(5);
/// Projects that are listed unless more are asked for, and at most.
const TOP: usize = 20;
const MOST: usize = 1_000;

/// A project, and how fast it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Project {
    project: String,
    sessions: usize,
    present: usize,
    objects: usize,
    bytes: usize,
    ops_per_second: f64,
    deliveries_per_second: f64,
    unsaved: u64,
    held: usize,
    outbox_bytes: usize,
    slow: usize,
    epoch: u64,
    seq: u64,
    saved: u64,
    mode: Mode,
}

/// What projects are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Ops a second.
    Ops,
    /// Bytes of their objects.
    Bytes,
    /// Sessions here.
    Sessions,
    /// Deliveries a second: most of the work of a room.
    Cost,
}

/// What is asked for: the first so many, in some order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    by: By,
    top: usize,
}

impl Query {
    /// Reads `by=ops&top=20`.
    ///
    /// # Errors
    /// A sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut query = Self { by: By::Ops, top: TOP };
        for (name, value) in
            text.split('&').filter(|part| !part.is_empty()).map(|p| p.split_once('=').unwrap_or((p, "")))
        {
            match (name, value) {
                ("by", "ops") => query.by = By::Ops,
                ("by", "bytes") => query.by = By::Bytes,
                ("by", "sessions") => query.by = By::Sessions,
                ("by", "cost") => query.by = By::Cost,
                ("top", _) => {
                    let top = value.parse().ok().filter(|top| (1..=MOST).contains(top));
                    query.top = top.ok_or_else(|| format!("top must be 1 to {MOST}"))?;
                }
                _ => return Err("ask with by=ops, by=bytes, by=sessions or by=cost, and with top=20".to_owned()),
            }
        }
        Ok(query)
    }

    /// The first of these projects.
    #[must_use]
    pub fn of(&self, projects: &[Project]) -> Vec<Project> {
        #[expect(clippy::cast_precision_loss, reason = "only the order counts")]
        let measure = |p: &Project| match self.by {
            By::Ops => p.ops_per_second,
            By::Bytes => p.bytes as f64,
            By::Sessions => p.sessions as f64,
            By::Cost => p.deliveries_per_second,
        };
        let mut sorted = projects.to_vec();
        sorted.sort_by(|a, b| measure(b).total_cmp(&measure(a)).then_with(|| a.project.cmp(&b.project)));
        sorted.truncate(self.top);
        sorted
    }
}

/// Asks the rooms again and again, for ever.
pub async fn keep(hub: Arc<Hub>, health: Health, crowd: Crowd, tell: watch::Sender<Vec<Project>>) {
    let mut due = interval(LOOK);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut before, mut at) = (HashMap::new(), Instant::now());
    loop {
        due.tick().await;
        let reports = hub.reports().await;
        let now = Instant::now();
        node::holds(sum(&reports));
        node::places(crowd.places());
        process::read();
        node::ready(health.ready().await.is_ok());
        tell.send_replace(reports.iter().map(|report| rated(report, &before, now - at)).collect());
        before = reports.into_iter().map(|r| (r.project, (r.ops, r.deliveries))).collect();
        at = now;
    }
}

fn sum(reports: &[Report]) -> Held {
    reports.iter().fold(Held::default(), |all, report| Held {
        held: all.held + report.held,
        unsaved: all.unsaved + report.seq.saturating_sub(report.saved),
        outbox_bytes: all.outbox_bytes + report.outbox_bytes,
        slow: all.slow + report.slow,
    })
}

fn rated(report: &Report, before: &HashMap<ProjectId, (u64, u64)>, past: Duration) -> Project {
    // One that was opened in between has counted from 0; one that was closed and opened again counts anew.
    let (ops, deliveries) = before.get(&report.project).copied().unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "what happens in some seconds is far below 2^53")]
    let rate = |now: u64, then: u64| now.checked_sub(then).unwrap_or(now) as f64 / past.as_secs_f64().max(0.001);
    Project {
        project: report.project.to_string(),
        sessions: report.sessions,
        present: report.present,
        objects: report.objects,
        bytes: report.bytes,
        ops_per_second: rate(report.ops, ops),
        deliveries_per_second: rate(report.deliveries, deliveries),
        unsaved: report.seq.saturating_sub(report.saved),
        held: report.held,
        outbox_bytes: report.outbox_bytes,
        slow: report.slow,
        epoch: report.epoch,
        seq: report.seq,
        saved: report.saved,
        mode: report.mode,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(project: &str, ops: u64, sessions: usize) -> Report {
        Report {
            project: ProjectId::parse(project).expect("valid"),
            epoch: 1,
            seq: 9,
            saved: 7,
            mode: Mode::Normal,
            sessions,
            present: sessions,
            objects: 3,
            bytes: 100,
            ops,
            deliveries: ops * sessions as u64,
            held: 1,
            outbox_bytes: 10,
            slow: 1,
        }
    }

    #[test]
    fn projects_are_listed_by_what_they_take() {
        let before = HashMap::from([(ProjectId::parse("a").expect("valid"), (100, 100))]);
        let reports = [report("a", 110, 1), report("b", 20, 9)];
        let projects: Vec<_> = reports.iter().map(|r| rated(r, &before, Duration::from_secs(5))).collect();
        assert_eq!((projects[0].ops_per_second, projects[1].ops_per_second), (2.0, 4.0));
        let first = |query: &str| Query::parse(query).expect("a query").of(&projects)[0].project.clone();
        assert_eq!(
            (first(""), first("by=sessions&top=1"), first("by=cost"), first("by=bytes")),
            ("b".into(), "b".into(), "b".into(), "a".into())
        );
        assert_eq!(sum(&reports), Held { held: 2, unsaved: 4, outbox_bytes: 20, slow: 2 });
        for wrong in ["by=luck", "top=0", "top=x", "top=1001", "what"] {
            assert!(Query::parse(wrong).is_err(), "{wrong}");
        }
    }
}
