-- When a notification may be sent, until when, and for whom it was posted. All columns are NULL in existing rows, so
-- PostgreSQL rewrites none of them.
SET LOCAL lock_timeout = '5s';
ALTER TABLE notifications
    ADD COLUMN IF NOT EXISTS not_before         timestamptz,
    ADD COLUMN IF NOT EXISTS expires_at         timestamptz,
    ADD COLUMN IF NOT EXISTS release_until      timestamptz,
    ADD COLUMN IF NOT EXISTS reason             text,
    ADD COLUMN IF NOT EXISTS category           text,
    ADD COLUMN IF NOT EXISTS sender             text,
    ADD COLUMN IF NOT EXISTS group_key          text,
    ADD COLUMN IF NOT EXISTS digest_id          uuid,
    ADD COLUMN IF NOT EXISTS fingerprint        bytea,
    ADD COLUMN IF NOT EXISTS read_at            timestamptz,
    ADD COLUMN IF NOT EXISTS archived_at        timestamptz,
    ADD COLUMN IF NOT EXISTS recorded_xid       xid8,
    ADD COLUMN IF NOT EXISTS sensitive          boolean,
    ADD COLUMN IF NOT EXISTS payload_removed_at timestamptz,
    ADD COLUMN IF NOT EXISTS slot_at            timestamptz;

-- Only for new rows: as a part of ADD COLUMN, the default would rewrite the table.
ALTER TABLE notifications ALTER COLUMN recorded_xid SET DEFAULT pg_current_xact_id();

COMMENT ON COLUMN notifications.not_before         IS 'A scheduled notification is not sent before this time.';
COMMENT ON COLUMN notifications.expires_at         IS 'No send begins after this time.';
COMMENT ON COLUMN notifications.release_until      IS 'A scheduler publishes the message of the notification, at most until this time. NULL if none does.';
COMMENT ON COLUMN notifications.reason             IS 'Why the notification is scheduled, or was not sent: schedule, quiet_hours, digest, broker, ...';
COMMENT ON COLUMN notifications.category           IS 'The category that users choose by.';
COMMENT ON COLUMN notifications.sender             IS 'The caller that posted the notification: the subject of its token.';
COMMENT ON COLUMN notifications.group_key          IS 'The group of the sender that the notification belongs to. A group can be cancelled as a whole.';
COMMENT ON COLUMN notifications.digest_id          IS 'The digest that the notification is a part of.';
COMMENT ON COLUMN notifications.fingerprint        IS 'A version byte and the first 16 bytes of the SHA-256 of the request, to recognise a reused Idempotency-Key.';
COMMENT ON COLUMN notifications.read_at            IS 'When the user read an in-app notification.';
COMMENT ON COLUMN notifications.archived_at        IS 'When the user archived an in-app notification.';
COMMENT ON COLUMN notifications.recorded_xid       IS 'The transaction that recorded the row. Orders rows for readers that follow the table.';
COMMENT ON COLUMN notifications.sensitive          IS 'The payload is never shown, and is erased as soon as the notification ends.';
COMMENT ON COLUMN notifications.payload_removed_at IS 'When the payload was replaced by {}.';
COMMENT ON COLUMN notifications.slot_at            IS 'The time slot of a limit that the notification counts in.';
