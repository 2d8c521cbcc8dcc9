use super::super::keys::KeySource;
use super::super::testing::{SECRET, good, now_s, public, token, with};
use super::*;
use serde_json::{Value, json};

fn keys() -> Keys {
    let sources = [
        format!("secret:{SECRET}"),
        format!("k1=secret:{SECRET} of k1"),
        format!("rsa=pem:{}", public("rsa").display()),
        format!("ec=pem:{}", public("p256").display()),
        format!("ed=pem:{}", public("ed25519").display()),
    ];
    Keys::load(&sources.map(|source| KeySource::parse(&source).expect("valid"))).expect("there")
}

async fn check_for(token: &str, expected: &Expected) -> Result<Grant, &'static str> {
    verify(token, &keys(), expected).await.map_err(|denied| denied.code())
}

async fn check(token: &str) -> Result<Grant, &'static str> {
    check_for(token, &Expected::default()).await
}

fn hs256(claims: &Value) -> String {
    token(&json!({"alg": "HS256"}), claims, SECRET)
}

async fn refused(token: &str) -> &'static str {
    check(token).await.expect_err("refused")
}

#[tokio::test]
async fn each_algorithm_lets_in_whom_its_key_signed() {
    let tokens = [
        good(),
        token(&json!({"alg": "HS256", "kid": "k1"}), &with(&json!({})), &format!("{SECRET} of k1")),
        token(&json!({"alg": "RS256", "kid": "rsa"}), &with(&json!({})), "rsa"),
        token(&json!({"alg": "ES256", "kid": "ec"}), &with(&json!({})), "p256"),
        token(&json!({"alg": "EdDSA", "kid": "ed"}), &with(&json!({})), "ed25519"),
    ];
    for token in tokens {
        let grant = check(&token).await.expect("let in");
        assert_eq!((&grant.user[..], grant.basis), ("ana", Basis::Projects([("a".into(), Role::Editor)].into())));
    }
}

#[tokio::test]
async fn a_wrong_signature_is_refused() {
    let token = good();
    let (message, _) = token.rsplit_once('.').expect("three parts");
    let other = super::super::testing::token(
        &json!({"alg": "HS256"}),
        &with(&json!({})),
        "another secret of thirty-two bytes or so",
    );
    let rsa = super::super::testing::token(&json!({"alg": "RS256", "kid": "rsa"}), &with(&json!({})), "rsa");
    let (rsa, _) = rsa.rsplit_once('.').expect("three parts");
    for wrong in [other, format!("{message}.AAAA"), format!("{message}."), format!("{rsa}.AAAA")] {
        assert_eq!(refused(&wrong).await, "token_signature", "{wrong}");
    }
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    assert_eq!(refused(&hs256(&with(&json!({"exp": now_s() - 31.0})))).await, "token_expired");
    assert!(check(&hs256(&with(&json!({"exp": now_s() - 20.0})))).await.is_ok(), "clocks may differ a little");
}

#[tokio::test]
async fn a_token_that_is_not_valid_yet_is_refused() {
    assert_eq!(refused(&hs256(&with(&json!({"nbf": now_s() + 60.0})))).await, "token_early");
    assert!(check(&hs256(&with(&json!({"nbf": now_s() + 20.0})))).await.is_ok(), "clocks may differ a little");
    assert_eq!(refused(&hs256(&with(&json!({"iat": now_s() * 1_000.0})))).await, "token_early", "milliseconds");
    let ahead = check(&hs256(&with(&json!({"iat": now_s() + 20.0})))).await.expect("clocks may differ a little");
    assert!(ahead.issued_ms <= crate::clock::now_ms(), "a revocation now must end it");
}

