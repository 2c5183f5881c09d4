//! `tidings endpoints rotate-secret`.

use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use serde_json::json;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::webhook_endpoints::{self, KEEP_PREVIOUS_SECRET};
use tidings_db::{Database, SecretKeys, TransactionOptions, generate_secret};
use uuid::Uuid;

use crate::operator::operator;
use crate::output::CommandOutput;
use crate::settings;

/// Creates a new secret, which is printed once it is stored.
pub async fn run(database: &Database, id: Uuid) -> anyhow::Result<CommandOutput> {
    let keys = settings::read(|reader| Some(SecretKeys::read(reader)))?;
    let secret = generate_secret()?;
    let stored = keys.seal(id, &secret)?;
    let origin = operator();
    let rotated = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let keep = KEEP_PREVIOUS_SECRET;
            let until = webhook_endpoints::rotate_secret(transaction, &stored, None, keep).await?;
            if until.is_some() {
                let entry = origin.entry(Action::WebhookEndpointRotateSecret);
                let entry = entry.on(TargetKind::WebhookEndpoint, id);
                audit::record(transaction, &entry).await?;
            }
            Ok(until)
        })
        .await
        .context("the secret is not changed")?;
    let Some(until) = rotated else {
        bail!("there is no webhook endpoint {id}");
    };
    let secret = secret.expose_secret();
    let text = format!(
        "{secret}\nNothing else shows this secret. Until {until:.0}, webhooks are also signed with the previous one.\n"
    );
    CommandOutput::new(
        text,
        json!({"id": id, "secret": secret, "previousValidUntil": until}),
    )
}
