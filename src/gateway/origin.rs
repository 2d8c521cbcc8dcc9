//! Which pages may connect: a browser names its page's origin, and only that of this server, or a configured one, is let in. Pure.

/// Whether a request with these headers may upgrade. A client that is no browser sends no origin and is not bound by it.
pub(super) fn is_allowed(origin: Option<&str>, host: Option<&str>, allowed: &[String]) -> bool {
    let Some(origin) = origin else { return true };
    let origin = origin.to_ascii_lowercase();
    let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    own.is_some_and(|own| host.is_some_and(|host| host.eq_ignore_ascii_case(own))) || allowed.contains(&origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_origin_and_configured_ones() {
        let allowed = ["https://app.example.com".to_owned()];
        let check = |origin: Option<&str>| is_allowed(origin, Some("board.example.com:8080"), &allowed);
        assert!(check(None));
        assert!(check(Some("http://board.example.com:8080")));
        assert!(check(Some("https://APP.example.com")));
        for foreign in
            ["http://board.example.com", "https://evil.example", "null", "", "https://app.example.com.evil.example"]
        {
            assert!(!check(Some(foreign)), "{foreign}");
        }
    }
}
