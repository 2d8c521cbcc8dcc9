//! The statements of the SQLite store. Owns what a table means when it is read or written; never runs anything. Called by the store.

pub(super) const APPEND: &str = "
    INSERT INTO log (project, from_seq, to_seq, epoch, at_ms, body)
    SELECT ?1, ?2, ?3, ?4, ?5, ?6
    WHERE ?2 > coalesce((SELECT to_seq FROM log WHERE project = ?1 ORDER BY from_seq DESC LIMIT 1), 0)
      AND ?2 > coalesce((SELECT seq FROM pointer WHERE project = ?1), 0)
    ON CONFLICT DO NOTHING";
pub(super) const ENTRIES: &str =
    "SELECT from_seq, body FROM log WHERE project = ?1 AND from_seq >= ?2 ORDER BY from_seq";
pub(super) const CHUNKS: &str = "SELECT body FROM chunk WHERE project = ?1 AND seq = ?2 AND build = ?3 ORDER BY n";
pub(super) const PUT_CHUNK: &str =
    "INSERT OR REPLACE INTO chunk (project, seq, build, n, body) VALUES (?1, ?2, ?3, ?4, ?5)";
pub(super) const MOVE_POINTER: &str = "
    INSERT INTO pointer (project, seq, build, body) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (project) DO UPDATE SET seq = excluded.seq, build = excluded.build, body = excluded.body
    WHERE pointer.seq < excluded.seq";
pub(super) const KEEP_VERSION: &str =
    "INSERT OR REPLACE INTO version (project, seq, build, body) VALUES (?1, ?2, ?3, ?4)";
pub(super) const VERSIONS: &str = "SELECT body FROM version WHERE project = ?1 ORDER BY seq, build";
pub(super) const FORGET: &str = "
    DELETE FROM version WHERE project = ?1 AND seq = ?2 AND build = ?3
      AND NOT EXISTS (SELECT 1 FROM pointer WHERE project = ?1 AND seq = ?2 AND build = ?3)";
/// Chunks that nothing names any more; those above the pointer may be somebody's who is still writing.
pub(super) const SWEEP: &str = "
    DELETE FROM chunk WHERE rowid IN (
        SELECT c.rowid FROM chunk c JOIN pointer p ON p.project = c.project
        WHERE c.project = ?1 AND c.seq <= p.seq
          AND NOT EXISTS (SELECT 1 FROM version v WHERE v.project = c.project AND v.seq = c.seq AND v.build = c.build)
        LIMIT ?2)";
pub(super) const TRUNCATE: &str = "
    DELETE FROM log WHERE project = ?1 AND from_seq IN (
        SELECT from_seq FROM log
        WHERE project = ?1 AND at_ms < ?2 AND to_seq <= (SELECT seq FROM pointer WHERE project = ?1) LIMIT ?3)";
pub(super) const RECORD: &str = "SELECT version, body FROM record WHERE project = ?1";
pub(super) const FIRST_RECORD: &str =
    "INSERT INTO record (project, version, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
pub(super) const NEXT_RECORD: &str =
    "UPDATE record SET version = ?2, body = ?3 WHERE project = ?1 AND version = ?2 - 1";
/// Goes from project to project through the key, and not through every entry.
pub(super) const LIST: &str = "
    WITH RECURSIVE found (project) AS (
        SELECT min(project) FROM log
        UNION ALL
        SELECT (SELECT min(project) FROM log WHERE project > found.project) FROM found WHERE found.project IS NOT NULL)
    SELECT project FROM found WHERE project IS NOT NULL UNION SELECT project FROM pointer ORDER BY 1";
