//! The statements of the Postgres store, but for those that append. Owns what a table means when it is read or written; never runs anything.
//! Called by the store.

pub(super) const ENTRIES: &str =
    "SELECT from_seq, body FROM log WHERE project = $1 AND from_seq >= $2 ORDER BY from_seq";
pub(super) const POINTER: &str = "SELECT body FROM pointer WHERE project = $1";
pub(super) const CHUNKS: &str = "SELECT body FROM chunk WHERE project = $1 AND seq = $2 AND build = $3 ORDER BY n";
pub(super) const PUT_CHUNKS: &str = "
    INSERT INTO chunk (project, seq, build, n, body)
    SELECT $1, $2, $3, n, body FROM unnest($4::int8[], $5::bytea[]) AS c (n, body)
    ON CONFLICT (project, seq, build, n) DO UPDATE SET body = excluded.body";
/// The fence of appends moves along: no entry is stored at or below a checkpoint.
pub(super) const MOVE_POINTER: &str = "
    WITH moved AS (
        INSERT INTO pointer (project, seq, build, body) VALUES ($1, $2, $3, $4)
        ON CONFLICT (project) DO UPDATE SET seq = excluded.seq, build = excluded.build, body = excluded.body
        WHERE pointer.seq < excluded.seq
        RETURNING project),
    fenced AS (
        INSERT INTO head (project, from_seq, to_seq) SELECT project, $2, $2 FROM moved
        ON CONFLICT (project) DO UPDATE SET from_seq = excluded.from_seq, to_seq = excluded.to_seq
        WHERE head.to_seq < excluded.to_seq)
    INSERT INTO version (project, seq, build, body) SELECT project, $2, $3, $4 FROM moved
    ON CONFLICT (project, seq, build) DO UPDATE SET body = excluded.body";
pub(super) const VERSIONS: &str = "SELECT body FROM version WHERE project = $1 ORDER BY seq, build";
pub(super) const FORGET: &str = "
    DELETE FROM version WHERE project = $1 AND seq = $2 AND build = $3
      AND NOT EXISTS (SELECT 1 FROM pointer WHERE project = $1 AND seq = $2 AND build = $3)";
/// Chunks that nothing names any more; those above the pointer may be somebody's who is still writing.
pub(super) const SWEEP: &str = "
    DELETE FROM chunk WHERE (project, seq, build, n) IN (
        SELECT c.project, c.seq, c.build, c.n FROM chunk c JOIN pointer p ON p.project = c.project
        WHERE c.project = $1 AND c.seq <= p.seq
          AND NOT EXISTS (SELECT 1 FROM version v WHERE v.project = c.project AND v.seq = c.seq AND v.build = c.build)
        LIMIT $2)";
pub(super) const TRUNCATE: &str = "
    DELETE FROM log WHERE project = $1 AND from_seq IN (
        SELECT from_seq FROM log
        WHERE project = $1 AND at_ms < $2 AND to_seq <= (SELECT seq FROM pointer WHERE project = $1) LIMIT $3)";
pub(super) const RECORD: &str = "SELECT version, body FROM record WHERE project = $1";
pub(super) const FIRST_RECORD: &str =
    "INSERT INTO record (project, version, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
pub(super) const NEXT_RECORD: &str =
    "UPDATE record SET version = $2, body = $3 WHERE project = $1 AND version = $2::int8 - 1";
/// Whatever is stored of a project's canvas, its fence is there.
pub(super) const LIST: &str = "SELECT project FROM head ORDER BY project";
pub(super) const CLEAR_REPORTS: &str = "DELETE FROM node WHERE at_ms < $1";
pub(super) const REPORT: &str = "
    INSERT INTO node (node, count, reaches_hot, at_ms) VALUES ($1, $2, $3, $4)
    ON CONFLICT (node) DO UPDATE SET count = excluded.count, reaches_hot = excluded.reaches_hot, at_ms = excluded.at_ms";
pub(super) const REPORTS: &str = "SELECT node, count, reaches_hot, at_ms FROM node ORDER BY node";
pub(super) const NAME_DEPLOYMENT: &str = "INSERT INTO deployment (one, name) VALUES (1, $1) ON CONFLICT DO NOTHING";
pub(super) const DEPLOYMENT: &str = "SELECT name FROM deployment";
