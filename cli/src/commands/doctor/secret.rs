use secrecy::ExposeSecret;
use tidings_domain::jwt::JwtAlgorithms;
use tidings_settings::{AppEnv, table, weakness};

use super::{Findings, section};
use crate::settings;

/// Checks the secret that tokens are signed with. It is never shown.
pub fn check(findings: &mut Findings) {
    let read = settings::read(|reader| {
        let env = AppEnv::read(reader);
        let algorithms: JwtAlgorithms = reader.value(table::JWT_ALGORITHM);
        Some((env, algorithms, reader.secret(table::JWT_SECRET)))
    });
    let Some((env, algorithms, secret)) = section(findings, read) else {
        return;
    };
    let secret = secret.as_ref().map_or("", |secret| secret.expose_secret());
    let Some(bytes) = algorithms.min_secret_len() else {
        findings.ok(
            "secret",
            "no algorithm of JWT_ALGORITHM uses a shared secret",
        );
        return;
    };
    let remedy = format!(
        "set JWT_SECRET to the output of `openssl rand -hex {bytes}`, at the API and wherever tokens are signed"
    );
    match weakness(secret, bytes) {
        None => findings.ok("secret", "JWT_SECRET is long enough and no example value"),
        Some(weak) => {
            let message = format!("JWT_SECRET {weak} ({bytes} random bytes are wanted)");
            // The programs do not start with it, or there is none to check tokens with.
            if env.is_production() || secret.is_empty() {
                findings.error("secret", message, remedy);
            } else {
                findings.warn(
                    "secret",
                    format!("{message}; it would not do in production"),
                    remedy,
                );
            }
        }
    }
}
