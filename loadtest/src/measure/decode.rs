//! A quick look at the messages that come most: who did it and when it was due, without a copy and without the rest.
//!
//! Knows what [`super::ops`] writes. Whether the frames are right in every part is for the witness to say.

use crate::short::Names;
use collabcanvas::ids::CommitId;
use collabcanvas::protocol::scan::Malformed;
use collabcanvas::protocol::short::{COMMITS, PRESENCE};
use collabcanvas::protocol::unpack::Reader;
use smol_str::SmolStr;

/// What the generator has written into an op.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stamp {
    /// When it was due: microseconds from the start of the run.
    pub due: f64,
    /// Number of the client that sent it.
    pub sender: f64,
}

impl Stamp {
    /// The sender as a number.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the generator's own small numbers")]
    pub fn number(&self) -> usize {
        self.sender as usize
    }
}

/// A frame with commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commits {
    /// Seq of the first.
    pub seq: u64,
    /// How many.
    pub count: u64,
    /// Id of the last.
    pub id: SmolStr,
}

/// The type of a message, and a reader of what follows; `None` when `t` is not its first key.
fn kind(frame: &[u8]) -> Result<Option<(&str, Reader<'_>, usize)>, Malformed> {
    let mut reader = Reader::new(frame);
    let pairs = reader.map()?;
    if pairs == 0 || reader.str()? != "t" {
        return Ok(None);
    }
    Ok(Some((reader.str()?, reader, pairs - 1)))
}

/// Calls `each` for every commit of a frame with commits, short or not: its author, and its stamp, which a deletion has not. `None` when it is another
/// frame.
///
/// # Errors
/// [`Malformed`].
pub fn commits(
    names: &Names,
    frame: &[u8],
    mut each: impl FnMut(&str, Option<Stamp>),
) -> Result<Option<Commits>, Malformed> {
    if Names::is_short(frame) {
        let (COMMITS, mut reader) = short(frame)? else { return Ok(None) };
        let (seq, id) = (reader.uint()?, CommitId(reader.bin8()?));
        let count = list(&mut reader, |reader| names.author(reader), &mut each)?;
        return Ok(Some(Commits { seq, count, id: id.text().as_str().into() }));
    }
    let Some(("commits", mut reader, pairs)) = kind(frame)? else { return Ok(None) };
    let mut found = Commits { seq: 0, count: 0, id: SmolStr::default() };
    for _ in 0..pairs {
        match reader.str()? {
            "seq" => found.seq = reader.uint()?,
            "id" => found.id = reader.str()?.into(),
            "commits" => found.count = list(&mut reader, Reader::str, &mut each)?,
            _ => drop(reader.raw()?),
        }
    }
    Ok(Some(found))
}

/// The kind of a short frame, and a reader of what follows.
fn short(frame: &[u8]) -> Result<(u64, Reader<'_>), Malformed> {
    let mut reader = Reader::new(frame);
    reader.array()?;
    Ok((reader.uint()?, reader))
}

