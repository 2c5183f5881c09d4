-- Lists and counts of dead letters by provider. For a large table, create these indexes by hand first, with CONCURRENTLY
-- (docs/DEAD_LETTERS.md).
SET LOCAL lock_timeout = '5s';
-- The order of the list and of a job for one provider.
CREATE INDEX IF NOT EXISTS notifications_failed_provider_idx
    ON notifications ((coalesce(failed_provider, 'none')), (coalesce(failed_at, ended_at, created_at)), message_id)
    INCLUDE (failed_provider, failure_reason, type, failed_at, ended_at, created_at)
    WHERE status = 'failed' AND purged_at IS NULL;
-- The groups: each is found without the rows of the others.
CREATE INDEX IF NOT EXISTS notifications_failed_group_idx
    ON notifications ((coalesce(failure_reason, 'unknown')), type, (coalesce(failed_provider, 'none')),
                      (coalesce(failed_at, ended_at, created_at)), message_id)
    INCLUDE (failure_reason, failed_provider, failed_at, ended_at, created_at)
    WHERE status = 'failed' AND purged_at IS NULL;
