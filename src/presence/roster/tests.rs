use super::*;
use crate::ids::Author;
use crate::protocol::json::from_json;
use crate::protocol::message::Role;

fn props(json: &str) -> Props {
    Props::parse(&from_json(json).expect("JSON"), 32).expect("props")
}

fn who() -> Who {
    Who { author: Author([1; 8]), user: "u".into(), role: Role::Editor }
}

fn shown(news: &[PresenceEntry]) -> Vec<String> {
    news.iter()
        .map(|e| {
            format!(
                "{} {} {}",
                e.session,
                e.fields.as_ref().map_or("left".into(), |f| format!("{f:?}")),
                e.who.is_some()
            )
        })
        .collect()
}

fn members(news: &News) -> Vec<String> {
    shown(&news.members.iter().map(|line| line.entry.clone()).collect::<Vec<_>>())
}

fn told(roster: &mut Roster) -> Vec<String> {
    members(&roster.take_news(Instant::now()))
}

#[test]
fn changes_are_coalesced_to_the_latest() {
    let mut roster = Roster::default();
    roster.join(1, who(), props(r#"{"name":"A"}"#), Whose::Ours);
    roster.set(1, &props(r#"{"cursor":[0,0]}"#), 2_048, None);
    assert_eq!(told(&mut roster), [r#"1 {"name":"A","cursor":[0,0]} true"#]);
    roster.set(1, &props(r#"{"cursor":[1,1],"name":null}"#), 2_048, None);
    roster.set(1, &props(r#"{"cursor":[2,2]}"#), 2_048, None);
    assert_eq!(told(&mut roster), [r#"1 {"name":null,"cursor":[2,2]} false"#]);
    assert!(!roster.has_news());
    assert_eq!(shown(&roster.everybody()), [r#"1 {"cursor":[2,2]} true"#]);
}

#[test]
fn whoever_came_and_went_between_ticks_was_never_there() {
    let mut roster = Roster::default();
    roster.join(1, who(), Props::empty(), Whose::Ours);
    roster.leave(1);
    assert!(!roster.has_news());
    roster.join(2, who(), Props::empty(), Whose::Ours);
    roster.take_news(Instant::now());
    roster.set(2, &props(r#"{"a":1}"#), 2_048, None);
    roster.leave(2);
    assert_eq!(told(&mut roster), ["2 left false"]);
}

#[test]
fn other_nodes_hear_only_of_ours() {
    let mut roster = Roster::default();
    roster.join(1, who(), props(r#"{"a":1}"#), Whose::Ours);
    roster.join(2, who(), props(r#"{"b":1}"#), Whose::Theirs);
    let news = roster.take_news(Instant::now());
    assert_eq!(members(&news), [r#"1 {"a":1} true"#, r#"2 {"b":1} true"#]);
    assert_eq!(shown(&news.nodes), [r#"1 {"a":1} true"#]);
    assert_eq!(shown(&roster.ours()), [r#"1 {"a":1} true"#]);
    roster.leave(1);
    roster.leave(2);
    let news = roster.take_news(Instant::now());
    assert_eq!((members(&news).len(), shown(&news.nodes)), (2, vec!["1 left false".to_owned()]));
}

#[test]
fn who_comes_again_is_only_what_is_new_of_it() {
    let mut roster = Roster::default();
    let join = |roster: &mut Roster, fields| roster.join(2, who(), props(fields), Whose::Theirs);
    join(&mut roster, r#"{"a":1,"b":2,"c":3}"#);
    roster.take_news(Instant::now());
    join(&mut roster, r#"{"a":1,"b":4}"#);
    assert_eq!(told(&mut roster), [r#"2 {"b":4,"c":null} false"#]);
    join(&mut roster, r#"{"a":1,"b":4}"#);
    assert!(!roster.has_news());
}

#[test]
fn too_much_is_refused_whole() {
    let mut roster = Roster::default();
    roster.join(1, who(), props(r#"{"a":1}"#), Whose::Ours);
    assert!(!roster.set(1, &props(r#"{"a":2,"b":"0123456789"}"#), 8, None));
    assert_eq!(shown(&roster.everybody()), [r#"1 {"a":1} true"#]);
}

#[test]
fn removing_what_is_not_there_is_no_news() {
    let mut roster = Roster::default();
    roster.join(1, who(), props(r#"{"a":1}"#), Whose::Ours);
    roster.take_news(Instant::now());
    assert!(roster.set(1, &props(r#"{"no":null,"b":2}"#), 2_048, None));
    assert_eq!(told(&mut roster), [r#"1 {"b":2} false"#]);
    let many: Vec<String> = (0..500).map(|n| format!("\"no{n}\":null")).collect();
    assert!(!roster.set(1, &props(&format!("{{{}}}", many.join(","))), 2_048, None), "the change itself is bounded");
}

#[test]
fn the_rate_falls_with_the_number_of_sessions() {
    let mut roster = Roster::default();
    assert_eq!(roster.tick(), FASTEST);
    (0..1_000).for_each(|session| roster.join(session, who(), Props::empty(), Whose::Ours));
    assert_eq!(roster.tick(), SLOWEST);
}

/// A roster of so many, all told, and when that was.
fn crowd(sessions: u64) -> (Roster, Instant) {
    let (mut roster, now) = (Roster::default(), Instant::now());
    (1..=sessions).for_each(|session| roster.join(session, who(), Props::empty(), Whose::Ours));
    roster.take_news(now);
    (roster, now)
}

fn move_to(roster: &mut Roster, session: SessionId, x: u32, now: Instant) {
    assert!(roster.set(session, &props(&format!(r#"{{"cursor":[{x},0]}}"#)), 2_048, Some(now)));
}

#[test]
fn in_a_crowd_a_cursor_is_told_nearby_at_once_and_to_all_before_long() {
    let (mut roster, start) = crowd(20);
    let at = |ms| start + Duration::from_millis(ms);
    move_to(&mut roster, 1, 5, at(100));
    let news = roster.take_news(at(100));
    assert_eq!((news.members[0].near, news.nodes.len()), (Some(Point { x: 5.0, y: 0.0 }), 1));
    assert_eq!(roster.owed(), Some(at(1_000)));
    move_to(&mut roster, 1, 6, at(900));
    assert!(roster.take_news(at(900)).members[0].near.is_some());
    let news = roster.take_news(at(1_000));
    assert_eq!((members(&news), news.members[0].near), (vec![r#"1 {"cursor":[6,0]} false"#.to_owned()], None));
    assert!(news.nodes.is_empty(), "other nodes know");
    assert_eq!(roster.owed(), None);
    move_to(&mut roster, 1, 7, at(2_000));
    assert_eq!(roster.take_news(at(2_000)).members[0].near, None, "it is due anyway");
    move_to(&mut roster, 2, 7, at(500));
    roster.take_news(at(500));
    roster.leave(2);
    assert_eq!(roster.owed(), None);
}

#[test]
fn among_few_or_with_other_fields_everybody_is_told_at_once() {
    let (mut roster, now) = crowd(CROWD as u64);
    move_to(&mut roster, 1, 5, now);
    assert_eq!((roster.take_news(now).members[0].near, roster.owed()), (None, None));
    let (mut roster, now) = crowd(20);
    assert!(roster.set(1, &props(r#"{"cursor":[1,2],"selection":["a"]}"#), 2_048, Some(now)));
    assert_eq!(roster.take_news(now).members[0].near, None);
}

#[test]
fn the_pace_falls_with_the_number_of_those_who_move() {
    let mut roster = Roster::default();
    let now = Instant::now();
    roster.join(1, who(), Props::empty(), Whose::Ours);
    roster.change_pace(now);
    assert_eq!(roster.pace(), None, "nobody is there to hear it");
    roster.join(2, who(), Props::empty(), Whose::Theirs);
    roster.change_pace(now);
    assert_eq!(roster.pace(), Some(16));
    for session in 3..=100 {
        roster.join(session, who(), Props::empty(), Whose::Ours);
        move_to(&mut roster, session, 1, now);
    }
    roster.change_pace(now);
    assert_eq!(roster.pace(), Some(100));
    roster.change_pace(now + MOVING);
    assert_eq!(roster.pace(), Some(16), "they have come to rest");
}
