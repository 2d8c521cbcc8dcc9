//! Short frames: what is said most, without words. For MessagePack clients that ask for it (`PROTOCOL.md`, section 10).
//!
//! A list instead of a map; the first member is the kind. Authors and sessions have numbers, which a frame of kind [`NAMES`] gives them.

use super::Encoding;
use super::commit::{Commit, Origin, Outcome};
use super::frame::Frame;
use super::pack;
use super::props::Props;
use super::scan::Malformed;
use super::unpack::Reader;
use crate::ids::{Author, Cid, CommitId, Seq, SessionId};

/// The feature's name in `hello` and `welcome`.
pub const FEATURE: &str = "short";

/// `[0, from, [author or session …]]`: these have the numbers from `from` on.
pub const NAMES: u64 = 0;
/// `[1, seq, id, [[author, cid, changes] …]]`.
pub const COMMITS: u64 = 1;
/// `[2, [[session, fields] …]]`.
pub const PRESENCE: u64 = 2;
/// `[3, cid, seq]`.
pub const ACK: u64 = 3;
/// `[4, cid, seq]`.
pub const SAVED: u64 = 4;

/// The kinds of changes; a kind's number is its place.
pub const CHANGES: [&str; 3] = ["put", "set", "del"];

/// What a number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Name {
    /// Who made commits.
    Author(Author),
    /// Whose presence it is.
    Session(SessionId),
}

/// A number that stands for a name.
pub type Number = u32;

fn list(members: usize, kind: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    pack::array(&mut out, members);
    pack::uint(&mut out, kind);
    out
}

fn frame(payload: &[u8]) -> Frame {
    Frame::new(payload, Encoding::MessagePack)
}

/// Numbers from `from` on for these names.
#[must_use]
pub fn names(from: Number, names: &[Name]) -> Frame {
    let mut out = list(3, NAMES);
    pack::uint(&mut out, from.into());
    pack::array(&mut out, names.len());
    for name in names {
        match name {
            Name::Author(author) => pack::str(&mut out, &author.text()),
            Name::Session(session) => pack::uint(&mut out, *session),
        }
    }
    frame(&out)
}

/// Commits from `seq` on.
#[must_use]
pub fn commits<'a>(
    seq: Seq,
    commits: impl ExactSizeIterator<Item = &'a Commit>,
    number: impl Fn(Name) -> Number,
) -> Frame {
    let (mut bodies, count, mut last) = (Vec::with_capacity(64 * commits.len()), commits.len(), CommitId::NONE);
    for commit in commits {
        body(&mut bodies, commit, &number).expect("changes are checked when they are made or read");
        last = commit.id;
    }
    let mut out = list(4, COMMITS);
    pack::uint(&mut out, seq);
    pack::bin(&mut out, &last.0);
    pack::array(&mut out, count);
    out.extend_from_slice(&bodies);
    frame(&out)
}

fn body(out: &mut Vec<u8>, commit: &Commit, number: impl Fn(Name) -> Number) -> Result<(), Malformed> {
    pack::array(out, if matches!(commit.outcome, Outcome::Refused(_)) { 4 } else { 3 });
    match commit.origin {
        Origin::Client { author, cid, .. } => {
            pack::uint(out, number(Name::Author(author)).into());
            pack::uint(out, cid);
        }
        Origin::Server => {
            pack::nil(out);
            pack::uint(out, 0);
        }
    }
    match &commit.outcome {
        Outcome::Changed(changes) => {
            let mut reader = Reader::new(changes.as_bytes());
            let count = reader.array()?;
            pack::array(out, count);
            (0..count).try_for_each(|_| change(out, &mut reader))
        }
        Outcome::Refused(code) => {
            pack::array(out, 0);
            pack::str(out, code.as_str());
            Ok(())
        }
    }
}

fn change(out: &mut Vec<u8>, reader: &mut Reader<'_>) -> Result<(), Malformed> {
    let parts = reader.array()?;
    let kind = reader.str()?;
    let number = CHANGES.iter().position(|known| *known == kind).ok_or(Malformed::Expected("a kind of change"))?;
    pack::array(out, parts);
    pack::uint(out, number as u64);
    (1..parts).try_for_each(|_| reader.raw().map(|raw| out.extend_from_slice(raw)))
}

