//! The checker finds what it is for.

use crate::check::check;
use crate::record::{At, ClientRecord, Line, LogCommit, Sent};
use serde_json::{Value, json};

fn commit(author: &str, cid: u64, changes: Value) -> LogCommit {
    LogCommit { id: format!("{author}{cid}"), author: author.to_owned(), cid, refused: None, changes }
}

/// A history of one client that has made an object and moved it; what is in the log is for the caller to say.
fn history(log: Vec<LogCommit>, x: u64) -> Vec<Line> {
    let seq = log.len() as u64;
    let (project, id, digest) = ("p".to_owned(), log.last().expect("a commit").id.clone(), "d".to_owned());
    let at = At { seq, id, digest };
    let client = ClientRecord {
        project: project.clone(),
        author: "a".to_owned(),
        sent: vec![
            Sent(1, 0, json!([{"op": "create", "id": "o", "props": {"x": 0}}])),
            Sent(2, 5, json!([{"op": "update", "id": "o", "set": {"x": 1}}])),
        ],
        acked: vec![(1, 2)],
        at: Some(at.clone()),
        ..ClientRecord::default()
    };
    let objects = json!({"o": [2, {"x": x}]});
    vec![
        Line::Entry {
            project: project.clone(),
            epoch: 1,
            direct: false,
            from: 1,
            prev: String::new(),
            at_ms: 0,
            commits: log,
        },
        Line::Loaded { project, epoch: 1, at, objects },
        Line::Client(Box::new(client)),
    ]
}

#[test]
fn each_kind_of_loss_is_found() {
    let made = commit("a", 1, json!([["put", "o", {"x": 0}]]));
    let moved = commit("a", 2, json!([["set", "o", {"x": 1}]]));
    let good = check(&history(vec![made.clone(), moved.clone()], 1));
    assert!(good.is_good() && good.acked_ops == 2, "{good:?}");
    let found = |log, x| check(&history(log, x));
    assert_eq!(found(vec![made.clone()], 0).lost, 1);
    assert_eq!(found(vec![made.clone(), moved.clone(), moved.clone()], 1).doubled, 1);
    assert_eq!(found(vec![moved.clone(), made.clone()], 0).disordered, 3);
    assert_eq!(found(vec![made.clone(), moved], 7).diverged, 1);
    let refused = LogCommit { refused: Some("exists".to_owned()), ..commit("a", 2, json!([])) };
    assert_eq!(found(vec![made.clone(), refused], 0).lost, 1);
    assert_eq!(found(vec![made.clone(), commit("a", 2, json!([["set", "o", {"x": 9}]]))], 9).forgotten, 1);
    assert_eq!(found(vec![made, commit("a", 2, json!([]))], 0).forgotten, 1);
}
