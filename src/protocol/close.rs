//! The close codes, and what each asks of a client: the table of `PROTOCOL.md` §5.

use serde::Serialize;

/// What a client does after a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing: it closed by itself.
    Done,
    /// Reconnect after a back-off.
    Retry,
    /// Reconnect, ten seconds apart and more.
    RetrySlowly,
    /// Get a new token, then reconnect.
    Token,
    /// Do not reconnect as this client.
    Never,
}

/// What becomes of the client id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum ClientIdAfter {
    /// Reconnect with the same one and resend.
    #[serde(rename = "keep")]
    Keep,
    /// Report pending batches and start with a new one.
    #[serde(rename = "new")]
    New,
    /// There is nothing to reconnect.
    #[serde(rename = "-")]
    None,
}

macro_rules! closes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $text:literal $action:ident $id:ident,)*) => {
        /// Why the server closes a socket.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Close { $($(#[$doc])* $name,)* }

        impl Close {
            /// Every reason there is.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The number in the close frame.
            #[must_use]
            pub fn code(self) -> u16 { match self { $(Self::$name => $code,)* } }

            /// The name in logs, metrics and the close frame's text.
            #[must_use]
            pub fn name(self) -> &'static str { match self { $(Self::$name => $text,)* } }

            /// What the client is to do.
            #[must_use]
            pub fn action(self) -> Action { match self { $(Self::$name => Action::$action,)* } }

            /// What becomes of its client id.
            #[must_use]
            pub fn client_id(self) -> ClientIdAfter { match self { $(Self::$name => ClientIdAfter::$id,)* } }
        }
    };
}

closes! {
    /// The client closed by itself.
    Normal = 1000 "normal" Done None,
    /// A proxy or page went away.
    GoingAway = 1001 "going_away" Retry Keep,
    /// A message over the limit.
    FrameTooLarge = 1009 "frame_too_large" Never New,
    /// This node stops.
    Restart = 1012 "restart" Retry Keep,
    /// A message that cannot be read.
    Malformed = 4400 "malformed" Never New,
    /// The token is missing, wrong or expired.
    Unauthenticated = 4401 "unauthenticated" Token Keep,
    /// This user may not open this project.
    Forbidden = 4403 "forbidden" Never None,
    /// The project's id is not one.
    BadProject = 4404 "bad_project" Never None,
    /// No common protocol version.
    UnsupportedVersion = 4406 "unsupported_version" Never None,
    /// No hello in time.
    HelloTimeout = 4408 "hello_timeout" Retry Keep,
    /// Another session took over this client id.
    Replaced = 4409 "replaced" Never None,
    /// Nothing was heard for too long.
    Silent = 4410 "silent" Retry Keep,
    /// Two pages share a client id.
    ClientIdInUse = 4411 "client_id_in_use" Never New,
    /// The reader could not keep up, and a resync did not help.
    Slow = 4412 "slow" Retry Keep,
    /// As many sessions as the project may have.
    ProjectFull = 4413 "project_full" RetrySlowly Keep,
    /// As many connections as the user may have.
    TooManyConnections = 4429 "too_many_connections" RetrySlowly Keep,
    /// A defect of ours.
    Internal = 4500 "internal" Retry Keep,
    /// The project could not be loaded.
    Unavailable = 4503 "unavailable" Retry Keep,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_table_and_protocol_md_agree_with_the_code() {
        let golden = include_str!("../../tests/golden/close_codes.json");
        let golden: Vec<serde_json::Value> = serde_json::from_str(golden).expect("valid JSON");
        let ours: Vec<_> = Close::ALL
            .iter()
            .map(|c| serde_json::json!({"code": c.code(), "name": c.name(), "action": c.action(), "client_id": c.client_id()}))
            .collect();
        assert_eq!(golden, ours, "write this into tests/golden/close_codes.json: {}", serde_json::json!(ours));
        for close in Close::ALL {
            let row = format!("| {} | {} |", close.code(), close.name());
            assert!(include_str!("PROTOCOL.md").contains(&row), "PROTOCOL.md lacks the row {row}");
        }
    }
}
