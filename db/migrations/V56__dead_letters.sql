-- Dead letters are read from here, and replayed by jobs. The indexes of notifications are those of V60: an index that is created
-- in this transaction would keep the lock of ALTER TABLE, which blocks reads, until it is complete.
SET LOCAL lock_timeout = '5s';
ALTER TABLE notifications
    ADD COLUMN IF NOT EXISTS failure_reason text,
    ADD COLUMN IF NOT EXISTS failed_at      timestamptz,
    ADD COLUMN IF NOT EXISTS purged_at      timestamptz;

COMMENT ON COLUMN notifications.failure_reason IS 'The code of the failure, such as unknown_user, while status is failed. NULL if a version before 56 recorded the failure.';
COMMENT ON COLUMN notifications.failed_at      IS 'When the notification became a dead letter, while status is failed. NULL if a version before 56 recorded it.';
COMMENT ON COLUMN notifications.purged_at      IS 'When an operator purged the dead letter of a failed notification: it is listed and replayed no more.';

CREATE TABLE dead_letters (
    id         uuid        PRIMARY KEY,
    message_id text,
    stage      text,
    reason     text        NOT NULL,
    detail     text,
    attempts   bigint,
    failed_at  timestamptz NOT NULL,
    headers    jsonb       NOT NULL,
    body       bytea CONSTRAINT dead_letters_body_check CHECK (octet_length(body) <= 65536),
    body_bytes bigint      NOT NULL,
    -- No foreign key: the user may not exist.
    user_id    uuid,
    sensitive  boolean     NOT NULL,
    removed_at timestamptz,
    purged     boolean     NOT NULL DEFAULT false
);

COMMENT ON TABLE  dead_letters            IS 'Dead letters without a row in notifications: what could not be recorded. Their queue has them, too.';
COMMENT ON COLUMN dead_letters.id         IS 'Derived from the stage, the message id, the idempotency key and the body: a redelivery has the same.';
COMMENT ON COLUMN dead_letters.message_id IS 'The message id in the properties, which need not be a UUID.';
COMMENT ON COLUMN dead_letters.stage      IS 'Where it failed: intake, the name of a channel, or that of an event. NULL if its header names no known stage.';
COMMENT ON COLUMN dead_letters.reason     IS 'The code of the failure.';
COMMENT ON COLUMN dead_letters.detail     IS 'The failure for people.';
COMMENT ON COLUMN dead_letters.attempts   IS 'How often the message was tried.';
COMMENT ON COLUMN dead_letters.failed_at  IS 'When it became a dead letter, or was found in the queue.';
COMMENT ON COLUMN dead_letters.headers    IS 'The properties and headers that a replay keeps.';
COMMENT ON COLUMN dead_letters.body       IS 'The body; NULL if it is larger than 64 KiB, or if the letter was replayed or purged.';
COMMENT ON COLUMN dead_letters.body_bytes IS 'The size of the body.';
COMMENT ON COLUMN dead_letters.user_id    IS 'The user whom the message names.';
COMMENT ON COLUMN dead_letters.sensitive  IS 'Whether the body contains a sensitive payload.';
COMMENT ON COLUMN dead_letters.removed_at IS 'When it was replayed or purged. The row stays, so that the copy in the queue is known.';
COMMENT ON COLUMN dead_letters.purged     IS 'Whether it was purged: a copy in the queue without a time of failure is of no use, too.';

-- The order of the list and of a job, and what counts need.
CREATE INDEX dead_letters_failed_at_idx ON dead_letters (failed_at, id) INCLUDE (reason, stage) WHERE removed_at IS NULL;
CREATE INDEX dead_letters_reason_idx ON dead_letters (reason, failed_at, id) INCLUDE (stage) WHERE removed_at IS NULL;
CREATE INDEX dead_letters_stage_idx ON dead_letters ((coalesce(stage, 'none')), failed_at, id) INCLUDE (stage, reason)
    WHERE removed_at IS NULL;