/// Fields that have changed, of a session that was told of before: a line of [`presence`].
#[must_use]
pub fn presence_line(session: Number, fields: &Props) -> Vec<u8> {
    let mut out = Vec::with_capacity(fields.as_bytes().len() + 8);
    pack::array(&mut out, 2);
    pack::uint(&mut out, session.into());
    out.extend_from_slice(fields.as_bytes());
    out
}

/// What has changed of several sessions.
#[must_use]
pub fn presence<'a>(lines: impl ExactSizeIterator<Item = &'a [u8]>) -> Frame {
    let mut out = list(2, PRESENCE);
    pack::array(&mut out, lines.len());
    lines.for_each(|line| out.extend_from_slice(line));
    frame(&out)
}

/// Every batch up to `cid` is answered, and nothing was gone.
#[must_use]
pub fn ack(cid: Cid, seq: Seq) -> Frame {
    pair(ACK, cid, seq)
}

/// Durable so far.
#[must_use]
pub fn saved(cid: Cid, seq: Seq) -> Frame {
    pair(SAVED, cid, seq)
}

fn pair(kind: u64, cid: Cid, seq: Seq) -> Frame {
    let mut out = list(3, kind);
    pack::uint(&mut out, cid);
    pack::uint(&mut out, seq);
    frame(&out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::json::to_json;
    use crate::protocol::refusal::Code;
    use crate::protocol::unpack::Reader;

    fn json(frame: &Frame) -> String {
        to_json(frame.payload()).expect("sound")
    }

    #[test]
    fn every_kind_is_what_the_protocol_says() {
        let author = Author([1; 8]);
        let list = [Name::Author(author), Name::Session(9_007)];
        assert_eq!(json(&names(7, &list)), r#"[0,7,["AQEBAQEBAQE",9007]]"#);
        assert_eq!(json(&ack(3, 41)), "[3,3,41]");
        assert_eq!(json(&saved(2, 40)), "[4,2,40]");
        let fields = Props::parse(&crate::protocol::json::from_json(r#"{"cursor":[1.0,2.0]}"#).expect("JSON"), 32);
        let fields = fields.expect("props");
        assert_eq!(
            json(&presence([presence_line(1, &fields).as_slice()].into_iter())),
            r#"[2,[[1,{"cursor":[1.0,2.0]}]]]"#
        );
    }

    #[test]
    fn changes_keep_their_values_byte_for_byte() {
        use crate::protocol::change::Changes;
        let raw = crate::protocol::json::from_json(
            r#"[["put","a",{"x":-0.0}],["set","b",{"x":{"$mp":"ywAAAAAAAAAA"}},["y"]],["del","c"]]"#,
        );
        let changes = Changes::parse(&raw.expect("JSON")).expect("changes");
        let origin = Origin::Client { author: Author([2; 8]), cid: 5, digest: 0 };
        let changed = Commit { id: CommitId([3; 8]), origin, outcome: Outcome::Changed(changes) };
        let id = changed.id;
        let refused = Commit { id, origin, outcome: Outcome::Refused(Code::Exists) };
        let server = Commit { id, origin: Origin::Server, outcome: Outcome::Changed(Changes::none()) };
        let frame = commits(41, [&changed, &refused, &server].into_iter(), |_| 6);
        let mut reader = Reader::new(frame.payload());
        assert_eq!((reader.array(), reader.uint(), reader.uint()), (Ok(4), Ok(COMMITS), Ok(41)));
        assert_eq!(reader.bin8(), Ok([3; 8]));
        assert_eq!(
            to_json(reader.raw().expect("a list")).expect("sound"),
            r#"[[6,5,[[0,"a",{"x":-0.0}],[1,"b",{"x":0.0},["y"]],[2,"c"]]],[6,5,[],"exists"],[null,0,[]]]"#
        );
    }
}
