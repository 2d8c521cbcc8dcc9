//! The frames of a shared socket.

use bytes::Bytes;
use collabcanvas::gateway::shared_frame::{Asked, Closed, binary, closed, read, text_message};
use tokio_tungstenite::tungstenite::Message;

/// The longest reason of a close frame, in bytes.
const REASON: usize = 123;

/// What is passed on is what came; what is no frame is told in a sentence that fits a close frame.
pub(crate) fn check(data: &[u8]) {
    match read(&Bytes::copy_from_slice(data)) {
        Ok((channel, Asked::Pass(Message::Binary(payload)))) => assert_eq!(binary(channel, &payload), same(data)),
        Ok((channel, Asked::Pass(Message::Text(text)))) => assert_eq!(text_message(channel, &text), same(data)),
        Ok((channel, Asked::Pass(Message::Close(Some(frame))))) => {
            assert!(frame.reason.len() <= REASON);
            let written = closed(channel, &Closed::by_session(Some(frame.clone()))).into_data();
            assert_eq!(read(&written), Ok((channel, Asked::Pass(Message::Close(Some(frame))))));
        }
        Ok((channel, Asked::Pass(Message::Close(None)))) => assert_eq!(data[1..], channel.to_be_bytes()),
        Ok((_, Asked::Pass(other))) => panic!("no frame asks for {other:?}"),
        Ok((channel, Asked::Open { project, offered })) => {
            assert!(!project.contains(' '));
            let asked = format!("{project} {offered}");
            let payload = std::str::from_utf8(&data[5..]).expect("it was read");
            assert!(asked == payload || offered.is_empty() && project == payload);
            assert_eq!(data[1..5], channel.to_be_bytes());
        }
        Err(why) => assert!(why.len() <= REASON),
    }
}

fn same(data: &[u8]) -> Message {
    Message::binary(data.to_vec())
}
