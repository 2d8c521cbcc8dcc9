//! One session's line of presence, as it travels to clients and between nodes.

use super::limits::FRAME_DEPTH;
use super::message::{PresenceEntry, Role, Who};
use super::pack;
use super::props::{InvalidProps, Props};
use super::scan::Malformed;
use super::unpack::Reader;
use crate::ids::{Author, SESSION_END, SessionId};

/// Most bytes of a user id that another node may tell.
const USER_BYTES: usize = 4_096;

impl PresenceEntry {
    /// Appends `[session, fields]`, or `[session, fields, {author, user, role}]`; nil fields for a session that has left.
    pub fn pack(&self, out: &mut Vec<u8>) {
        pack::array(out, if self.who.is_some() { 3 } else { 2 });
        pack::uint(out, self.session);
        match &self.fields {
            Some(fields) => out.extend_from_slice(fields.as_bytes()),
            None => pack::nil(out),
        }
        if let Some(who) = &self.who {
            pack::map(out, 3);
            pack::str(out, "author");
            pack::str(out, &who.author.text());
            pack::str(out, "user");
            pack::str(out, &who.user);
            pack::str(out, "role");
            pack::str(out, who.role.as_str());
        }
    }

    /// Reads what [`Self::pack`] wrote.
    ///
    /// # Errors
    /// [`InvalidProps`] when it is something else.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, InvalidProps> {
        let parts = reader.array()?;
        if !(2..=3).contains(&parts) {
            return Err(Malformed::Expected("a line of presence").into());
        }
        let session = session(reader)?;
        let fields = if reader.nil() { None } else { Some(Props::parse(reader.raw()?, FRAME_DEPTH)?) };
        let who = if parts == 3 { Some(who(reader)?) } else { None };
        Ok(Self { session, fields, who })
    }
}

/// Reads the number of a session.
///
/// # Errors
/// [`Malformed`] when it cannot be one.
pub fn session(reader: &mut Reader<'_>) -> Result<SessionId, Malformed> {
    reader.uint().and_then(|n| if n < SESSION_END { Ok(n) } else { Err(Malformed::Expected("a session")) })
}

fn who(reader: &mut Reader<'_>) -> Result<Who, Malformed> {
    let (mut author, mut user, mut role) = (None, None, None);
    for _ in 0..reader.map()? {
        match reader.str()? {
            "author" => author = Author::parse(reader.str()?),
            "user" => user = Some(reader.str()?).filter(|user| user.len() <= USER_BYTES),
            "role" => role = Role::parse(reader.str()?),
            // A newer node may know more.
            _ => drop(reader.raw()?),
        }
    }
    match (author, user, role) {
        (Some(author), Some(user), Some(role)) => Ok(Who { author, user: user.into(), role }),
        _ => Err(Malformed::Expected("who a session is")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::json::from_json;

    fn line(fields: Option<&str>, who: bool) -> PresenceEntry {
        let fields = fields.map(|json| Props::parse(&from_json(json).expect("JSON"), 32).expect("props"));
        let role = Role::Commenter;
        PresenceEntry {
            session: SESSION_END - 1,
            fields,
            who: who.then(|| Who { author: Author([9; 8]), user: "u".into(), role }),
        }
    }

    #[test]
    fn what_is_packed_is_read_and_its_parts_are_not() {
        for entry in [line(None, false), line(Some(r#"{"cursor":[1,2.5],"gone":null}"#), true), line(Some("{}"), false)]
        {
            let mut packed = Vec::new();
            entry.pack(&mut packed);
            let mut reader = Reader::new(&packed);
            assert_eq!(PresenceEntry::read(&mut reader), Ok(entry));
            assert!(reader.is_empty());
            for length in 0..packed.len() {
                assert!(PresenceEntry::read(&mut Reader::new(&packed[..length])).is_err(), "{length}");
            }
        }
    }

    #[test]
    fn a_newer_node_may_say_more_of_a_session_but_not_less() {
        let read = |json: &str| PresenceEntry::read(&mut Reader::new(&from_json(json).expect("JSON")));
        let more = read(r#"[1,{},{"author":"CQkJCQkJCQk","user":"u","role":"editor","shoe_size":[43]}]"#);
        assert_eq!(more.expect("readable").who.expect("known").role, Role::Editor);
        assert!(read(r#"[1,{},{"author":"CQkJCQkJCQk","user":"u"}]"#).is_err());
        assert!(read(r#"[1,{},{"author":"CQkJCQkJCQk","user":"u","role":"king"}]"#).is_err());
        assert!(read("[9007199254740992,{}]").is_err());
        assert!(read("[1,{},{},{}]").is_err());
    }
}
