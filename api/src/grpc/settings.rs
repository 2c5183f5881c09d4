use std::net::IpAddr;
use std::path::PathBuf;

use tidings_settings::{AppEnv, Reader, table};

/// The settings of the gRPC server.
#[derive(Clone, Debug)]
pub struct GrpcSettings {
    /// `GRPC_HOST`.
    pub address: IpAddr,
    /// `GRPC_PORT`; 0 takes any free port.
    pub port: u16,
    /// `GRPC_REFLECTION`: whether clients may ask for the services and their messages.
    pub reflection: bool,
    /// `GRPC_TLS_CERT_FILE` and `GRPC_TLS_KEY_FILE`. `None` serves without TLS.
    pub tls: Option<TlsFiles>,
}

/// A certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate, followed by those of its issuers.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl GrpcSettings {
    /// Reads the section. `None` if `GRPC_PORT` is not set. `http_address` is that of the HTTP server.
    pub fn read(r: &mut Reader, environment: AppEnv, http_address: IpAddr) -> Option<Self> {
        let port: Option<u16> = r.optional(table::GRPC_PORT);
        let address = r.optional(table::GRPC_HOST).unwrap_or(http_address);
        let reflection = r.optional(table::GRPC_REFLECTION);
        let certificate: Option<PathBuf> = r.optional(table::GRPC_TLS_CERT_FILE);
        let key: Option<PathBuf> = r.optional(table::GRPC_TLS_KEY_FILE);
        if certificate.is_some() != key.is_some() {
            let (missing, other) = if key.is_none() {
                (table::GRPC_TLS_KEY_FILE, table::GRPC_TLS_CERT_FILE)
            } else {
                (table::GRPC_TLS_CERT_FILE, table::GRPC_TLS_KEY_FILE)
            };
            r.problem(missing, format!("must be set together with {}", other.name));
        }
        Some(Self {
            address,
            port: port?,
            reflection: reflection.unwrap_or(environment == AppEnv::Development),
            tls: certificate
                .zip(key)
                .map(|(certificate, key)| TlsFiles { certificate, key }),
        })
    }
}
