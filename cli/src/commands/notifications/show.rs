//! `tidings notifications show`.

use anyhow::{Context, bail};
use serde_json::{Value, json};
use tidings_db::delivery_attempts::AttemptRow;
use tidings_db::{Database, delivery_attempts, notifications};
use tidings_domain::next_step::{StepFacts, next_step};
use tidings_domain::notification::MessageId;
use tidings_domain::trace::TraceUrlTemplate;

use crate::output::{CommandOutput, Text, printable, table};
use crate::paging::read_pages;

/// Shows what has happened to a notification. `trace_url` is where its trace can be seen.
pub async fn run(
    database: &Database,
    id: MessageId,
    trace_url: Option<&TraceUrlTemplate>,
) -> anyhow::Result<CommandOutput> {
    let reading = database.run(async |client| {
        let Some((row, timeline)) = notifications::find_timeline(client, id, None).await? else {
            return Ok(None);
        };
        let read = async |after, rows| delivery_attempts::list(client, id, after, rows).await;
        let attempts = read_pages(u32::MAX, read).await?.rows;
        let addresses = notifications::masked_addresses(client, &row, &timeline, &attempts).await?;
        Ok(Some((row, timeline, attempts, addresses)))
    });
    let found = reading.await.context("cannot read the notification")?;
    let Some((row, timeline, attempts, addresses)) = found else {
        bail!("there is no notification {id}, or it is not recorded yet");
    };
    let next = next_step(StepFacts {
        status: row.status.parse().ok(),
        reason: row.reason.as_deref(),
        until: row.window.not_before.or(row.digest_closes_at),
        is_sending: timeline.is_sending,
        is_stopped: timeline.is_stopped,
        is_deferred: timeline.is_deferred,
        retry_at: None,
    });
    let mut text = Text::default();
    text.line(format_args!("{id}  {}  {}", row.r#type, row.status));
    text.line(format_args!("accepted {:.0}", row.created_at));
    if let Some(at) = row
        .processed_at
        .or(timeline.failed_at)
        .or(timeline.ended_at)
    {
        text.line(format_args!("{} {at:.0}", row.status));
    }
    if let Some(error) = &row.error_message {
        text.line(format_args!("error: {}", printable(error)));
    }
    let trace_url = trace_url.zip(row.trace_id).map(|(url, id)| url.url(id));
    if let Some(trace) = row.trace_id {
        match &trace_url {
            Some(url) => text.line(format_args!("trace {trace}  {}", printable(url))),
            None => text.line(format_args!("trace {trace}")),
        }
    }
    text.line(format_args!("next: {}", next.text));
    if !attempts.is_empty() {
        text.line("");
        text.lines(&table(&cells(&attempts, &addresses)));
    }
    let json = json!({
        "messageId": id,
        "targetUserId": row.user_id,
        "type": row.r#type,
        "status": row.status,
        "category": row.category,
        "sender": timeline.sender,
        "reason": timeline.failure_reason.or(row.reason),
        "errorMessage": row.error_message,
        "createdAt": row.created_at,
        "processedAt": row.processed_at,
        "retriesAttempted": row.retries_attempted,
        "traceId": row.trace_id,
        "traceUrl": trace_url,
        "next": {"code": next.code, "text": next.text, "at": next.at},
        "attempts": attempts.iter().zip(&addresses).map(json_of).collect::<Vec<_>>(),
    });
    CommandOutput::new(text, json)
}

fn json_of((attempt, address): (&AttemptRow, &Option<String>)) -> Value {
    json!({
        "attempt": attempt.attempt,
        "provider": attempt.provider,
        "address": address,
        "startedAt": attempt.started_at,
        "durationMs": attempt.duration_ms,
        "outcome": attempt.outcome,
        "providerReference": attempt.provider_reference,
        "error": attempt.error,
        "template": attempt.template.as_ref().map(|one| {
            json!({"name": one.name, "locale": one.locale, "version": one.version})
        }),
    })
}

fn cells(attempts: &[AttemptRow], addresses: &[Option<String>]) -> Vec<Vec<String>> {
    let head = [
        "ATTEMPT", "STARTED", "TOOK", "PROVIDER", "ADDRESS", "OUTCOME", "ERROR",
    ];
    let mut cells = vec![head.map(str::to_owned).to_vec()];
    cells.extend(attempts.iter().zip(addresses).map(|(attempt, address)| {
        vec![
            attempt.attempt.to_string(),
            format!("{:.3}", attempt.started_at),
            attempt
                .duration_ms
                .map_or_else(|| "-".to_owned(), |ms| format!("{ms} ms")),
            attempt.provider.clone(),
            printable(address.as_deref().unwrap_or("-")),
            attempt.outcome.clone(),
            printable(attempt.error.as_deref().unwrap_or_default()),
        ]
    }));
    cells
}
