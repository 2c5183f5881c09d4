-- One row a notification, keyed on its message id: the record that makes every redelivery harmless.
CREATE TABLE notifications (
    id                uuid         PRIMARY KEY,
    user_id           uuid         NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    type              text         NOT NULL
        CONSTRAINT notifications_type_check
        CHECK (type IN ('in-app', 'email', 'sms', 'push', 'webhook')),
    payload           jsonb        NOT NULL,
    status            text         NOT NULL
        CONSTRAINT notifications_status_check
        CHECK (status IN ('scheduled', 'pending', 'retrying', 'processed', 'failed', 'cancelled', 'expired')),
    message_id        uuid         NOT NULL CONSTRAINT notifications_message_id_key UNIQUE,
    retries_attempted integer      NOT NULL DEFAULT 0,
    created_at        timestamptz  NOT NULL,
    processed_at      timestamptz,
    error_message     varchar(500)
);

COMMENT ON TABLE  notifications                   IS 'One row a notification.';
COMMENT ON COLUMN notifications.id                IS 'UUIDv7 of created_at, so that order by id is order by time and the primary key grows at one end.';
COMMENT ON COLUMN notifications.user_id           IS 'Whom it is for.';
COMMENT ON COLUMN notifications.type              IS 'The channel: how it reaches the user.';
COMMENT ON COLUMN notifications.payload           IS 'The content: a JSON object, as the client sent it.';
COMMENT ON COLUMN notifications.status            IS 'Where it stands; changed only by the transitions in tidings-db.';
COMMENT ON COLUMN notifications.message_id        IS 'The idempotency key everywhere, from the HTTP response to the provider.';
COMMENT ON COLUMN notifications.retries_attempted IS 'Delivery attempts that failed since it was recorded or replayed.';
COMMENT ON COLUMN notifications.created_at        IS 'When the API accepted it.';
COMMENT ON COLUMN notifications.processed_at      IS 'When it was delivered.';
COMMENT ON COLUMN notifications.error_message     IS 'Why the last attempt failed.';

-- A user's notifications, newest first. It also finds the rows that a deleted user takes along.
CREATE INDEX notifications_user_idx ON notifications (user_id, id);

-- The rows that are not delivered: few, so the index stays small and most rows never enter it.
CREATE INDEX notifications_unfinished_idx ON notifications (status, id) WHERE status <> 'processed';

-- A channel's notifications, newest first. Those of type in-app are found by the primary key.
CREATE INDEX notifications_type_idx ON notifications (type, id) WHERE type <> 'in-app';
