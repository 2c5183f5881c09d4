//! TLS to PostgreSQL with the modes of libpq (PostgreSQL manual, 34.19 "SSL Support").

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tidings_settings::read_text_file;
use tokio_postgres_rustls::MakeRustlsConnect;

/// libpq's `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SslMode {
    /// Never uses TLS.
    Disable,
    /// Uses TLS if the server offers it; accepts any certificate.
    Prefer,
    /// Always uses TLS; accepts any certificate.
    Require,
    /// Always uses TLS; the certificate must be valid for the host. Includes `verify-ca`, because a
    /// valid chain without a host name check gives no protection.
    Verify,
}

impl FromStr for SslMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "disable" => Ok(Self::Disable),
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" => Ok(Self::Require),
            "verify-ca" | "verify-full" => Ok(Self::Verify),
            _ => Err(format!(
                "sslmode {text:?} must be disable, prefer, require or verify-full"
            )),
        }
    }
}

/// Converts the mode to that of the client library.
pub(crate) const fn negotiation(mode: SslMode) -> tokio_postgres::config::SslMode {
    match mode {
        SslMode::Disable => tokio_postgres::config::SslMode::Disable,
        SslMode::Prefer => tokio_postgres::config::SslMode::Prefer,
        SslMode::Require | SslMode::Verify => tokio_postgres::config::SslMode::Require,
    }
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// `sslrootcert` cannot be read.
    #[error("sslrootcert cannot be read: {0}")]
    RootCertificate(#[from] pem::Error),
    /// The machine has no certificate authorities.
    #[error("this machine's certificate authorities cannot be read; name one with sslrootcert")]
    NoRootCertificates,
    /// A certificate is invalid.
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
}

/// Builds the connector for `mode`, which trusts the machine's authorities or the one in `root_cert`.
pub(crate) fn connector(
    mode: SslMode,
    root_cert: Option<&Path>,
) -> Result<MakeRustlsConnect, TlsError> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?;
    let builder = match (mode, root_cert) {
        (SslMode::Verify, Some(path)) => {
            let mut roots = RootCertStore::empty();
            let text = read_text_file(path).map_err(pem::Error::Io)?;
            for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
                roots.add(certificate?)?;
            }
            builder.with_root_certificates(roots)
        }
        (SslMode::Verify, None) => {
            return MakeRustlsConnect::with_native_certs()
                .map(|(connector, _)| connector)
                .map_err(|_| TlsError::NoRootCertificates);
        }
        _ => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(
                aws_lc_rs::default_provider(),
            ))),
    };
    Ok(MakeRustlsConnect::new(builder.with_no_client_auth()))
}

/// Accepts any certificate, as libpq does for `prefer` and `require`: the connection is encrypted, but
/// the server is not authenticated. Still checks signatures.
#[derive(Debug)]
struct AnyCertificate(CryptoProvider);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
