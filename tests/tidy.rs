//! The rules of this repository that no compiler holds: who may import whom, how long files and functions may be, that documents
//! name only what exists, and that the README's table of settings is the program's.

#[path = "tidy/dependencies.rs"]
mod dependencies;
#[path = "tidy/readme.rs"]
mod readme;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What each module of `src` may import from the crate, besides itself. Downwards only.
const IMPORTS: &[(&str, &[&str])] = &[
    ("ids", &[]),
    ("clock", &[]),
    ("backoff", &[]),
    ("pressure", &[]),
    ("chance", &[]),
    ("beside", &["clock"]),
    ("mechanism", &[]),
    ("protocol", &["ids"]),
    ("metrics", &["protocol"]),
    ("project", &["protocol", "ids"]),
    ("keyspace", &["ids"]),
    ("link", &["backoff", "keyspace", "metrics"]),
    ("fanout", &["keyspace", "link", "metrics", "clock", "protocol", "ids"]),
    ("presence", &["fanout", "keyspace", "link", "metrics", "clock", "protocol", "ids"]),
    ("hot", &["mechanism", "fanout", "keyspace", "link", "metrics", "clock", "project", "protocol", "ids"]),
    ("durable", &["mechanism", "backoff", "project", "protocol", "ids", "metrics", "clock"]),
    ("bucket", &[]),
    ("outbound", &[]),
    ("trace", &["ids", "clock"]),
    (
        "access",
        &[
            "fanout", "durable", "link", "keyspace", "protocol", "ids", "metrics", "clock", "beside", "bucket",
            "outbound",
        ],
    ),
    ("quota", &["bucket", "metrics", "keyspace", "link", "ids", "clock"]),
    ("recovery", &["mechanism", "chance", "hot", "durable", "project", "protocol", "ids", "metrics", "clock"]),
    (
        "autosave",
        &["mechanism", "chance", "recovery", "hot", "durable", "project", "protocol", "ids", "metrics", "clock"],
    ),
    (
        "hub",
        &[
            "pressure",
            "mechanism",
            "chance",
            "beside",
            "access",
            "recovery",
            "presence",
            "hot",
            "durable",
            "fanout",
            "project",
            "protocol",
            "ids",
            "metrics",
            "trace",
            "clock",
        ],
    ),
    ("session", &["hub", "access", "quota", "lifecycle", "protocol", "ids", "metrics", "chance", "clock"]),
    (
        "gateway",
        &["session", "hub", "access", "quota", "bucket", "lifecycle", "protocol", "ids", "metrics", "clock", "beside"],
    ),
    ("config", &["access", "quota", "durable", "ids", "link", "keyspace", "protocol"]),
    ("telemetry", &["config", "metrics", "outbound", "trace"]),
    ("lifecycle", &[]),
    ("sim", SIMULATED),
    ("admin", &["gateway", "hub", "hot", "durable", "fanout", "telemetry", "lifecycle", "protocol", "ids", "metrics"]),
    ("app", COMPOSED),
];

/// The simulated world stands for everything around rooms and savers.
#[rustfmt::skip]
const SIMULATED: &[&str] = &[
    "access", "app", "autosave", "chance", "clock", "durable", "fanout", "hot", "hub", "ids", "mechanism", "presence", "pressure", "project", "protocol",
];

/// The composition root makes everything.
#[rustfmt::skip]
const COMPOSED: &[&str] = &[
    "access", "admin", "autosave", "clock", "config", "durable", "fanout", "gateway", "hot", "hub", "ids", "keyspace", "lifecycle", "link", "metrics",
    "presence", "pressure", "protocol", "quota", "recovery", "session", "telemetry",
];

/// No file is longer, in lines.
const FILE_LINES: usize = 300;
/// No function is longer, in lines.
const FUNCTION_LINES: usize = 70;

/// Files that are longer than the aim, and how long they may be: a ratchet, which only ever goes down.
const LONGER: &[(&str, usize)] = &[
    ("tests/kill.rs", 345),
    ("loadtest/src/core.rs", 345),
    ("loadtest/src/load.rs", 312),
    ("loadtest/src/wire.rs", 325),
    ("client-demo/sdk/src/canvas.ts", 425),
    ("client-demo/sdk/src/sync.ts", 410),
    ("client-demo/sdk/test/canvas.test.ts", 414),
    ("client-demo/sdk/test/simulation.ts", 427),
    ("client-demo/sdk/test/sync.test.ts", 423),
    ("client-demo/sdk/test/undo.test.ts", 318),
];

