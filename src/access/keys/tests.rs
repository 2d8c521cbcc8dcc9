use super::super::testing::public;
use super::*;

#[test]
fn what_is_written_is_never_repeated() {
    let source = KeySource::parse("k1=secret:0123456789abcdef0123456789abcdef").expect("valid");
    assert_eq!(source.id.as_deref(), Some("k1"));
    assert!(!format!("{source:?}").contains("0123"), "{source:?}");
    assert!(!KeySource::parse("secret:hunter2").expect_err("short").contains("hunter2"));
}

#[test]
fn addresses_of_keys_must_be_safe_on_the_way() {
    for good in
        ["jwks:https://id.example.com/k", "jwks:http://127.0.0.1:8/k", "jwks:http://localhost/k", "jwks:http://[::1]:8"]
    {
        assert!(KeySource::parse(good).is_ok(), "{good}");
    }
    for wrong in [
        "jwks:http://id.example.com",
        "jwks:http://localhost.evil.example",
        "jwks:https://a@b",
        "jwks:ftp://a",
        "jwks:https://",
    ] {
        assert!(KeySource::parse(wrong).is_err(), "{wrong}");
    }
}

fn load(path: impl AsRef<Path>) -> Result<Algorithm, String> {
    Key::file(None, path.as_ref()).map(|key| key.algorithm)
}

#[test]
fn a_key_files_algorithm_is_what_its_key_is() {
    assert_eq!(load(public("rsa")), Ok(Algorithm::RS256));
    assert_eq!(load(public("p256")), Ok(Algorithm::ES256));
    assert_eq!(load(public("ed25519")), Ok(Algorithm::EdDSA));
    assert!(load(public("p384")).expect_err("refused").contains("only P-256"));
    assert!(load("/nowhere.pem").expect_err("refused").contains("cannot be read"));
    assert!(load(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).expect_err("refused").contains("no public key"));
}

#[test]
fn a_private_key_is_not_taken() {
    let private = public("rsa").to_string_lossy().replace(".pub.pem", ".pem");
    assert!(load(private).expect_err("refused").contains("private key"));
}
