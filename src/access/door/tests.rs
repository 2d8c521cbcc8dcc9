use super::super::links::make;
use super::super::password::Password;
use super::super::testing::{SECRET, good, now_s, token, with};
use super::super::tickets::MemoryTickets;
use super::*;
use crate::durable::DurableStore;
use crate::durable::memory::MemoryStore;
use crate::fanout::local::LocalFanout;
use serde_json::json;

fn door() -> Access {
    let durable: Arc<dyn DurableStore> = Arc::new(MemoryStore::new());
    let registry = Registry::start(durable, Arc::new(LocalFanout::default()));
    Access::new(Keys::of_secret(SECRET), Expected::default(), Arc::new(MemoryTickets::default()), registry)
}

fn project(id: &str) -> ProjectId {
    ProjectId::parse(id).expect("valid")
}

async fn admit(door: &Access, id: &str, token: Option<&str>, password: Option<&str>) -> Result<Role, &'static str> {
    let client = ClientId::parse("c").expect("valid");
    let admitted = door.admit(&project(id), &client, token, password).await;
    admitted.map(|admission| admission.role).map_err(|denied| denied.code())
}

#[tokio::test]
async fn a_token_opens_its_projects_and_no_other() {
    let door = door();
    let token = good();
    assert_eq!(admit(&door, "a", Some(&token), None).await, Ok(Role::Editor));
    assert_eq!(admit(&door, "b", Some(&token), None).await, Err("forbidden"));
    assert_eq!(admit(&door, "a", None, None).await, Err("token_needed"));
    assert_eq!(admit(&door, "a", Some(""), None).await, Err("token_malformed"));
    assert_eq!(admit(&door.open(), "b", None, None).await, Ok(Role::Editor), "on a node for development");
}

#[tokio::test]
async fn a_ticket_lets_in_once() {
    let door = door();
    let grant = door.bearer(Some(&good())).await.expect("a good token");
    let ticket = door.ticket(&grant.user, &grant).await.expect("made");
    assert_eq!(admit(&door, "a", Some(&ticket), None).await, Ok(Role::Editor));
    assert_eq!(admit(&door, "a", Some(&ticket), None).await, Err("ticket_used"));
    assert_eq!(admit(&door, "a", Some("ticket.invented"), None).await, Err("ticket_used"));
}

#[tokio::test]
async fn a_ticket_for_another_project_is_used_up_and_opens_nothing() {
    let door = door();
    let grant = door.bearer(Some(&good())).await.expect("a good token");
    let ticket = door.ticket(&grant.user, &grant).await.expect("made");
    assert_eq!(admit(&door, "b", Some(&ticket), None).await, Err("forbidden"));
    assert_eq!(admit(&door, "a", Some(&ticket), None).await, Err("ticket_used"));
}

#[tokio::test]
async fn a_link_with_a_password_wants_it() {
    let door = door();
    let link = Link { role: Role::Viewer, made_ms: 1, expires_ms: None, password: Some(Password::of("open")) };
    let made = door.registry().change(&project("a"), |rights| make(rights, &project("a"), link.clone())).await;
    let (id, text) = made.expect("made");
    assert_eq!(admit(&door, "a", Some(&text), None).await, Err("password_needed"));
    assert_eq!(admit(&door, "a", Some(&text), Some("shut")).await, Err("password_wrong"));
    assert_eq!(admit(&door, "a", Some(&text), Some("open")).await, Ok(Role::Viewer));
    assert_eq!(admit(&door, "b", Some(&text), Some("open")).await, Err("link_invalid"));
    let gone = door.registry().change(&project("a"), |rights| Ok(rights.links.remove(&id))).await;
    gone.expect("changed");
    assert_eq!(admit(&door, "a", Some(&text), Some("open")).await, Err("link_invalid"));
}

