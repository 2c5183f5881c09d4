-- Recurring schedules. The schedulers create a notification at each occurrence.
CREATE TABLE schedules (
    id              uuid        PRIMARY KEY,
    sender          text        NOT NULL,
    -- No foreign key: a schedule whose user was deleted is paused, and says why.
    target_user_id  uuid        NOT NULL,
    type            text        NOT NULL,
    payload         jsonb       NOT NULL,
    template_name   text,
    template_locale text,
    category        text,
    group_key       text,
    ttl_secs        integer,
    cron            text        NOT NULL,
    timezone        text        NOT NULL,
    starts_at       timestamptz,
    ends_at         timestamptz,
    grace_secs      integer     NOT NULL DEFAULT 3600,
    next_at         timestamptz,
    last_at         timestamptz,
    paused          boolean     NOT NULL DEFAULT false,
    reason          text,
    skipped         bigint      NOT NULL DEFAULT 0,
    key_id          uuid        CONSTRAINT schedules_key_id_key UNIQUE,
    fingerprint     bytea,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE  schedules                 IS 'One row for each recurring schedule.';
COMMENT ON COLUMN schedules.id              IS 'UUIDv7. With an occurrence, it determines the message id of a notification.';
COMMENT ON COLUMN schedules.sender          IS 'The caller that created the schedule: the subject of its token. The sender of the notifications.';
COMMENT ON COLUMN schedules.target_user_id  IS 'The user that the notifications are for.';
COMMENT ON COLUMN schedules.type            IS 'The channel of the notifications.';
COMMENT ON COLUMN schedules.payload         IS 'The payload of the notifications: a JSON object.';
COMMENT ON COLUMN schedules.template_name   IS 'The template that renders the notifications; NULL if the payload is the content.';
COMMENT ON COLUMN schedules.template_locale IS 'The requested language of the template.';
COMMENT ON COLUMN schedules.category        IS 'The category that users choose by.';
COMMENT ON COLUMN schedules.group_key       IS 'The group of the notifications.';
COMMENT ON COLUMN schedules.ttl_secs        IS 'A notification expires so many seconds after its occurrence.';
COMMENT ON COLUMN schedules.cron            IS 'The pattern of the occurrences: minute, hour, day of month, month and day of week.';
COMMENT ON COLUMN schedules.timezone        IS 'The time zone of the pattern: a name of the IANA database.';
COMMENT ON COLUMN schedules.starts_at       IS 'No occurrence is before this time.';
COMMENT ON COLUMN schedules.ends_at         IS 'No occurrence is after this time.';
COMMENT ON COLUMN schedules.grace_secs      IS 'How late an occurrence may run after an outage.';
COMMENT ON COLUMN schedules.next_at         IS 'The next occurrence; NULL if the schedule is paused or has ended.';
COMMENT ON COLUMN schedules.last_at         IS 'The last occurrence that has run.';
COMMENT ON COLUMN schedules.paused          IS 'Whether the schedule is paused.';
COMMENT ON COLUMN schedules.reason          IS 'Why a failure has paused the schedule; NULL if its owner has paused it.';
COMMENT ON COLUMN schedules.skipped         IS 'How many occurrences have not run, because of an outage or a failure.';
COMMENT ON COLUMN schedules.key_id          IS 'The UUIDv5 of the caller and the Idempotency-Key of the request that created the schedule.';
COMMENT ON COLUMN schedules.fingerprint     IS 'The fingerprint of that request, to recognise a reused Idempotency-Key.';
COMMENT ON COLUMN schedules.created_at      IS 'When the schedule was created.';
COMMENT ON COLUMN schedules.updated_at      IS 'When its owner last changed, paused or resumed the schedule.';

-- The schedules that are due.
CREATE INDEX schedules_due_idx ON schedules (next_at, id) WHERE NOT paused AND next_at IS NOT NULL;

-- The schedules of a caller, newest first.
CREATE INDEX schedules_sender_idx ON schedules (sender, id);

-- The schedules that a failure has paused: few.
CREATE INDEX schedules_failed_idx ON schedules (id) WHERE reason IS NOT NULL;
