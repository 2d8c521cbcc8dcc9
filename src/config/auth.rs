//! Who is let in, and what `token` is asked: as text, and checked.

use super::check::Errors;
use super::{AuthConfig, ConfigErrors, DurableArgs, DurableConfig};
use crate::access::api_keys::ApiKeys;
use crate::access::grant::EVERY;
use crate::access::keys::KeySource;
use crate::access::token::{self, Expected};
use crate::ids::ProjectId;
use crate::protocol::message::Role;
use crate::protocol::secret::Secret;
use clap::Args;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::time::Duration;

/// Longest life of a token that `token` makes, in days: a laptop's is long, one in production short.
const LONGEST_DAYS: u64 = 365;

/// Who is let in, as text.
#[derive(Debug, Args)]
pub struct AuthArgs {
    /// Keys that access tokens (JWT) are checked with
    #[arg(
        long,
        env = "COLLAB_AUTH_KEYS",
        hide_env_values = true,
        value_name = "KEYS",
        help = "Keys that access tokens (JWT) are checked with: secret:TEXT (HS256), pem:/path/of/a/public/key.pem (RS256, ES256, EdDSA) or jwks:https://address, several with commas between them, each with the key id that tokens name in front: k1=secret:TEXT. Without any the node is for development, on loopback only"
    )]
    pub(super) auth_keys: Option<Secret>,
    /// Audience (aud) that tokens must name
    #[arg(long, env = "COLLAB_AUTH_AUDIENCE", value_name = "TEXT")]
    pub(super) auth_audience: Option<String>,
    /// Issuer (iss) that tokens must name
    #[arg(long, env = "COLLAB_AUTH_ISSUER", value_name = "TEXT")]
    pub(super) auth_issuer: Option<String>,
    /// Keys of back ends, which may do everything over HTTP: 32 or more characters each, several with commas between them, each with a name in front if you like: shop=KEY
    #[arg(long, env = "COLLAB_API_KEYS", hide_env_values = true, value_name = "KEYS")]
    pub(super) api_keys: Option<Secret>,
}

impl AuthArgs {
    pub(super) fn read(&self, errors: &mut Errors) -> AuthConfig {
        let keys = keys(self.auth_keys.as_ref(), errors);
        let list = self.api_keys.as_ref().map_or("", Secret::reveal);
        let api_keys = ApiKeys::parse(list).unwrap_or_else(|why| {
            errors.add(format_args!("COLLAB_API_KEYS: {why}"));
            ApiKeys::default()
        });
        for (name, needs) in [
            ("COLLAB_AUTH_AUDIENCE", self.auth_audience.is_some()),
            ("COLLAB_AUTH_ISSUER", self.auth_issuer.is_some()),
            ("COLLAB_API_KEYS", !api_keys.is_empty()),
        ] {
            if needs && self.auth_keys.is_none() {
                errors.add(format_args!("{name} needs COLLAB_AUTH_KEYS: without keys everybody is let in"));
            }
        }
        let expected = Expected { audience: self.auth_audience.clone(), issuer: self.auth_issuer.clone() };
        AuthConfig { keys, expected, api_keys }
    }
}

fn keys(list: Option<&Secret>, errors: &mut Errors) -> Vec<KeySource> {
    let Some(list) = list.map(Secret::reveal) else { return Vec::new() };
    let mut keys = Vec::new();
    for (n, entry) in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).enumerate() {
        match KeySource::parse(entry) {
            Ok(key) => keys.push(key),
            Err(why) => errors.add(format_args!("COLLAB_AUTH_KEYS, key {}: {why}", n + 1)),
        }
    }
    if list.split(',').all(|entry| entry.trim().is_empty()) {
        errors.add(
            "COLLAB_AUTH_KEYS is set and names no key: without one everybody would be let in; name a key, or unset it",
        );
    }
    keys
}

/// What `token` is asked, as text.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// The user id
    #[arg(long)]
    user: String,
    /// A project and the user's role in it, such as my-board=editor; * stands for every project. May be given several times
    #[arg(long, value_name = "PROJECT=ROLE", required = true)]
    project: Vec<String>,
    /// How long it is good, such as 30m, 8h or 7d
    #[arg(long, default_value = "1h", value_name = "TIME")]
    ttl: String,
    #[command(flatten)]
    auth: AuthArgs,
    #[command(flatten)]
    durable: DurableArgs,
}

/// What `token` makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenConfig {
    /// The user id.
    pub user: SmolStr,
    /// Roles by project.
    pub projects: BTreeMap<SmolStr, Role>,
    /// How long it is good.
    pub ttl: Duration,
    /// What it is signed with, and for whom.
    pub auth: AuthConfig,
    /// Where the development key is.
    pub durable: DurableConfig,
}

