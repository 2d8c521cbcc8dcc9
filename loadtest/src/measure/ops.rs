//! What the generator's clients send: moves, creations, deletions and cursors, with a stamp in them that [`super::decode`] finds again. Pure.

use super::decode::Stamp;
use collabcanvas::protocol::pack;

/// Bytes of a message of the floor: with its header 54, the shortest in which any server that we know passes a move on.
pub const FLOOR_BYTES: usize = 52;

fn place(out: &mut Vec<u8>, stamp: Stamp) {
    pack::str(out, "x");
    pack::float(out, stamp.due);
    pack::str(out, "y");
    pack::float(out, stamp.sender);
}

/// The properties of a rectangle, those of a common whiteboard.
fn rectangle(out: &mut Vec<u8>, id: &str, stamp: Stamp) {
    pack::map(out, 13);
    for (key, value) in [("id", id), ("type", "rectangle")] {
        pack::str(out, key);
        pack::str(out, value);
    }
    place(out, stamp);
    for (key, value) in
        [("width", 120), ("height", 80), ("angle", 0), ("strokeWidth", 2), ("opacity", 100), ("version", 1)]
    {
        pack::str(out, key);
        pack::uint(out, value);
    }
    for (key, value) in [("strokeColor", "#1e1e1e"), ("backgroundColor", "#3b82f6"), ("fillStyle", "solid")] {
        pack::str(out, key);
        pack::str(out, value);
    }
}

fn head(out: &mut Vec<u8>, pairs: usize, op: &str, id: &str) {
    pack::map(out, pairs);
    pack::str(out, "op");
    pack::str(out, op);
    pack::str(out, "id");
    pack::str(out, id);
}

/// The id of one of the rectangles that are there before the load begins.
#[must_use]
pub fn first_id(number: usize) -> String {
    format!("obj-{number:05}")
}

/// A list of one op that moves a rectangle.
#[must_use]
pub fn update(id: &str, stamp: Stamp) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    pack::array(&mut out, 1);
    head(&mut out, 3, "update", id);
    pack::str(&mut out, "set");
    pack::map(&mut out, 2);
    place(&mut out, stamp);
    out
}

/// A list of ops that create rectangles.
#[must_use]
pub fn create(rectangles: impl ExactSizeIterator<Item = (String, Stamp)>) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 * rectangles.len());
    pack::array(&mut out, rectangles.len());
    for (id, stamp) in rectangles {
        head(&mut out, 3, "create", &id);
        pack::str(&mut out, "props");
        rectangle(&mut out, &id, stamp);
    }
    out
}

/// A list of one op that deletes an object.
#[must_use]
pub fn delete(id: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(32);
    pack::array(&mut out, 1);
    head(&mut out, 2, "delete", id);
    out
}

/// A `presence` message that moves the cursor.
#[must_use]
pub fn cursor(stamp: Stamp) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    pack::map(&mut out, 2);
    pack::str(&mut out, "t");
    pack::str(&mut out, "presence");
    pack::str(&mut out, "set");
    pack::map(&mut out, 1);
    pack::str(&mut out, "cursor");
    pack::array(&mut out, 2);
    pack::float(&mut out, stamp.due);
    pack::float(&mut out, stamp.sender);
    out
}

/// A message for the floor: the stamp, then as many bytes as it takes.
#[must_use]
pub fn for_floor(stamp: Stamp, bytes: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes);
    out.extend_from_slice(&stamp.due.to_be_bytes());
    out.extend_from_slice(&stamp.sender.to_be_bytes());
    out.resize(bytes.max(out.len()), 0);
    out
}

/// The stamp of such a message.
#[must_use]
pub fn from_floor(message: &[u8]) -> Option<Stamp> {
    let (due, rest) = message.split_first_chunk::<8>()?;
    let (sender, _) = rest.split_first_chunk::<8>()?;
    Some(Stamp { due: f64::from_be_bytes(*due), sender: f64::from_be_bytes(*sender) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::from_json;

    const STAMP: Stamp = Stamp { due: 1_500.0, sender: 7.0 };

    #[test]
    fn ops_are_what_the_protocol_says() {
        assert_eq!(
            update("obj-00042", STAMP),
            from_json(r#"[{"op":"update","id":"obj-00042","set":{"x":1500.0,"y":7.0}}]"#)
        );
        let rectangle = r##"{"op":"create","id":"a","props":{"id":"a","type":"rectangle","x":1500.0,"y":7.0,"width":120,"height":80,"angle":0,
            "strokeWidth":2,"opacity":100,"version":1,"strokeColor":"#1e1e1e","backgroundColor":"#3b82f6","fillStyle":"solid"}}"##;
        assert_eq!(create(std::iter::once(("a".to_owned(), STAMP))), from_json(&format!("[{rectangle}]")));
        assert_eq!(delete("a"), from_json(r#"[{"op":"delete","id":"a"}]"#));
        assert_eq!(cursor(STAMP), from_json(r#"{"t":"presence","set":{"cursor":[1500.0,7.0]}}"#));
    }

    #[test]
    fn the_floor_gets_as_many_bytes_as_it_should() {
        let message = for_floor(STAMP, FLOOR_BYTES);
        assert_eq!((message.len(), from_floor(&message)), (FLOOR_BYTES, Some(STAMP)));
        assert_eq!(from_floor(&message[..15]), None);
    }
}
