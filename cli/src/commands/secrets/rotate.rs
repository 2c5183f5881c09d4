//! `tidings secrets rotate`.

use anyhow::Context;
use serde_json::json;
use tidings_db::audit::{self, Action, AuditOrigin, TargetKind};
use tidings_db::webhook_endpoints::{self, SecretCounts, SecretPage};
use tidings_db::{Database, DatabaseSettings, KeyId, SecretKeys, TransactionOptions};
use tidings_settings::table;
use uuid::Uuid;

use crate::operator::operator;
use crate::output::{CommandOutput, Text, count};
use crate::{progress, settings};

/// Endpoints in one transaction, which locks their rows for some milliseconds.
const CHUNK: u32 = 500;

/// Arguments of `rotate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only print what the command would do
    #[arg(long)]
    dry_run: bool,
}

/// What the command did, or would do.
struct Rotation {
    dry_run: bool,
    key: KeyId,
    endpoints: u64,
    /// How the secrets were stored before.
    before: SecretCounts,
}

/// Encrypts the secrets under the first key.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let (database, keys, key) = settings::read(|reader| {
        let database = DatabaseSettings::read(reader);
        let keys = SecretKeys::read(reader);
        if !reader.is_set(table::SECRETS_KEY) {
            let message =
                "is not set; for example the output of `echo 1:$(openssl rand -base64 32)`";
            reader.problem(table::SECRETS_KEY, message);
        }
        let key = keys.first().cloned()?;
        Some((database?, keys, key))
    })?;
    let database = Database::new(&database, "tidings secrets rotate")?;
    let total = database
        .run(async |client| webhook_endpoints::count(client).await)
        .await
        .context("cannot read the webhook endpoints")?;
    let progress = progress::bar(total);
    let mut rotation = Rotation {
        dry_run: args.dry_run,
        key,
        endpoints: 0,
        before: SecretCounts::default(),
    };
    let (mut after, origin) = (None, operator());
    loop {
        let origin = (!args.dry_run).then_some(&origin);
        let page = rotate_chunk(&database, &keys, &rotation.key, after, origin)
            .await
            .with_context(|| {
                let done = usize::try_from(rotation.endpoints).unwrap_or(usize::MAX);
                format!(
                    "stopped after {}; run the same command again to continue",
                    count(done, "endpoint")
                )
            })?;
        progress.inc(page.endpoints);
        rotation.endpoints += page.endpoints;
        rotation.before.add(page.counts);
        if page.last.is_none() {
            break;
        }
        after = page.last;
    }
    progress.finish_and_clear();
    rotation.output()
}

/// Encrypts the secrets of a chunk, and writes an entry of the audit log if any has changed. Only counts without `origin`.
async fn rotate_chunk(
    database: &Database,
    keys: &SecretKeys,
    key: &KeyId,
    after: Option<Uuid>,
    origin: Option<&AuditOrigin>,
) -> anyhow::Result<SecretPage> {
    let Some(origin) = origin else {
        let inspected = database
            .run(async |client| {
                webhook_endpoints::inspect_secrets(client, keys, after, CHUNK).await
            })
            .await;
        return Ok(inspected?);
    };
    let resealed = database
        .transaction(TransactionOptions::default(), async |transaction| {
            let page = webhook_endpoints::reseal_secrets(transaction, keys, after, CHUNK).await?;
            let changed = |page: &SecretPage| page.counts.resealable() + page.counts.expired;
            if let Some(page) = page.as_ref().ok().filter(|page| changed(page) > 0) {
                let entry = origin
                    .entry(Action::SecretsRotate)
                    .on(TargetKind::SecretKey, key)
                    .with("encrypted", page.counts.resealable())
                    .with("deletedPrevious", page.counts.expired);
                audit::record(transaction, &entry).await?;
            }
            Ok(page)
        })
        .await;
    Ok(resealed??)
}

impl Rotation {
    fn output(&self) -> anyhow::Result<CommandOutput> {
        let before = &self.before;
        let unopened: Vec<_> = before
            .unopened
            .iter()
            .map(|(error, count)| json!({ "reason": error.to_string(), "count": count }))
            .collect();
        let former: serde_json::Map<String, serde_json::Value> = before
            .former
            .iter()
            .map(|(key, count)| (key.to_string(), json!(count)))
            .collect();
        let json = json!({
            "dryRun": self.dry_run,
            "key": self.key.as_str(),
            "endpoints": self.endpoints,
            "unchanged": before.current,
            "encrypted": before.resealable(),
            "before": { "readable": before.plain, "formerKeys": former },
            "deletedPrevious": before.expired,
            "unopened": unopened,
        });
        let output = CommandOutput::new(self.text(), json)?;
        Ok(output.success_if(before.unopened.is_empty()))
    }

    fn text(&self) -> Text {
        let before = &self.before;
        let mut text = Text::default();
        let [encrypted, deleted] = if self.dry_run {
            ["Would encrypt", "Would delete"]
        } else {
            ["Encrypted", "Deleted"]
        };
        text.line(format_args!(
            "{encrypted} {} under the key {}. {} already.",
            secrets(before.resealable()),
            self.key,
            match before.current {
                1 => "1 was".to_owned(),
                n => format!("{n} were"),
            }
        ));
        if before.plain > 0 {
            text.line(format_args!("  {} readable before", before.plain));
        }
        for (key, count) in &before.former {
            text.line(format_args!("  {count} under the key {key} before"));
        }
        if before.expired > 0 {
            let expired = secrets(before.expired);
            text.line(format_args!(
                "{deleted} {expired} of before a rotation that no longer sign."
            ));
        }
        for (error, count) in &before.unopened {
            text.line(format_args!("NOT encrypted: {}: {error}", secrets(*count)));
        }
        text
    }
}

/// `1 secret`, `2 secrets`.
fn secrets(n: u64) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX), "secret")
}
