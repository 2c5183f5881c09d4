use std::path::PathBuf;

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use secrecy::{ExposeSecret, SecretString};
use tidings_domain::jwt::{JwtAlgorithm, JwtAlgorithms};
use tidings_settings::{AppEnv, Reader, read_text_file, table, weakness};

/// Which tokens the API accepts.
#[derive(Clone, Debug)]
pub struct AuthSettings {
    /// `JWT_ALGORITHM`: the algorithms that the API accepts.
    pub algorithms: Vec<Algorithm>,
    /// `JWT_SECRET`: the secret shared with the services that sign with HMAC.
    pub secret: Option<SecretString>,
    /// `JWT_PUBLIC_KEY_FILE`: the issuer's public key in PEM, for the other algorithms.
    pub public_key_pem: Option<Vec<u8>>,
    /// `JWT_ISSUER`: the issuer that tokens must name as `iss`.
    pub issuer: Option<String>,
    /// `JWT_AUDIENCE`: the audience that tokens must name in `aud`.
    pub audience: Option<String>,
    /// `JWT_LEEWAY_SECS`: how far the clock of an issuer may differ.
    pub leeway_secs: u64,
    /// Whether tokens must have `exp`. True in production.
    pub require_expiry: bool,
    /// `JWT_TRUST_UNSCOPED`: whether a token that is signed with the shared secret and has no `scope` may do
    /// everything.
    pub trust_unscoped: bool,
}

impl AuthSettings {
    /// Reads the section. Returns `None` if a required setting is missing.
    pub fn read(reader: &mut Reader, environment: AppEnv) -> Option<Self> {
        let accepted: JwtAlgorithms = reader.value(table::JWT_ALGORITHM);
        let secret = match accepted.min_secret_len() {
            Some(min_len) => read_secret(reader, min_len, environment),
            None => reader.secret(table::JWT_SECRET),
        };
        let needs_key = |algorithm: &JwtAlgorithm| !algorithm.has_shared_secret();
        let path: Option<PathBuf> = reader.optional(table::JWT_PUBLIC_KEY_FILE);
        if accepted.0.iter().any(needs_key) && path.is_none() {
            reader.problem(
                table::JWT_PUBLIC_KEY_FILE,
                "is not set, and JWT_ALGORITHM needs a public key",
            );
        }
        let public_key_pem = path.and_then(|path| match read_text_file(&path) {
            Ok(pem) => Some(pem.into_bytes()),
            Err(error) => {
                reader.problem(
                    table::JWT_PUBLIC_KEY_FILE,
                    format!("{}: {error}", path.display()),
                );
                None
            }
        });
        let settings = Self {
            algorithms: accepted.0.into_iter().map(algorithm).collect(),
            secret,
            public_key_pem,
            issuer: reader.text(table::JWT_ISSUER).map(str::to_owned),
            audience: reader.text(table::JWT_AUDIENCE).map(str::to_owned),
            leeway_secs: reader.value(table::JWT_LEEWAY_SECS),
            require_expiry: environment.is_production(),
            trust_unscoped: reader
                .optional(table::JWT_TRUST_UNSCOPED)
                .unwrap_or(!environment.is_production()),
        };
        if let Err(error) = super::Verifier::new(&settings) {
            reader.problem(
                table::JWT_PUBLIC_KEY_FILE,
                format!("does not fit JWT_ALGORITHM: {error}"),
            );
        }
        Some(settings)
    }
}

/// Returns whether an algorithm signs with a shared secret.
pub(super) fn is_hmac(algorithm: Algorithm) -> bool {
    algorithm.family() == AlgorithmFamily::Hmac
}

/// The library's name for an algorithm.
const fn algorithm(algorithm: JwtAlgorithm) -> Algorithm {
    match algorithm {
        JwtAlgorithm::Hs256 => Algorithm::HS256,
        JwtAlgorithm::Hs384 => Algorithm::HS384,
        JwtAlgorithm::Hs512 => Algorithm::HS512,
        JwtAlgorithm::Rs256 => Algorithm::RS256,
        JwtAlgorithm::Rs384 => Algorithm::RS384,
        JwtAlgorithm::Rs512 => Algorithm::RS512,
        JwtAlgorithm::Ps256 => Algorithm::PS256,
        JwtAlgorithm::Ps384 => Algorithm::PS384,
        JwtAlgorithm::Ps512 => Algorithm::PS512,
        JwtAlgorithm::Es256 => Algorithm::ES256,
        JwtAlgorithm::Es384 => Algorithm::ES384,
        JwtAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}

/// Reads `JWT_SECRET`, which is required, and refuses a weak secret in production.
fn read_secret(reader: &mut Reader, min_len: usize, environment: AppEnv) -> Option<SecretString> {
    let secret = reader.required_secret(table::JWT_SECRET)?;
    if environment.is_production()
        && let Some(weakness) = weakness(secret.expose_secret(), min_len)
    {
        let message = format!(
            "{weakness}: production needs a generated secret of at least {min_len} bytes, for example the output of `openssl rand -hex {min_len}`"
        );
        reader.problem(table::JWT_SECRET, message);
    }
    Some(secret)
}
