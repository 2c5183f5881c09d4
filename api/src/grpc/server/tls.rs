use std::sync::Arc;

use anyhow::{Context, ensure};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::grpc::settings::TlsFiles;

/// Reads the certificate and the key.
///
/// # Errors
///
/// Fails if a file cannot be read or the two do not fit each other.
pub fn acceptor(files: &TlsFiles) -> anyhow::Result<TlsAcceptor> {
    let unusable = |what: &str, path: &std::path::Path| {
        format!("the {what} in {} cannot be used", path.display())
    };
    let certificates: Vec<_> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .with_context(|| unusable("certificate (GRPC_TLS_CERT_FILE)", &files.certificate))?;
    ensure!(
        !certificates.is_empty(),
        "there is no certificate in {} (GRPC_TLS_CERT_FILE)",
        files.certificate.display()
    );
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .with_context(|| unusable("key (GRPC_TLS_KEY_FILE)", &files.key))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .with_context(|| unusable("key (GRPC_TLS_KEY_FILE)", &files.key))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