#[tokio::test]
async fn a_revoked_user_needs_a_newer_token_and_one_shut_out_has_none() {
    let door = door();
    let old = good();
    let later = clock::now_ms();
    door.registry()
        .change(&project("a"), |rights| {
            rights.revoke_user("ana", later);
            Ok(())
        })
        .await
        .expect("changed");
    assert_eq!(admit(&door, "a", Some(&old), None).await, Err("token_revoked"));
    while clock::now_ms() <= later {
        tokio::task::yield_now().await;
    }
    let newer = token(&json!({"alg": "HS256"}), &with(&json!({"iat": now_s() + 2.0})), SECRET);
    assert_eq!(admit(&door, "a", Some(&newer), None).await, Ok(Role::Editor));
    let out = |rights: &mut super::super::rights::Rights| Ok(rights.members.insert("ana".into(), None));
    door.registry().change(&project("a"), out).await.expect("changed");
    assert_eq!(admit(&door, "a", Some(&newer), None).await, Err("forbidden"));
}

#[tokio::test]
async fn a_back_end_with_a_key_may_do_everything() {
    let key = "k".repeat(32);
    let door = door().with_api_keys(ApiKeys::parse(&format!("shop={key}")).expect("valid"));
    let caller = door.caller(&project("a"), Some(&key)).await.expect("let in");
    assert_eq!((&caller.grant.user[..], caller.role), ("api:shop", Role::Owner));
    assert_eq!(door.bearer(Some("wrong")).await.map_err(|denied| denied.code()), Err("token_malformed"));
    assert_eq!(door.bearer(None).await.map_err(|denied| denied.code()), Err("token_needed"));
    assert_eq!(admit(&door, "a", Some(&key), None).await, Err("token_malformed"), "it is not for pages");
}

#[tokio::test]
async fn a_links_password_is_tried_so_often_and_another_links_as_ever() {
    let door = door();
    let link = |password: &str| Link {
        role: Role::Viewer,
        made_ms: 1,
        expires_ms: None,
        password: Some(Password::of(password)),
    };
    let mut texts = Vec::new();
    for password in ["one", "two"] {
        let link = link(password);
        let made = door.registry().change(&project("a"), |rights| make(rights, &project("a"), link.clone())).await;
        texts.push(made.expect("made").1);
    }
    for _ in 0..20 {
        assert_eq!(admit(&door, "a", Some(&texts[1]), Some("two")).await, Ok(Role::Viewer), "who knows it");
    }
    let mut wrong = 0;
    while admit(&door, "a", Some(&texts[0]), Some("shut")).await == Err("password_wrong") {
        wrong += 1;
    }
    assert!((10..40).contains(&wrong), "{wrong}");
    assert_eq!(admit(&door, "a", Some(&texts[0]), Some("one")).await, Err("password_later"), "the right one as well");
    assert_eq!(admit(&door, "a", Some(&texts[1]), Some("two")).await, Ok(Role::Viewer));
}

#[tokio::test]
async fn who_only_claims_to_have_links_is_soon_told_to_wait_and_leaves_nothing() {
    let door = door();
    let mut read = 0;
    loop {
        let id = format!("p{read}");
        let refused = admit(&door, &id, Some("link.a.b"), None).await.expect_err("it is none");
        assert!(door.registry().known(&project(&id)).is_none());
        if refused == "rate_limited" {
            break;
        }
        read += 1;
        assert_eq!(refused, "link_invalid");
    }
    assert!((LINK_READS * 10..LINK_READS * 100).contains(&read), "{read}");
    assert_eq!(admit(&door, "a", Some(&good()), None).await, Ok(Role::Editor), "tokens are another matter");
}

#[tokio::test]
async fn a_user_gets_so_many_tickets_and_a_back_end_what_it_asks_for() {
    let door = door();
    let grant = door.bearer(Some(&good())).await.expect("a good token");
    let mut made = 0;
    while door.ticket(&grant.user, &grant).await.is_ok() {
        made += 1;
    }
    assert!((50..60).contains(&made), "{made}");
    for _ in 0..100 {
        assert!(door.ticket("api:shop", &grant).await.is_ok());
    }
}

#[tokio::test]
async fn a_deleted_project_lets_nobody_in_and_its_owners_know() {
    let door = door();
    let end = |rights: &mut super::super::rights::Rights| {
        rights.delete(7);
        Ok(())
    };
    door.registry().change(&project("a"), end).await.expect("changed");
    assert_eq!(admit(&door, "a", Some(&good()), None).await, Err("deleted"));
    let caller = door.caller(&project("a"), Some(&good())).await.expect("known");
    assert!(caller.is_deleted && caller.role == Role::Editor);
    assert!(door.operator(&project("a")).await.expect("known").is_deleted);
}
