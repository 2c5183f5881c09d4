-- Indexes over the new columns. Existing rows are in none of them except the inbox and sent indexes, so most are empty.
-- For a large table, create them by hand first, with CONCURRENTLY, after the columns of V17.
SET LOCAL lock_timeout = '5s';

-- The notifications of a channel whose time has come. While one channel cannot be released, the others do not pass over
-- its rows.
CREATE INDEX IF NOT EXISTS notifications_due_idx ON notifications (type, not_before, id) WHERE status = 'scheduled';

-- The notifications that may expire.
CREATE INDEX IF NOT EXISTS notifications_expiry_idx ON notifications (expires_at)
    WHERE expires_at IS NOT NULL AND status IN ('scheduled', 'pending', 'retrying');

-- The unread notifications of a user's inbox.
CREATE INDEX IF NOT EXISTS notifications_unread_idx ON notifications (user_id, id)
    WHERE type = 'in-app' AND read_at IS NULL AND archived_at IS NULL;

-- What was sent, by time.
CREATE INDEX IF NOT EXISTS notifications_sent_idx ON notifications (processed_at, id)
    WHERE type <> 'in-app' AND status = 'processed';

CREATE INDEX IF NOT EXISTS notifications_group_idx ON notifications (sender, group_key, message_id)
    WHERE group_key IS NOT NULL AND status IN ('scheduled', 'pending', 'retrying');

CREATE INDEX IF NOT EXISTS notifications_digest_idx ON notifications (digest_id) WHERE digest_id IS NOT NULL;

-- The notifications that the API recorded while RabbitMQ was away, and that no scheduler has released yet.
CREATE INDEX IF NOT EXISTS notifications_broker_idx ON notifications (type)
    WHERE status = 'scheduled' AND reason = 'broker';