impl TokenArgs {
    /// Checks everything.
    ///
    /// # Errors
    /// [`ConfigErrors`], a sentence each.
    pub fn check(&self) -> Result<TokenConfig, ConfigErrors> {
        let mut errors = Errors::default();
        let user = token::user(&self.user).map_err(|why| errors.add(format_args!("--user {:?} {why}", self.user)));
        let roles = self.project.iter().map(|text| role(text, &mut errors)).collect::<Vec<_>>();
        let ttl = ttl(&self.ttl, &mut errors);
        let config = TokenConfig {
            user: user.unwrap_or_default(),
            projects: roles.into_iter().flatten().collect(),
            ttl,
            auth: self.auth.read(&mut errors),
            durable: self.durable.read(&mut errors),
        };
        if errors.0.is_empty() { Ok(config) } else { Err(ConfigErrors(errors.0)) }
    }
}

fn role(text: &str, errors: &mut Errors) -> Option<(SmolStr, Role)> {
    let read = text.rsplit_once('=').and_then(|(project, role)| {
        let is_project = project == EVERY || ProjectId::parse(project).is_ok();
        is_project.then_some((SmolStr::new(project), Role::parse(role)?))
    });
    if read.is_none() {
        errors.add(format_args!(
            "--project {text:?}: it must be a project id, or *, and a role: owner, editor, commenter or viewer, such as my-board=editor"
        ));
    }
    read
}

fn ttl(text: &str, errors: &mut Errors) -> Duration {
    let seconds = |unit: char| match unit {
        's' => Some(1),
        'm' => Some(60),
        'h' => Some(3_600),
        'd' => Some(86_400),
        _ => None,
    };
    let read = text.char_indices().next_back().and_then(|(end, unit)| {
        let number: u64 = text[..end].parse().ok()?;
        number.checked_mul(seconds(unit)?)
    });
    let good = read.filter(|seconds| (1..=LONGEST_DAYS * 86_400).contains(seconds));
    if good.is_none() {
        errors.add(format_args!("--ttl {text:?}: it must be a time such as 30m, 8h or 7d, {LONGEST_DAYS}d at most"));
    }
    Duration::from_secs(good.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::super::{Cli, Command, Config};
    use super::*;
    use clap::Parser as _;

    fn serve(flags: &[&str]) -> Result<Config, Vec<String>> {
        let cli = Cli::try_parse_from(["collabcanvas", "serve"].iter().chain(flags)).expect("flags exist");
        let Command::Serve(raw) = cli.command else { panic!("it is serve") };
        raw.check().map_err(|errors| errors.0)
    }

    const SECRET: &str = "secret:0123456789abcdef0123456789abcdef";

    #[test]
    fn off_loopback_a_node_needs_keys() {
        for listen in ["0.0.0.0:8080", "[::]:8080", "10.0.0.1:80"] {
            let errors = serve(&["--listen", listen]).expect_err("refused");
            assert!(errors.len() == 1 && errors[0].contains("COLLAB_AUTH_KEYS"), "{errors:?}");
            assert!(serve(&["--listen", listen, "--auth-keys", SECRET]).is_ok(), "{listen}");
        }
        assert!(serve(&["--listen", "[::1]:8080"]).is_ok());
    }

    #[test]
    fn keys_are_checked_and_never_repeated() {
        let good =
            format!("{SECRET}, k2={SECRET}=,a=b=pem:/k.pem,jwks:https://id.example.com/keys,jwks:http://127.0.0.1:1/k");
        let config = serve(&["--auth-keys", &good]);
        assert!(config.is_err(), "a key id has no = in it");
        let good = good.replace("a=b=pem", "a=pem");
        assert_eq!(serve(&["--auth-keys", &good]).expect("valid").auth.keys.len(), 5);
        for wrong in [
            "",
            " , ",
            "secret:tooshort",
            "tooshort",
            "pem:relative.pem",
            "jwks:http://id.example.com",
            "k=jwks:https://a",
            "=secret:x",
        ] {
            let errors = serve(&["--auth-keys", wrong]).expect_err(wrong);
            assert_eq!(errors.len(), 1, "{wrong}: {errors:?}");
            assert!(!errors[0].contains("tooshort"), "{errors:?}");
        }
    }

    #[test]
    fn what_goes_with_keys_needs_them() {
        let key = "x".repeat(32);
        for flags in [["--auth-audience", "a"], ["--auth-issuer", "i"], ["--api-keys", &key]] {
            assert_eq!(serve(&flags).expect_err("refused").len(), 1, "{flags:?}");
        }
    }

    #[test]
    fn a_token_is_asked_for_in_words() {
        let token = |flags: &[&str]| {
            let cli = Cli::try_parse_from(["collabcanvas", "token"].iter().chain(flags)).expect("flags exist");
            let Command::Token(args) = cli.command else { panic!("it is token") };
            args.check().map_err(|errors| errors.0.len())
        };
        let config = token(&["--user", "ana", "--project", "a=editor", "--project", "*=viewer", "--ttl", "90m"]);
        let config = config.expect("valid");
        assert_eq!(config.ttl, Duration::from_secs(5_400));
        assert_eq!(config.projects.get("*"), Some(&Role::Viewer));
        let wrong = ["--user", "bot:x", "--project", "a", "--project", "a b=editor", "--ttl", "1y"];
        assert_eq!(token(&wrong).expect_err("refused"), 4);
    }
}
