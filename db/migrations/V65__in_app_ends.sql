-- In-app notifications in the order in which they were delivered, for lists by the time of the end. Other notifications have
-- indexes for that (V18, V25). For a large table notifications, create this one by hand first, with CONCURRENTLY
-- (docs/OBSERVING.md).
SET LOCAL lock_timeout = '5s';
CREATE INDEX IF NOT EXISTS notifications_in_app_ended_idx ON notifications (processed_at, id)
    WHERE type = 'in-app' AND status = 'processed';
