//! What works and is not safe: said when a node starts, a sentence each. The README's "Going to production" has the same settings.

use super::{Config, DurableConfig};
use std::net::IpAddr;

impl Config {
    /// What an operator should know about before others come.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.auth.keys.is_empty() {
            self.of_tokens(&mut warnings);
        }
        if !self.listen.ip().is_loopback() && self.trusted_proxies.is_empty() {
            warnings.push("COLLAB_TRUSTED_PROXIES is not set: behind a proxy all clients count as one address, and share its limits".to_owned());
        }
        if !self.admin_listen.ip().is_loopback() && self.admin_token.is_none() {
            warnings.push(format!(
                "COLLAB_ADMIN_LISTEN={} can be reached from elsewhere: keep clients away from it, and set COLLAB_ADMIN_TOKEN to use more than its probes and metrics",
                self.admin_listen
            ));
        }
        self.of_stores(&mut warnings);
        if ["debug", "trace"].iter().any(|level| self.log.filter.contains(level)) {
            warnings.push(format!(
                "COLLAB_LOG={} logs ids of projects and users, and much of it: info is for production",
                self.log.filter
            ));
        }
        warnings
    }

    fn of_tokens(&self, warnings: &mut Vec<String>) {
        if self.auth.expected.audience.is_none() {
            warnings.push("COLLAB_AUTH_AUDIENCE is not set: tokens that the same keys sign for other services are taken too, if they name no audience".to_owned());
        }
        if self.auth.expected.issuer.is_none() {
            warnings.push("COLLAB_AUTH_ISSUER is not set: tokens of any issuer are taken that the keys fit".to_owned());
        }
        for origin in self.allowed_origins.iter().filter(|origin| is_open(origin)) {
            warnings.push(format!("COLLAB_ALLOWED_ORIGINS: pages of {origin} can be changed on their way, and so can do what their users may: use https"));
        }
    }

    fn of_stores(&self, warnings: &mut Vec<String>) {
        if let Some(redis) = &self.redis {
            for target in [Some(&redis.data), redis.routing.as_ref()].into_iter().flatten() {
                if !target.is_local() && !target.is_encrypted() {
                    warnings.push(format!("what goes to {target} can be read and changed on its way: use rediss://"));
                }
                if !target.is_local() && !target.has_password() {
                    warnings.push(format!(
                        "whoever reaches {target} may read and change every project: give it a user and a password"
                    ));
                }
            }
        }
        match &self.durable {
            DurableConfig::Postgres(target) if !target.is_local() && !target.is_verified() => warnings.push(
                "COLLAB_DURABLE_URL: who answers as Postgres is not checked, and may read and change every project: use sslmode=verify-full".to_owned(),
            ),
            DurableConfig::Table(place) if place.endpoint.as_deref().is_some_and(is_open) => {
                warnings.push("COLLAB_DURABLE_URL: what goes to this endpoint of DynamoDB can be read and changed on its way: use https".to_owned());
            }
            DurableConfig::Memory => {
                warnings.push("COLLAB_DURABLE_URL=memory: everything is gone when this process ends".to_owned());
            }
            _ => {}
        }
    }
}

/// Whether an address is neither encrypted nor on this machine.
fn is_open(url: &str) -> bool {
    url.strip_prefix("http://").is_some_and(|rest| {
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_matches(['[', ']']);
        name != "localhost" && !name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Cli, Command};
    use clap::Parser as _;

    fn warnings(flags: &[&str]) -> Vec<String> {
        let cli = Cli::try_parse_from(["collabcanvas", "serve"].iter().chain(flags)).expect("flags exist");
        let Command::Serve(raw) = cli.command else { panic!("it is serve") };
        raw.check().expect("it works").warnings()
    }

    const SAFE: &[&str] = &[
        "--auth-keys",
        "secret:0123456789abcdef0123456789abcdef",
        "--auth-audience",
        "canvas",
        "--auth-issuer",
        "https://issuer.example",
        "--listen",
        "0.0.0.0:8080",
        "--trusted-proxies",
        "10.0.0.0/8",
        "--redis-url",
        "rediss://user:password@redis.example",
        "--durable-url",
        "postgres://user:password@db.example/canvas?sslmode=verify-full",
    ];

    #[test]
    fn what_is_safe_is_not_warned_of() {
        assert_eq!(warnings(SAFE), Vec::<String>::new());
        assert_eq!(warnings(&[]), Vec::<String>::new(), "a laptop is not production");
    }

    #[test]
    fn each_setting_that_is_not_safe_is_named() {
        let without = |name: &str| -> Vec<&str> {
            let at = SAFE.iter().position(|flag| *flag == name).expect("a flag");
            [&SAFE[..at], &SAFE[at + 2..]].concat()
        };
        let with = |name: &str, value: &'static str| {
            [without(name), vec![SAFE[SAFE.iter().position(|f| *f == name).expect("a flag")], value]].concat()
        };
        for (flags, name) in [
            (without("--auth-audience"), "COLLAB_AUTH_AUDIENCE"),
            (without("--auth-issuer"), "COLLAB_AUTH_ISSUER"),
            (without("--trusted-proxies"), "COLLAB_TRUSTED_PROXIES"),
            ([SAFE, &["--admin-listen", "0.0.0.0:9464"]].concat(), "COLLAB_ADMIN_LISTEN"),
            (
                [SAFE, &["--allowed-origins", "http://app.example.com,http://localhost:5173"]].concat(),
                "COLLAB_ALLOWED_ORIGINS",
            ),
            (with("--redis-url", "redis://user:password@redis.example"), "rediss://"),
            (with("--redis-url", "rediss://redis.example"), "a user and a password"),
            (with("--durable-url", "postgres://user:password@db.example/canvas"), "verify-full"),
            (with("--durable-url", "dynamodb://table?endpoint=http://db.example"), "COLLAB_DURABLE_URL"),
            ([SAFE, &["--log", "collabcanvas=debug"]].concat(), "COLLAB_LOG"),
        ] {
            let warnings = warnings(&flags);
            assert!(warnings.len() == 1 && warnings[0].contains(name), "{name}: {warnings:?}");
        }
    }
}
