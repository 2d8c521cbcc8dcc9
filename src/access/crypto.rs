//! The cryptography of tokens: ring's, which TLS brings anyway, behind jsonwebtoken's traits.
//!
//! Owns which algorithms there are: HS256, RS256, ES256 and EdDSA are verified, HS256 alone is signed. Anything else, `none` included, is no
//! algorithm. Never looks into a token.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::hmac;
use ring::signature::{self as rings, RsaPublicKeyComponents, UnparsedPublicKey};

static PROVIDER: CryptoProvider =
    CryptoProvider { signer_factory: signer, verifier_factory: verifier, key_utils: KeyUtils::new_unimplemented() };

/// Makes jsonwebtoken compute with this. Again changes nothing.
pub(super) fn install() {
    // An error says that it has been done.
    let _ = PROVIDER.install_default();
}

/// A key of one algorithm.
struct Key {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Verifier<Vec<u8>> for Key {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let bytes = self.key.try_get_as_bytes();
        let verified = match (self.algorithm, self.key.kind()) {
            (Algorithm::HS256, DecodingKeyKind::SecretOrDer(secret)) => {
                hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret), message, signature)
            }
            (Algorithm::RS256, DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(&rings::RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            (algorithm, _) => {
                let check: &'static dyn rings::VerificationAlgorithm = match algorithm {
                    Algorithm::RS256 => &rings::RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::ES256 => &rings::ECDSA_P256_SHA256_FIXED,
                    Algorithm::EdDSA => &rings::ED25519,
                    _ => return Err(Error::new()),
                };
                UnparsedPublicKey::new(check, bytes.map_err(|_| Error::new())?).verify(message, signature)
            }
        };
        verified.map_err(|_| Error::new())
    }
}

impl JwtVerifier for Key {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let family = match algorithm {
        Algorithm::HS256 => AlgorithmFamily::Hmac,
        Algorithm::RS256 => AlgorithmFamily::Rsa,
        Algorithm::ES256 => AlgorithmFamily::Ec,
        Algorithm::EdDSA => AlgorithmFamily::Ed,
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    // A public key is no secret: whoever signs with it as one must not get in.
    if key.family() != family {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(Key { algorithm: *algorithm, key: key.clone() }))
}

/// A secret that signs.
struct Secret(hmac::Key);

impl Signer<Vec<u8>> for Secret {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(hmac::sign(&self.0, message).as_ref().to_vec())
    }
}

impl JwtSigner for Secret {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    if *algorithm != Algorithm::HS256 || key.family() != AlgorithmFamily::Hmac {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(Secret(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()))))
}