#[tokio::test]
async fn a_token_for_others_is_refused() {
    let expected = Expected { audience: Some("canvas".to_owned()), issuer: Some("id".to_owned()) };
    let check = async |changes: Value| check_for(&hs256(&with(&changes)), &expected).await.map(|_| ());
    assert_eq!(check(json!({"aud": "canvas", "iss": "id"})).await, Ok(()));
    assert_eq!(check(json!({"aud": ["x", "canvas"], "iss": "id"})).await, Ok(()));
    assert_eq!(check(json!({"aud": "shop", "iss": "id"})).await, Err("token_audience"));
    assert_eq!(check(json!({"iss": "id"})).await, Err("token_audience"), "none is not any");
    assert_eq!(check(json!({"aud": "canvas", "iss": "evil"})).await, Err("token_issuer"));
    assert_eq!(check(json!({"aud": "canvas"})).await, Err("token_issuer"));
    let nobody = check_for(&hs256(&with(&json!({"aud": "shop"}))), &Expected::default()).await;
    assert_eq!(nobody.map(|_| ()), Err("token_audience"), "a token that names an audience is for that one");
}

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    for alg in ["none", "None", "NONE", ""] {
        let unsigned = token(&json!({"alg": alg}), &with(&json!({})), SECRET);
        assert_eq!(refused(&unsigned).await, "token_malformed", "{alg:?}");
        let (message, _) = unsigned.rsplit_once('.').expect("three parts");
        assert_eq!(refused(&format!("{message}.")).await, "token_malformed", "{alg:?}");
    }
}

#[tokio::test]
async fn a_public_key_is_no_shared_secret() {
    // Whoever takes the published key for a secret, and says HS256, must not get in under its key id or under none.
    let key = std::fs::read_to_string(public("rsa")).expect("there");
    for header in [json!({"alg": "HS256", "kid": "rsa"}), json!({"alg": "HS256"})] {
        let confused = token(&header, &with(&json!({})), &key);
        let code = refused(&confused).await;
        assert!(["token_key", "token_signature"].contains(&code), "{header}: {code}");
    }
    // Nor may one algorithm stand for another, with whatever key.
    for (alg, kid) in [("ES256", "rsa"), ("RS256", "ec"), ("EdDSA", "ec"), ("RS256", "k1")] {
        let pair = if alg == "RS256" {
            "rsa"
        } else if alg == "ES256" {
            "p256"
        } else {
            "ed25519"
        };
        let token = token(&json!({"alg": alg, "kid": kid}), &with(&json!({})), pair);
        assert_eq!(refused(&token).await, "token_key", "{alg} {kid}");
    }
    for alg in ["HS384", "HS512", "RS512", "PS256", "ES384"] {
        assert_eq!(refused(&token(&json!({"alg": alg}), &with(&json!({})), SECRET)).await, "token_key", "{alg}");
    }
}

#[tokio::test]
async fn an_unknown_key_id_is_refused() {
    let token = |kid: &str| token(&json!({"alg": "HS256", "kid": kid}), &with(&json!({})), SECRET);
    assert_eq!(refused(&token("k2")).await, "token_key");
    assert_eq!(refused(&token("k1")).await, "token_signature", "k1 is another secret");
    assert_eq!(refused(&token("../../dev/null")).await, "token_key");
}

#[tokio::test]
async fn claims_that_cannot_be_read_are_refused() {
    for changes in [
        json!({"exp": null}),
        json!({"exp": "tomorrow"}),
        json!({"projects": {"a": "admin"}}),
        json!({"projects": ["a"]}),
        json!({"sub": 7}),
    ] {
        assert_eq!(refused(&hs256(&with(&changes))).await, "token_malformed", "{changes}");
    }
    for user in [json!(""), json!("a\nb"), json!("x".repeat(129)), json!("bot:x"), json!("link:1"), json!("api:1")] {
        assert_eq!(refused(&hs256(&with(&json!({"sub": user})))).await, "token_user", "{user}");
    }
    let critical = token(&json!({"alg": "HS256", "crit": ["exp"]}), &with(&json!({})), SECRET);
    assert_eq!(refused(&critical).await, "token_malformed");
    for junk in ["", ".", "..", "a.b.c", "not a token", &"x".repeat(TOKEN_BYTES + 1)] {
        assert_eq!(refused(junk).await, "token_malformed", "{junk:.20}");
    }
}

#[tokio::test]
async fn what_this_program_signs_it_takes() {
    let (key, id) = super::super::keys::signing(&[KeySource::parse(&format!("secret:{SECRET}")).expect("valid")])
        .expect("a secret");
    let token = sign(&super::super::testing::claims(), &key, id).expect("signed");
    assert_eq!(check(&token).await.expect("let in").user, "ana");
}
