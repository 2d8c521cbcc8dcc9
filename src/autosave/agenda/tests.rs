use super::*;

const PACE: Pace = Pace { after: Duration::from_millis(500), scan: Some(Duration::from_secs(5)) };

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn project(name: &str) -> ProjectId {
    ProjectId::parse(name).expect("id")
}

fn dirty(name: &str, age: u64) -> Dirty {
    Dirty { project: project(name), urgent: false, age: ms(age) }
}

fn urgent(name: &str, age: u64) -> Dirty {
    Dirty { urgent: true, ..dirty(name, age) }
}

/// An agenda and the time that it began.
fn agenda() -> (Agenda, Instant) {
    (Agenda::new(PACE, 7), Instant::now() + Duration::from_secs(60))
}

fn taken(agenda: &mut Agenda, now: Instant) -> Vec<String> {
    std::iter::from_fn(|| agenda.take(now)).map(|turn| turn.project.to_string()).collect()
}

#[test]
fn a_project_is_due_half_a_second_after_its_first_unsaved_commit() {
    let (mut agenda, start) = agenda();
    agenda.note(start, vec![dirty("a", 100)]);
    let due = agenda.next().expect("it waits");
    assert!((ms(300)..=ms(400)).contains(&(due - start)), "{:?}", due - start);
    assert_eq!(agenda.take(due - ms(1)), None);
    // More commits do not put it off.
    agenda.note(start + ms(200), vec![dirty("a", 300)]);
    assert_eq!((agenda.next(), taken(&mut agenda, due)), (Some(due), vec!["a".to_owned()]));
    // While it is being saved nobody else begins, and afterwards it counts anew.
    agenda.note(due + ms(5), vec![dirty("a", 5)]);
    assert_eq!(agenda.take(due + ms(900)), None);
    agenda.ended(due + ms(10), &project("a"), None);
    assert_eq!(agenda.next(), None);
    agenda.note(due + ms(10), vec![dirty("a", 10)]);
    assert!(
        (ms(400)..=ms(500)).contains(&(agenda.next().expect("it waits") - due)),
        "from the last look of a saver on"
    );
}

#[test]
fn the_oldest_come_first_and_urgent_ones_before_all_but_the_very_old() {
    let (mut agenda, start) = agenda();
    let all =
        vec![dirty("c", 700), dirty("a", 600), dirty("e", 700), dirty("b", 4_900), urgent("d", 0), dirty("f", 5_100)];
    agenda.note(start, all);
    assert_eq!(taken(&mut agenda, start), ["f", "d", "b", "c", "e", "a"]);
}

#[test]
fn what_is_urgent_is_due_at_once_unless_it_has_just_failed() {
    let (mut agenda, start) = agenda();
    agenda.note(start, vec![dirty("a", 0)]);
    assert_eq!(agenda.take(start), None);
    agenda.note(start + ms(10), vec![urgent("a", 10)]);
    let turn = agenda.take(start + ms(10)).expect("it is due");
    assert_eq!(turn, Turn { project: project("a"), urgent: true });
    agenda.ended(start + ms(20), &project("a"), Some(Trouble::Unavailable));
    agenda.note(start + ms(21), vec![urgent("a", 21)]);
    assert_eq!(agenda.take(start + ms(21)), None);
    assert!(agenda.take(start + ms(120)).expect("after the pause").urgent);
}

#[test]
fn pauses_grow_up_to_a_bound_and_end_with_the_trouble() {
    for (trouble, first, most) in
        [(Trouble::Unavailable, 100, 5_000), (Trouble::Elsewhere, 250, 2_000), (Trouble::Damaged, 30_000, 600_000)]
    {
        let (mut agenda, mut now) = agenda();
        let mut pauses = Vec::new();
        for _ in 0..20 {
            agenda.note(now, vec![dirty("a", 5_000)]);
            assert!(agenda.take(now).is_some());
            assert_eq!(agenda.damaged(), usize::from(trouble == Trouble::Damaged && !pauses.is_empty()));
            agenda.ended(now, &project("a"), Some(trouble));
            let at = agenda.next().expect("it waits");
            pauses.push(u64::try_from((at - now).as_millis()).expect("small"));
            now = at;
        }
        assert!((first * 4 / 5..=first).contains(&pauses[0]), "{pauses:?}");
        assert!(pauses[19] > most * 3 / 4 && pauses.iter().all(|pause| *pause <= most), "{pauses:?}");
        agenda.note(now, vec![dirty("a", 5_000)]);
        agenda.take(now);
        agenda.ended(now, &project("a"), None);
        assert_eq!((agenda.damaged(), agenda.tries(&project("a"))), (0, 0));
    }
}

