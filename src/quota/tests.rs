use super::*;

const RATES: Rates =
    Rates { user_sessions: 3, session_ops: 10, user_ops: 20, project_ops: 30, presence: 5, broadcasts: 1 };

fn project(id: &str) -> ProjectId {
    ProjectId::parse(id).expect("valid")
}

/// So many ops of a burst are taken one by one; the limit that stops it.
fn drain(allowance: &mut Allowance, now: Instant) -> (u32, &'static str) {
    let mut taken = 0;
    loop {
        match allowance.ops(now, 1) {
            Ok(()) => taken += 1,
            Err(limited) => return (taken, limited.limit.name()),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_a_user_and_a_project_each_have_their_limit() {
    let quotas = Quotas::new(RATES);
    let now = Instant::now();
    let session = |p: &str, user: &str| quotas.allowance(&project(p), Some(&user.into())).expect("there is place");
    let (mut first, mut second, mut third) = (session("p", "ana"), session("p", "ana"), session("q", "ana"));
    assert_eq!(drain(&mut first, now), (100, "session_ops"));
    assert_eq!(drain(&mut second, now), (100, "session_ops"));
    assert_eq!(drain(&mut third, now), (0, "user_ops"), "two sessions have taken what the user has");
    assert_eq!(drain(&mut session("p", "ben"), now), (100, "session_ops"));
    assert_eq!(drain(&mut session("p", "eve"), now), (0, "project_ops"));
    assert_eq!(drain(&mut session("q", "eve"), now), (100, "session_ops"), "another project has its own");
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_taken_from_nobody() {
    let quotas = Quotas::new(RATES);
    let now = Instant::now();
    let mut greedy = quotas.allowance(&project("p"), None).expect("there is place");
    assert_eq!(drain(&mut greedy, now).0, 100);
    for _ in 0..1_000 {
        assert!(greedy.ops(now, 1).is_err());
    }
    assert_eq!(drain(&mut quotas.allowance(&project("p"), None).expect("there is place"), now), (100, "session_ops"));
    let limited = greedy.ops(now, 1).expect_err("empty");
    assert_eq!(greedy.ops(now + limited.retry, 1), Ok(()), "then it is due");
}

#[tokio::test(start_paused = true)]
async fn presence_and_broadcasts_have_their_own() {
    let quotas = Quotas::new(RATES);
    let now = Instant::now();
    let mut allowance = quotas.allowance(&project("p"), None).expect("there is place");
    assert_eq!((0..100).filter(|_| allowance.presence(now).is_ok()).count(), 50);
    assert_eq!((0..100).filter(|_| allowance.broadcast(now).is_ok()).count(), 10);
    assert_eq!(allowance.ops(now, 1), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn pools_go_with_their_last_session() {
    let quotas = Quotas::new(RATES);
    for n in 0..100 {
        drop(quotas.allowance(&project(&format!("p{n}")), Some(&SmolStr::new(format!("u{n}")))));
    }
    assert!(quotas.projects.len() <= 1 && quotas.users.len() <= 1);
}

#[tokio::test(start_paused = true)]
async fn a_user_has_as_many_sessions_as_may_be() {
    let quotas = Quotas::new(RATES);
    let session = || quotas.allowance(&project("p"), Some(&"ana".into()));
    let mut here: Vec<_> = (0..3).map(|_| session().expect("there is place")).collect();
    assert_eq!(session().expect_err("one too many").limit, Limit::ConnectionsPerUser);
    assert!(quotas.allowance(&project("p"), Some(&"ben".into())).is_ok());
    here.pop();
    assert!(session().is_ok(), "there is place again");
}

#[tokio::test(start_paused = true)]
async fn the_bots_of_a_user_change_as_often_as_a_session() {
    let quotas = Quotas::new(RATES);
    assert_eq!((0..100).filter(|_| quotas.bot("api:shop").is_ok()).count(), 50);
    assert_eq!(quotas.bot("ana"), Ok(()), "another user has their own");
}
