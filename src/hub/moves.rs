//! Cursors and other fields that have changed, as short frames: one for everybody, or for each what lies near what it sees.

use crate::ids::SessionId;
use crate::presence::cursor::{Point, Rect};
use crate::presence::roster::Line;
use crate::protocol::frame::Frame;
use crate::protocol::short::{self, Number};

/// The changes of a tick.
pub(super) struct Moves {
    lines: Vec<(Vec<u8>, Option<Point>)>,
    /// All of them; `None` when there are none.
    all: Option<Frame>,
    may_spare: bool,
}

impl Moves {
    /// Changes of sessions that have numbers.
    pub(super) fn new<'a>(lines: impl Iterator<Item = &'a Line>, number: impl Fn(SessionId) -> Number) -> Self {
        let lines: Vec<_> = lines
            .filter_map(|line| {
                let fields = line.entry.fields.as_ref()?;
                Some((short::presence_line(number(line.entry.session), fields), line.near))
            })
            .collect();
        let all = (!lines.is_empty()).then(|| short::presence(lines.iter().map(|(line, _)| line.as_slice())));
        let may_spare = lines.iter().any(|(_, near)| near.is_some());
        Self { lines, all, may_spare }
    }

    /// What a session is told that sees this part of the canvas; one that does not say what it sees is told everything.
    pub(super) fn frame(&self, sees: impl FnOnce() -> Option<Rect>) -> Option<Frame> {
        let viewport = if self.may_spare { sees() } else { None };
        let Some(viewport) = viewport else { return self.all.clone() };
        let concerns = |near: &Option<Point>| near.is_none_or(|at| viewport.is_near(at));
        let lines: Vec<&[u8]> =
            self.lines.iter().filter(|(_, near)| concerns(near)).map(|(line, _)| line.as_slice()).collect();
        match lines.len() {
            0 => None,
            count if count == self.lines.len() => self.all.clone(),
            _ => Some(short::presence(lines.into_iter())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::json::{from_json, to_json};
    use crate::protocol::message::PresenceEntry;
    use crate::protocol::props::Props;

    fn props(json: &str) -> Props {
        Props::parse(&from_json(json).expect("JSON"), 32).expect("props")
    }

    #[test]
    fn each_is_told_what_lies_near_and_what_concerns_all() {
        let line = |session, near: Option<(f64, f64)>| Line {
            entry: PresenceEntry { session, fields: Some(props(&format!(r#"{{"n":{session}}}"#))), who: None },
            near: near.map(|(x, y)| Point { x, y }),
        };
        let lines = [line(1, Some((0.0, 0.0))), line(2, Some((9_000.0, 0.0))), line(3, None)];
        let moves = Moves::new(lines.iter(), |session| Number::try_from(session).expect("small"));
        let told = |viewport: Option<&str>| {
            let frame = moves.frame(|| viewport.and_then(|json| Rect::of(&props(json))));
            frame.map(|frame| to_json(frame.payload()).expect("sound"))
        };
        let everything = r#"[2,[[1,{"n":1}],[2,{"n":2}],[3,{"n":3}]]]"#;
        assert_eq!(told(None).as_deref(), Some(everything));
        assert_eq!(told(Some(r#"{"viewport":[0,0,100,100]}"#)).as_deref(), Some(r#"[2,[[1,{"n":1}],[3,{"n":3}]]]"#));
        assert_eq!(told(Some(r#"{"viewport":[-9999,-9999,99999,99999]}"#)).as_deref(), Some(everything));
        assert!(Moves::new([].into_iter(), |_| 0).frame(|| None).is_none());
        let far = Moves::new(lines[1..2].iter(), |_| 0);
        assert!(far.frame(|| Rect::of(&props(r#"{"viewport":[0,0,9,9]}"#))).is_none());
    }
}
