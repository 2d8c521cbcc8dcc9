//! Short frames, read: what the numbers in them stand for, and the messages that they are.

use crate::Encoding;
use crate::wire::{self, Change, Commit, Message, Present, Unreadable};
use collabcanvas::ids::CommitId;
use collabcanvas::protocol::scan::Malformed;
use collabcanvas::protocol::short::{ACK, CHANGES, COMMITS, NAMES, PRESENCE, SAVED};
use collabcanvas::protocol::unpack::Reader;
use smol_str::SmolStr;

/// What a number stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Author(SmolStr),
    Session(u64),
}

/// What the numbers of a session stand for.
#[derive(Debug, Clone, Default)]
pub struct Names(Vec<Name>);

impl Names {
    /// Whether a frame is a short one: a list.
    #[must_use]
    pub fn is_short(frame: &[u8]) -> bool {
        frame.first().is_some_and(|head| head & 0xf0 == 0x90)
    }

    /// Reads a frame of the server, short or not. Names are noted.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read(&mut self, frame: &[u8], encoding: Encoding) -> Result<Message, Unreadable> {
        if encoding == Encoding::MessagePack && Self::is_short(frame) {
            return self.short(frame);
        }
        let message = wire::read(frame, encoding)?;
        if matches!(message, Message::Welcome(_)) {
            self.0.clear();
        }
        Ok(message)
    }

    fn short(&mut self, frame: &[u8]) -> Result<Message, Unreadable> {
        let mut reader = Reader::new(frame);
        reader.array()?;
        let kind = reader.uint()?;
        Ok(match kind {
            NAMES => {
                self.learn(&mut reader)?;
                Message::Names
            }
            COMMITS => {
                let (seq, id) = (reader.uint()?, CommitId(reader.bin8()?));
                let commits = wire::list(&mut reader, |reader| self.commit(reader))?;
                Message::Commits(seq, id.text().as_str().into(), commits)
            }
            PRESENCE => Message::Presence(false, wire::list(&mut reader, |reader| self.present(reader))?),
            ACK => Message::Ack(reader.uint()?, reader.uint()?, Vec::new()),
            SAVED => Message::Saved(reader.uint()?, reader.uint()?),
            other => return Err(Unreadable::new(format!("a short frame of the unknown kind {other}"))),
        })
    }

    /// Notes the names of a frame, from behind its kind on.
    pub(crate) fn learn(&mut self, reader: &mut Reader<'_>) -> Result<(), Unreadable> {
        let from = usize::try_from(reader.uint()?).unwrap_or(usize::MAX);
        if from > self.0.len() {
            return Err(Unreadable::new(format!("names from {from} on, behind {}", self.0.len())));
        }
        self.0.truncate(from);
        for _ in 0..reader.array()? {
            let mut ahead = reader.clone();
            let name = match ahead.uint() {
                Ok(session) => {
                    *reader = ahead;
                    Name::Session(session)
                }
                Err(_) => Name::Author(reader.str()?.into()),
            };
            self.0.push(name);
        }
        Ok(())
    }

    fn get(&self, number: u64) -> Result<&Name, Malformed> {
        let place = usize::try_from(number).ok();
        place.and_then(|place| self.0.get(place)).ok_or(Malformed::Expected("a number that has a name"))
    }

    /// The author whose number comes next; nobody (the server) when it is nil.
    ///
    /// # Errors
    /// [`Malformed`], also when no author has the number.
    pub fn author(&self, reader: &mut Reader<'_>) -> Result<&str, Malformed> {
        if reader.nil() {
            return Ok("");
        }
        match self.get(reader.uint()?)? {
            Name::Author(author) => Ok(author),
            Name::Session(_) => Err(Malformed::Expected("an author's number")),
        }
    }

    /// The session whose number comes next.
    ///
    /// # Errors
    /// [`Malformed`], also when no session has the number.
    pub fn session(&self, reader: &mut Reader<'_>) -> Result<u64, Malformed> {
        match self.get(reader.uint()?)? {
            Name::Session(session) => Ok(*session),
            Name::Author(_) => Err(Malformed::Expected("a session's number")),
        }
    }

    fn commit(&self, reader: &mut Reader<'_>) -> Result<Commit, Unreadable> {
        let parts = reader.array()?;
        Ok(Commit {
            author: self.author(reader)?.into(),
            cid: reader.uint()?,
            changes: wire::list(reader, change)?,
            refused: (parts > 3).then(|| reader.str().map(SmolStr::from)).transpose()?,
        })
    }

    fn present(&self, reader: &mut Reader<'_>) -> Result<Present, Unreadable> {
        reader.array()?;
        Ok(Present { session: self.session(reader)?, fields: Some(wire::fields(reader)?), author: None })
    }
}

fn change(reader: &mut Reader<'_>) -> Result<Change, Unreadable> {
    let parts = reader.array()?;
    let number = usize::try_from(reader.uint()?).unwrap_or(usize::MAX);
    let kind = CHANGES.get(number).ok_or_else(|| Unreadable::new(format!("a change of the kind {number}")))?;
    wire::change_of(kind, parts, reader)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::say::from_json;

    #[test]
    fn short_frames_are_the_messages_that_they_stand_for() {
        let mut names = Names::default();
        let mut read = |json: &str| names.read(&from_json(json), Encoding::MessagePack);
        assert_eq!(read(r#"[0,0,["ana",77]]"#), Ok(Message::Names));
        assert_eq!(read(r#"[0,2,["ben"]]"#), Ok(Message::Names));
        let id = r#"{"$mp":"xAgBAQEBAQEBAQ=="}"#;
        let commits = read(&format!(
            r#"[1,41,{id},[[0,8,[[0,"r",{{"x":1}}],[1,"s",{{}},["y"]],[2,"o"]]],[2,3,[],"exists"],[null,0,[]]]]"#
        ));
        let long = r#"{"t":"commits","seq":41,"id":"AQEBAQEBAQE","commits":[["ana",8,[["put","r",{"x":1}],["set","s",{},["y"]],["del","o"]]],["ben",3,[],"exists"],["",0,[]]]}"#;
        assert_eq!(commits, wire::read(&from_json(long), Encoding::MessagePack));
        let long = r#"{"t":"presence","sessions":[[77,{"cursor":[1,2]}]]}"#;
        assert_eq!(read(r#"[2,[[1,{"cursor":[1,2]}]]]"#), wire::read(&from_json(long), Encoding::MessagePack));
        assert_eq!(read("[3,5,9]"), Ok(Message::Ack(5, 9, Vec::new())));
        assert_eq!(read("[4,5,9]"), Ok(Message::Saved(5, 9)));
        for wrong in [r#"[2,[[0,{}]]]"#, r#"[2,[[9,{}]]]"#, r#"[0,9,["eve"]]"#, "[9]", "[]"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(read(r#"[0,0,["eve"]]"#), Ok(Message::Names));
        assert!(read("[2,[[1,{}]]]").is_err(), "numbering has started over");
    }
}
