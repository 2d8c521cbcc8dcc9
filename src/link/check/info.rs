//! What the text of INFO means: pure.

use super::Role;

/// The value of a field.
pub(in crate::link) fn field<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
}

/// The server's name and version, or why it is too old.
pub(super) fn version(info: &str) -> Result<String, String> {
    let Some(version) = field(info, "redis_version") else {
        return Err("it does not say its version in INFO: is it a Redis?".to_owned());
    };
    let name = match (field(info, "server_name"), field(info, "valkey_version")) {
        (Some("valkey"), own) => format!("Valkey {}", own.unwrap_or(version)),
        (Some(name), _) if name != "redis" => format!("{name} (as Redis {version})"),
        _ => format!("Redis {version}"),
    };
    let major: u32 = version.split('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    if major < 7 {
        return Err(format!("it is {name}, and Redis 7.0 or Valkey is needed: sharded Pub/Sub is not in older ones"));
    }
    Ok(name)
}

/// A warning about what the server removes when it is full, or why that cannot be.
pub(super) fn eviction(info: &str, role: Role) -> Result<Option<String>, String> {
    let limit: u64 = field(info, "maxmemory").and_then(|n| n.parse().ok()).unwrap_or(0);
    let Some(policy) = field(info, "maxmemory_policy") else {
        return Ok(Some("it does not say its maxmemory-policy: make sure that it is noeviction".to_owned()));
    };
    match (policy, role) {
        ("noeviction", _) => Ok(None),
        (policy, Role::Data) if policy.starts_with("volatile-") => Ok(Some(format!(
            "its maxmemory-policy is {policy}: when full it removes projects that are saved, which are then loaded anew; noeviction is better"
        ))),
        (policy, Role::Data) if limit == 0 && !policy.starts_with("allkeys-") => {
            Ok(Some(format!("its maxmemory-policy is {policy}, which is not known here: set noeviction")))
        }
        (policy, Role::Data) => Err(format!(
            "its maxmemory-policy is {policy}: when full it removes work that is not saved yet; set maxmemory-policy to noeviction"
        )),
        (policy, Role::Routing) => Ok(Some(format!(
            "its maxmemory-policy is {policy}: when full it removes who is there; noeviction is better"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_are_refused() {
        for (info, name) in [
            ("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n", "Redis 7.0.15"),
            ("redis_version:10.1.0\r\n", "Redis 10.1.0"),
            ("redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\n", "Valkey 8.0.1"),
        ] {
            assert_eq!(version(info).as_deref(), Ok(name));
        }
        for info in ["redis_version:6.2.14\r\n", "redis_version:5\r\n", "", "redis_version:what\r\n"] {
            assert!(version(info).is_err(), "{info}");
        }
    }

    #[test]
    fn a_server_that_removes_unsaved_work_is_refused() {
        let info = |limit: u64, policy: &str| format!("# Memory\r\nmaxmemory:{limit}\r\nmaxmemory_policy:{policy}\r\n");
        for limit in [0, 1 << 30] {
            assert_eq!(eviction(&info(limit, "noeviction"), Role::Data), Ok(None));
            assert!(matches!(eviction(&info(limit, "volatile-lru"), Role::Data), Ok(Some(_))));
            assert!(eviction(&info(limit, "allkeys-lfu"), Role::Data).is_err());
            assert!(matches!(eviction(&info(limit, "allkeys-lru"), Role::Routing), Ok(Some(_))));
        }
        assert!(eviction(&info(1, "new-policy"), Role::Data).is_err());
        assert!(matches!(eviction(&info(0, "new-policy"), Role::Data), Ok(Some(_))));
        assert!(matches!(eviction("", Role::Data), Ok(Some(_))));
    }
}
