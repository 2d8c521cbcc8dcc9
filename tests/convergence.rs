//! The SDK's replica against the server's rule: thousands of seeded schedules in which several replicas edit at once, lose their
//! connections, resend and undo. The SDK's side runs in Node and asks, line by line, what the server would have done; here the
//! server's own code answers. At the end of every seed all replicas must equal the server's state.
//!
//! `CONVERGENCE_SEEDS=100000 cargo test --test convergence` runs more; `CONVERGENCE_FROM` is the first seed.

use collabcanvas::hot::HotState;
use collabcanvas::hub::propose::{AtOnce, Verdict, Waiting, propose};
use collabcanvas::ids::{Author, ClientId, Position};
use collabcanvas::protocol::limits::Limits;
use collabcanvas::protocol::message::{ClientMessage, ServerMessage};
use collabcanvas::protocol::refusal::Refusal;
use collabcanvas::protocol::unpack::Reader;
use collabcanvas::protocol::{Encoding, decode, encode, json, pack};
use collabcanvas::recovery::replica::Replica;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

const DRIVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/client-demo/sdk/test/dist/test/convergence-driver.js");

/// A project as the server would have it.
struct Oracle {
    replica: Replica,
    limits: Limits,
    /// Author ids by the short names that the driver uses.
    authors: BTreeMap<String, Author>,
}

impl Oracle {
    fn new() -> Self {
        let state = HotState::start();
        Self { replica: Replica::new(state), limits: Limits::default(), authors: BTreeMap::new() }
    }

    /// Answers one question, given as MessagePack; the answer is JSON.
    fn answer(&mut self, question: &[u8]) -> String {
        let mut fields = HashMap::new();
        let mut reader = Reader::new(question);
        for _ in 0..reader.map().expect("a map") {
            fields.insert(reader.str().expect("a key"), reader.raw().expect("a value"));
        }
        let text = |key: &str| fields.get(key).map(|raw| Reader::new(raw).str().expect("text"));
        match text("do") {
            Some("reset") => {
                *self = Self::new();
                r#"{"ok":true}"#.to_owned()
            }
            Some("submit") => self.submit(text("author").expect("an author"), &fields),
            Some("state") => self.state(),
            other => panic!("unknown question {other:?}"),
        }
    }

