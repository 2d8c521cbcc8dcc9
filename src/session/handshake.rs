//! What makes a hello a good one, before anybody looks at who it is. Pure.

use crate::ids::ClientId;
use crate::protocol::close::Close;
use crate::protocol::message::Hello;
use crate::protocol::{VERSION, limits::Limits};

/// Why a hello is refused: how the socket is closed, and a sentence.
pub(super) type Refused = (Close, String);

/// Checks a hello and reads its client id.
pub(super) fn check(hello: &Hello, limits: &Limits) -> Result<ClientId, Refused> {
    let (lowest, highest) = hello.versions;
    if lowest > VERSION || highest < VERSION {
        let message =
            format!("this server speaks protocol version {VERSION}, the client {lowest} to {highest}: reload the page");
        return Err((Close::UnsupportedVersion, message));
    }
    let client =
        ClientId::parse(&hello.client).map_err(|e| (Close::Malformed, format!("the key \"client\" of hello: {e}")))?;
    if hello.presence.size() > limits.presence_bytes as usize {
        return Err((
            Close::Malformed,
            format!("the key \"presence\" of hello may have {} bytes", limits.presence_bytes),
        ));
    }
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::message::Credentials;
    use crate::protocol::props::Props;

    fn hello(versions: (u32, u32), client: &str) -> Hello {
        let (client, presence, credentials) = (client.to_owned(), Props::empty(), Credentials::default());
        Hello { versions, features: vec![], client, credentials, position: None, saved: 0, presence }
    }

    #[test]
    fn versions_are_negotiated_and_ids_checked() {
        let check = |versions, client| check(&hello(versions, client), &Limits::default()).map(|_| ()).map_err(|e| e.0);
        assert_eq!(check((1, 1), "a"), Ok(()));
        assert_eq!(check((1, 9), "a"), Ok(()));
        assert_eq!(check((2, 9), "a"), Err(Close::UnsupportedVersion));
        assert_eq!(check((0, 0), "a"), Err(Close::UnsupportedVersion));
        assert_eq!(check((1, 1), "a b"), Err(Close::Malformed));
    }
}
