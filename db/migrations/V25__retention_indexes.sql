-- What the retention sweeps look for. Notifications that are processed within an hour of their acceptance are in none of
-- these indexes: the sweeps find them by their ids, which are ordered by time. For a large table, create the indexes by hand
-- first, with CONCURRENTLY, after the column of the migration before.
SET LOCAL lock_timeout = '5s';

-- Payloads to remove.
CREATE INDEX IF NOT EXISTS notifications_ended_payload_idx ON notifications (status, ended_at)
    WHERE ended_at IS NOT NULL AND payload_removed_at IS NULL;

-- Rows to delete.
CREATE INDEX IF NOT EXISTS notifications_ended_idx ON notifications (status, ended_at) WHERE ended_at IS NOT NULL;

-- Sensitive notifications that have a payload: those that failed, and in-app notifications that expire.
CREATE INDEX IF NOT EXISTS notifications_sensitive_failed_idx ON notifications (ended_at)
    WHERE sensitive AND payload_removed_at IS NULL AND status = 'failed';
CREATE INDEX IF NOT EXISTS notifications_sensitive_in_app_idx ON notifications (expires_at)
    WHERE sensitive AND payload_removed_at IS NULL AND type = 'in-app' AND expires_at IS NOT NULL;

CREATE INDEX IF NOT EXISTS cancellations_time_idx ON cancellations (cancelled_at);
