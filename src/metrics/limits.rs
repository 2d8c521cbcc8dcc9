//! How often a limit was met: which one, never by whom.

use metrics::{Unit, counter, describe_counter};

/// The limits that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Connections of an address.
    ConnectionsPerIp,
    /// Connections of a user.
    ConnectionsPerUser,
    /// Connections that the node takes in a second.
    Accepts,
    /// Messages of a session in a second.
    Frames,
    /// Ops of a session in a second.
    SessionOps,
    /// Ops of a user in a second.
    UserOps,
    /// Ops of a project in a second.
    ProjectOps,
    /// Presence updates of a session in a second.
    Presence,
    /// Broadcasts of a session in a second.
    Broadcasts,
    /// Bytes or seconds of a request's body.
    Body,
}

impl Limit {
    /// Every one.
    const ALL: [Self; 10] = [
        Self::ConnectionsPerIp,
        Self::ConnectionsPerUser,
        Self::Accepts,
        Self::Frames,
        Self::SessionOps,
        Self::UserOps,
        Self::ProjectOps,
        Self::Presence,
        Self::Broadcasts,
        Self::Body,
    ];

    /// Its label.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ConnectionsPerIp => "connections_per_ip",
            Self::ConnectionsPerUser => "connections_per_user",
            Self::Accepts => "accepts",
            Self::Frames => "frames",
            Self::SessionOps => "session_ops",
            Self::UserOps => "user_ops",
            Self::ProjectOps => "project_ops",
            Self::Presence => "presence",
            Self::Broadcasts => "broadcasts",
            Self::Body => "body",
        }
    }
}

/// Names it and makes it appear for each limit, at zero.
pub(super) fn describe() {
    describe_counter!(
        "collab_limits_hit_total",
        Unit::Count,
        "Times that somebody was refused, or made to wait, because of a limit, by limit"
    );
    for limit in Limit::ALL {
        counter!("collab_limits_hit_total", "limit" => limit.name()).absolute(0);
    }
}

/// Somebody was refused, or made to wait.
pub fn hit(limit: Limit) {
    counter!("collab_limits_hit_total", "limit" => limit.name()).increment(1);
}