fn files(directory: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![Path::new(ROOT).join(directory)];
    while let Some(at) = open.pop() {
        let Ok(entries) = fs::read_dir(&at) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["node_modules", "dist", "target", "generated", "out", ".git", "data"].contains(&name.as_str()) {
                    open.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.strip_prefix(ROOT).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", name(path)))
}

fn all_code() -> Vec<PathBuf> {
    let rust = ["src", "tests", "loadtest", "benches", "fuzz"].into_iter().flat_map(|d| files(d, &[".rs"]));
    rust.chain(["client-demo", "infra"].into_iter().flat_map(|d| files(d, &[".ts", ".css"]))).collect()
}

/// The parts of a file that are not its tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod ").next().unwrap_or(text)
}

#[test]
fn imports_go_downwards() {
    let allowed: BTreeMap<_, _> = IMPORTS.iter().copied().collect();
    let mut wrong = Vec::new();
    for path in files("src", &[".rs"]) {
        let name = name(&path);
        let module = name.trim_start_matches("src/").split(['/', '.']).next().unwrap_or_default().to_owned();
        if ["main", "lib"].contains(&module.as_str()) || name.ends_with("tests.rs") || name.contains("conformance") {
            continue;
        }
        let may = allowed
            .get(module.as_str())
            .unwrap_or_else(|| panic!("{name}: say in tests/tidy.rs what {module} may import"));
        let text = read(&path);
        for part in without_tests(&text).split("crate::").skip(1) {
            let target: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if target != module && !may.contains(&target.as_str()) {
                wrong.push(format!("{name} imports {target}: {module} may import only {may:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "imports go downwards only (src/ARCHITECTURE.md):\n{}", wrong.join("\n"));
}

#[test]
fn files_are_short() {
    let longer: BTreeMap<_, _> = LONGER.iter().copied().collect();
    let mut wrong = Vec::new();
    for path in all_code() {
        let (name, lines) = (name(&path), read(&path).lines().count());
        match longer.get(name.as_str()) {
            Some(most) if lines > *most => {
                wrong.push(format!("{name} has {lines} lines, the ratchet says {most}: split it"));
            }
            Some(_) if lines <= FILE_LINES => wrong.push(format!("{name} has {lines} lines: take it off the ratchet")),
            Some(most) if lines + 20 < *most => {
                wrong.push(format!("{name} has {lines} lines: lower the ratchet from {most}"));
            }
            None if lines > FILE_LINES => {
                wrong.push(format!("{name} has {lines} lines, {FILE_LINES} are the aim: give each noun its file"));
            }
            _ => {}
        }
    }
    for (name, _) in LONGER {
        if !Path::new(ROOT).join(name).exists() {
            wrong.push(format!("{name} is on the ratchet and does not exist"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The length of each function of a Rust file: from its `fn` to the brace that closes it at the same indent.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_function = [
            "fn ",
            "pub fn ",
            "async fn ",
            "pub async fn ",
            "pub(super) fn ",
            "pub(super) async fn ",
            "pub(crate) fn ",
        ]
        .iter()
        .any(|head| code.starts_with(head));
        if !is_function {
            continue;
        }
        let close = format!("{}}}", " ".repeat(line.len() - code.len()));
        let end = lines[start..].iter().position(|l| *l == close);
        let name = code.split(['(', '<']).next().unwrap_or_default().to_owned();
        found.extend(end.map(|end| (name, end + 1)));
    }
    found
}

#[test]
fn functions_are_short() {
    let mut wrong = Vec::new();
    for path in all_code().iter().filter(|p| p.extension().is_some_and(|e| e == "rs")) {
        for (function, lines) in functions(&read(path)) {
            if lines > FUNCTION_LINES {
                wrong.push(format!("{}: `{function}` has {lines} lines, {FUNCTION_LINES} are the most", name(path)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_path_in_a_document_exists() {
    let mut documents = files("src", &[".md"]);
    documents.extend(files("client-demo", &[".md"]));
    documents.extend(files("loadtest", &[".md"]));
    documents.extend(files("infra", &[".md"]));
    documents.extend(["README.md", "CHANGELOG.md"].map(|d| Path::new(ROOT).join(d)));
    let mut wrong = Vec::new();
    for document in documents {
        let text = read(&document);
        for code in text.split('`').skip(1).step_by(2) {
            let path = code.split([' ', ':', '#']).next().unwrap_or_default();
            let ours = ["src/", "tests/", "client-demo/", "loadtest/", "infra/", "benches/", "fuzz/", ".ci/"];
            let is_path = ours.iter().any(|top| path.starts_with(top)) && !path.contains(['*', '{', '<']);
            // What is built is not in a clone.
            let built = path.contains("/dist") || path.contains("/node_modules");
            if is_path && !built && !Path::new(ROOT).join(path).exists() {
                wrong.push(format!("{} names {path}, which does not exist", name(&document)));
            }
        }
        for link in text.split("](").skip(1).filter_map(|l| l.split(')').next()) {
            let beside = document.parent().unwrap_or(Path::new(ROOT)).join(link.split('#').next().unwrap_or(link));
            if !link.starts_with("http") && !link.starts_with('#') && !beside.exists() {
                wrong.push(format!("{} links to {link}, which does not exist", name(&document)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
