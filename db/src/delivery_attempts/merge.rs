use crate::GenericClient;
use crate::error::DbError;

/// Merges attempts into the one before if both were throttled, or both deferred: a message that waits for long has
/// one row for all of them. `ids` are finished attempts. The row that remains has the error and the duration of the
/// last attempt. Attempts to other contacts, of other numbers, or with other outcomes in between remain.
///
/// # Errors
///
/// Returns the error of the query.
pub async fn merge_repeated(client: &impl GenericClient, ids: &[i64]) -> Result<(), DbError> {
    let statement = client
        .prepare_cached(
            "WITH repeated AS (
                 DELETE FROM delivery_attempts AS later USING delivery_attempts AS earlier
                 WHERE later.id = ANY ($1) AND later.outcome IN ('throttled', 'deferred')
                       AND earlier.id = (
                           SELECT max(id) FROM delivery_attempts AS one
                           WHERE one.message_id = later.message_id AND one.id < later.id
                                 AND one.contact_id IS NOT DISTINCT FROM later.contact_id)
                       AND earlier.outcome = later.outcome AND earlier.attempt = later.attempt
                       AND earlier.provider = later.provider
                       AND earlier.template_version IS NOT DISTINCT FROM later.template_version
                 RETURNING earlier.id AS remaining, later.started_at, later.duration_ms, later.error
             )
             UPDATE delivery_attempts
             SET repetitions = repetitions + 1, last_repeated_at = repeated.started_at,
                 duration_ms = repeated.duration_ms, error = repeated.error
             FROM repeated WHERE delivery_attempts.id = repeated.remaining",
        )
        .await?;
    client.execute(&statement, &[&ids]).await?;
    Ok(())
}
