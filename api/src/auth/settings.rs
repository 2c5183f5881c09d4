use std::path::PathBuf;
use std::str::FromStr;

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use secrecy::{ExposeSecret, SecretString};
use tidings_settings::{AppEnv, Reader, weakness};

/// Whose tokens the API takes.
#[derive(Clone, Debug)]
pub struct AuthSettings {
    /// `JWT_ALGORITHM`, default `HS256`: the algorithms accepted, separated by commas.
    pub algorithms: Vec<Algorithm>,
    /// `JWT_SECRET`: the secret shared with the services that sign by HMAC.
    pub secret: Option<SecretString>,
    /// `JWT_PUBLIC_KEY_FILE`: the issuer's public key in PEM, for the other algorithms.
    pub public_key_pem: Option<Vec<u8>>,
    /// `JWT_ISSUER`: where it is set, tokens must name it as `iss`.
    pub issuer: Option<String>,
    /// `JWT_AUDIENCE`: where it is set, tokens must name it in `aud`.
    pub audience: Option<String>,
    /// `JWT_LEEWAY_SECS`, default 5: how far the clocks of issuers may be off.
    pub leeway_secs: u64,
    /// Whether `exp` is required: in production.
    pub require_expiry: bool,
}

/// A list of algorithms, separated by commas.
struct Algorithms(Vec<Algorithm>);

impl FromStr for Algorithms {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = |name: &str| {
            let name = name.trim();
            name.parse().map_err(|_| format!("{name:?} is no algorithm of RFC 7518 or RFC 8037, such as HS256, RS256, ES256 or EdDSA"))
        };
        text.split(',')
            .map(read)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl AuthSettings {
    /// Reads the section. `None` where something that is required is missing.
    pub fn read(reader: &mut Reader, environment: AppEnv) -> Option<Self> {
        let Algorithms(algorithms) = reader.or("JWT_ALGORITHM", Algorithms(vec![Algorithm::HS256]));
        let by_secret = algorithms.iter().any(|algorithm| is_hmac(*algorithm));
        let by_key = algorithms.iter().any(|algorithm| !is_hmac(*algorithm));
        let secret = reader.secret("JWT_SECRET");
        if by_secret {
            check_secret(reader, secret.as_ref(), &algorithms, environment);
        }
        let path: Option<PathBuf> = reader.optional("JWT_PUBLIC_KEY_FILE");
        if by_key && path.is_none() {
            reader.problem(
                "JWT_PUBLIC_KEY_FILE",
                "is not set, and JWT_ALGORITHM needs a public key",
            );
        }
        let public_key_pem = path.and_then(|path| match std::fs::read(&path) {
            Ok(pem) => Some(pem),
            Err(error) => {
                reader.problem(
                    "JWT_PUBLIC_KEY_FILE",
                    format!("{}: {error}", path.display()),
                );
                None
            }
        });
        let settings = Self {
            algorithms,
            secret,
            public_key_pem,
            issuer: reader.text("JWT_ISSUER").map(str::to_owned),
            audience: reader.text("JWT_AUDIENCE").map(str::to_owned),
            leeway_secs: reader.within("JWT_LEEWAY_SECS", 5, 0..=300),
            require_expiry: environment.is_production(),
        };
        if let Err(error) = super::Verifier::new(&settings) {
            reader.problem(
                "JWT_PUBLIC_KEY_FILE",
                format!("does not fit JWT_ALGORITHM: {error}"),
            );
        }
        Some(settings)
    }
}

/// Whether an algorithm signs by a shared secret.
pub(super) fn is_hmac(algorithm: Algorithm) -> bool {
    algorithm.family() == AlgorithmFamily::Hmac
}

fn check_secret(
    reader: &mut Reader,
    secret: Option<&SecretString>,
    algorithms: &[Algorithm],
    environment: AppEnv,
) {
    let Some(secret) = secret else {
        reader.problem(
            "JWT_SECRET",
            "is not set; for example the output of `openssl rand -hex 32`",
        );
        return;
    };
    // RFC 7518 §3.2: a key at least as long as the hash.
    let longest = algorithms.iter().map(|algorithm| match algorithm {
        Algorithm::HS512 => 64,
        Algorithm::HS384 => 48,
        _ => 32,
    });
    let min_len = longest.max().unwrap_or(32);
    if environment.is_production()
        && let Some(why) = weakness(secret.expose_secret(), min_len)
    {
        reader.problem("JWT_SECRET", format!("{why}: production needs a generated one of at least {min_len} bytes, for example the output of `openssl rand -hex {min_len}`"));
    }
}
