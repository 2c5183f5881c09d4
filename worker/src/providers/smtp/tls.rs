use std::io;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SmtpTlsError {
    /// The machine has no certificate authorities.
    #[error(
        "this machine's certificate authorities cannot be read; install ca-certificates or set SSL_CERT_FILE"
    )]
    NoRootCertificates,
    /// `SMTP_HOST` cannot be the name in a certificate.
    #[error("SMTP_HOST: {0}")]
    Host(#[from] InvalidDnsNameError),
    /// The given certificate authority cannot be parsed.
    #[error(transparent)]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// The given certificate authority is invalid.
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
}

/// Encrypts connections to one host.
pub(super) struct SmtpTlsConnector {
    connector: TlsConnector,
    host: ServerName<'static>,
}

impl SmtpTlsConnector {
    /// Trusts the certificate authorities of the system (or of `SSL_CERT_FILE`), and `authority` in PEM.
    pub(super) fn new(host: &str, authority: Option<&str>) -> Result<Self, SmtpTlsError> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(native.certs);
        if let Some(pem) = authority {
            roots.add(CertificateDer::from_pem_slice(pem.as_bytes())?)?;
        }
        if roots.is_empty() {
            return Err(SmtpTlsError::NoRootCertificates);
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            host: ServerName::try_from(host.to_owned())?,
        })
    }

    /// Performs the handshake. Fails if the certificate is not valid for the host.
    pub(super) async fn connect(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.host.clone(), stream).await
    }
}