    fn submit(&mut self, name: &str, fields: &HashMap<&str, &[u8]>) -> String {
        let author = Author::of("driver", &ClientId::parse(name).expect("an id"));
        self.authors.insert(name.to_owned(), author);
        let ClientMessage::Batch(batch) =
            decode::client_message(&batch_frame(fields), Encoding::MessagePack, &self.limits).expect("readable")
        else {
            panic!("it was a batch")
        };
        let cid = batch.cid;
        let mut queue = VecDeque::from([Waiting { from: Some((1, author)), batch }]);
        let proposed = propose(&self.replica, &mut queue, &self.limits, &mut rand::rng());
        if let Some((_, say)) = proposed.at_once.first() {
            return at_once(*say);
        }
        let first = self.replica.position().seq + 1;
        let mut commits = Vec::new();
        for proposal in proposed.call.proposals {
            commits.push(proposal.commit.clone());
            self.replica.accept(proposal.commit, proposal.effects);
        }
        let (_, answer) = proposed.answers.into_iter().next().expect("an answer");
        let (key, message) = match answer.verdict {
            Verdict::Accepted(gone) => {
                let gone = if gone.is_empty() { vec![] } else { vec![(cid, gone)] };
                ("ack", ServerMessage::Ack { cid, seq: answer.seq, gone })
            }
            Verdict::Refused(refusal, current) => {
                let refusal = Refusal { ..*refusal };
                ("reject", ServerMessage::Reject { cid, refusal, current, retry_ms: None })
            }
        };
        let commits = in_json(&ServerMessage::Commits { seq: first, commits });
        self.with_names(&format!(r#"{{"{key}":{},"commits":{commits}}}"#, in_json(&message)))
    }

    /// Puts the driver's names in place of the authors' ids.
    fn with_names(&self, json: &str) -> String {
        self.authors.iter().fold(json.to_owned(), |json, (name, author)| {
            json.replace(&format!("\"{author}\""), &format!("\"{name}\""))
        })
    }

    fn state(&self) -> String {
        let objects = self.replica.canvas().iter().map(|(id, object)| (id, object.rev, &object.props));
        let snapshot = encode::snapshot(0, true, objects, Encoding::Json);
        // As text: a JSON library would sort the keys of the values.
        let snapshot = String::from_utf8(snapshot.payload().to_vec()).expect("UTF-8");
        let objects = snapshot.split_once("\"objects\":").expect("JSON snapshots are not compressed").1;
        let last: Vec<_> =
            self.authors.iter().map(|(name, author)| format!("\"{name}\":{}", self.replica.cids(author).0)).collect();
        let Position { epoch, seq, id } = self.replica.position();
        let position = format!(r#"{{"epoch":{epoch},"seq":{seq},"id":"{id}"}}"#);
        format!(r#"{{"position":{position},"last":{{{}}},"objects":{objects}"#, last.join(","))
    }
}

/// The batch message that the question's fields would have travelled in.
fn batch_frame(fields: &HashMap<&str, &[u8]>) -> Vec<u8> {
    let mut frame = Vec::new();
    let parts: Vec<_> = ["cid", "ops", "void"].into_iter().filter_map(|key| Some((key, fields.get(key)?))).collect();
    pack::map(&mut frame, parts.len() + 1);
    pack::str(&mut frame, "t");
    pack::str(&mut frame, "batch");
    for (key, raw) in parts {
        pack::str(&mut frame, key);
        frame.extend_from_slice(raw);
    }
    frame
}

fn at_once(say: AtOnce) -> String {
    match say {
        AtOnce::Repeat(cid, seq) => format!(r#"{{"ack":{}}}"#, in_json(&ServerMessage::Ack { cid, seq, gone: vec![] })),
        AtOnce::Gap(expected) => format!(r#"{{"gap":{}}}"#, in_json(&ServerMessage::Gap { expected })),
        AtOnce::InUse => panic!("the driver never shares a client id: it resent other ops under a cid"),
    }
}

fn in_json(message: &ServerMessage) -> String {
    String::from_utf8(encode::message(message, Encoding::Json).payload().to_vec()).expect("UTF-8")
}

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
}

#[test]
fn every_replica_of_the_sdk_ends_equal_to_the_server() {
    let (from, count) = (from_env("CONVERGENCE_FROM", 0), from_env("CONVERGENCE_SEEDS", 1_000));
    assert!(
        std::path::Path::new(DRIVER).exists(),
        "the SDK is not built: run `npm ci && npm run build` in client-demo"
    );
    let mut driver = Command::new("node")
        .args([DRIVER, "--from", &from.to_string(), "--count", &count.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is installed");
    let mut questions = BufReader::new(driver.stdout.take().expect("piped"));
    let mut answers = driver.stdin.take().expect("piped");
    let mut oracle = Oracle::new();
    let (mut done, mut failures, mut line) = (0, Vec::new(), String::new());
    while questions.read_line(&mut line).expect("UTF-8 lines") > 0 {
        if line.contains("\"done\":true") {
            done += 1;
            if !line.contains("\"ok\":true") {
                failures.push(line.clone());
            }
        } else {
            let answer = oracle.answer(&json::from_json(&line).expect("JSON"));
            writeln!(answers, "{answer}").expect("the driver listens");
        }
        line.clear();
    }
    let status = driver.wait().expect("it has ended");
    assert!(failures.is_empty(), "{} of {count} seeds failed, the first: {}", failures.len(), failures[0]);
    assert!(status.success() && done == count, "the driver ended with {status} after {done} of {count} seeds");
}
