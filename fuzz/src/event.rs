//! Events between nodes.

use collabcanvas::fanout::wire;

/// What can be read is written again as something that reads as the same; what cannot is told in a sentence.
pub(crate) fn check(data: &[u8]) {
    match wire::decode(data) {
        Ok((event, sent_us)) => {
            let written = wire::encode(&event, sent_us.unwrap_or_default()).expect("what was read travels");
            assert_eq!(wire::node_of(&written), wire::node_of(data));
            assert_eq!(wire::decode(&written), Ok((event, sent_us)));
        }
        Err(error) => assert!(error.to_string().len() < 1_024, "an error that grows with the event"),
    }
}
