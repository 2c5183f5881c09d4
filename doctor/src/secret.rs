//! The check of `JWT_SECRET`.

use secrecy::ExposeSecret;
use tidings_domain::jwt::JwtAlgorithms;
use tidings_settings::{AppEnv, Sources, table, weakness};

use super::{CheckResults, read, section};

/// Checks the secret that signs tokens. Never prints the secret.
pub fn check(sources: &Sources, results: &mut CheckResults) {
    let read = read(sources, |reader| {
        let env = AppEnv::read(reader);
        let algorithms: JwtAlgorithms = reader.value(table::JWT_ALGORITHM);
        Some((env, algorithms, reader.secret(table::JWT_SECRET)))
    });
    let Some((env, algorithms, secret)) = section(results, read) else {
        return;
    };
    let secret = secret.as_ref().map_or("", |secret| secret.expose_secret());
    let Some(bytes) = algorithms.min_secret_len() else {
        results.ok(
            "secret",
            "no algorithm of JWT_ALGORITHM uses a shared secret",
        );
        return;
    };
    let remedy = format!(
        "set JWT_SECRET to the output of `openssl rand -hex {bytes}`, for the API and for every program that signs tokens"
    );
    match weakness(secret, bytes) {
        None => results.ok(
            "secret",
            "JWT_SECRET is long enough and not an example value",
        ),
        Some(weak) => {
            let message = format!("JWT_SECRET {weak} ({bytes} random bytes are recommended)");
            // In production the programs do not start with a weak secret; without one the API cannot check tokens.
            if env.is_production() || secret.is_empty() {
                results.error("secret", message, remedy);
            } else {
                results.warn(
                    "secret",
                    format!("{message}; in production the programs do not start with it"),
                    remedy,
                );
            }
        }
    }
}
