-- Limits for each target user count the notifications that have passed them. No row has a time yet, so the index is empty,
-- but PostgreSQL reads the table for it: for a large table, create it by hand first, with CONCURRENTLY.
SET LOCAL lock_timeout = '5s';
CREATE INDEX IF NOT EXISTS notifications_slot_idx ON notifications (user_id, type, slot_at) WHERE slot_at IS NOT NULL;

COMMENT ON COLUMN notifications.slot_at IS 'When the notification passed the limit of its user (USER_LIMITS). It counts towards that limit unless it ends undelivered.';
