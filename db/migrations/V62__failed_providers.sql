-- Dead letters by provider and by webhook endpoint, how each endpoint fares, and jobs whose total is not counted yet. The
-- indexes are those of V64: an index that is created in this transaction would keep the lock of ALTER TABLE, which blocks reads,
-- until it is complete.
SET LOCAL lock_timeout = '5s';
ALTER TABLE notifications ADD COLUMN IF NOT EXISTS failed_provider text;

COMMENT ON COLUMN notifications.failed_provider IS 'Who was asked last, while status is failed: the provider, or the host of a webhook. NULL if nobody was asked, or if a version before 62 recorded the failure.';

CREATE TABLE endpoint_failures (
    endpoint_id uuid        NOT NULL,
    failed_at   timestamptz NOT NULL,
    message_id  uuid        NOT NULL REFERENCES notifications (message_id) ON DELETE CASCADE,
    PRIMARY KEY (message_id, endpoint_id)
);

COMMENT ON TABLE  endpoint_failures             IS 'The webhook endpoints that failed notifications have not reached.';
-- No foreign key: an endpoint may have a million of them, and its deletion must not take long.
COMMENT ON COLUMN endpoint_failures.endpoint_id IS 'The endpoint, which may be deleted since.';
COMMENT ON COLUMN endpoint_failures.failed_at   IS 'The failed_at of the notification. If that is another one, the notification was replayed since.';
COMMENT ON COLUMN endpoint_failures.message_id  IS 'The notification.';

CREATE INDEX endpoint_failures_endpoint_idx ON endpoint_failures (endpoint_id, failed_at, message_id);

CREATE TABLE endpoint_hours (
    endpoint_id       uuid        NOT NULL,
    hour              timestamptz NOT NULL,
    delivered         bigint      NOT NULL,
    failed            bigint      NOT NULL,
    last_delivered_at timestamptz,
    last_failed_at    timestamptz,
    PRIMARY KEY (endpoint_id, hour)
) WITH (fillfactor = 70);

COMMENT ON TABLE  endpoint_hours                   IS 'Attempts at webhook endpoints by hour, kept for two days. The last hour of an endpoint is kept as long as the endpoint.';
COMMENT ON COLUMN endpoint_hours.endpoint_id       IS 'The endpoint.';
COMMENT ON COLUMN endpoint_hours.hour              IS 'The start of the hour in which the results were recorded.';
COMMENT ON COLUMN endpoint_hours.delivered         IS 'Attempts that delivered.';
COMMENT ON COLUMN endpoint_hours.failed            IS 'Attempts that did not. What was deferred or throttled counts as neither.';
COMMENT ON COLUMN endpoint_hours.last_delivered_at IS 'The last delivery, also if it was in an earlier hour.';
COMMENT ON COLUMN endpoint_hours.last_failed_at    IS 'The last failure, also if it was in an earlier hour.';

CREATE INDEX endpoint_hours_hour_idx ON endpoint_hours (hour);

ALTER TABLE replay_jobs ADD COLUMN total_is_capped boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN replay_jobs.total_is_capped IS 'Whether total is a lower bound, until the process that runs the job has counted all.';
