//! Encryption of the connections.
//!
//! Owns which certificates are believed. Called when a store is opened.

use super::url::Tls;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What makes connections encrypted, or a sentence about why it cannot.
pub(super) fn connector(tls: &Tls) -> Result<MakeRustlsConnect, String> {
    // Fails when someone else was first, which is as good.
    let _ = ring::default_provider().install_default();
    match tls {
        Tls::Verify(None) => {
            let (connector, _) = MakeRustlsConnect::with_native_certs().map_err(|errors| {
                format!("the system's certificate authorities cannot be read ({errors:?}): install them (Debian: ca-certificates), or name a file by sslrootcert")
            })?;
            Ok(connector)
        }
        Tls::Verify(Some(file)) => {
            let config = ClientConfig::builder().with_root_certificates(roots(file)?);
            Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
        }
        Tls::Off | Tls::Prefer | Tls::Require => {
            let anybody = Arc::new(Anybody(ring::default_provider()));
            let config = ClientConfig::builder().dangerous().with_custom_certificate_verifier(anybody);
            Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
        }
    }
}

fn roots(file: &Path) -> Result<RootCertStore, String> {
    let wrong = |error: &dyn std::fmt::Display| {
        format!("the certificates in {} cannot be used ({error}): name another file by sslrootcert", file.display())
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(&error))? {
        let certificate = certificate.map_err(|error| wrong(&error))?;
        roots.add(certificate).map_err(|error| wrong(&error))?;
    }
    if roots.is_empty() { Err(wrong(&"there are none")) } else { Ok(roots) }
}

/// Believes any certificate, as `sslmode=prefer` and `require` ask for: what is sent cannot be read on the way, but nobody knows who is at
/// the other end.
#[derive(Debug)]
struct Anybody(CryptoProvider);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
