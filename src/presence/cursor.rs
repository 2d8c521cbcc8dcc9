//! What the server understands of the conventional fields `cursor` and `viewport` (`PROTOCOL.md`, section 7). Pure.
//!
//! A cursor may carry the way that led to it, `[x, y, t, dt, dx, dy, …]`: so readers can replay a movement smoothly however rarely they hear of it. When
//! two updates of a session meet in one tick their ways are joined. A viewport tells where its session looks.

use crate::protocol::pack;
use crate::protocol::props::Props;
use crate::protocol::unpack::Reader;
use crate::protocol::value::{self, Number};

/// The field that holds where a session points.
pub const CURSOR: &str = "cursor";
/// The field that holds what a session sees.
pub const VIEWPORT: &str = "viewport";
/// Earlier points that a joined way has at most; the oldest are left out.
const STEPS: usize = 32;
/// A step's unit, in parts of a canvas unit.
const PARTS: f64 = 8.0;

/// A place on the canvas, in its units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Down.
    pub y: f64,
}

/// A part of the canvas, in its units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    corner: Point,
    width: f64,
    height: f64,
}

impl Rect {
    /// The viewport in a session's fields; `None` when there is none that can be understood.
    #[must_use]
    pub fn of(fields: &Props) -> Option<Self> {
        let mut reader = Reader::new(fields.get(VIEWPORT)?);
        if reader.array().ok()? != 4 {
            return None;
        }
        let mut next = || float(&mut reader);
        let (x, y, width, height) = (next()?, next()?, next()?, next()?);
        (width >= 0.0 && height >= 0.0).then_some(Self { corner: Point { x, y }, width, height })
    }

    /// Whether a point lies in it, or not farther away than half of its size.
    #[must_use]
    pub fn is_near(&self, point: Point) -> bool {
        let within = |at: f64, from: f64, size: f64| (from - size / 2.0..=from + size * 1.5).contains(&at);
        within(point.x, self.corner.x, self.width) && within(point.y, self.corner.y, self.height)
    }
}

/// Where a session points; `None` when its fields do not tell.
#[must_use]
pub fn point(fields: &Props) -> Option<Point> {
    let mut reader = Reader::new(fields.get(CURSOR)?);
    (reader.array().ok()? >= 2).then_some(())?;
    Some(Point { x: float(&mut reader)?, y: float(&mut reader)? })
}

/// The later of two changes of a session's fields with the cursor's way of both, if it can be told.
#[must_use]
pub fn joined(earlier: &Props, later: &Props) -> Option<Props> {
    let way = Way::read(earlier.get(CURSOR)?)?.before(Way::read(later.get(CURSOR)?)?)?;
    Some(Props::from_pairs(&[(CURSOR, &way.pack())]))
}

/// A cursor with the way that led to it.
#[derive(Debug, Clone, PartialEq)]
struct Way {
    at: Point,
    /// When, by the sender's clock, in ms.
    t: u64,
    /// From each point back to the one before: how long, in ms, and how far, in eighths of a unit.
    steps: Vec<(u64, i64, i64)>,
}

impl Way {
    fn read(raw: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(raw);
        let members = reader.array().ok()?;
        if members < 3 || !members.is_multiple_of(3) {
            return None;
        }
        let at = Point { x: float(&mut reader)?, y: float(&mut reader)? };
        let t = reader.uint().ok()?;
        let step = |_| Some((reader.uint().ok()?, int(&mut reader)?, int(&mut reader)?));
        let steps = (1..members / 3).take(STEPS).map(step).collect::<Option<_>>()?;
        Some(Self { at, t, steps })
    }

    /// The later way with this one before it; `None` when they overlap in time.
    fn before(self, mut later: Self) -> Option<Self> {
        let (time, dx, dy) = later.steps.iter().try_fold((0_u64, 0_i64, 0_i64), |(t, x, y), (dt, dx, dy)| {
            Some((t.checked_add(*dt)?, x.checked_add(*dx)?, y.checked_add(*dy)?))
        })?;
        let gap = later.t.checked_sub(time)?.checked_sub(self.t)?;
        let step = |later: f64, back: i64, earlier: f64| parts(later - earlier)?.checked_sub(back);
        later.steps.push((gap, step(later.at.x, dx, self.at.x)?, step(later.at.y, dy, self.at.y)?));
        later.steps.extend(self.steps);
        later.steps.truncate(STEPS);
        Some(later)
    }

