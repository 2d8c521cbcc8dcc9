//! How safe the way to Redis is.

use super::Target;
use std::net::IpAddr;

impl Target {
    /// Whether every server of the URL is on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        let local = |host: &str| host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        self.servers.iter().all(|server| local(&server.host))
    }

    /// Whether what is said cannot be read on its way.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether who reaches it is not let in by that alone.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.login.password.is_some()
    }
}
