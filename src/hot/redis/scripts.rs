//! The scripts, as Redis gets them.

use redis::Script;

/// What several scripts share.
const HISTORY: &str = include_str!("../lua/history.lua");

/// One of each.
pub(super) struct Scripts {
    pub(super) commit: Script,
    pub(super) verify: Script,
    pub(super) load: Script,
    pub(super) log_after: Script,
    pub(super) freeze: Script,
    pub(super) install: Script,
    pub(super) mark_saved: Script,
    pub(super) claim: Script,
    pub(super) left: Script,
}

/// A script with what it shares in place of the line that asks for it.
fn whole(source: &str) -> Script {
    Script::new(&source.replacen("-- {history}\n", HISTORY, 1))
}

impl Scripts {
    pub(super) fn new() -> Self {
        Self {
            commit: whole(include_str!("../lua/commit.lua")),
            verify: whole(include_str!("../lua/verify.lua")),
            load: whole(include_str!("../lua/load.lua")),
            log_after: whole(include_str!("../lua/log_after.lua")),
            freeze: whole(include_str!("../lua/freeze.lua")),
            install: whole(include_str!("../lua/install.lua")),
            mark_saved: whole(include_str!("../lua/mark_saved.lua")),
            claim: whole(include_str!("../lua/claim.lua")),
            left: whole(include_str!("../lua/left.lua")),
        }
    }
}