#[test]
fn a_project_that_cannot_be_saved_keeps_no_other_waiting() {
    let (mut agenda, start) = agenda();
    agenda.note(start, vec![dirty("bad", 1_000), dirty("good", 600)]);
    assert_eq!(taken(&mut agenda, start), ["bad", "good"]);
    agenda.ended(start, &project("bad"), Some(Trouble::Damaged));
    agenda.ended(start, &project("good"), None);
    let mut saved = 0;
    for half in 1..40 {
        let now = start + half * ms(500);
        agenda.note(now, vec![dirty("bad", 1_000 + 500 * u64::from(half)), dirty("good", 500)]);
        for name in taken(&mut agenda, now) {
            assert_eq!(name, "good");
            agenda.ended(now, &project("good"), None);
            saved += 1;
        }
    }
    assert_eq!((saved, agenda.damaged()), (39, 1));
}

#[test]
fn what_other_nodes_left_is_adopted_when_it_is_old() {
    let (mut agenda, start) = agenda();
    agenda.note(start, vec![dirty("mine", 0)]);
    agenda.adopt(start, vec![dirty("mine", 9_000), dirty("alive", 600), dirty("dead", 2_000)]);
    assert_eq!(agenda.oldest(start), ms(2_000));
    assert_eq!(taken(&mut agenda, start), ["dead"]);
    // Its owner lives and is at it: nothing to do until the next scan.
    agenda.ended(start, &project("dead"), Some(Trouble::Elsewhere));
    assert_eq!(taken(&mut agenda, start + ms(4_000)), ["mine"]);
    agenda.ended(start + ms(4_000), &project("mine"), None);
    agenda.adopt(start + ms(5_000), vec![dirty("dead", 7_000)]);
    assert_eq!(taken(&mut agenda, start + ms(5_000)), ["dead"]);
    agenda.ended(start + ms(5_000), &project("dead"), Some(Trouble::Unavailable));
    agenda.note(start + ms(5_010), vec![]);
    assert!(agenda.next().is_some(), "it is not this node's to forget");
    agenda.adopt(start + ms(10_000), vec![]);
    assert_eq!((agenda.next(), agenda.oldest(start + ms(10_000))), (None, Duration::ZERO), "somebody has saved it");
}

#[test]
fn the_age_grows_while_nothing_can_be_saved() {
    let (mut agenda, start) = agenda();
    agenda.note(start, vec![dirty("a", 500), dirty("b", 100)]);
    assert_eq!(agenda.oldest(start), ms(500));
    taken(&mut agenda, start + ms(400));
    agenda.ended(start + ms(400), &project("a"), Some(Trouble::Unavailable));
    assert_eq!(agenda.oldest(start + ms(9_000)), ms(9_500));
    agenda.note(start + ms(9_000), vec![dirty("b", 9_100)]);
    assert_eq!(agenda.oldest(start + ms(9_000)), ms(9_100), "the other is saved");
}

#[test]
fn the_same_story_is_told_the_same_way() {
    let tell = || {
        let start = Instant::now();
        let mut agenda = Agenda::new(PACE, 3);
        agenda.note(start, (0..50).map(|n| dirty(&format!("p{n}"), n * 7 % 90)).collect());
        (0..100_u32).flat_map(|n| taken(&mut agenda, start + n * ms(5))).collect::<Vec<_>>()
    };
    let once = tell();
    assert_eq!((once.len(), &once), (50, &tell()));
}
