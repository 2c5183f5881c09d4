//! The check of the secrets of webhook endpoints, and of `SECRETS_KEY`.

use tidings_db::webhook_endpoints::{self, SecretCounts};
use tidings_db::{Database, DbError, SecretKeys};
use tidings_settings::{AppEnv, Reader, Sources};

use super::{CheckResults, in_time};
use tidings_domain::count;

/// The name of the check.
const CHECK: &str = "endpoint-secrets";

/// Endpoints in one query.
const CHUNK: u32 = 1000;

/// Checks how the secrets are stored, and that a key decrypts each of them. Prints no secret.
pub async fn check(
    sources: &Sources,
    database: &Database,
    keys: &SecretKeys,
    results: &mut CheckResults,
) {
    let production = AppEnv::reads_as_production(&Reader::new(sources.clone()));
    match in_time(count_secrets(database, keys)).await {
        Ok((endpoints, counts)) => report(endpoints, &counts, keys, production, results),
        Err(error) => results.error(
            CHECK,
            format!("cannot read the webhook endpoints: {error}"),
            "run `tidings migrate`, and check the log of PostgreSQL",
        ),
    }
}

async fn count_secrets(
    database: &Database,
    keys: &SecretKeys,
) -> Result<(u64, SecretCounts), DbError> {
    let (mut endpoints, mut counts, mut after) = (0, SecretCounts::default(), None);
    loop {
        let page = database
            .run(async |client| {
                webhook_endpoints::inspect_secrets(client, keys, after, CHUNK).await
            })
            .await?;
        endpoints += page.endpoints;
        counts.add(page.counts);
        after = page.last;
        if after.is_none() {
            return Ok((endpoints, counts));
        }
    }
}

/// The remedy for secrets that are not encrypted under the first key.
const ROTATE: &str = "run `tidings secrets rotate`";

fn report(
    endpoints: u64,
    counts: &SecretCounts,
    keys: &SecretKeys,
    production: bool,
    results: &mut CheckResults,
) {
    let (Some(first), 1..) = (keys.first(), endpoints) else {
        report_without_key(endpoints, counts, production, results);
        return;
    };
    let before = results.0.len();
    report_unopened(counts, results);
    if counts.plain > 0 {
        let message = format!("{} readable in the table", secrets_are(counts.plain));
        results.warn(CHECK, message, ROTATE);
    }
    for (key, number) in &counts.former {
        results.warn(
            CHECK,
            format!(
                "{} encrypted under the key {key}, and the first key of SECRETS_KEY is {first}",
                secrets_are(*number)
            ),
            format!("{ROTATE}; then remove the key {key} from SECRETS_KEY"),
        );
    }
    if results.0.len() == before {
        let message = format!(
            "{} encrypted under the key {first}",
            secrets_are(counts.current)
        );
        results.ok(CHECK, message);
    }
}

/// Without a key, or without an endpoint.
fn report_without_key(
    endpoints: u64,
    counts: &SecretCounts,
    production: bool,
    results: &mut CheckResults,
) {
    const REMEDY: &str = "set SECRETS_KEY to the output of `echo 1:$(openssl rand -base64 32)`, for all programs; then run `tidings secrets rotate`";
    report_unopened(counts, results);
    if counts.plain > 0 {
        let message = format!(
            "{} readable in the table, and SECRETS_KEY is not set",
            secrets_are(counts.plain)
        );
        if production {
            results.error(
                CHECK,
                format!("{message}: the worker does not start"),
                REMEDY,
            );
        } else {
            results.warn(
                CHECK,
                format!("{message}; in production the worker does not start"),
                REMEDY,
            );
        }
    } else if endpoints == 0 {
        results.ok(
            CHECK,
            "there are no webhook endpoints, whose secrets SECRETS_KEY encrypts",
        );
    }
}

fn report_unopened(counts: &SecretCounts, results: &mut CheckResults) {
    for (error, number) in &counts.unopened {
        let number = usize::try_from(*number).unwrap_or(usize::MAX);
        results.error(
            CHECK,
            format!(
                "{} of webhook endpoints cannot be decrypted, so their webhooks wait: {error}",
                count(number, "secret")
            ),
            "add the key to SECRETS_KEY for all programs; if it is lost, replace the secrets of these endpoints (POST /api/webhook-endpoints/{id}/rotate-secret) and tell their owners",
        );
    }
}

/// `1 secret of webhook endpoints is`, `2 secrets of webhook endpoints are`.
fn secrets_are(number: u64) -> String {
    let is = if number == 1 { "is" } else { "are" };
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    format!("{} of webhook endpoints {is}", count(number, "secret"))
}
