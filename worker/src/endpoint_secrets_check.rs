use anyhow::bail;
use tidings_broker::Backoff;
use tidings_db::{Database, SecretKeys, webhook_endpoints};

/// Refuses to deliver webhooks in production without `SECRETS_KEY` if there are webhook endpoints: their secrets are
/// readable in the table, or cannot be decrypted. Waits for the database.
///
/// # Errors
///
/// Fails if there is an endpoint and no key.
pub async fn require_key(database: &Database, keys: &SecretKeys) -> anyhow::Result<()> {
    if keys.can_seal() {
        return Ok(());
    }
    let mut backoff = Backoff::new();
    loop {
        let exist = database
            .run(async |client| webhook_endpoints::any_exist(client).await)
            .await;
        match exist {
            Ok(false) => return Ok(()),
            Ok(true) => bail!(
                "SECRETS_KEY is not set, and there are webhook endpoints: set it to the output of `echo 1:$(openssl rand -base64 32)`, for all programs, and run `tidings secrets rotate`"
            ),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "cannot ask for webhook endpoints; trying again");
            }
        }
        backoff.pause().await;
    }
}
