//! How a project's hot state lies in Redis: what scripts and nodes both read. Pure.

use crate::hot::{ClientState, HotError};
use crate::ids::{CommitId, Epoch, ObjectId, Position, Seq};
use crate::project::canvas::{Canvas, Object};
use crate::protocol::limits::FRAME_DEPTH;
use crate::protocol::props::Props;
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

/// Field of `objects` and `clients` that holds the epoch. No object id has this character, no author this length.
pub(super) const EPOCH_FIELD: &[u8] = b"!";
/// What stands where a rev would be: for a script an object that must not be there, in `objects` one that cannot be read and was set aside.
pub(super) const NO_REV: [u8; 8] = [0xff; 8];

/// What is wrong with stored bytes: a fault of ours or of who else writes there, so nobody should go on.
pub(super) fn damaged(what: &str) -> HotError {
    HotError::Refused(format!("what Redis has is damaged: {what}; a heal replaces it"))
}

/// 24 bytes: epoch, seq, commit id.
pub(super) fn position(position: Position) -> [u8; 24] {
    let mut out = [0; 24];
    out[..8].copy_from_slice(&position.epoch.to_be_bytes());
    out[8..16].copy_from_slice(&position.seq.to_be_bytes());
    out[16..].copy_from_slice(&position.id.0);
    out
}

/// Eight bytes at a place; zeros past the end.
pub(super) fn eight(bytes: &[u8], at: usize) -> [u8; 8] {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).unwrap_or_default()
}

/// The number in eight bytes at a place.
pub(super) fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(eight(bytes, at))
}

/// Reads what [`position`] wrote.
pub(super) fn read_position(bytes: &[u8]) -> Result<Position, HotError> {
    if bytes.len() != 24 {
        return Err(damaged("a position is not of 24 bytes"));
    }
    Ok(Position { epoch: number(bytes, 0), seq: number(bytes, 8), id: CommitId(eight(bytes, 16)) })
}

/// 16 bytes: the seq below the log and the commit id there.
pub(super) fn base(seq: Seq, id: CommitId) -> [u8; 16] {
    let mut out = [0; 16];
    out[..8].copy_from_slice(&seq.to_be_bytes());
    out[8..].copy_from_slice(&id.0);
    out
}

/// A field of `objects`: the rev, then the props.
pub(super) fn object(rev: Seq, props: &Props) -> Vec<u8> {
    [&rev.to_be_bytes()[..], props.as_bytes()].concat()
}

/// The same for an object that could not be read.
pub(super) fn aside(raw: &[u8]) -> Vec<u8> {
    [&NO_REV[..], raw].concat()
}

/// Puts a field of `objects` into a canvas; one that cannot be read is set aside as it is.
pub(super) fn read_object(canvas: &mut Canvas, field: &[u8], value: &[u8]) {
    let id = std::str::from_utf8(field).ok().and_then(|text| ObjectId::parse(text).ok());
    let sound = value.split_at_checked(8).filter(|(rev, _)| *rev != NO_REV);
    let props = sound.and_then(|(_, props)| Props::parse(props, FRAME_DEPTH - 1).ok());
    match (id, props) {
        (Some(id), Some(props)) => canvas.set(id, Some(Object { rev: number(value, 0), props })),
        (id, _) => {
            let raw = value.strip_prefix(&NO_REV).unwrap_or(value);
            canvas.quarantine(id.unwrap_or_else(|| made_name(field)), Bytes::copy_from_slice(raw));
        }
    }
}

/// A name for a field that has none.
fn made_name(field: &[u8]) -> ObjectId {
    ObjectId::parse(&format!("unreadable-{:016x}", xxh3_64(field))).expect("letters, digits and a hyphen")
}

/// A field of `clients`: cid, seq, digest.
pub(super) fn client(state: ClientState) -> [u8; 24] {
    let mut out = [0; 24];
    out[..8].copy_from_slice(&state.cid.to_be_bytes());
    out[8..16].copy_from_slice(&state.seq.to_be_bytes());
    out[16..].copy_from_slice(&state.digest.to_be_bytes());
    out
}

/// Reads what [`client`] wrote.
pub(super) fn read_client(bytes: &[u8]) -> Result<ClientState, HotError> {
    if bytes.len() != 24 {
        return Err(damaged("a client is not of 24 bytes"));
    }
    Ok(ClientState { cid: number(bytes, 0), seq: number(bytes, 8), digest: number(bytes, 16) })
}

/// The field of [`EPOCH_FIELD`].
pub(super) fn epoch(epoch: Epoch) -> [u8; 8] {
    epoch.to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::canvas::View as _;

    #[test]
    fn what_is_written_is_read() {
        let at = Position { epoch: 3, seq: 1 << 40, id: CommitId([7; 8]) };
        assert_eq!(read_position(&position(at)), Ok(at));
        let state = ClientState { cid: 5, seq: 9, digest: u64::MAX };
        assert_eq!(read_client(&client(state)), Ok(state));
        assert!(read_position(&[0; 23]).is_err() && read_client(&[]).is_err());
        assert_eq!(base(2, CommitId([1; 8]))[7..9], [2, 1]);
    }

    #[test]
    fn an_object_that_cannot_be_read_is_set_aside_and_stays_so() {
        let mut canvas = Canvas::new();
        read_object(&mut canvas, b"good", &object(4, &Props::empty()));
        read_object(&mut canvas, b"bad", &[&4_u64.to_be_bytes()[..], &[0xc1]].concat());
        read_object(&mut canvas, b"short", &[1, 2]);
        read_object(&mut canvas, b"n a m e", &object(4, &Props::empty()));
        // What was set aside could by chance look sound.
        read_object(&mut canvas, b"aside", &aside(Props::empty().as_bytes()));
        assert_eq!((canvas.len(), canvas.quarantined().len()), (1, 4));
        let id = ObjectId::parse("aside").expect("id");
        let raw = canvas.quarantined().find(|(at, _)| **at == id).map(|(_, raw)| raw.clone());
        assert_eq!(raw.as_deref(), Some(Props::empty().as_bytes()));
        assert!(canvas.is_quarantined(&ObjectId::parse("short").expect("id")));
    }
}