CREATE INDEX dead_letters_message_idx ON dead_letters (message_id);
-- For retention.
CREATE INDEX dead_letters_removed_at_idx ON dead_letters (removed_at) WHERE removed_at IS NOT NULL;
CREATE INDEX dead_letters_user_idx ON dead_letters (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE replay_jobs (
    id              uuid        PRIMARY KEY,
    kind            text        NOT NULL CONSTRAINT replay_jobs_kind_check CHECK (kind IN ('replay', 'purge')),
    filter          jsonb       NOT NULL,
    figures         jsonb       NOT NULL,
    rate_per_second integer     NOT NULL,
    state           text        NOT NULL DEFAULT 'pending' CONSTRAINT replay_jobs_state_check
                                CHECK (state IN ('pending', 'running', 'paused', 'aborted', 'done')),
    total           bigint      NOT NULL,
    done            bigint      NOT NULL DEFAULT 0,
    failed          bigint      NOT NULL DEFAULT 0,
    skipped         bigint      NOT NULL DEFAULT 0,
    skipped_reasons jsonb       NOT NULL DEFAULT '{}',
    created_by      text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    started_at      timestamptz,
    finished_at     timestamptz,
    last_error      text,
    phase           text        NOT NULL DEFAULT 'rows' CONSTRAINT replay_jobs_phase_check
                                CHECK (phase IN ('rows', 'letters', 'queue', 'ended')),
    after_time      timestamptz,
    after_id        uuid,
    in_flight       uuid[]      NOT NULL DEFAULT '{}',
    lease_token     uuid,
    lease_until     timestamptz,
    served_at       timestamptz,
    due_at          timestamptz
);

COMMENT ON TABLE  replay_jobs                 IS 'One row for each job that replays or purges dead letters.';
COMMENT ON COLUMN replay_jobs.id              IS 'UUIDv7.';
COMMENT ON COLUMN replay_jobs.kind            IS 'replay: publishes dead letters again. purge: removes them.';
COMMENT ON COLUMN replay_jobs.filter          IS 'Which dead letters, of those that existed when the job was created.';
COMMENT ON COLUMN replay_jobs.figures         IS 'How many there were when the job was created, by reason and by channel.';
COMMENT ON COLUMN replay_jobs.rate_per_second IS 'How many dead letters the job takes in a second at most.';
COMMENT ON COLUMN replay_jobs.state           IS 'pending: waits for a scheduler, or to be continued by one. running and paused: not ended. done and aborted: ended.';
COMMENT ON COLUMN replay_jobs.total           IS 'How many dead letters match the filter.';
COMMENT ON COLUMN replay_jobs.done            IS 'How many were replayed or purged.';
COMMENT ON COLUMN replay_jobs.failed          IS 'How many could not be published and are dead letters again.';
COMMENT ON COLUMN replay_jobs.skipped         IS 'How many were left as they are.';
COMMENT ON COLUMN replay_jobs.skipped_reasons IS 'How many were skipped for each reason.';
COMMENT ON COLUMN replay_jobs.created_by      IS 'The subject of the caller, or the user of the operating system.';
COMMENT ON COLUMN replay_jobs.created_at      IS 'When the job was created. It takes only dead letters that failed before.';
COMMENT ON COLUMN replay_jobs.started_at      IS 'When a scheduler first took it.';
COMMENT ON COLUMN replay_jobs.finished_at     IS 'When it was done or aborted.';
COMMENT ON COLUMN replay_jobs.last_error      IS 'Why it makes no progress, or what it could not do.';
COMMENT ON COLUMN replay_jobs.phase           IS 'What it walks over: failed notifications, then dead_letters, then the copies in the queue. ended: nothing is left.';
COMMENT ON COLUMN replay_jobs.after_time      IS 'With after_id: the last dead letter of the phase that was taken.';
COMMENT ON COLUMN replay_jobs.after_id        IS 'See after_time.';
COMMENT ON COLUMN replay_jobs.in_flight       IS 'The dead letters that were taken and whose messages are not confirmed yet: published again by whoever continues.';
COMMENT ON COLUMN replay_jobs.lease_token     IS 'Names the process that runs the job.';
COMMENT ON COLUMN replay_jobs.lease_until     IS 'After this, another process may continue the job.';
COMMENT ON COLUMN replay_jobs.served_at       IS 'When a process took it last: the job that has waited longest is next.';
COMMENT ON COLUMN replay_jobs.due_at          IS 'When its next chunk is due, by its rate or after an error.';

CREATE INDEX replay_jobs_open_idx ON replay_jobs (created_at, id) WHERE phase <> 'ended';
