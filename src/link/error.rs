//! What can go wrong with Redis, sorted by what the caller does about it.

use super::url::Target;
use crate::metrics;
use redis::{ErrorKind, RedisError, ServerErrorKind};
use std::fmt;

/// Why a call failed. Never holds a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Not sent, or sent and not answered: the outcome is unknown. Try an idempotent call again.
    #[error("Redis is not available: {0}")]
    Unavailable(String),
    /// The server answered an error and did nothing. Only a script that fails after its first write ([`Refusal::Other`]) leaves that behind,
    /// and so do the other commands of a pipeline that is not atomic.
    #[error("Redis refused: {message}")]
    Refused {
        /// Why.
        kind: Refusal,
        /// The server's words.
        message: String,
    },
}

/// Why the server did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is full: writes that free nothing are refused until something is removed.
    Oom,
    /// It takes no writes at present: a replica (then the link already looks for the master), or a master that may not go on without its
    /// disk (MISCONF) or its replicas (NOREPLICAS).
    ReadOnly,
    /// It does not know us, or we may not do this: someone must change a password or an ACL.
    Denied,
    /// Anything else, such as an error inside a script: a fault of ours.
    Other,
}

impl LinkError {
    /// Its name in the metrics.
    #[must_use]
    pub fn class(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "unavailable",
            Self::Refused { kind: Refusal::Oom, .. } => "oom",
            Self::Refused { kind: Refusal::ReadOnly, .. } => "readonly",
            Self::Refused { kind: Refusal::Denied, .. } => "denied",
            Self::Refused { kind: Refusal::Other, .. } => "other",
        }
    }

    pub(super) fn unavailable(what: impl fmt::Display) -> Self {
        Self::Unavailable(what.to_string())
    }

    /// Sorts an error of a call, counts it and takes our passwords out of it.
    pub(super) fn counted(error: &RedisError, target: &Target) -> Self {
        Self::sorted(error, target).count()
    }

    /// Counts.
    pub(super) fn count(self) -> Self {
        metrics::redis::error(self.class());
        self
    }

    /// Sorts an error and takes our passwords out of it.
    pub(super) fn sorted(error: &RedisError, target: &Target) -> Self {
        let message = target.scrub(&error.to_string());
        match sort(error) {
            Some(kind) => Self::Refused { kind, message },
            None => Self::Unavailable(message),
        }
    }
}

/// `None` when the outcome is unknown or waiting may help. A pipeline is as its first error, an aborted transaction as what aborted it.
fn sort(error: &RedisError) -> Option<Refusal> {
    match error.clone().into_server_errors().as_deref().and_then(|all| all.first()) {
        Some((_, first)) => by_code(first.code(), first.details().unwrap_or_default()),
        None => by_kind(error.kind()),
    }
}

fn by_kind(kind: ErrorKind) -> Option<Refusal> {
    match kind {
        ErrorKind::AuthenticationFailed => Some(Refusal::Denied),
        ErrorKind::UnexpectedReturnType | ErrorKind::InvalidClientConfig | ErrorKind::RESP3NotSupported => {
            Some(Refusal::Other)
        }
        ErrorKind::Server(ServerErrorKind::ExecAbort) => Some(Refusal::Other),
        _ => None,
    }
}

/// By the first word of the server's answer.
fn by_code(code: &str, text: &str) -> Option<Refusal> {
    match code {
        "OOM" => Some(Refusal::Oom),
        "READONLY" | "MISCONF" | "NOREPLICAS" => Some(Refusal::ReadOnly),
        "NOPERM" | "NOAUTH" | "WRONGPASS" => Some(Refusal::Denied),
        // EXEC itself may not be called.
        "EXECABORT" if text.contains("NOPERM") => Some(Refusal::Denied),
        "LOADING" | "BUSY" | "TRYAGAIN" | "CLUSTERDOWN" | "MASTERDOWN" | "MOVED" | "ASK" | "NOSCRIPT" | "UNBLOCKED" => {
            None
        }
        "ERR" if text.starts_with("max number of clients") => None,
        // Redis 7.0 says so when a script runs a command that its user may not run.
        "ERR" if text.contains("can't run this command or subcommand") || text.contains("AUTH <password> called") => {
            Some(Refusal::Denied)
        }
        _ => Some(Refusal::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(line: &str) -> LinkError {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).expect("RESP");
        let error = value.extract_error().expect_err("an error");
        LinkError::sorted(&error, &Target::parse("redis://:canary@h").expect("valid"))
    }

    #[test]
    fn answers_are_sorted_by_what_the_caller_does() {
        for (line, class) in [
            ("OOM command not allowed when used memory > 'maxmemory'.", "oom"),
            ("READONLY You can't write against a read only replica.", "readonly"),
            ("MISCONF Redis is configured to save RDB snapshots", "readonly"),
            ("NOREPLICAS Not enough good replicas to write.", "readonly"),
            ("NOPERM this user has no permissions", "denied"),
            ("NOAUTH Authentication required.", "denied"),
            ("WRONGPASS invalid username-password pair", "denied"),
            ("EXECABORT Transaction discarded because of: NOPERM this user has no permissions", "denied"),
            ("LOADING Redis is loading the dataset in memory", "unavailable"),
            ("BUSY Redis is busy running a script.", "unavailable"),
            ("CLUSTERDOWN The cluster is down", "unavailable"),
            ("NOSCRIPT No matching script.", "unavailable"),
            ("ERR max number of clients reached", "unavailable"),
            ("ERR user_script:1: attempt to index a nil value", "other"),
            ("WRONGTYPE Operation against a key holding the wrong kind of value", "other"),
        ] {
            assert_eq!(answered(line).class(), class, "{line}");
        }
    }

    #[test]
    fn what_did_not_come_back_is_unavailable() {
        let target = Target::parse("redis://h").expect("valid");
        for kind in
            [std::io::ErrorKind::TimedOut, std::io::ErrorKind::ConnectionRefused, std::io::ErrorKind::BrokenPipe]
        {
            let error = RedisError::from(std::io::Error::from(kind));
            assert_eq!(LinkError::sorted(&error, &target).class(), "unavailable");
        }
    }

    #[test]
    fn a_server_that_repeats_our_password_does_not_get_it_printed() {
        let error = answered("ERR unknown command `HELLO`, with args beginning with: `3` `AUTH` `canary`");
        assert!(!error.to_string().contains("canary") && !format!("{error:?}").contains("canary"), "{error}");
    }
}
