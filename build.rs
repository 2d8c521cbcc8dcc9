//! Embeds the built demo page, `client-demo/app/dist`, when it is there; else a page that says how to build it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const MISSING: &str = "<!doctype html><meta charset=utf-8><title>CollabCanvas</title>\
<p>This server was built without its demo page. Run <code>make run</code> in a checkout: it builds the page and starts the server.";

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    let dist = root.join("client-demo/app/dist");
    println!("cargo::rerun-if-changed={}", dist.display());
    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist, &mut files)?;
    }
    let mut code = String::from("static PAGES: &[Page] = &[\n");
    for file in &files {
        let path = file.strip_prefix(&dist).map_err(io::Error::other)?.to_string_lossy().replace('\\', "/");
        let kind = content_type(file);
        let _ = writeln!(
            code,
            "    Page {{ path: {:?}, content_type: {kind:?}, body: include_bytes!({file:?}) }},",
            format!("/{path}")
        );
    }
    if files.is_empty() {
        let _ = writeln!(
            code,
            "    Page {{ path: \"/index.html\", content_type: \"text/html; charset=utf-8\", body: {MISSING:?}.as_bytes() }},"
        );
    }
    code += "];\n";
    fs::write(out.join("pages.rs"), code)
}

/// All files below a directory, in the order of their names.
fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    let mut entries: Vec<_> = fs::read_dir(directory)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(|e| e.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json" | "map") => "application/json",
        Some("woff2") => "font/woff2",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
