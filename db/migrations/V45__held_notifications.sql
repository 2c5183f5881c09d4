-- The notifications of a user that wait because of what the user has chosen or has got: few. For a large table, create the
-- index by hand first, with CONCURRENTLY.
SET LOCAL lock_timeout = '5s';

CREATE INDEX IF NOT EXISTS notifications_held_idx ON notifications (user_id)
    WHERE status = 'scheduled' AND reason IN ('throttled', 'quiet_hours');
