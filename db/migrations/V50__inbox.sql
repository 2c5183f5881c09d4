-- The inbox of in-app notifications. For a large table, create the index notifications_inbox_idx by hand first, with
-- CONCURRENTLY: the others are empty, because no notification has been read or archived yet.
SET LOCAL lock_timeout = '5s';
ALTER TABLE notifications ADD COLUMN IF NOT EXISTS state_xid xid8;

COMMENT ON COLUMN notifications.state_xid    IS 'The transaction that last changed read_at or archived_at. NULL if none has.';
COMMENT ON COLUMN notifications.recorded_xid IS 'The transaction that recorded the row, or that made an in-app notification processed later. Orders rows for readers that follow the table: neither ids nor times do, because a transaction may commit after one that began later.';

-- What a stream of an inbox has not seen.
CREATE INDEX IF NOT EXISTS notifications_inbox_idx ON notifications (user_id, recorded_xid)
    WHERE type = 'in-app' AND recorded_xid IS NOT NULL;
CREATE INDEX IF NOT EXISTS notifications_inbox_state_idx ON notifications (user_id, state_xid)
    WHERE state_xid IS NOT NULL;

-- Lists of an inbox. The unread notifications have an index already.
CREATE INDEX IF NOT EXISTS notifications_inbox_read_idx ON notifications (user_id, id)
    WHERE type = 'in-app' AND read_at IS NOT NULL AND archived_at IS NULL;
CREATE INDEX IF NOT EXISTS notifications_inbox_archived_idx ON notifications (user_id, id)
    WHERE type = 'in-app' AND archived_at IS NOT NULL;