/// Passes a list of commits whose authors are read so; returns how many there were.
fn list<'a, 'n>(
    reader: &mut Reader<'a>,
    author: impl Fn(&mut Reader<'a>) -> Result<&'n str, Malformed>,
    mut each: impl FnMut(&str, Option<Stamp>),
) -> Result<u64, Malformed> {
    let count = reader.array()?;
    for _ in 0..count {
        let parts = reader.array()?;
        let author = author(reader)?;
        reader.uint()?;
        let stamp = changes(reader)?;
        if parts > 3 {
            reader.raw()?;
        }
        each(author, stamp);
    }
    Ok(count as u64)
}

/// Calls `each` for every session of a frame with presence, short or not, that tells where its cursor is. `None` when it is another frame.
///
/// # Errors
/// [`Malformed`].
pub fn presence(names: &Names, frame: &[u8], mut each: impl FnMut(u64, Stamp)) -> Result<Option<()>, Malformed> {
    if Names::is_short(frame) {
        let (PRESENCE, mut reader) = short(frame)? else { return Ok(None) };
        sessions(&mut reader, |reader| names.session(reader), &mut each)?;
        return Ok(Some(()));
    }
    let Some(("presence", mut reader, pairs)) = kind(frame)? else { return Ok(None) };
    for _ in 0..pairs {
        if reader.str()? == "sessions" {
            sessions(&mut reader, |reader| reader.uint(), &mut each)?;
        } else {
            reader.raw()?;
        }
    }
    Ok(Some(()))
}

/// Passes a list of sessions that are read so.
fn sessions(
    reader: &mut Reader<'_>,
    session: impl Fn(&mut Reader<'_>) -> Result<u64, Malformed>,
    mut each: impl FnMut(u64, Stamp),
) -> Result<(), Malformed> {
    for _ in 0..reader.array()? {
        let parts = reader.array()?;
        let session = session(reader)?;
        if let (fields, true) = (reader.raw()?, parts > 1)
            && let Some(stamp) = cursor(fields)?
        {
            each(session, stamp);
        }
        (2..parts).try_for_each(|_| reader.raw().map(drop))?;
    }
    Ok(())
}

/// Whether a `snapshot` message is the last chunk; `None` when it is another message. What is in it is not looked at.
///
/// # Errors
/// [`Malformed`].
pub fn snapshot(frame: &[u8]) -> Result<Option<bool>, Malformed> {
    if Names::is_short(frame) {
        return Ok(None);
    }
    let Some(("snapshot", mut reader, pairs)) = kind(frame)? else { return Ok(None) };
    let mut last = false;
    for _ in 0..pairs {
        if reader.str()? == "last" {
            last = reader.bool()?;
        } else {
            reader.raw()?;
        }
    }
    Ok(Some(last))
}

/// Passes a list of changes; returns the stamp of the first. In one go, as there are millions a second.
fn changes(reader: &mut Reader<'_>) -> Result<Option<Stamp>, Malformed> {
    let mut stamp = None;
    for n in 0..reader.array()? {
        let mut parts = reader.array()?;
        // What it is, and the object's id.
        for _ in 0..parts.min(2) {
            reader.raw()?;
        }
        parts = parts.saturating_sub(2);
        if n == 0 && parts > 0 {
            stamp = place(reader)?;
            parts -= 1;
        }
        (0..parts).try_for_each(|_| reader.raw().map(drop))?;
    }
    Ok(stamp)
}

/// Passes properties; returns the stamp in them.
fn place(reader: &mut Reader<'_>) -> Result<Option<Stamp>, Malformed> {
    let (mut x, mut y) = (None, None);
    for _ in 0..reader.map()? {
        match reader.str()? {
            "x" => x = float(reader.raw()?),
            "y" => y = float(reader.raw()?),
            _ => drop(reader.raw()?),
        }
    }
    Ok(x.zip(y).map(|(due, sender)| Stamp { due, sender }))
}

fn cursor(fields: &[u8]) -> Result<Option<Stamp>, Malformed> {
    let mut reader = Reader::new(fields);
    if reader.nil() {
        return Ok(None);
    }
    for _ in 0..reader.map()? {
        if reader.str()? != "cursor" {
            reader.raw()?;
            continue;
        }
        let mut place = Reader::new(reader.raw()?);
        if place.nil() || place.array()? != 2 {
            return Ok(None);
        }
        let stamp = float(place.raw()?).zip(float(place.raw()?));
        return Ok(stamp.map(|(due, sender)| Stamp { due, sender }));
    }
    Ok(None)
}

/// A 64-bit float; what is anything else is not ours.
fn float(raw: &[u8]) -> Option<f64> {
    let (0xcb, bytes) = raw.split_first().map(|(head, rest)| (*head, rest))? else { return None };
    Some(f64::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::from_json;

    #[test]
    fn commits_are_counted_and_their_stamps_read() {
        let frame = from_json(
            r#"{"t":"commits","seq":41,"id":"kq0T_mGxJ2c","commits":[["ana",8,[["put","r1",{"type":"rect","x":10.0,"y":3.0}]]],
               ["ben",3,[],"exists"],["ben",4,[["del","r1"]]],["eve",9,[["set","r2",{"y":7.0,"x":12.5},["color"]]]],
               ["eve",10,[["set","r2",{"x":1,"y":2.0}]]]]}"#,
        );
        let mut seen = Vec::new();
        let found = commits(&Names::default(), &frame, |author, stamp| seen.push((author.to_owned(), stamp)));
        assert_eq!(found, Ok(Some(Commits { seq: 41, count: 5, id: "kq0T_mGxJ2c".into() })));
        let stamp = |due, sender| Some(Stamp { due, sender });
        let expected = [
            ("ana".to_owned(), stamp(10.0, 3.0)),
            ("ben".to_owned(), None),
            ("ben".to_owned(), None),
            ("eve".to_owned(), stamp(12.5, 7.0)),
            ("eve".to_owned(), None),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn cursors_are_read() {
        let frame = from_json(
            r#"{"t":"presence","sessions":[[7,{"name":"a","cursor":[10.0,2.0]},{"author":"ana"}],[8,null],[9,{"cursor":null}],[10,{"cursor":[1.0,4.0]}]]}"#,
        );
        let mut seen = Vec::new();
        let found = presence(&Names::default(), &frame, |session, stamp| seen.push((session, stamp.due, stamp.sender)));
        assert_eq!((found, seen), (Ok(Some(())), vec![(7, 10.0, 2.0), (10, 1.0, 4.0)]));
    }

    #[test]
    fn short_frames_are_looked_at_likewise() {
        let mut names = Names::default();
        names.read(&from_json(r#"[0,0,["ana",7]]"#), crate::Encoding::MessagePack).expect("names");
        let frame = from_json(r#"[1,41,{"$mp":"xAgBAQEBAQEBAQ=="},[[0,8,[[1,"r1",{"x":10.0,"y":3.0}]]],[null,0,[]]]]"#);
        let mut seen = Vec::new();
        let found = commits(&names, &frame, |author, stamp| seen.push((author.to_owned(), stamp)));
        assert_eq!(found, Ok(Some(Commits { seq: 41, count: 2, id: "AQEBAQEBAQE".into() })));
        let stamp = Stamp { due: 10.0, sender: 3.0 };
        assert_eq!(seen, [("ana".to_owned(), Some(stamp)), (String::new(), None)]);
        let (mut seen, frame) = (Vec::new(), from_json(r#"[2,[[1,{"cursor":[10.0,3.0]}]]]"#));
        assert_eq!(commits(&names, &frame, |_, _| ()), Ok(None));
        assert_eq!(presence(&names, &frame, |session, stamp| seen.push((session, stamp))), Ok(Some(())));
        assert_eq!(seen, [(7, stamp)]);
    }

    #[test]
    fn other_messages_and_broken_ones_are_told_apart() {
        let names = Names::default();
        let ack = from_json(r#"{"t":"ack","cid":1,"seq":1}"#);
        assert_eq!((commits(&names, &ack, |_, _| ()), presence(&names, &ack, |_, _| ())), (Ok(None), Ok(None)));
        let chunk = from_json(r#"{"t":"snapshot","n":3,"last":true,"objects":[["r",2,{"x":1.0}]]}"#);
        assert_eq!((snapshot(&ack), snapshot(&chunk)), (Ok(None), Ok(Some(true))));
        let whole = from_json(r#"{"t":"commits","seq":1,"id":"a","commits":[["ana",1,[["del","r"]]]]}"#);
        for cut in 0..whole.len() {
            assert!(!matches!(commits(&names, &whole[..cut], |_, _| ()), Ok(Some(_))), "{cut} bytes");
        }
    }
}
