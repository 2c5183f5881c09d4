-- The lists and counts of dead letters. For a large table, create these indexes by hand first, with CONCURRENTLY
-- (docs/DEAD_LETTERS.md).
SET LOCAL lock_timeout = '5s';
-- The order of the list and of a job. The other columns let counts read the index only.
CREATE INDEX IF NOT EXISTS notifications_failed_at_idx
    ON notifications ((coalesce(failed_at, ended_at, created_at)), message_id)
    INCLUDE (failure_reason, type, failed_at, ended_at, created_at)
    WHERE status = 'failed' AND purged_at IS NULL;
CREATE INDEX IF NOT EXISTS notifications_failure_idx
    ON notifications ((coalesce(failure_reason, 'unknown')), (coalesce(failed_at, ended_at, created_at)), message_id)
    INCLUDE (failure_reason, type, failed_at, ended_at, created_at)
    WHERE status = 'failed' AND purged_at IS NULL;
CREATE INDEX IF NOT EXISTS notifications_failed_type_idx
    ON notifications (type, (coalesce(failed_at, ended_at, created_at)), message_id)
    INCLUDE (failure_reason, failed_at, ended_at, created_at)
    WHERE status = 'failed' AND purged_at IS NULL;
