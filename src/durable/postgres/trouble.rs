//! What goes wrong with Postgres, sorted by what is known and by what to do.
//!
//! Owns the sentences. Never retries. Called by everything in `postgres`.

use super::super::DurableError;
use super::super::layout::{FORMAT, corrupt};
use super::url::Target;
use crate::ids::ProjectId;
use std::error::Error as _;
use tokio_postgres::error::{DbError, SqlState};

/// What is known after something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing was done: the server said no, or was not even asked.
    Undone,
    /// The same because an item is there already.
    Taken,
    /// The connection was lost, or the answer did not come: it may have been done.
    Unknown,
    /// The server's files are damaged; trying again will not help.
    Corrupt,
    /// The tables were made by a newer version of this program.
    Newer(u32),
}

/// Why Postgres did not do something.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) kind: Kind,
    /// A sentence about it.
    pub(super) why: String,
    /// Whether the next try needs another connection.
    pub(super) reconnect: bool,
}

impl Trouble {
    /// Nothing was done, for this reason.
    pub(super) fn undone(why: impl Into<String>) -> Self {
        Self { kind: Kind::Undone, why: why.into(), reconnect: false }
    }

    /// It may have been done.
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self { kind: Kind::Unknown, why: why.into(), reconnect: true }
    }

    /// The tables' format is not ours.
    pub(super) fn newer(found: u32) -> Self {
        let why = DurableError::NewerFormat { found, known: FORMAT }.to_string();
        Self { kind: Kind::Newer(found), why, reconnect: false }
    }

    /// What the client library says, in our words.
    pub(super) fn of(error: &tokio_postgres::Error, target: &Target) -> Self {
        let Some(said) = error.as_db_error() else {
            let why = match error.source() {
                Some(source) => format!("{target} cannot be reached: {error}: {source}{}", advice(source)),
                None => format!("{target} cannot be reached: {error}"),
            };
            return Self::unknown(why);
        };
        let code = said.code();
        let kind = if *code == SqlState::UNIQUE_VIOLATION {
            Kind::Taken
        } else if [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(code) {
            Kind::Corrupt
        } else if ends_session(said) {
            Kind::Unknown
        } else {
            Kind::Undone
        };
        // Behind a server that has become a standby there may be another one.
        let reconnect = kind == Kind::Unknown || *code == SqlState::READ_ONLY_SQL_TRANSACTION;
        Self { kind, why: format!("{target}: {}{}", said.message(), todo(code, target)), reconnect }
    }

    /// The same, as what became of a project.
    pub(super) fn of_project(self, project: &ProjectId) -> DurableError {
        match self.kind {
            Kind::Corrupt => corrupt(project, "database", self.why),
            _ => self.plain(),
        }
    }

    /// The same, when it is about no project.
    pub(super) fn plain(self) -> DurableError {
        match self.kind {
            Kind::Newer(found) => DurableError::NewerFormat { found, known: FORMAT },
            _ => DurableError::Unavailable(self.why),
        }
    }
}

/// Whether the server ends the session after this: what it was doing may have been committed.
fn ends_session(said: &DbError) -> bool {
    ["FATAL", "PANIC"].contains(&said.severity()) || said.code().code().starts_with("57P")
}

/// What to do about an error of the server.
fn todo(code: &SqlState, target: &Target) -> String {
    let (user, database) = (target.user(), target.database());
    match code.code() {
        "28P01" | "28000" => {
            "; check user and password in COLLAB_DURABLE_URL, and what the server's pg_hba.conf permits".to_owned()
        }
        "3D000" => format!("; make it (CREATE DATABASE {database:?}) or name another one in COLLAB_DURABLE_URL"),
        "42501" => format!(
            "; let the user {user:?} make the tables (GRANT CREATE ON DATABASE {database:?} TO {user:?}, and GRANT CREATE ON SCHEMA collabcanvas TO {user:?} where that schema is another user's) and use those of the schema collabcanvas, or make that user the database's owner"
        ),
        "53300" => "; raise the server's max_connections or the user's connection limit: a node needs six connections".to_owned(),
        "25006" => {
            "; this server is a standby, or made read-only: name the one that takes writes in COLLAB_DURABLE_URL, or all of them, separated by commas".to_owned()
        }
        "53100" => "; the server's disk is full: make room".to_owned(),
        "42P01" | "3F000" => "; the tables are gone: restore the database, or name another one".to_owned(),
        "57014" | "55P03" => "; another session holds what is needed, or the server is overloaded".to_owned(),
        _ => String::new(),
    }
}

/// What to do about an error on the way to the server.
fn advice(source: &(dyn std::error::Error + 'static)) -> &'static str {
    let text = source.to_string();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if says(&["does not support TLS"]) {
        "; let the server offer TLS, or take sslmode=require away if the network is trusted"
    } else if says(&["certificate", "UnknownIssuer", "NotValidForName"]) {
        "; name the authority that signed the server's certificate by sslrootcert, and the host as in the certificate"
    } else if says(&["does not allow writes"]) {
        "; this server is a standby, or made read-only: name the one that takes writes in COLLAB_DURABLE_URL, or all of them, separated by commas"
    } else if says(&["password missing"]) {
        "; COLLAB_DURABLE_URL must have a password after the user"
    } else {
        "; check host and port in COLLAB_DURABLE_URL and whether the server runs"
    }
}