    fn pack(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + 8 * self.steps.len());
        pack::array(&mut out, 3 + 3 * self.steps.len());
        pack::float(&mut out, self.at.x);
        pack::float(&mut out, self.at.y);
        pack::uint(&mut out, self.t);
        for (dt, dx, dy) in &self.steps {
            pack::uint(&mut out, *dt);
            pack::int(&mut out, *dx);
            pack::int(&mut out, *dy);
        }
        out
    }
}

/// A distance in steps' units; `None` when it is none.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn parts(distance: f64) -> Option<i64> {
    let parts = (distance * PARTS).round();
    (parts.abs() < 9e15).then_some(parts as i64)
}

fn int(reader: &mut Reader<'_>) -> Option<i64> {
    match value::number(reader.raw().ok()?)? {
        Number::Integer(n) => i64::try_from(n).ok(),
        Number::Float(_) => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "places are drawn, not counted")]
fn float(reader: &mut Reader<'_>) -> Option<f64> {
    let value = match value::number(reader.raw().ok()?)? {
        Number::Integer(n) => n as f64,
        Number::Float(x) => x,
    };
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::json::from_json;

    fn fields(json: &str) -> Props {
        Props::parse(&from_json(json).expect("JSON"), 32).expect("props")
    }

    fn join(earlier: &str, later: &str) -> Option<String> {
        joined(&fields(earlier), &fields(later)).map(|props| format!("{props:?}"))
    }

    #[test]
    fn the_ways_of_two_updates_become_one() {
        let earlier = r#"{"cursor":[10,20,1000,5,8,16]}"#;
        let later = r#"{"cursor":[13.5,20,1016,6,8,-8]}"#;
        // From (13.5, 20) back over (12.5, 21) at 1010 to (10, 20) at 1000 and (9, 18) at 995.
        let all = r#"{"cursor":[13.5,20.0,1016,6,8,-8,10,20,8,5,8,16]}"#;
        assert_eq!(join(earlier, later).as_deref(), Some(all));
        assert_eq!(join(later, earlier), None, "out of order");
        assert_eq!(join(r#"{"cursor":[1,2]}"#, later), None, "no way");
        assert_eq!(join(earlier, r#"{"selection":null}"#), None);
        assert_eq!(join(earlier, r#"{"cursor":[1,2,1001,9]}"#), None, "half a step");
        assert_eq!(join(earlier, r#"{"cursor":["a",2,1001]}"#), None);
        assert_eq!(join(earlier, r#"{"cursor":[1e300,2,1001]}"#), None, "too far to tell");
    }

    #[test]
    fn a_joined_way_is_bounded() {
        let mut way = Way { at: Point { x: 0.0, y: 0.0 }, t: 0, steps: vec![] };
        for t in 1..200_u32 {
            let next = Way { at: Point { x: f64::from(t), y: 0.0 }, t: t.into(), steps: vec![] };
            way = way.before(next).expect("in order");
        }
        assert_eq!((way.steps.len(), way.steps[0]), (STEPS, (1, 8, 0)));
    }

    #[test]
    fn near_is_half_a_viewport_around_it() {
        let viewport = Rect::of(&fields(r#"{"viewport":[100,100,200,100]}"#)).expect("a viewport");
        for (x, y, near) in [(150, 150, true), (0, 50, true), (400, 250, true), (-1, 100, false), (200, 251, false)] {
            let point = point(&fields(&format!(r#"{{"cursor":[{x},{y}]}}"#))).expect("a point");
            assert_eq!(viewport.is_near(point), near, "{x} {y}");
        }
        for wrong in ["{}", r#"{"viewport":[1,2,3]}"#, r#"{"viewport":[1,2,3,-4]}"#, r#"{"viewport":"all"}"#] {
            assert_eq!(Rect::of(&fields(wrong)), None, "{wrong}");
        }
    }
}
