-- Lists and counts of dead letters by provider, and lists of endpoints. For a large table notifications, create its two indexes
-- by hand first, with CONCURRENTLY (docs/DEAD_LETTERS.md).
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
CREATE INDEX IF NOT EXISTS dead_letters_group_idx ON dead_letters (reason, (coalesce(stage, 'none')), failed_at, id) INCLUDE (stage)
    WHERE removed_at IS NULL;

-- Endpoints by the origin of their URL, and those that are disabled.
CREATE INDEX IF NOT EXISTS webhook_endpoints_origin_idx ON webhook_endpoints ((substring(url from '^[a-z]+://[^/?#]+')), id);
CREATE INDEX IF NOT EXISTS webhook_endpoints_not_enabled_idx ON webhook_endpoints (id) WHERE NOT enabled;
