//! Who is believed at the edge of a node: the proxies before it, and whoever has the token of the admin endpoints.

use super::check::Errors;
use crate::protocol::secret::Secret;
use clap::Args;
use ipnet::IpNet;
use std::net::IpAddr;

/// The shortest token, in characters: shorter ones can be guessed.
const TOKEN_CHARS: usize = 16;

/// Who is believed, as text.
#[derive(Debug, Args)]
pub struct EdgeArgs {
    /// Proxies that are believed
    #[arg(
        long,
        env = "COLLAB_TRUSTED_PROXIES",
        default_value = "",
        value_name = "ADDRESSES",
        help = "Proxies whose X-Forwarded-For is believed: a comma-separated list of addresses or networks such as 10.0.0.0/8; others are taken for clients"
    )]
    trusted_proxies: String,
    /// Token for what the admin listener has besides /livez, /readyz and /metrics; without one only programs of this machine may have that
    #[arg(long, env = "COLLAB_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    admin_token: Option<Secret>,
}

impl EdgeArgs {
    /// Networks of proxies.
    pub(super) fn trusted_proxies(&self, errors: &mut Errors) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for text in self.trusted_proxies.split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            match network {
                Some(network) if network.prefix_len() == 0 => errors.add(format_args!(
                    "COLLAB_TRUSTED_PROXIES: {text:?} would believe everybody; name the networks of the proxies"
                )),
                Some(network) => networks.push(network),
                None => errors.add(format_args!(
                    "COLLAB_TRUSTED_PROXIES: {text:?} must be an address or a network, such as 10.0.0.1 or 10.0.0.0/8"
                )),
            }
        }
        networks
    }

    /// The token, which is not repeated in an error.
    pub(super) fn admin_token(&self, errors: &mut Errors) -> Option<Secret> {
        let token = self.admin_token.as_ref()?;
        if token.reveal().len() < TOKEN_CHARS || !token.reveal().bytes().all(|byte| byte.is_ascii_graphic()) {
            errors.add(format_args!(
                "COLLAB_ADMIN_TOKEN: it must have {TOKEN_CHARS} characters or more, all of them printable ASCII without spaces"
            ));
        }
        Some(token.clone())
    }
}
